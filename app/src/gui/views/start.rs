//! The first screen: recent projects, open, new from files, the sample.

use eframe::egui;
use egui::{Frame, RichText, TextEdit, Ui};

use super::recent_card::{self, CardPictures};
use super::start_picture;
use crate::gui::command::{Command, DraftCommand, ImportCommand, ProjectCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::Model;
use crate::gui::widgets::form::section;
use crate::gui::widgets::{busy, command_button, command_button_as};
use crate::words::typed_path;

/// What the first screen remembers.
#[derive(Default)]
pub struct State {
    /// Path typed to open.
    pub path: String,
    picture: Option<egui::TextureHandle>,
    cards: CardPictures,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.picture = None;
        self.cards = CardPictures::default();
    }
}

/// The widest the page gets, points.
const WIDTH: f32 = 960.0;

/// Draws the screen.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = WIDTH.min(ui.available_width() - 32.0);
        let side = ((ui.available_width() - width) * 0.5).max(16.0);
        ui.horizontal_top(|ui| {
            ui.add_space(side);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add_space(20.0);
                contents(ui, model, state, out);
                ui.add_space(24.0);
            });
        });
    });
}

fn contents(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    ui.label(RichText::new("Vitrine").heading().size(30.0));
    ui.label(
        RichText::new(
            "Finds the particles in your cryo-EM micrographs from a few hundred that you have picked.",
        )
        .size(15.5),
    );
    ui.add_space(8.0);
    // Who comes back wants the own projects; who is new here wants to see what it does.
    let is_new = model.settings.recent.is_empty();
    if is_new {
        start_picture::show(ui, &mut state.picture, ui.available_width());
        sample(ui, model, is_new, out);
    } else {
        section(ui, "Recent projects");
        recent_card::ui(ui, model, &mut state.cards, out);
    }
    own_files(ui, model, state, out);
    if !is_new {
        sample(ui, model, is_new, out);
        ui.add_space(14.0);
        start_picture::show(ui, &mut state.picture, ui.available_width());
    }
    ui.add_space(14.0);
    ui.horizontal(|ui| {
        command_button_as(ui, model, "window.palette", "Commands", out);
        command_button(ui, model, "window.keys", out);
        command_button(ui, model, "window.settings", out);
        command_button_as(ui, model, "window.about", "About", out);
    });
}

/// New projects from files, and projects that are not in the list.
fn own_files(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    section(ui, "New from files");
    card(ui, |ui| {
        ui.add(
            egui::Label::new(format!(
                "{} files or folders{}: patches (PyTorch, NumPy, MRC stacks, RELION STAR, cryoSPARC .cs, folders of \
                 pictures), micrographs with picks (STAR, EMAN .box, CSV, .cbox), or micrographs alone, to be picked here.",
                if model.takes_drops { "Drop" } else { "Choose" },
                if model.takes_drops { " onto this window" } else { "" },
            ))
            .wrap(),
        );
        ui.horizontal(|ui| {
            if ui.button("Choose files…").on_hover_text("Patch files, pick files or micrographs.").clicked()
            {
                out.push(Command::Import(ImportCommand::Add(Vec::new())));
                out.push(Command::Import(ImportCommand::ChooseFiles));
            }
            if ui
                .button("Choose folders…")
                .on_hover_text("Folders of micrographs, picks or pictures.")
                .clicked()
            {
                out.push(Command::Import(ImportCommand::Add(Vec::new())));
                out.push(Command::Import(ImportCommand::ChooseFolders));
            }
            command_button_as(ui, model, "project.import", "Type a path…", out);
        });
    });

    section(ui, "Open a project");
    card(ui, |ui| {
        ui.horizontal(|ui| {
            let name = ui.label("Folder");
            let edit = TextEdit::singleline(&mut state.path)
                .desired_width(ui.available_width() - 170.0)
                .hint_text("/data/apo");
            let typed = ui.add(edit).labelled_by(name.id);
            let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let ready = !state.path.trim().is_empty();
            let clicked = ui
                .add_enabled(ready, egui::Button::new("Open"))
                .on_disabled_hover_text("Type the folder of a project first.")
                .clicked();
            if ready && (clicked || entered) {
                out.push(Command::Project(ProjectCommand::Open(typed_path(&state.path))));
            }
            command_button_as(ui, model, "project.open", "Choose…", out);
        });
    });
}

/// The sample.
fn sample(ui: &mut Ui, model: &Model, is_new: bool, out: &mut Vec<Command>) {
    section(ui, "Try it on the sample");
    card(ui, |ui| {
        ui.add(
            egui::Label::new(
                "Simulated micrographs with about a third of their particles picked, made on your disk and scored \
                 by the general model. A quick run then trains by itself while you look around.",
            )
            .wrap(),
        );
        ui.horizontal(|ui| {
            let name = ui.label("Folder");
            let mut folder = model.drafts.sample.clone();
            let edit = TextEdit::singleline(&mut folder).desired_width(ui.available_width() - 170.0);
            if ui.add(edit).labelled_by(name.id).changed() {
                out.push(Command::Draft(DraftCommand::Sample(folder.clone())));
            }
            let making = model.jobs.iter().any(|job| job.kind == JobKind::Sample);
            let ready = !making && !folder.trim().is_empty();
            let mut button = egui::Button::new("Open the sample");
            if is_new {
                button = button.fill(ui.visuals().selection.bg_fill);
            }
            if ui.add_enabled(ready, button).clicked() {
                out.push(Command::Project(ProjectCommand::SampleHere));
            }
            if making {
                busy(ui);
            }
        });
    });
}

fn card(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    Frame::group(ui.style()).fill(ui.visuals().faint_bg_color).inner_margin(10.0).show(ui, |ui| {
        ui.set_width(ui.available_width());
        contents(ui);
    });
}
