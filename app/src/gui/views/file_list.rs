//! What a folder holds, to choose from, and the ways to other folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{ScrollArea, Ui};

use crate::gui::command::{Command, SaveCommand};
use crate::gui::model::Model;
use crate::gui::values::{Entry, PathQuestion, Wanted};
use crate::gui::widgets::list_height;
use crate::words;

/// What the dialog remembers while it is open.
#[derive(Default)]
pub struct State {
    /// Whether files of other kinds are listed too.
    pub all: bool,
    /// The entry that the arrow keys have chosen, among those listed.
    pub row: Option<usize>,
    /// Chosen where several can be.
    pub marked: BTreeSet<PathBuf>,
    folder: PathBuf,
    /// The row was moved and comes into sight.
    moved: bool,
}

impl State {
    /// Another folder is shown.
    pub fn turn_to(&mut self, folder: &Path) {
        if self.folder != folder {
            folder.clone_into(&mut self.folder);
            (self.row, self.moved) = (None, false);
            self.marked.clear();
        }
    }

    /// An arrow key was pressed.
    pub fn step(&mut self, up: bool, down: bool, rows: usize) {
        if rows == 0 || up == down {
            return;
        }
        self.row = match self.row {
            None if down => Some(0),
            None | Some(0) if up => None,
            Some(row) if up => Some(row - 1),
            Some(row) => Some((row + 1).min(rows - 1)),
            None => None,
        };
        self.moved = true;
    }
}

/// Whether an entry is listed.
pub fn fits(ask: &PathQuestion, all: bool, typed: &str, entry: &Entry) -> bool {
    // Who types the dot wants to see them.
    if entry.name.starts_with('.') && !typed.starts_with('.') {
        return false;
    }
    let of_kind = || all || ask.kinds().is_none_or(|kinds| kinds.holds(&entry.name));
    entry.is_folder || (!ask.wanted().is_folder() && of_kind())
}

/// The path after going to another folder: where something is saved, the name of the file stays.
pub fn within(ask: &PathQuestion, folder: &Path) -> PathBuf {
    let name =
        ask.path.file_name().filter(|_| ask.wanted() == Wanted::Save && ask.path.extension().is_some());
    match name {
        Some(name) => folder.join(name),
        // The separator at its end is for typing on.
        None => folder.join(""),
    }
}

/// The ways to other folders.
pub fn places(ui: &mut Ui, model: &Model, ask: &PathQuestion, folder: &Path, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let go = |folder: &Path, out: &mut Vec<Command>| {
            out.push(Command::Save(SaveCommand::Answer(Some(within(ask, folder)))));
        };
        let above = folder.parent();
        if ui.add_enabled(above.is_some(), egui::Button::new("Folder above")).clicked()
            && let Some(above) = above
        {
            go(above, out);
        }
        if let Some(home) = words::home()
            && ui.button("Home").on_hover_text(home.display().to_string()).clicked()
        {
            go(&home, out);
        }
        ui.menu_button("Recent folders", |ui| {
            let projects = model.settings.recent.iter().filter_map(|project| project.parent());
            let chosen = model.settings.recent_folders.iter().map(PathBuf::as_path);
            let mut seen = BTreeSet::new();
            for recent in chosen.chain(projects).filter(|recent| seen.insert(*recent)) {
                if ui.button(recent.display().to_string()).clicked() {
                    go(recent, out);
                    ui.close();
                }
            }
            if seen.is_empty() {
                ui.weak("No folder yet.");
            }
        });
    });
    ui.add_space(4.0);
}

/// Draws the frame of the list, always of the same height: a button below it must not move under the pointer when a
/// folder was read.
pub fn framed(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    let height = list_height(ui, 300.0);
    let frame = egui::Frame::new().fill(ui.visuals().extreme_bg_color).corner_radius(4.0).inner_margin(4.0);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_height(height);
        contents(ui);
    });
}

/// Draws the list.
pub fn ui(ui: &mut Ui, ask: &PathQuestion, shown: &[&Entry], state: &mut State, out: &mut Vec<Command>) {
    if shown.is_empty() {
        ui.weak("Nothing to choose in this folder.");
        return;
    }
    let height = ui.available_height();
    let row_height = ui.spacing().interact_size.y;
    let mut area = ScrollArea::vertical()
        .id_salt("entries")
        .min_scrolled_height(height)
        .max_height(height)
        .auto_shrink(false);
    if let Some(row) = state.row.filter(|_| std::mem::take(&mut state.moved)) {
        let whole = row_height + ui.spacing().item_spacing.y;
        area = area.vertical_scroll_offset((row as f32 * whole - height * 0.5).max(0.0));
    }
    area.show_rows(ui, row_height, shown.len(), |ui, rows| {
        for at in rows {
            if let Some(entry) = shown.get(at) {
                row(ui, ask, entry, at, state, out);
            }
        }
    });
}

fn row(ui: &mut Ui, ask: &PathQuestion, entry: &Entry, at: usize, state: &mut State, out: &mut Vec<Command>) {
    let wanted = ask.wanted();
    ui.horizontal(|ui| {
        if wanted.is_many() && entry.is_folder == wanted.is_folder() {
            let mut marked = state.marked.contains(&entry.path);
            let tick = ui.checkbox(&mut marked, "");
            let name = format!("Choose {}", entry.name);
            tick.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, marked, &name));
            if tick.changed() {
                mark(entry, marked, state);
            }
        }
        let (words, facts) = match (entry.is_folder, entry.is_project) {
            (true, true) => {
                (format!("{}{}", entry.name, std::path::MAIN_SEPARATOR), "Vitrine project".to_owned())
            }
            (true, false) => (format!("{}{}", entry.name, std::path::MAIN_SEPARATOR), String::new()),
            (false, _) => (entry.name.clone(), words::bytes(entry.bytes)),
        };
        let chosen = state.row == Some(at) || state.marked.contains(&entry.path) || entry.path == ask.path;
        let button = egui::Button::selectable(chosen, words).shortcut_text(facts).truncate();
        let response = ui.add(button.min_size(egui::vec2(ui.available_width(), 0.0)));
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, chosen, &entry.name));
        if response.double_clicked() && !entry.is_folder && wanted != Wanted::Save {
            out.push(Command::Save(SaveCommand::Go(entry.path.clone())));
        } else if response.clicked() {
            state.row = None;
            if entry.is_folder {
                out.push(Command::Save(SaveCommand::Answer(Some(within(ask, &entry.path)))));
            } else if wanted == Wanted::Files {
                mark(entry, !state.marked.contains(&entry.path), state);
            } else {
                out.push(Command::Save(SaveCommand::Answer(Some(entry.path.clone()))));
            }
        }
    });
}

fn mark(entry: &Entry, on: bool, state: &mut State) {
    if on {
        state.marked.insert(entry.path.clone());
    } else {
        state.marked.remove(&entry.path);
    }
}
