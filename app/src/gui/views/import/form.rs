//! The settings of an import as typed, those only that the files named have use for.

use eframe::egui;
use egui::{ComboBox, Ui};
use vitrine_core::Label;
use vitrine_core::ingest::{IngestRequest, PoolCount, PoolFrom, PoolRequest, suggested_bin};
use vitrine_core::project::PixelType;

use crate::gui::model::{ImportDraft, Model};
use crate::gui::widgets::form::{complaint, number, section, text_field};
use crate::words;

/// The settings as typed.
#[derive(Default)]
pub struct Form {
    /// Side of the box, px.
    pub box_size: String,
    /// Px averaged into one.
    pub bin: String,
    /// The bin was typed and does not follow the box.
    bin_typed: bool,
    /// Outer px left alone.
    pub margin: String,
    /// y counts from the bottom.
    pub y_up: bool,
    /// Label of what has none.
    pub label: Option<Label>,
    /// Å per px.
    pub pixel_size: String,
    /// Pool of unlabeled patches.
    pub pool: Option<PoolFrom>,
    /// Places per micrograph.
    pub pool_count: String,
    /// Distance from positives.
    pub distance: String,
    /// Particle diameter.
    pub diameter: String,
    /// Into the project that is open, not into a new one.
    pub into_open: bool,
    /// Folder of the new project.
    pub folder: String,
    /// How the new project stores its pixels.
    pub pixels: PixelType,
    seed: u64,
    inputs: Vec<std::path::PathBuf>,
    /// Something was typed or chosen since the files changed.
    fresh: bool,
}

const POOLS: [(Option<PoolFrom>, &str); 4] = [
    (Some(PoolFrom::Blobs), "at blobs of the particle's size"),
    (Some(PoolFrom::Random), "at random places"),
    (Some(PoolFrom::Grid), "on a grid"),
    (None, "none"),
];

impl Form {
    /// Begins with the proposal; what the person has set before for other files stays.
    pub fn fill(&mut self, proposal: &IngestRequest, draft: &ImportDraft, model: &Model) {
        self.inputs.clone_from(&proposal.inputs);
        self.seed = proposal.seed;
        if self.box_size.trim().is_empty() {
            self.box_size = proposal.box_size.map(|side| side.to_string()).unwrap_or_default();
        }
        if !self.bin_typed {
            self.bin = proposal.bin.to_string();
        }
        if self.pool_count.is_empty() || (self.pool.is_none() && !self.fresh) {
            self.pool = proposal.pool.map(|pool| pool.from);
            self.pool_count = match proposal.pool.and_then(|pool| pool.count) {
                Some(PoolCount::PerMicrograph(count) | PoolCount::Total(count)) => count.to_string(),
                None => "120".to_owned(),
            };
        }
        if self.folder.trim().is_empty() {
            self.into_open = model.project.as_ref().is_some_and(|open| open.read_only.is_none());
            self.folder = new_folder(draft);
        }
    }

    /// Whether it goes into the open project.
    pub fn into_open(&self, model: &Model) -> bool {
        self.into_open && model.project.as_ref().is_some_and(|open| open.read_only.is_none())
    }

    /// The request as typed.
    ///
    /// # Errors
    /// When a number is none; the field says which.
    pub fn request(&self, draft: &ImportDraft) -> Result<IngestRequest, String> {
        let cuts = draft.found.iter().any(|f| f.picks || f.micrographs > 0);
        let pool = match self.pool.filter(|_| has_micrographs(draft)) {
            None => None,
            Some(from) => Some(PoolRequest {
                count: number::<usize>(&self.pool_count, 1, 100_000)?.map(PoolCount::PerMicrograph),
                from_positives: number(&self.distance, 0.0, 10_000.0)?,
                diameter: number(&self.diameter, 2.0, 4096.0)?,
                ..PoolRequest::new(from)
            }),
        };
        let (box_size, bin, margin) = if cuts {
            (
                number(&self.box_size, 2, 4096)?,
                number(&self.bin, 1, 64)?.unwrap_or(1),
                number(&self.margin, 0, 100_000)?.unwrap_or(0),
            )
        } else {
            (None, 1, 0)
        };
        Ok(IngestRequest {
            inputs: self.inputs.clone(),
            box_size,
            bin,
            margin,
            y_up: self.y_up && cuts,
            label: self.label,
            pool,
            pixel_size: number(&self.pixel_size, 0.01, 1000.0)?,
            seed: self.seed,
            ..IngestRequest::default()
        })
    }

