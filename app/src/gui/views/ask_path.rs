//! The dialog that asks for a file or folder: a path to type, with Tab to complete it, and below it what the folder
//! holds. Arrow keys choose an entry, Enter takes it.

use std::path::PathBuf;

use eframe::egui;
use egui::{Key, Modifiers, TextEdit, Ui};

use super::file_list;
use crate::gui::command::{Command, SaveCommand};
use crate::gui::model::Model;
use crate::gui::values::{Entry, Listing, Load, PathQuestion, Wanted, parts};
use crate::gui::widgets::form::complaint;
use crate::gui::widgets::modal;
use crate::words;

pub use file_list::State;

/// Draws the question.
pub fn ui(ui: &mut Ui, model: &Model, ask: &PathQuestion, state: &mut State, out: &mut Vec<Command>) {
    let mut closed = Vec::new();
    modal(ui, "ask path", &ask.title, &mut closed, |ui, _| contents(ui, model, ask, state, out));
    if !closed.is_empty() {
        out.push(Command::Save(SaveCommand::Answer(None)));
    }
}

/// The person names this path.
fn name(path: PathBuf, out: &mut Vec<Command>) {
    out.push(Command::Save(SaveCommand::Answer(Some(path))));
}

fn contents(ui: &mut Ui, model: &Model, ask: &PathQuestion, state: &mut State, out: &mut Vec<Command>) {
    ui.set_width((ui.ctx().content_rect().width() - 80.0).min(640.0));
    let (folder, typed) = parts(&ask.path);
    state.turn_to(&folder);
    let load = model.listing.of(&folder);
    if load.is_not_asked() {
        out.push(Command::Save(SaveCommand::List(folder.clone())));
    }
    let listing = load.ready().copied();
    let all = state.all;
    let fits = |entry: &Entry| file_list::fits(ask, all, &typed, entry);
    let shown: Vec<&Entry> = listing
        .map_or(&[][..], |listing| listing.entries.as_slice())
        .iter()
        .filter(|entry| fits(entry))
        .collect();
    file_list::places(ui, model, ask, &folder, out);
    let entered = field(ui, ask, listing, &fits, state, shown.len(), out);
    if let Some(wrong) = &ask.wrong {
        complaint(ui, &words::capitalised(wrong));
    }
    ui.add_space(4.0);
    file_list::framed(ui, |ui| match load {
        Load::Failed(failure) => {
            let text = format!("{}.", words::capitalised(failure.why.trim_end_matches('.')));
            ui.add(egui::Label::new(egui::RichText::new(text).weak()).wrap());
            if ask.wanted() == Wanted::Save {
                ui.weak("A folder that does not exist is made.");
            }
        }
        Load::Ready(_) => file_list::ui(ui, ask, &shown, state, out),
        // A folder is read in a moment.
        Load::NotAsked | Load::Loading => {}
    });
    if let Some(kinds) = ask.kinds() {
        ui.checkbox(&mut state.all, format!("Show all files, not only {}", kinds.words));
    }
    ui.add_space(6.0);
    buttons(ui, model, ask, listing, &typed, state, out);
    if let Some(path) = entered {
        match state.row.and_then(|row| shown.get(row)) {
            Some(entry) if entry.is_folder => name(file_list::within(ask, &entry.path), out),
            Some(entry) => out.push(Command::Save(SaveCommand::Go(entry.path.clone()))),
            None => {
                let (_, typed) = parts(&path);
                go(&PathQuestion { path, ..ask.clone() }, listing, &typed, state, out);
            }
        }
    }
}

