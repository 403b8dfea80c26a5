//! The views: one file each, all with the same shape,
//! `pub fn ui(ui, &Model, &mut State, &mut Vec<Command>)`. A view reads the model, remembers only what
//! concerns its own looks in its `State`, and pushes commands.

pub mod about;
mod ask_path;
pub mod charts;
pub mod compare;
mod compare_scores;
pub mod confirm_close;
pub mod diagnosis;
mod docks;
pub mod export;
pub mod gallery;
pub mod import;
pub mod keys;
pub mod live;
pub mod navigation;
pub mod notifications;
pub mod palette;
pub mod patch_panel;
pub mod queues;
pub mod settings;
pub mod start;
pub mod status_bar;
pub mod train;
mod train_form;
mod train_runs;

use eframe::egui;
use egui::{CentralPanel, Panel, Ui};

use crate::gui::command::{AskPath, Command};
use crate::gui::model::{Model, Overlay, Tab};
use crate::gui::widgets::left_panel;

/// What views remember from frame to frame.
#[derive(Default)]
pub struct States {
    /// First screen.
    pub start: start::State,
    /// Import.
    pub import: import::State,
    /// Gallery.
    pub gallery: gallery::State,
    /// Side panel for one patch.
    pub patch_panel: patch_panel::State,
    /// Review queues.
    pub queues: queues::State,
    /// Train.
    pub train: train::State,
    /// Live curves.
    pub live: live::State,
    /// Compare.
    pub compare: compare::State,
    /// Export.
    pub export: export::State,
    /// Diagnosis.
    pub diagnosis: diagnosis::State,
    /// Command palette.
    pub palette: palette::State,
    /// Settings.
    pub settings: settings::State,
    /// A file being named.
    pub ask_path: Option<AskPath>,
}

impl States {
    /// Another project was opened: what belongs to the old one goes, what is only looks may stay.
    pub fn forget_project(&mut self) {
        let start = std::mem::take(&mut self.start);
        *self = Self { start, ..Self::default() };
    }

    /// The window has another graphics device: pictures of the old one go, what was typed and chosen stays.
    pub fn forget_drawn(&mut self) {
        self.gallery.forget_drawn();
        self.patch_panel.forget_drawn();
        self.compare.forget_drawn();
        self.import.forget_drawn();
    }

    /// An overlay was opened or closed: the palette begins anew.
    pub fn overlay_changed(&mut self) {
        self.palette = palette::State::default();
        self.settings = settings::State::default();
    }
}

/// Draws the whole window.
pub fn ui(ui: &mut Ui, model: &Model, states: &mut States, out: &mut Vec<Command>) {
    let importing = model.import.is_some();
    if !importing {
        states.import = import::State::default();
    }
    if model.project.is_some() && !importing {
        Panel::top("navigation").show(ui, |ui| navigation::ui(ui, model, out));
    }
    Panel::bottom("status").show(ui, |ui| status_bar::ui(ui, model, out));
    if importing {
        import::ui(ui, model, &mut states.import, out);
    } else if model.project.is_none() {
        CentralPanel::default().show(ui, |ui| start::ui(ui, model, &mut states.start, out));
    } else {
        if model.tab != Tab::Gallery {
            gallery::leave(&mut states.gallery, out);
        }
        match model.tab {
            Tab::Gallery => docks::ui(ui, model, states, out),
            Tab::Train => {
                left_panel(ui, model, "train", 400.0, out, |ui, out| {
                    train::form(ui, model, &mut states.train, out)
                });
                CentralPanel::default()
                    .show(ui, |ui| train::ui(ui, model, &mut states.train, &mut states.live, out));
            }
            Tab::Compare => {
                CentralPanel::default().show(ui, |ui| compare::ui(ui, model, &mut states.compare, out));
            }
            Tab::Export => {
                CentralPanel::default().show(ui, |ui| export::ui(ui, model, &mut states.export, out));
            }
            Tab::Diagnosis => {
                if let Some(run) = states.live.examine.take() {
                    states.diagnosis.run = Some(run);
                }
                CentralPanel::default()
                    .show(ui, |ui| diagnosis::ui(ui, model, &mut states.diagnosis, &states.train, out));
            }
        }
    }
    match model.overlay {
        Some(Overlay::Palette) => palette::ui(ui, model, &mut states.palette, out),
        Some(Overlay::Keys) => keys::ui(ui, model, out),
        Some(Overlay::Settings) => settings::ui(ui, model, &mut states.settings, out),
        Some(Overlay::About) => about::ui(ui, model, out),
        Some(Overlay::ConfirmClose) => confirm_close::ui(ui, model, out),
        None => {}
    }
    if let Some(ask) = &states.ask_path {
        ask_path::ui(ui, ask, out);
    }
    notifications::ui(ui, model, out);
    import::drop_hint(ui);
}

/// A dialog over the view, closed by Escape and by a click beside it.
fn overlay(
    ui: &Ui,
    name: &str,
    title: &str,
    out: &mut Vec<Command>,
    contents: impl FnOnce(&mut Ui, &mut Vec<Command>),
) {
    let shown = egui::Modal::new(egui::Id::unique(name))
        .frame(egui::Frame::popup(ui.style()).inner_margin(16.0))
        .show(ui.ctx(), |ui| {
            ui.heading(title);
            ui.add_space(6.0);
            contents(ui, out);
        });
    if shown.should_close() {
        out.push(Command::View(crate::gui::command::ViewCommand::Overlay(None)));
    }
}
