//! The panel for the current patch: what is known of it.

use eframe::egui;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::model::Model;
use crate::gui::widgets::label_mark;

/// What the panel remembers.
#[derive(Default)]
pub struct State {}

/// Draws the panel.
pub fn ui(ui: &mut Ui, model: &Model, _state: &mut State, _out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    ui.add_space(4.0);
    let Some(patch) = open.shown.current() else {
        ui.weak("No current patch");
        return;
    };
    ui.heading(format!("Patch {patch}"));
    let columns = &open.columns;
    if let Some(&label) = columns.labels.get(patch as usize) {
        ui.horizontal(|ui| {
            label_mark(ui, label);
            ui.label(label.as_str());
        });
    }
    egui::Grid::new("patch facts").num_columns(2).show(ui, |ui| {
        let mut row = |name: &str, value: String| {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        };
        let micrograph = columns
            .micrograph_of(patch)
            .and_then(|id| open.micrographs.iter().find(|micrograph| micrograph.id == id))
            .map_or("not known".to_owned(), |micrograph| micrograph.name.clone());
        row("Micrograph", micrograph);
        let place =
            columns.xy_of(patch).map_or("not known".to_owned(), |[x, y]| format!("{x:.0}, {y:.0} px"));
        row("Centre", place);
        if let Some(scores) = &open.scores {
            let score = open.score(patch).map_or("not scored".to_owned(), |score| format!("{score:.3}"));
            row(&format!("Score, {}", scores.name), score);
        }
    });
}
