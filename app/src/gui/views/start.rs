//! The first screen: recent projects, open, the sample.

use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{TextEdit, Ui};

use crate::gui::command::{Command, ProjectCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::Model;
use crate::gui::widgets::command_button;
use crate::words;

/// What the first screen remembers.
pub struct State {
    /// Path typed to open.
    pub path: String,
    /// Folder typed for the sample.
    pub sample: String,
}

impl Default for State {
    fn default() -> Self {
        let sample = words::home().unwrap_or_else(std::env::temp_dir).join("vitrine-sample");
        Self { path: String::new(), sample: sample.display().to_string() }
    }
}

/// Draws the screen.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().show(ui, |ui| {
        ui.add_space(32.0);
        ui.vertical_centered(|ui| {
            ui.set_max_width(640.0);
            ui.heading("Vitrine");
            ui.weak("A clean particle set from a few hundred labels");
            ui.add_space(24.0);
            ui.vertical(|ui| contents(ui, model, state, out));
        });
    });
}

fn contents(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    ui.strong("Open a project");
    ui.horizontal(|ui| {
        let name = ui.label("Folder");
        let edit = TextEdit::singleline(&mut state.path).desired_width(320.0).hint_text("/data/apo");
        let typed = ui.add(edit).labelled_by(name.id);
        let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let ready = !state.path.trim().is_empty();
        let clicked = ui.add_enabled(ready, egui::Button::new("Open")).clicked();
        if ready && (clicked || entered) {
            out.push(Command::Project(ProjectCommand::Open(expanded(&state.path))));
        }
        command_button(ui, model, "project.open", out);
    });
    if !model.settings.recent.is_empty() {
        ui.add_space(18.0);
        ui.strong("Recent projects");
        for dir in &model.settings.recent {
            recent(ui, dir, out);
        }
    }
    ui.add_space(18.0);
    ui.strong("Try it on the sample");
    ui.weak("Simulated micrographs with some of their particles picked, made on your disk in a few seconds.");
    ui.horizontal(|ui| {
        let name = ui.label("Folder");
        ui.add(TextEdit::singleline(&mut state.sample).desired_width(320.0)).labelled_by(name.id);
        let busy = model.jobs.iter().any(|job| job.kind == JobKind::Sample);
        let ready = !busy && !state.sample.trim().is_empty();
        if ui.add_enabled(ready, egui::Button::new("Open the sample")).clicked() {
            out.push(Command::Project(ProjectCommand::Sample(expanded(&state.sample))));
        }
    });
    if !model.to_import.is_empty() {
        ui.add_space(18.0);
        ui.strong("Dropped files");
        for path in &model.to_import {
            ui.label(path.display().to_string());
        }
        ui.weak("None of them is a project. To make one from files, use vitrine import on the command line.");
    }
}

fn recent(ui: &mut Ui, dir: &Path, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        if ui.link(dir.display().to_string()).clicked() {
            out.push(Command::Project(ProjectCommand::Open(dir.to_owned())));
        }
        let forget = ui.small_button("Forget").on_hover_text("Take it off this list; its files stay.");
        if forget.clicked() {
            out.push(Command::Project(ProjectCommand::Forget(dir.to_owned())));
        }
    });
}

/// A typed path, `~` for the home folder.
fn expanded(text: &str) -> PathBuf {
    let text = text.trim();
    match (text.strip_prefix('~'), words::home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}
