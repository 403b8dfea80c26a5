//! The list of keys, made from the table of commands. A large window shows all of it at once.

use eframe::egui;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::command_table::{Area, TABLE};
use crate::gui::model::Model;
use crate::gui::widgets::modal;

/// The two columns.
const COLUMNS: [&[Area]; 2] =
    [&[Area::Label, Area::Select, Area::Train], &[Area::View, Area::Project, Area::Window]];

/// Draws the list.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    modal(ui, "keys", "Keys", out, |ui, _| {
        let room = ui.ctx().content_rect();
        ui.set_width((room.width() - 80.0).clamp(300.0, 760.0));
        // A dialog is 400 points high unless its contents insist.
        let height = (room.height() - 130.0).max(120.0);
        let area = egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height);
        area.show(ui, |ui| {
            ui.columns_const(|columns: &mut [Ui; 2]| {
                for (ui, areas) in columns.iter_mut().zip(COLUMNS) {
                    ui.spacing_mut().interact_size.y = 20.0;
                    for &area in areas {
                        self::area(ui, model, area);
                    }
                }
                mouse(&mut columns[0], model);
            });
            ui.weak("Change keys in Settings, also for commands without one.");
        });
    });
}

fn area(ui: &mut Ui, model: &Model, area: Area) {
    let of_area = TABLE.iter().filter(|info| info.area == area);
    let bound: Vec<_> = of_area.filter_map(|info| Some((info, model.keys.text_of(info.id)?))).collect();
    if bound.is_empty() {
        return;
    }
    ui.strong(area.as_str());
    egui::Grid::new(area.as_str()).num_columns(2).min_col_width(110.0).striped(true).show(ui, |ui| {
        for (info, key) in bound {
            ui.monospace(key);
            ui.label(info.name).on_hover_text(info.tooltip);
            ui.end_row();
        }
    });
    ui.add_space(8.0);
}

/// What the mouse does in the gallery.
fn mouse(ui: &mut Ui, model: &Model) {
    let brush = |id: &str| model.keys.text_of(id);
    let brushes: Vec<String> = ["label.paint_positive", "label.paint_negative", "label.paint_unlabeled"]
        .into_iter()
        .filter_map(brush)
        .collect();
    ui.strong("Mouse in the gallery");
    egui::Grid::new("mouse").num_columns(2).min_col_width(110.0).striped(true).show(ui, |ui| {
        let mut row = |gesture: &str, does: &str| {
            ui.monospace(gesture);
            ui.label(does);
            ui.end_row();
        };
        row("Click", "Go to a patch, clear the selection");
        row("Double click", "Show it large");
        row("Ctrl+Click", "Select or unselect it");
        row("Shift+Click", "Select all up to it");
        row("Drag", "Select with a rubber band");
        row("Ctrl+Drag", "Add to the selection");
        if !brushes.is_empty() {
            row(&format!("Hold {}", brushes.join("/")), "Paint a label over patches");
        }
        row("Wheel", "Scroll");
        row("Ctrl+Wheel", "Larger or smaller patches");
    });
    ui.add_space(8.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_a_column() {
        for area in Area::ALL {
            assert!(COLUMNS.concat().contains(&area), "{area:?}");
        }
    }
}
