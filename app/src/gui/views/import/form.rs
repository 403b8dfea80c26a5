//! The import form: only the settings that the files added need.

use eframe::egui;
use egui::{ComboBox, Ui};
use vitrine_core::Label;
use vitrine_core::ingest::{FoundInput, PoolFrom};
use vitrine_core::project::PixelType;

use crate::gui::drafts::{ImportDraft, has_micrographs};
use crate::gui::model::Model;
use crate::gui::widgets::form::{complaint, section, text_field};
use crate::words::number;

const POOLS: [(Option<PoolFrom>, &str); 5] = [
    (Some(PoolFrom::Blobs), "Blob picker"),
    (Some(PoolFrom::Random), "Random places"),
    (Some(PoolFrom::Picking), "Random places and around picks"),
    (Some(PoolFrom::Grid), "Grid"),
    (None, "None"),
];

/// Draws the settings.
pub fn ui(ui: &mut Ui, draft: &mut ImportDraft, found: &[FoundInput]) {
    let picks = found.iter().any(|f| f.picks);
    if picks || has_micrographs(found) {
        section(ui, "Extract patches");
        egui::Grid::new("cutting").num_columns(3).min_col_width(84.0).show(ui, |ui| cutting(ui, draft));
        if picks {
            ui.checkbox(&mut draft.y_up, "y counts from the bottom").on_hover_text(
                "Some box files count rows from the bottom of the micrograph. The preview says when the picks fit \
                 better that way.",
            );
            ui.checkbox(&mut draft.recenter, "move centres by refinement shifts").on_hover_text(
                "Takes rlnOriginXAngst and rlnOriginYAngst, or cryoSPARC's alignments, off the coordinates.",
            );
        }
    }
    if has_micrographs(found) {
        section(ui, "Unlabeled patches from the same micrographs");
        pool(ui, draft);
    }
    section(ui, "Labels and scale");
    labels(ui, draft, found);
}

fn cutting(ui: &mut Ui, draft: &mut ImportDraft) {
    let why = "Side of the square extracted around each pick, in px of the micrograph: 1.5 to 2 times the particle \
               diameter.";
    let field = text_field(ui, "Box size", &mut draft.box_size, 70.0, "such as 192", why);
    let side = number::<usize>(&draft.box_size, 2, 4096);
    if field.changed()
        && let Ok(Some(side)) = side
    {
        draft.follow_box(side);
    }
    beside(ui, "px", side.err());
    let why = "Average N × N px into one. Patches of about 64 px train best.";
    let field = text_field(ui, "Binning", &mut draft.bin, 70.0, "1", why);
    draft.bin_typed |= field.changed();
    let bin = number::<usize>(&draft.bin, 1, 64);
    let note = match (number::<usize>(&draft.box_size, 2, 4096), &bin) {
        (Ok(Some(side)), Ok(Some(bin))) => format!("patches of {} px", side / bin),
        _ => "px into one".to_owned(),
    };
    beside(ui, &note, bin.err());
    let why = "Keep boxes this far from the edges of a micrograph.";
    text_field(ui, "Margin", &mut draft.margin, 70.0, "0", why);
    beside(ui, "px", number::<usize>(&draft.margin, 0, 100_000).err());
    let why = "Coordinates and boxes of the picks are multiplied by this: 4 for picks made on images averaged four by \
               four.";
    text_field(ui, "Scale of picks", &mut draft.picks_scale, 70.0, "1", why);
    beside(ui, "times", number::<f64>(&draft.picks_scale, 0.001, 1000.0).err());
}

fn pool(ui: &mut Ui, draft: &mut ImportDraft) {
    let before = draft.pool;
    ui.horizontal(|ui| {
        ui.label("Places");
        let words = POOLS.iter().find(|(pool, _)| *pool == draft.pool).map_or("", |(_, words)| words);
        let combo = ComboBox::from_id_salt("pool kind").width(230.0).selected_text(words);
        let response = combo.show_ui(ui, |ui| {
            for (pool, words) in POOLS {
                ui.selectable_value(&mut draft.pool, pool, words);
            }
        });
        name_it(&response.response, "How unlabeled patches are found");
    });
    if draft.pool != before {
        draft.pool_chosen = true;
        // Fewer or more suit another kind of places.
        draft.pool_count.clear();
    }
    if draft.pool.is_some() {
        egui::Grid::new("pool").num_columns(3).min_col_width(84.0).show(ui, |ui| pool_numbers(ui, draft));
    }
}