/// The field of the path. Returns the path when Enter was pressed in it, with what was typed in the same frame: a slow
/// machine draws few of them.
fn field(
    ui: &mut Ui,
    ask: &PathQuestion,
    listing: Option<&Listing>,
    fits: &impl Fn(&Entry) -> bool,
    state: &mut State,
    rows: usize,
    out: &mut Vec<Command>,
) -> Option<PathBuf> {
    let id = egui::Id::unique("path of the question");
    let mut text = ask.path.display().to_string();
    let mut path = ask.path.clone();
    // Before it is drawn: what was typed already is meant for it.
    if ui.memory(|memory| memory.focused().is_none()) {
        ui.memory_mut(|memory| memory.request_focus(id));
        ui.ctx().request_repaint();
    }
    let had_focus = ui.memory(|memory| memory.has_focus(id));
    if had_focus {
        let key = |ui: &Ui, key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        state.step(key(ui, Key::ArrowUp), key(ui, Key::ArrowDown), rows);
        if key(ui, Key::Tab) {
            let (folder, typed) = parts(&ask.path);
            match listing.and_then(|listing| listing.completed(&typed, fits)) {
                Some(completed) => {
                    text = format!("{}{completed}", folder.display());
                    path = PathBuf::from(&text);
                    name(path.clone(), out);
                    // Without a place of its own the cursor stands at the end.
                    TextEdit::store_state(ui.ctx(), id, egui::text_edit::TextEditState::default());
                }
                None => ui.memory_mut(|memory| memory.move_focus(egui::FocusDirection::Next)),
            }
        }
    }
    let mut entered = false;
    ui.horizontal(|ui| {
        let label = ui.label(if ask.wanted().is_folder() { "Folder" } else { "File" });
        let width = ui.available_width();
        let edit = TextEdit::singleline(&mut text).id(id).lock_focus(true).desired_width(width);
        let edit = ui
            .add(edit)
            .labelled_by(label.id)
            .on_hover_text("Tab completes a name. Arrow keys choose in the list.");
        // Not `lost_focus`: that is only said of a field that had the focus in the frame before.
        entered = had_focus && !edit.has_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if edit.changed() {
            state.row = None;
            path = if text.starts_with('~') { words::typed_path(&text) } else { PathBuf::from(&text) };
            name(path.clone(), out);
        }
    });
    entered.then_some(path)
}

/// Takes what was named: a folder is entered where a file is wanted.
fn go(ask: &PathQuestion, listing: Option<&Listing>, typed: &str, state: &State, out: &mut Vec<Command>) {
    let wanted = ask.wanted();
    let entry = listing.and_then(|listing| listing.at(&ask.path));
    if !state.marked.is_empty() {
        out.push(Command::Save(SaveCommand::GoMany(state.marked.iter().cloned().collect())));
    } else if wanted.is_folder() {
        // Without the separator at its end, which is for typing on.
        out.push(Command::Save(SaveCommand::Go(ask.path.components().collect())));
    } else if entry.is_some_and(|entry| entry.is_folder) {
        name(ask.path.join(""), out);
    } else if !typed.is_empty() {
        out.push(Command::Save(SaveCommand::Go(ask.path.clone())));
    }
}

fn buttons(
    ui: &mut Ui,
    model: &Model,
    ask: &PathQuestion,
    listing: Option<&Listing>,
    typed: &str,
    state: &State,
    out: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        let wanted = ask.wanted();
        let words = match (wanted, state.marked.len()) {
            _ if ask.writes() => "Save".to_owned(),
            (Wanted::Folder, _) | (Wanted::Folders, 0) => "Choose this folder".to_owned(),
            (Wanted::Folders, 1) => "Choose 1 folder".to_owned(),
            (Wanted::Folders, number) => format!("Choose {number} folders"),
            (_, 0 | 1) => "Open".to_owned(),
            (_, number) => format!("Open {number} files"),
        };
        let named = !state.marked.is_empty()
            || if wanted.is_folder() { !ask.path.as_os_str().is_empty() } else { !typed.is_empty() };
        let button =
            egui::Button::new(egui::RichText::new(words).strong()).fill(ui.visuals().selection.bg_fill);
        if ui.add_enabled(named, button).on_disabled_hover_text("Name a file first, or click one.").clicked()
        {
            go(ask, listing, typed, state, out);
        }
        if model.has_dialogs
            && !model.settings.own_browser
            && ui.button("Choose…").on_hover_text("Choose in the file dialog of the desktop").clicked()
        {
            out.push(Command::Save(SaveCommand::Choose));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Save(SaveCommand::Answer(None)));
        }
        let there = listing.and_then(|listing| listing.at(&ask.path)).is_some_and(|entry| !entry.is_folder);
        if wanted == Wanted::Save && there {
            ui.colored_label(ui.visuals().warn_fg_color, "This file exists and will be replaced.");
        }
    });
}
