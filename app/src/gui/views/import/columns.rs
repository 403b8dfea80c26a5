//! The first rows of a table of picks, and the choice of its columns. For tables without a header, or with one that is not
//! recognised.

use eframe::egui;
use egui::{ComboBox, Ui};
use vitrine_core::formats::TableStart;
use vitrine_core::ingest::FoundInput;

use super::form::name_it;
use crate::gui::command::Command;
use crate::gui::drafts::{ColumnsDraft, ImportDraft, table_of};
use crate::gui::model::Model;
use crate::gui::widgets::Fold;
use crate::gui::widgets::form::complaint;

/// Characters of a cell that are shown.
const CELL: usize = 18;

/// Draws them, where there is such a table among the files.
pub fn ui(ui: &mut Ui, model: &Model, draft: &mut ImportDraft, found: &[FoundInput], out: &mut Vec<Command>) {
    let Some((path, table)) = table_of(found) else { return };
    let before = draft.columns.of(path);
    let mut columns = before.clone();
    let fold = Fold::new("import.columns", "Columns").open_at_first(!table.understood);
    fold.show(ui, model, out, |ui, _| {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into());
        ui.weak(match table.understood {
            true => format!("The columns of {name} were recognised. Change them only where they are wrong."),
            false => format!("The columns of {name} were not recognised. Choose at least x and y."),
        });
        rows(ui, table);
        choices(ui, table, &mut columns);
        if let Some(wrong) = columns.complaint() {
            complaint(ui, wrong);
        }
    });
    if columns != before {
        draft.columns = columns;
    }
}

/// The first rows under the numbers of their columns.
fn rows(ui: &mut Ui, table: &TableStart) {
    egui::ScrollArea::horizontal().id_salt("table start").show(ui, |ui| {
        egui::Grid::new("table start").striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
            for number in 1..=width(table) {
                ui.strong(number.to_string());
            }
            ui.end_row();
            for row in &table.rows {
                for cell in row {
                    ui.monospace(short(cell));
                }
                ui.end_row();
            }
        });
    });
}

fn choices(ui: &mut Ui, table: &TableStart, columns: &mut ColumnsDraft) {
    let ColumnsDraft { x, y, micrograph, score, .. } = columns;
    egui::Grid::new("columns").num_columns(2).min_col_width(84.0).show(ui, |ui| {
        for (what, none, chosen) in [
            ("x", "not chosen", x),
            ("y", "not chosen", y),
            ("Micrograph", "from the file's name", micrograph),
            ("Score", "none", score),
        ] {
            ui.label(what);
            let words = |at: Option<usize>| at.map_or_else(|| none.to_owned(), |at| column(table, at));
            let combo = ComboBox::from_id_salt(("column", what)).width(220.0).selected_text(words(*chosen));
            let response = combo.show_ui(ui, |ui| {
                for at in std::iter::once(None).chain((0..width(table)).map(Some)) {
                    ui.selectable_value(chosen, at, words(at));
                }
            });
            name_it(&response.response, &format!("Column of {}", what.to_lowercase()));
            ui.end_row();
        }
    });
}

/// Columns of the longest row.
fn width(table: &TableStart) -> usize {
    table.rows.iter().map(Vec::len).max().unwrap_or(0)
}

/// A column by its place and what its first row holds: "3: PosX".
fn column(table: &TableStart, at: usize) -> String {
    let first = table.rows.first().and_then(|row| row.get(at)).map(|cell| short(cell)).unwrap_or_default();
    format!("{}: {first}", at + 1)
}

/// A cell, of a long one its end: of a path that is the name.
fn short(cell: &str) -> String {
    let left = cell.chars().count().saturating_sub(CELL);
    if left == 0 { cell.to_owned() } else { format!("…{}", cell.chars().skip(left).collect::<String>()) }
}
