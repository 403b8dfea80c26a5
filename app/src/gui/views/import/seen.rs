//! The preview of an import: counts, sizes, some patches, and warnings, each with a button where a program can
//! remedy it.

use std::sync::Arc;

use eframe::egui;
use egui::{ColorImage, Sense, TextureHandle, TextureOptions, Ui, Vec2};
use vitrine_core::grayscale::to_grayscale;
use vitrine_core::ingest::{BelowMinScore, ImportPreview, Inspection, PoolFrom, PoolRequest, SeenPatch};
use vitrine_core::remedy::three_decimals;
use vitrine_core::{Label, Remedy, Warning};

use super::box_by_sight;
use super::page::Page;
use crate::gui::command::Command;
use crate::gui::drafts::ImportDraft;
use crate::gui::model::Model;
use crate::gui::remedy;
use crate::gui::theme;
use crate::gui::values::{Failure, Load};
use crate::gui::widgets::form::{complaint, section, text_field, warning};
use crate::gui::widgets::{Fold, busy, empty, label_count, paint_label, primary};
use crate::words;

/// What this part remembers: the patches as textures.
#[derive(Default)]
pub struct State {
    of: Option<Arc<Inspection>>,
    /// Some of the patches, those just above and those just below the lowest score.
    textures: [Vec<TextureHandle>; 3],
    by_sight: box_by_sight::State,
}

impl State {
    /// Brings the patches of a look onto the graphics device.
    fn take(&mut self, ui: &Ui, look: &Arc<Inspection>) {
        if self.of.as_ref().is_some_and(|old| Arc::ptr_eq(old, look)) {
            return;
        }
        self.textures = [&look.patches, &look.just_above, &look.just_below].map(|patches| {
            let load = |(at, patch): (usize, &SeenPatch)| {
                let image = ColorImage::from_gray([look.size; 2], &to_grayscale(&patch.pixels));
                ui.ctx().load_texture(format!("import {at}"), image, TextureOptions::LINEAR)
            };
            patches.iter().enumerate().map(load).collect()
        });
        self.of = Some(Arc::clone(look));
    }
}

/// Draws the preview.
pub fn ui(ui: &mut Ui, page: &Page<'_>, state: &mut State, draft: &mut ImportDraft, out: &mut Vec<Command>) {
    let (import, waiting) = (page.import, page.is_waiting());
    if import.paths.is_empty() {
        empty(
            ui,
            "No files yet",
            "Patches: PyTorch, NumPy, MRC and HDF5 stacks, RELION STAR, cryoSPARC .cs, folders of pictures. Or micrographs \
             (MRC, TIFF, PNG, JPEG; a RELION project or a table of micrographs) with picks (STAR, EMAN .box and .json, \
             CSV, .cbox). What is recognised is shown here before anything is written.",
        );
        return;
    }
    section(ui, "Preview");
    if waiting {
        ui.horizontal(|ui| {
            busy(ui);
            ui.weak("Reading files…");
        });
    }
    // Until there is an answer to the request as it stands, the one before it.
    let before = import.look.last().map(|(_, look)| look);
    let look = match (page.look(), before) {
        (Load::Failed(failure), _) if !waiting => {
            why_not(ui, &failure);
            None
        }
        (Load::Ready(look), _) | (Load::NotAsked | Load::Loading, Some(look)) => Some(look),
        _ if waiting => None,
        _ => {
            match import.look.newest() {
                Load::Failed(failure) => why_not(ui, &failure),
                _ => {
                    ui.weak("No file has a known format.");
                }
            }
            None
        }
    };
    if let Some(look) = look {
        state.take(ui, look);
        counts(ui, &look.preview, draft);
        bad(ui, &look.preview, draft);
        warnings(ui, &look.preview, waiting, draft);
        scores(ui, look, state, draft);
    }
    // Whether or not there is an answer: the box may be what is missing.
    box_by_sight::ui(ui, page, &mut state.by_sight, draft, out);
    if let Some(look) = look {
        patches(ui, look, state);
        lists(ui, page.model, &look.preview, out);
    }
}

