//! About: versions and device, to be copied into a report of a fault.

use eframe::egui::{self, Ui};

use crate::gui::command::Command;
use crate::gui::model::Model;

/// Draws the dialog.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    super::overlay(ui, "about", "About Vitrine", out, |ui, _| {
        ui.set_width(460.0);
        let facts = facts(model);
        egui::Grid::new("about facts").num_columns(2).show(ui, |ui| {
            for (name, value) in &facts {
                ui.weak(*name);
                ui.label(value);
                ui.end_row();
            }
        });
        ui.add_space(8.0);
        if ui.button("Copy for a report").clicked() {
            let text = facts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
            ui.ctx().copy_text(text);
        }
    });
}

fn facts(model: &Model) -> Vec<(&'static str, String)> {
    let or = |text: &str| if text.is_empty() { "not known".to_owned() } else { text.to_owned() };
    vec![
        ("Vitrine", env!("CARGO_PKG_VERSION").to_owned()),
        ("System", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("Window drawn by", or(&model.graphics.name)),
        ("Driver", or(&model.graphics.driver)),
        ("Licence", "MIT or Apache-2.0".to_owned()),
    ]
}
