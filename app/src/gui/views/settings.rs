//! The settings: theme, size, labelling, keys.

use eframe::egui;
use egui::Ui;

use crate::gui::command::{Command, SettingsCommand, ViewCommand};
use crate::gui::command_table::TABLE;
use crate::gui::keys;
use crate::gui::model::Model;
use crate::gui::values::Theme;
use crate::gui::widgets::{list_height, modal};

/// What the dialog remembers while it is open.
#[derive(Default)]
pub struct State {
    /// The command whose next key is the one that is pressed next.
    pub waiting: Option<&'static str>,
    /// The key that is being typed: id of the command and text.
    pub typing: Option<(&'static str, String)>,
    /// Only commands with these letters are listed.
    pub find: String,
}

/// Draws the dialog.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    modal(ui, "settings", "Settings", out, |ui, out| {
        ui.set_width(520.0);
        // Before any field takes it.
        if let Some(id) = state.waiting
            && let Some(shortcut) = ui.input_mut(keys::take_pressed)
        {
            state.waiting = None;
            if shortcut.logical_key != egui::Key::Escape {
                out.push(Command::Settings(SettingsCommand::Key { id, key: Some(keys::text(&shortcut)) }));
            }
        }
        ui.horizontal(|ui| {
            ui.label("Theme");
            for theme in Theme::ALL {
                if ui.selectable_label(model.settings.theme == theme, theme.as_str()).clicked() {
                    out.push(Command::Settings(SettingsCommand::Theme(theme)));
                }
            }
        });
        ui.horizontal(|ui| {
            ui.label("Size of text and controls");
            for (words, by) in [("Smaller", -0.1), ("Larger", 0.1)] {
                if ui.button(words).clicked() {
                    out.push(Command::Settings(SettingsCommand::ScaleBy(by)));
                }
            }
            ui.weak(format!("{:.0} %", model.settings.scale * 100.0));
        });
        let mut advance = model.settings.auto_advance;
        if ui.checkbox(&mut advance, "Go to the next patch after labelling").changed() {
            out.push(Command::Settings(SettingsCommand::AutoAdvance(advance)));
        }
        let mut own = model.settings.own_browser;
        let own_browser = ui.checkbox(&mut own, "Always use Vitrine's own file browser");
        if own_browser
            .on_hover_text("For desktops whose file dialog is slow or opens on another screen.")
            .changed()
        {
            out.push(Command::Settings(SettingsCommand::OwnBrowser(own)));
        }
        ui.add_space(8.0);
        ui.strong("Keys");
        ui.add(
            egui::Label::new(
                "Click a key, then press the new one. Escape cancels. Or type it, for example Ctrl+Shift+A, and press Enter. \
                 Empty means no key.",
            )
            .wrap(),
        );
        ui.horizontal(|ui| {
            let name = ui.label("Find");
            ui.add(egui::TextEdit::singleline(&mut state.find).desired_width(200.0)).labelled_by(name.id);
        });
        let wanted = state.find.to_lowercase();
        let height = list_height(ui, 300.0);
        let list = egui::ScrollArea::vertical().min_scrolled_height(height).max_height(height);
        list.auto_shrink(false).show(ui, |ui| {
            egui::Grid::new("key settings").num_columns(3).striped(true).show(ui, |ui| {
                for info in TABLE.iter().filter(|info| info.name.to_lowercase().contains(&wanted)) {
                    ui.label(info.name);
                    key(ui, model, state, info.id, info.name, out);
                    if model.settings.keys.contains_key(info.id) && ui.small_button("Default").clicked() {
                        out.push(Command::Settings(SettingsCommand::DefaultKey(info.id)));
                    }
                    ui.end_row();
                }
            });
        });
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let why = "Theme, size, keys and panels go back to their defaults. Recent projects stay.";
            if ui.button("Reset all settings").on_hover_text(why).clicked() {
                out.push(Command::Settings(SettingsCommand::Reset));
            }
            if ui.button("Close").clicked() {
                out.push(Command::View(ViewCommand::Overlay(None)));
            }
        });
    });
}

fn key(ui: &mut Ui, model: &Model, state: &mut State, id: &'static str, name: &str, out: &mut Vec<Command>) {
    let shown = model.keys.text_of(id).unwrap_or_default();
    if state.waiting == Some(id) {
        wait_for_key(ui, state, id, shown, name, out);
        return;
    }
    match &mut state.typing {
        Some((typing, text)) if *typing == id => {
            let edit = ui.add(egui::TextEdit::singleline(text).desired_width(110.0));
            edit.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, format!("Key of {name}"))
            });
            let valid = text.trim().is_empty() || keys::parse(text).is_some();
            if !valid {
                edit.clone().on_hover_text("Not a key yet");
            }
            if edit.lost_focus() {
                let given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
                if valid && !given_up {
                    let key = (!text.trim().is_empty()).then(|| text.trim().to_owned());
                    out.push(Command::Settings(SettingsCommand::Key { id, key }));
                }
                state.typing = None;
            } else {
                edit.request_focus();
            }
        }
        _ => {
            let words = if shown.is_empty() { "none" } else { &shown };
            if ui.button(words).on_hover_text(format!("Change the key of {name}")).clicked() {
                state.typing = None;
                state.waiting = Some(id);
            }
        }
    }
}

/// The key of a command while the next one pressed becomes it.
fn wait_for_key(
    ui: &mut Ui,
    state: &mut State,
    id: &'static str,
    shown: String,
    name: &str,
    out: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        let waits = ui.selectable_label(true, "Press a key…");
        if waits.on_hover_text(format!("Press the new key of {name}; Escape cancels")).clicked() {
            state.waiting = None;
        }
        if ui.small_button("Type it").on_hover_text(format!("Type the key of {name}")).clicked() {
            state.waiting = None;
            state.typing = Some((id, shown));
        }
        if ui.small_button("No key").on_hover_text(format!("{name} gets no key")).clicked() {
            state.waiting = None;
            out.push(Command::Settings(SettingsCommand::Key { id, key: None }));
        }
    });
}
