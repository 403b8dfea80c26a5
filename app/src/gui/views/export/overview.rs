//! What goes out and what stays: patches to look at, and counts for each micrograph.

use eframe::egui;
use egui::Ui;
use vitrine_core::export::ExportPreview;

use crate::gui::command::Command;
use crate::gui::model::{Model, OpenProject};
use crate::gui::widgets::thumbnail::Thumbnails;
use crate::gui::widgets::{Fold, patch_strip, strip_length};
use crate::words;

/// Micrographs listed.
const MAX_MICROGRAPHS: usize = 200;

/// Draws patches of both sides; `by_score` says that scores choose.
pub fn patches(
    ui: &mut Ui,
    open: &OpenProject,
    preview: &ExportPreview,
    by_score: bool,
    thumbnails: &mut Thumbnails,
    out: &mut Vec<Command>,
) {
    let examples = &preview.examples;
    let many = strip_length(ui).max(4);
    let (written, stays) = match by_score {
        true => ("Barely written", "First to stay"),
        false => ("Some that are written", "Some that stay"),
    };
    let shown =
        [(written, &examples.written), ("Written for their label", &examples.kept), (stays, &examples.stays)];
    for (title, patches) in shown {
        if let Some(row) = patches.get(..patches.len().min(many)).filter(|row| !row.is_empty()) {
            let row: Vec<_> = row.iter().map(|example| (example.patch, example.score)).collect();
            patch_strip(ui, open, thumbnails, title, &row, out);
        }
    }
}

/// Draws the counts for each micrograph.
pub fn micrographs(ui: &mut Ui, model: &Model, preview: &ExportPreview, out: &mut Vec<Command>) {
    let named = preview.micrographs.iter().filter(|one| one.name.is_some()).count();
    if named == 0 {
        return;
    }
    let without = preview.micrographs.iter().filter(|one| one.name.is_some() && one.written == 0).count();
    let title = match without {
        0 => format!("By micrograph ({named})"),
        _ => format!("By micrograph ({named}, {without} without a written patch)"),
    };
    Fold::new("export.micrographs", title).show(ui, model, out, |ui, _| {
        egui::Grid::new("export by micrograph").num_columns(3).striped(true).show(ui, |ui| {
            for heading in ["Micrograph", "Written", "Stay"] {
                ui.strong(heading);
            }
            ui.end_row();
            for one in preview.micrographs.iter().take(MAX_MICROGRAPHS) {
                ui.label(one.name.as_deref().unwrap_or("on no named micrograph"));
                ui.label(words::count(one.written));
                ui.label(words::count(one.stays));
                ui.end_row();
            }
        });
        if preview.micrographs.len() > MAX_MICROGRAPHS {
            ui.weak(format!("and {} more", preview.micrographs.len() - MAX_MICROGRAPHS));
        }
    });
}
