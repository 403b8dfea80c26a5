//! A dialog over the whole window.

use eframe::egui;
use egui::Ui;

use crate::gui::command::{Command, ViewCommand};

/// The height of a list in a dialog: the same in every frame, so that a dialog neither grows when it is opened nor stays
/// small after a short list; less only where the window has not so much.
pub fn list_height(ui: &Ui, wanted: f32) -> f32 {
    wanted.min((ui.ctx().content_rect().height() - 260.0).max(120.0))
}

/// A dialog over the view, closed by Escape and by a click beside it.
pub fn modal(
    ui: &Ui,
    name: &str,
    title: &str,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>),
) {
    let shown = egui::Modal::new(egui::Id::unique(name))
        .frame(egui::Frame::popup(ui.style()).inner_margin(16.0))
        .show(ui.ctx(), |ui| {
            ui.heading(title);
            ui.add_space(6.0);
            contents(ui, out);
        });
    if shown.should_close() {
        out.push(Command::View(ViewCommand::Overlay(None)));
    }
}