fn why_not(ui: &mut Ui, failure: &Failure) {
    let text = egui::RichText::new(format!("{}.", words::capitalised(&failure.why)));
    let text = if failure.cancelled { text.weak() } else { text.color(ui.visuals().error_fg_color) };
    ui.add(egui::Label::new(text).wrap());
}

fn counts(ui: &mut Ui, preview: &ImportPreview, draft: &ImportDraft) {
    ui.horizontal_wrapped(|ui| {
        for label in [Label::Positive, Label::Negative, Label::Unlabeled] {
            label_count(ui, label, &preview.labels);
            ui.add_space(8.0);
        }
    });
    if draft.pool.is_some() && !preview.micrographs.is_empty() {
        let many = preview.micrographs.len();
        let text = match draft.pool_count.trim() {
            "" if matches!(draft.pool, Some(PoolFrom::Random | PoolFrom::Picking)) => {
                format!("and at most {} unlabeled patches in all", PoolRequest::RANDOM)
            }
            "" => "and unlabeled patches at every place found".to_owned(),
            count => format!("and at most {count} unlabeled patches from each of {many} micrographs"),
        };
        ui.weak(text);
    }
    egui::Grid::new("import facts").num_columns(2).spacing([16.0, 4.0]).show(ui, |ui| {
        let mut row = |name: &str, value: String| {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        };
        if let Some(size) = preview.patch_size {
            row("Patches", format!("{size} × {size} px"));
        }
        if let Some(side) = preview.box_size {
            row("Box size", format!("{side} px of the micrograph"));
        }
        row(
            "Pixel size",
            preview.pixel_size.map_or("not known".to_owned(), |size| format!("{size:.3} Å per px")),
        );
        if !preview.micrographs.is_empty() {
            let with = preview.micrographs.iter().filter(|m| m.picks > 0).count();
            row("Micrographs", format!("{}, {with} of them with picks", preview.micrographs.len()));
        }
        if preview.at_edge > 0 {
            row("Skipped", format!("{} picks too close to the edge", words::count(preview.at_edge as u64)));
        }
        if preview.outside > 0 {
            row(
                "Left out",
                format!("{} picks outside their micrographs", words::count(preview.outside as u64)),
            );
        }
        if preview.below_min_score > 0 {
            row(
                "Left out",
                format!("{} picks below the lowest score", words::count(preview.below_min_score as u64)),
            );
        }
        let without: usize = preview.pick_files.iter().map(|file| file.without_picks).sum();
        if without > 0 {
            row("Searched without a pick", format!("{} micrographs", words::count(without as u64)));
        }
        if preview.duplicates > 0 {
            row(
                "Skipped",
                format!(
                    "{} picks at places that already have a patch",
                    words::count(preview.duplicates as u64)
                ),
            );
        }
    });
}

/// Micrographs that cannot be used, each with its reason, and the way past them.
fn bad(ui: &mut Ui, preview: &ImportPreview, draft: &mut ImportDraft) {
    if preview.bad.is_empty() {
        return;
    }
    ui.add_space(8.0);
    let all = preview.bad.len() + preview.micrographs.len();
    warning(ui, &format!("{} of {all} micrographs cannot be used.", preview.bad.len()));
    for bad in preview.bad.iter().take(MAX_ROWS) {
        let name = bad
            .path
            .file_name()
            .map_or_else(|| bad.path.display().to_string(), |n| n.to_string_lossy().into());
        let picks = match bad.picks {
            0 => String::new(),
            many => format!(" ({} picks on it)", words::count(many as u64)),
        };
        ui.label(format!("{name}: {}{picks}", bad.reason)).on_hover_text(bad.path.display().to_string());
    }
    more(ui, preview.bad.len());
    if draft.skip_bad {
        ui.weak("They are left out, and so is any whose pixels turn out to be damaged.");
        if ui.button("Do not leave them out").clicked() {
            draft.skip_bad = false;
        }
    } else if !preview.micrographs.is_empty() {
        let why = "Imports the other micrographs, and also leaves out any whose pixels turn out to be damaged \
             during the import.";
        if ui.button("Leave them out").on_hover_text(why).clicked() {
            draft.skip_bad = true;
        }
    }
}

