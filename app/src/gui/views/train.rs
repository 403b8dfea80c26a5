//! Train: start a run with the recommended preset. The form for the configuration is still to come.

use eframe::egui;
use egui::Ui;
use vitrine_core::learning::config_file;
use vitrine_core::learning::device::DeviceChoice;

use super::live;
use crate::gui::command::{Command, Needs, TrainCommand, TrainStart};
use crate::gui::model::Model;

/// What the view remembers.
pub struct State {
    /// Name of the preset chosen.
    pub preset: &'static str,
}

impl Default for State {
    fn default() -> Self {
        Self { preset: config_file::PRESETS.first().map_or("recommended", |preset| preset.name) }
    }
}

/// Draws the view; the live curves below are [`live`].
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, live: &mut live::State, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        egui::ComboBox::from_label("Preset").selected_text(state.preset).show_ui(ui, |ui| {
            for preset in config_file::PRESETS {
                ui.selectable_value(&mut state.preset, preset.name, preset.name);
            }
        });
        let allowed = model.allows(Needs::NoTraining);
        let start = ui.add_enabled(allowed.is_ok(), egui::Button::new("Start training"));
        if start.clicked()
            // Presets are part of the program; a test loads each.
            && let Ok(config) = config_file::load(state.preset)
        {
            out.push(Command::Train(TrainCommand::Start(Box::new(TrainStart {
                name: None,
                base_name: state.preset.to_owned(),
                config,
                device: DeviceChoice::Auto,
            }))));
        }
        if let Err(why) = allowed {
            start.on_disabled_hover_text(why);
        }
    });
    ui.separator();
    live::ui(ui, model, live, out);
}
