//! A row of patches with their scores. A click shows a patch in the gallery.

use eframe::egui;
use egui::{RichText, Ui};
use vitrine_core::project::PatchId;

use super::thumbnail::{Thumbnails, show_in_gallery};
use crate::gui::command::Command;
use crate::gui::model::OpenProject;

/// Side of a patch, points.
const SIDE: f32 = 84.0;

/// How many patches one full row of this width holds.
pub fn strip_length(ui: &Ui) -> usize {
    (ui.available_width() / (SIDE + ui.spacing().item_spacing.x)) as usize
}

/// Draws a title and under it the patches, each with its score where it has one.
pub fn patch_strip(
    ui: &mut Ui,
    open: &OpenProject,
    thumbnails: &mut Thumbnails,
    title: &str,
    patches: &[(PatchId, Option<f32>)],
    out: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.label(RichText::new(title).strong());
    if patches.is_empty() {
        ui.weak("No patch on this side.");
    }
    ui.horizontal_wrapped(|ui| {
        for &(patch, score) in patches {
            let words = score.map_or(String::new(), |score| format!("{score:.3}"));
            let response = thumbnails.show(ui, open, patch, SIDE, &words);
            if response.on_hover_text(format!("Patch {patch}; a click shows it in the gallery")).clicked() {
                show_in_gallery(patch, out);
            }
        }
    });
}
