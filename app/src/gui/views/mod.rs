//! The views, one file each. All have the shape `pub fn ui(ui, &Model, &mut State, &mut Vec<Command>)`: a
//! view reads the model, pushes commands, and remembers only its own looks in its `State`.

pub mod about;
pub mod ask_path;
pub mod charts;
mod cluster_jobs;
pub mod compare;
pub mod confirm_close;
pub mod diagnosis;
mod docks;
pub mod export;
mod file_list;
pub mod gallery;
pub mod import;
mod job_dialogs;
pub mod keys;
pub mod live;
pub mod live_curves;
mod manage_runs;
pub mod micrographs;
pub mod navigation;
pub mod notifications;
pub mod palette;
pub mod patch_panel;
pub mod queues;
mod recent_card;
mod retrain;
mod road;
mod round;
pub mod settings;
pub mod start;
mod start_picture;
mod states;
pub mod status_bar;
mod tour;
pub mod train;
mod train_form;
mod train_on;
mod train_queue;
pub mod train_runs;

use eframe::egui;
use egui::{CentralPanel, Panel, Ui};

pub use states::States;

use crate::gui::command::Command;
use crate::gui::model::{Model, TourPlace};
use crate::gui::settings::ROAD;
use crate::gui::values::{Edge, Overlay, Tab};
use crate::gui::widgets::ResizablePanel;

/// Draws the whole window.
pub fn ui(ui: &mut Ui, model: &Model, states: &mut States, out: &mut Vec<Command>) {
    let importing = model.import.is_some();
    if !importing {
        states.import = import::State::default();
    }
    if model.overlay != Some(Overlay::Palette) {
        states.palette = palette::State::default();
    }
    if model.overlay != Some(Overlay::Settings) {
        states.settings = settings::State::default();
    }
    if model.project.is_some() && !importing {
        Panel::top("navigation").show(ui, |ui| navigation::ui(ui, model, out));
        if !model.settings.hidden.contains(ROAD) {
            let road = Panel::top("road").show(ui, |ui| road::ui(ui, model, out));
            tour::tell(ui.ctx(), TourPlace::Road, road.response.rect);
        }
    }
    Panel::bottom("status").show(ui, |ui| status_bar::ui(ui, model, out));
    if importing {
        import::ui(ui, model, &mut states.import, out);
    } else if model.project.is_none() {
        CentralPanel::default().show(ui, |ui| start::ui(ui, model, &mut states.start, out));
    } else {
        tour::tell(ui.ctx(), TourPlace::View, ui.available_rect_before_wrap());
        gallery::leave(model, &mut states.gallery, out);
        micrographs::leave(model, &mut states.micrographs, out);
        match model.tab {
            Tab::Gallery => docks::ui(ui, model, states, out),
            Tab::Micrographs => micrographs::ui(ui, model, &mut states.micrographs, out),
            Tab::Train => {
                ResizablePanel::new(Edge::Left, "train", 400.0)
                    .show(ui, model, out, |ui, out| train::form(ui, model, out));
                CentralPanel::default()
                    .show(ui, |ui| train::ui(ui, model, &mut states.runs, &mut states.live, out));
            }
            Tab::Compare => {
                CentralPanel::default().show(ui, |ui| compare::ui(ui, model, &mut states.compare, out));
            }
            Tab::Export => {
                CentralPanel::default().show(ui, |ui| export::ui(ui, model, &mut states.export, out));
            }
            Tab::Diagnosis => {
                CentralPanel::default().show(ui, |ui| diagnosis::ui(ui, model, &mut states.diagnosis, out));
            }
        }
    }
    match model.overlay {
        Some(Overlay::Palette) => palette::ui(ui, model, &mut states.palette, out),
        Some(Overlay::Keys) => keys::ui(ui, model, out),
        Some(Overlay::Settings) => settings::ui(ui, model, &mut states.settings, out),
        Some(Overlay::About) => about::ui(ui, model, out),
        Some(Overlay::RenameRun) => manage_runs::rename(ui, model, out),
        Some(Overlay::NoteRun) => manage_runs::note(ui, model, out),
        Some(Overlay::DeleteRun) => manage_runs::delete(ui, model, out),
        Some(Overlay::SubmitJob) => job_dialogs::submit(ui, model, out),
        Some(Overlay::JobText) => job_dialogs::read(ui, model, out),
        Some(Overlay::CancelJob) => job_dialogs::cancel(ui, model, out),
        Some(Overlay::ConfirmClose) => confirm_close::ui(ui, model, out),
        None => {}
    }
    match &model.ask_path {
        Some(ask) => ask_path::ui(ui, model, ask, &mut states.ask_path, out),
        None => states.ask_path = ask_path::State::default(),
    }
    // A dialog has the window to itself.
    let asks = model.overlay.is_some() || model.ask_path.is_some();
    if !importing && !asks && model.project.is_some() {
        tour::ui(ui.ctx(), model, out);
    }
    notifications::ui(ui, model, out);
    import::drop_hint(ui);
}