fn pool_numbers(ui: &mut Ui, draft: &mut ImportDraft) {
    let random = matches!(draft.pool, Some(PoolFrom::Random | PoolFrom::Picking));
    let (hint, why) = if random {
        ("2000 in all", "At most this many from each micrograph. Empty: 2000 from all of them.")
    } else {
        ("all", "At most this many from each micrograph. Empty: every place found.")
    };
    text_field(ui, "Max. per micrograph", &mut draft.pool_count, 70.0, hint, why);
    beside(ui, "", number::<usize>(&draft.pool_count, 1, 100_000).err());
    let why = "Smallest distance from known positives. Empty: half the box.";
    text_field(ui, "Distance", &mut draft.distance, 70.0, "half box", why);
    beside(ui, "px from positives", number::<f64>(&draft.distance, 0.0, 10_000.0).err());
    if matches!(draft.pool, Some(PoolFrom::Blobs | PoolFrom::Picking)) {
        let why = "Particle diameter. Empty: 0.6 of the box.";
        text_field(ui, "Diameter", &mut draft.diameter, 70.0, "0.6 box", why);
        beside(ui, "px", number::<f64>(&draft.diameter, 2.0, 4096.0).err());
    }
}

fn labels(ui: &mut Ui, draft: &mut ImportDraft, found: &[FoundInput]) {
    let ready = found.iter().any(|f| f.patches);
    let none = if ready { "from file, else unlabeled" } else { "from file, else positive" };
    let words = |label: Option<Label>| match label {
        None => none.to_owned(),
        Some(label) => format!("{label} where the file gives none"),
    };
    ui.horizontal(|ui| {
        ui.label("Label");
        let combo = ComboBox::from_id_salt("import label").width(250.0).selected_text(words(draft.label));
        let response = combo.show_ui(ui, |ui| {
            for label in [None, Some(Label::Positive), Some(Label::Unlabeled), Some(Label::Negative)] {
                ui.selectable_value(&mut draft.label, label, words(label));
            }
        });
        name_it(&response.response, "Label of patches whose file gives none");
    });
    ui.horizontal(|ui| scale(ui, draft));
}

fn scale(ui: &mut Ui, draft: &mut ImportDraft) {
    let why = "Å per px of the unbinned micrographs. It replaces what the files say.";
    text_field(ui, "Pixel size", &mut draft.pixel_size, 84.0, "from file", why);
    beside(ui, "Å", number::<f64>(&draft.pixel_size, 0.01, 1000.0).err());
}

/// Where the import goes.
pub fn target(ui: &mut Ui, draft: &mut ImportDraft, model: &Model) {
    if let Some(open) = &model.project {
        let writable = open.read_only.is_none();
        ui.add_enabled_ui(writable, |ui| {
            ui.radio_value(&mut draft.into_open, true, format!("into {}", open.name))
                .on_disabled_hover_text("This project is open for reading only.");
        });
        ui.radio_value(&mut draft.into_open, false, "into a new project");
    }
    if !(draft.into_open && model.open_takes_import()) {
        let name = ui.label("New project in");
        ui.add(egui::TextEdit::singleline(&mut draft.folder).desired_width(330.0))
            .labelled_by(name.id)
            .on_hover_text("A new or empty folder. Pixels are copied into it. Your files stay as they are.");
        let why = "How the pixels are stored. 32-bit floats keep every value exactly. 16-bit floats take half the space, \
                   keep about three digits and hold no value above 65,504.";
        ui.label("Pixels");
        let combo = ComboBox::from_id_salt("pixel type").width(150.0).selected_text(bits(draft.pixels));
        let response = combo.show_ui(ui, |ui| {
            for pixels in [PixelType::F32, PixelType::F16] {
                ui.selectable_value(&mut draft.pixels, pixels, bits(pixels));
            }
        });
        name_it(&response.response, "Pixels, how they are stored");
        response.response.on_hover_text(why);
    }
}

const fn bits(pixels: PixelType) -> &'static str {
    match pixels {
        PixelType::F32 => "32-bit float",
        PixelType::F16 => "16-bit float, half the space",
    }
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
pub(super) fn name_it(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
}