/// The scores of the picker, the lowest one that is taken, and the patches on either side of it.
fn scores(ui: &mut Ui, look: &Arc<Inspection>, state: &State, draft: &mut ImportDraft) {
    let Some(all) = look.preview.scores.as_ref().filter(|all| all.lowest < all.highest) else { return };
    section(ui, "Scores of the picks");
    super::scores::histogram(ui, all, &mut draft.min_score);
    ui.horizontal_wrapped(|ui| {
        let why = "Picks with a lower score are no particles: they are left out, or become unlabeled. Empty takes all.";
        text_field(ui, "Lowest score", &mut draft.min_score, 80.0, "all", why);
        if let Err(wrong) = words::number::<f64>(&draft.min_score, -1e9, 1e9) {
            complaint(ui, &wrong);
        }
        ui.label("below it");
        ui.radio_value(&mut draft.below_min_score, BelowMinScore::LeaveOut, "left out");
        ui.radio_value(&mut draft.below_min_score, BelowMinScore::Unlabeled, "unlabeled");
    });
    let [_, above, below] = &state.textures;
    if !look.just_above.is_empty() {
        ui.weak("The weakest that are taken");
        strip(ui, &look.just_above, above);
    }
    if !look.just_below.is_empty() {
        ui.weak("The best of those below");
        strip(ui, &look.just_below, below);
    }
}

/// Whether the preview offers a button for what this warning asks.
pub fn has_button(told: &Warning) -> bool {
    matches!(told.remedy, Some(Remedy::TurnYOver { .. } | Remedy::SetMargin(_) | Remedy::ScalePicks(_)))
}

fn warnings(ui: &mut Ui, preview: &ImportPreview, waiting: bool, draft: &mut ImportDraft) {
    if preview.warnings.is_empty() {
        return;
    }
    ui.add_space(8.0);
    for told in &preview.warnings {
        warning(ui, &remedy::warning(told));
        // What is shown answers the form of before: its remedies may be in there already.
        if waiting {
            continue;
        }
        match told.remedy {
            Some(Remedy::TurnYOver { from_bottom }) => {
                let words = if from_bottom { "Flip y" } else { "Do not flip y" };
                let why = "Switches \"y counts from the bottom\" and reads the files again.";
                if ui.add(primary(ui, words)).on_hover_text(why).clicked() {
                    draft.y_up = from_bottom;
                }
            }
            Some(Remedy::SetMargin(px)) => {
                let button = primary(ui, format!("Set the margin to {px} px"));
                if ui.add(button).clicked() {
                    draft.margin = px.to_string();
                }
            }
            Some(Remedy::ScalePicks(factor)) => {
                let factor = three_decimals(factor);
                let why = "Fills in \"Scale of picks\" and reads the files again. Correct it there if you know the factor.";
                let button = primary(ui, format!("Scale the picks by {factor}"));
                if ui.add(button).on_hover_text(why).clicked() {
                    draft.picks_scale = factor;
                }
            }
            _ => {}
        }
    }
}

/// Side of a patch on the screen, points.
const PATCH_SIDE: f32 = 92.0;

fn patches(ui: &mut Ui, look: &Arc<Inspection>, state: &State) {
    if look.patches.is_empty() {
        return;
    }
    section(ui, "Some of the patches");
    let [textures, ..] = &state.textures;
    strip(ui, &look.patches, textures);
}

