//! The list of keys, from the table of commands.

use eframe::egui;
use egui::Ui;

use crate::gui::command::{Area, Command, TABLE};
use crate::gui::model::Model;

/// Draws the list.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    super::overlay(ui, "keys", "Keys", out, |ui, _| {
        egui::ScrollArea::vertical().max_height(ui.ctx().content_rect().height() * 0.7).show(ui, |ui| {
            for area in Area::ALL {
                ui.strong(area.as_str());
                egui::Grid::new(area.as_str()).num_columns(2).min_col_width(110.0).striped(true).show(
                    ui,
                    |ui| {
                        for info in TABLE.iter().filter(|info| info.area == area) {
                            if let Some(key) = model.keys.text_of(info.id) {
                                ui.monospace(key);
                                ui.label(info.tooltip);
                                ui.end_row();
                            }
                        }
                    },
                );
                ui.add_space(8.0);
            }
        });
    });
}