    /// Draws the settings.
    pub fn ui(&mut self, ui: &mut Ui, _model: &Model, draft: &ImportDraft) {
        let picks = draft.found.iter().any(|f| f.picks);
        if picks || has_micrographs(draft) {
            section(ui, "Cutting patches");
            egui::Grid::new("cutting").num_columns(3).min_col_width(84.0).show(ui, |ui| self.cutting(ui));
            if picks {
                ui.checkbox(&mut self.y_up, "y counts from the bottom").on_hover_text(
                    "Some box files count rows from the last one upwards. The look at the right says when picks fit \
                     better that way.",
                );
            }
        }
        if has_micrographs(draft) {
            section(ui, "Unlabeled patches from the same micrographs");
            self.pool(ui);
        }
        section(ui, "Labels and scale");
        self.labels(ui, draft);
    }

    fn cutting(&mut self, ui: &mut Ui) {
        let why = "Side of the square cut around each place, in px of the micrograph: one and a half to twice the \
                   particle.";
        let field = text_field(ui, "Box size", &mut self.box_size, 70.0, "such as 192", why);
        let side = number::<usize>(&self.box_size, 2, 4096);
        if field.changed()
            && !self.bin_typed
            && let Ok(Some(side)) = side
        {
            self.bin = suggested_bin(side).to_string();
        }
        beside(ui, "px", side.err());
        let why = "So many px are averaged into one in each direction. Patches of about 64 px are learnt from best.";
        let field = text_field(ui, "Average", &mut self.bin, 70.0, "1", why);
        self.bin_typed |= field.changed();
        let bin = number::<usize>(&self.bin, 1, 64);
        let note = match (number::<usize>(&self.box_size, 2, 4096), &bin) {
            (Ok(Some(side)), Ok(Some(bin))) => format!("px into one each way: patches of {} px", side / bin),
            _ => "px into one each way".to_owned(),
        };
        beside(ui, &note, bin.err());
        let why = "No box touches this many px at the edges of a micrograph.";
        text_field(ui, "Margin", &mut self.margin, 70.0, "0", why);
        beside(ui, "px", number::<usize>(&self.margin, 0, 100_000).err());
    }

    fn pool(&mut self, ui: &mut Ui) {
        let before = self.pool;
        ui.horizontal(|ui| {
            ui.label("Cut them");
            let words = POOLS.iter().find(|(pool, _)| *pool == self.pool).map_or("", |(_, words)| words);
            let combo = ComboBox::from_id_salt("pool kind").width(230.0).selected_text(words);
            let response = combo.show_ui(ui, |ui| {
                for (pool, words) in POOLS {
                    ui.selectable_value(&mut self.pool, pool, words);
                }
            });
            name_it(&response.response, "How unlabeled patches are found");
        });
        self.fresh |= self.pool != before;
        if self.pool.is_some() {
            egui::Grid::new("pool").num_columns(3).min_col_width(84.0).show(ui, |ui| self.pool_numbers(ui));
        }
    }

    fn pool_numbers(&mut self, ui: &mut Ui) {
        let why = "At most so many from each micrograph; empty for every place found.";
        text_field(ui, "How many", &mut self.pool_count, 70.0, "all", why);
        beside(ui, "a micrograph", number::<usize>(&self.pool_count, 1, 100_000).err());
        let why = "Smallest distance from known positives; half the box when empty.";
        text_field(ui, "Distance", &mut self.distance, 70.0, "half box", why);
        beside(ui, "px from positives", number::<f64>(&self.distance, 0.0, 10_000.0).err());
        if self.pool == Some(PoolFrom::Blobs) {
            let why = "Diameter of a particle; 0.6 of the box when empty.";
            text_field(ui, "Diameter", &mut self.diameter, 70.0, "0.6 box", why);
            beside(ui, "px", number::<f64>(&self.diameter, 2.0, 4096.0).err());
        }
    }