/// Patches side by side, each with its label.
fn strip(ui: &mut Ui, patches: &[SeenPatch], textures: &[TextureHandle]) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(6.0);
        for (patch, texture) in patches.iter().zip(textures) {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(PATCH_SIDE), Sense::hover());
            egui::Image::new(texture).paint_at(ui, rect);
            let colour = theme::label(patch.label, ui.visuals().dark_mode);
            let corner = rect.left_bottom() + egui::vec2(10.0, -10.0);
            ui.painter().circle_filled(corner, 8.5, egui::Color32::from_black_alpha(170));
            paint_label(ui.painter(), corner, 10.0, patch.label, theme::label(patch.label, true));
            ui.painter().rect_stroke(rect, 2.0, egui::Stroke::new(1.0, colour), egui::StrokeKind::Inside);
            let score = patch.score.map_or_else(String::new, |score| format!(", score {score:.3}"));
            let words = format!("{}{score}, from {}", patch.label, patch.from);
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Patch, {words}"))
            });
            response.on_hover_text(words);
        }
    });
}

/// Rows shown of a long list.
const MAX_ROWS: usize = 200;

fn lists(ui: &mut Ui, model: &Model, preview: &ImportPreview, out: &mut Vec<Command>) {
    ui.add_space(10.0);
    if !preview.inputs.is_empty() || !preview.pick_files.is_empty() {
        Fold::new("import.files", "Files in detail").show(ui, model, out, |ui, _| {
            for input in &preview.inputs {
                ui.label(format!(
                    "{}: {}, {}, {} px",
                    input.path.display(),
                    input.kind,
                    words::patches(input.labels.total()),
                    input.size
                ));
            }
            for file in &preview.pick_files {
                ui.label(format!(
                    "{}: {}, {} picks",
                    file.path.display(),
                    file.kind,
                    words::count(file.picks as u64)
                ));
            }
        });
    }
    if !preview.micrographs.is_empty() {
        let title = format!("Micrographs ({})", preview.micrographs.len());
        Fold::new("import.micrographs", title).show(ui, model, out, |ui, _| {
            egui::Grid::new("import micrographs").num_columns(5).striped(true).show(ui, |ui| {
                for heading in ["Name", "Size", "Picks", "Too close to the edge", "Already there"] {
                    ui.strong(heading);
                }
                ui.end_row();
                for micrograph in preview.micrographs.iter().take(MAX_ROWS) {
                    ui.label(&micrograph.name).on_hover_text(micrograph.path.display().to_string());
                    ui.label(format!("{} × {}", micrograph.width, micrograph.height));
                    for count in [micrograph.picks, micrograph.at_edge, micrograph.duplicates] {
                        ui.label(words::count(count as u64));
                    }
                    ui.end_row();
                }
            });
            more(ui, preview.micrographs.len());
        });
    }
    if !preview.unmatched.is_empty() {
        let title = format!("Picks without a micrograph ({})", preview.unmatched.len());
        Fold::new("import.unmatched", title).open_at_first(true).show(ui, model, out, |ui, _| {
            for name in preview.unmatched.iter().take(MAX_ROWS) {
                ui.label(format!("{}: {} picks", name.name, words::count(name.picks as u64)));
            }
            more(ui, preview.unmatched.len());
        });
    }
    if !preview.left_out.is_empty() {
        let title = format!("Files left out ({})", preview.left_out.len());
        Fold::new("import.left_out", title).show(ui, model, out, |ui, _| {
            for file in preview.left_out.iter().take(MAX_ROWS) {
                let name = file
                    .path
                    .file_name()
                    .map_or_else(|| file.path.display().to_string(), |n| n.to_string_lossy().into());
                ui.label(format!("{name}: {}", file.reason)).on_hover_text(file.path.display().to_string());
            }
            more(ui, preview.left_out.len());
        });
    }
    for name in &preview.ambiguous {
        ui.label(format!("{} could be any of {} micrographs", name.name, name.candidates.len()));
    }
}

fn more(ui: &mut Ui, count: usize) {
    if count > MAX_ROWS {
        ui.weak(format!("and {} more", words::count((count - MAX_ROWS) as u64)));
    }
}
