//! The command palette: type part of a command's name and press Enter.

use std::borrow::Cow;
use std::path::Path;

use eframe::egui;
use egui::{Key, Ui};

use crate::gui::command::{Command, ProjectCommand, ViewCommand};
use crate::gui::command_table::{Area, Info, TABLE};
use crate::gui::model::Model;
use crate::gui::widgets::{list_height, modal};

/// What the palette remembers while it is open.
#[derive(Default)]
pub struct State {
    /// The search text.
    pub text: String,
    /// Index of the chosen command among those found.
    pub chosen: usize,
}

/// Draws the palette.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    modal(ui, "palette", "Commands", out, |ui, out| {
        ui.set_width(480.0);
        let (up, down, enter) = ui.input_mut(|input| {
            let none = egui::Modifiers::NONE;
            (
                input.consume_key(none, Key::ArrowUp),
                input.consume_key(none, Key::ArrowDown),
                input.key_pressed(Key::Enter),
            )
        });
        let name = ui.label("Type part of a name");
        // Before it is drawn: what was typed since the key that opened it is meant for it.
        let id = egui::Id::unique("text of the palette");
        ui.memory_mut(|memory| memory.request_focus(id));
        let edit = ui
            .add(egui::TextEdit::singleline(&mut state.text).id(id).desired_width(f32::INFINITY))
            .labelled_by(name.id);
        if edit.changed() {
            state.chosen = 0;
        }
        let mut found: Vec<Row<'_>> = rows(model).filter(|row| row.matches(&state.text)).collect();
        // What can be done now stands first.
        found.sort_by_key(|row| row.allowed.is_err());
        let last = found.len().saturating_sub(1);
        state.chosen = (state.chosen + usize::from(down)).min(last) - usize::from(up && state.chosen > 0);
        let mut given = false;
        let height = list_height(ui, 360.0);
        let list = egui::ScrollArea::vertical().min_scrolled_height(height).max_height(height);
        list.auto_shrink(false).show(ui, |ui| {
            for (place, row) in found.iter().enumerate() {
                let chosen = place == state.chosen;
                let button = egui::Button::selectable(chosen, &*row.name).shortcut_text(&*row.key).truncate();
                let button = button.min_size(egui::vec2(ui.available_width(), 0.0));
                let response = ui.add_enabled(row.allowed.is_ok(), button);
                if chosen && (up || down) {
                    response.scroll_to_me(None);
                }
                if row.allowed.is_ok() && (response.clicked() || (enter && chosen)) {
                    // Closed first: the command may open something else.
                    out.push(Command::View(ViewCommand::Overlay(None)));
                    out.push(row.does.command());
                    given = true;
                }
                match row.allowed {
                    Ok(()) => response.on_hover_text(row.tooltip),
                    Err(why) => response.on_disabled_hover_text(why),
                };
            }
            if found.is_empty() {
                ui.weak("No matching command.");
            }
        });
        if given {
            // Opened again by its own command, it is empty.
            *state = State::default();
        }
    });
}

/// A line of the palette.
struct Row<'a> {
    area: Area,
    name: Cow<'a, str>,
    tooltip: &'a str,
    key: String,
    allowed: Result<(), &'static str>,
    does: Does<'a>,
}

/// The effect of a line.
enum Does<'a> {
    /// A command of the table.
    Give(&'static Info),
    /// A recent project is opened.
    Open(&'a Path),
}

impl Does<'_> {
    fn command(&self) -> Command {
        match self {
            Self::Give(info) => (info.command)(),
            Self::Open(dir) => Command::Project(ProjectCommand::Open((*dir).to_owned())),
        }
    }
}

/// Every line there is: the commands of the table, then the recent projects but the one that is open.
fn rows(model: &Model) -> impl Iterator<Item = Row<'_>> {
    let given = TABLE.iter().map(|info| Row {
        area: info.area,
        name: info.name.into(),
        tooltip: info.tooltip,
        key: model.keys.text_of(info.id).unwrap_or_default(),
        allowed: model.allows(info.needs),
        does: Does::Give(info),
    });
    let open = model.project.as_ref().map(|open| open.dir.as_path());
    let recent = model.settings.recent.iter().filter(move |dir| Some(dir.as_path()) != open);
    given.chain(recent.map(|dir| Row {
        area: Area::Project,
        name: format!("Open {}", dir.display()).into(),
        tooltip: "Open this recent project.",
        key: String::new(),
        allowed: Ok(()),
        does: Does::Open(dir),
    }))
}

impl Row<'_> {
    /// Whether every word typed is in the name or the sentence.
    fn matches(&self, text: &str) -> bool {
        let words = format!("{} {} {}", self.area.as_str(), self.name, self.tooltip).to_lowercase();
        text.to_lowercase().split_whitespace().all(|part| words.contains(part))
    }
}
