//! The bar at the top: the project, the main views, commands, keys, settings.

use eframe::egui;
use egui::{Align, Layout, Ui};

use crate::gui::command::{Command, ViewCommand};
use crate::gui::command_table::info;
use crate::gui::model::Model;
use crate::gui::values::Tab;
use crate::gui::widgets::{command_button, command_button_as};

/// In a window narrower than this, points, what is seldom needed goes into a menu.
const NARROW: f32 = 1100.0;

/// Draws the bar.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    ui.add_space(3.0);
    let narrow = ui.available_width() < NARROW;
    ui.horizontal(|ui| {
        if let Some(open) = &model.project {
            ui.menu_button(egui::RichText::new(shortened(&open.name)).strong(), |ui| {
                let ids = [
                    "project.import",
                    "project.take_back",
                    "project.open",
                    "project.reload",
                    "view.road",
                    "project.close",
                ];
                for id in ids {
                    if command_button(ui, model, id, out).clicked() {
                        ui.close();
                    }
                }
            })
            .response
            .on_hover_text(open.dir.display().to_string());
            ui.separator();
        }
        for tab in Tab::ALL {
            let id = format!("view.{}", tab.as_str().to_lowercase());
            let response = ui.selectable_label(model.tab == tab, tab.as_str());
            if response.clicked() {
                out.push(Command::View(ViewCommand::Tab(tab)));
            }
            if let Some(info) = info(&id) {
                response.on_hover_text(model.keys.tooltip(info));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if narrow {
                ui.menu_button("More", |ui| {
                    for id in ["window.keys", "window.settings", "window.tour", "window.about"] {
                        if command_button(ui, model, id, out).clicked() {
                            ui.close();
                        }
                    }
                })
                .response
                .on_hover_text("Keys, settings, devices and versions");
            } else {
                ui.menu_button("Help", |ui| {
                    for id in ["window.tour", "window.keys", "window.about"] {
                        if command_button(ui, model, id, out).clicked() {
                            ui.close();
                        }
                    }
                })
                .response
                .on_hover_text("The tour, keys, devices and versions");
                command_button(ui, model, "window.settings", out);
                command_button(ui, model, "window.keys", out);
            }
            command_button_as(ui, model, "window.palette", "Commands", out);
            if model.tab == Tab::Gallery {
                ui.menu_button("Panels", |ui| {
                    for id in ["view.queues", "view.patch", "view.swap"] {
                        if command_button(ui, model, id, out).clicked() {
                            ui.close();
                        }
                    }
                })
                .response
                .on_hover_text("Show, hide and move the panels beside the patches");
            }
        });
    });
    ui.add_space(3.0);
}

/// A name that leaves room for the tabs.
fn shortened(name: &str) -> String {
    const MAX_LETTERS: usize = 24;
    if name.chars().count() <= MAX_LETTERS {
        return name.to_owned();
    }
    name.chars().take(MAX_LETTERS - 1).chain(['…']).collect()
}