    fn labels(&mut self, ui: &mut Ui, draft: &ImportDraft) {
        let ready = draft.found.iter().any(|f| f.patches);
        let none = if ready { "as the file says, else unlabeled" } else { "as the file says, else positive" };
        let words = |label: Option<Label>| match label {
            None => none.to_owned(),
            Some(label) => format!("{label} where the file says nothing"),
        };
        ui.horizontal(|ui| {
            ui.label("Label");
            let combo = ComboBox::from_id_salt("import label").width(250.0).selected_text(words(self.label));
            let response = combo.show_ui(ui, |ui| {
                for label in [None, Some(Label::Positive), Some(Label::Unlabeled), Some(Label::Negative)] {
                    ui.selectable_value(&mut self.label, label, words(label));
                }
            });
            name_it(&response.response, "Label of patches whose file gives none");
        });
        ui.horizontal(|ui| self.scale(ui));
    }

    fn scale(&mut self, ui: &mut Ui) {
        let why = "Å per px, in place of what the files say; of micrographs as they are, before averaging.";
        text_field(ui, "Pixel size", &mut self.pixel_size, 70.0, "as read", why);
        beside(ui, "Å", number::<f64>(&self.pixel_size, 0.01, 1000.0).err());
    }

    /// Where the import goes.
    pub fn target(&mut self, ui: &mut Ui, model: &Model) {
        if let Some(open) = &model.project {
            let writable = open.read_only.is_none();
            ui.add_enabled_ui(writable, |ui| {
                ui.radio_value(&mut self.into_open, true, format!("into {}", open.name))
                    .on_disabled_hover_text("This project is open for reading only.");
            });
            ui.radio_value(&mut self.into_open, false, "into a new project");
        }
        if !self.into_open(model) {
            let name = ui.label("New project in");
            ui.add(egui::TextEdit::singleline(&mut self.folder).desired_width(330.0))
                .labelled_by(name.id)
                .on_hover_text(
                    "A new or empty folder. Pixels are copied into it; your files stay as they are.",
                );
            let why = "How the pixels are copied. 32 bits keep every value exactly; 16 bits need half the room, keep \
                       about three digits, and hold no value above 65,504.";
            ui.label("Pixels");
            let combo = ComboBox::from_id_salt("pixel type").width(150.0).selected_text(bits(self.pixels));
            let response = combo.show_ui(ui, |ui| {
                for pixels in [PixelType::F32, PixelType::F16] {
                    ui.selectable_value(&mut self.pixels, pixels, bits(pixels));
                }
            });
            name_it(&response.response, "Pixels, how they are stored");
            response.response.on_hover_text(why);
        }
    }
}

const fn bits(pixels: PixelType) -> &'static str {
    match pixels {
        PixelType::F32 => "32 bits, exact",
        PixelType::F16 => "16 bits, half the room",
    }
}

fn has_micrographs(draft: &ImportDraft) -> bool {
    draft.found.iter().any(|found| found.micrographs > 0)
}

/// The unit, or what is wrong, beside a field; ends the row.
fn beside(ui: &mut Ui, unit: &str, wrong: Option<String>) {
    match wrong {
        Some(wrong) => complaint(ui, &wrong),
        None => {
            ui.weak(unit);
        }
    }
    ui.end_row();
}

/// Gives a list its name for screen readers.
fn name_it(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
}

/// A folder for a new project that is not there yet: in the home folder, named after the first file.
fn new_folder(draft: &ImportDraft) -> String {
    let stem = draft.paths.first().and_then(|path| {
        let name = |path: &std::path::Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let own = name(path)?;
        // "micrographs" says nothing; the folder around it does.
        let plain = ["micrographs", "picks", "particles", "patches", "data", "train"];
        match path.parent().and_then(name) {
            Some(around) if plain.contains(&own.as_str()) => Some(around),
            _ => Some(own),
        }
    });
    let stem = stem.unwrap_or_else(|| "project".to_owned());
    let home = words::home().unwrap_or_else(std::env::temp_dir).join("vitrine");
    let free = (1..1000)
        .map(|n| home.join(if n == 1 { stem.clone() } else { format!("{stem}-{n}") }))
        .find(|folder| !folder.exists());
    free.unwrap_or(home).display().to_string()
}
