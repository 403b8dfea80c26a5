//! The import page: files, settings and a preview. Nothing is written before the person presses Import.

mod box_by_sight;
mod columns;
mod disk_space;
mod form;
mod last;
mod page;
mod rest;
mod run;
mod scores;
mod seen;

use eframe::egui;
use egui::{Align2, Panel, RichText, TextEdit, Ui};

use self::page::{Page, ask_for_look};
use self::rest::Rest;
use crate::gui::command::{Command, DraftCommand, ImportCommand};
use crate::gui::drafts::ImportDraft;
use crate::gui::jobs::JobKind;
use crate::gui::model::{ImportState, LookRequest, Model};
use crate::gui::values::{Edge, Load};
use crate::gui::widgets::form::{complaint, section};
use crate::gui::widgets::{ResizablePanel, edited};
use crate::words::{self, typed_path};

/// What the page remembers.
#[derive(Default)]
pub struct State {
    /// Path typed to add.
    pub path: String,
    /// The field for it had the focus once, when the page began.
    begun: bool,
    seen: seen::State,
    /// A request that was changed is looked at a moment later.
    changed: Rest<LookRequest>,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.seen = seen::State::default();
    }
}

/// Draws the page.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(import) = &model.import else { return };
    let change = |draft| Command::Draft(DraftCommand::Import(Box::new(draft)));
    edited(&import.draft, out, change, |draft, out| page(ui, model, import, draft, state, out));
}

fn page(
    ui: &mut Ui,
    model: &Model,
    import: &ImportState,
    draft: &mut ImportDraft,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let running = model.jobs.iter().find(|job| job.kind == JobKind::Import);
    let with_open = draft.into_open && model.open_takes_import();
    let wanted = draft.request(import.found()).map(|request| LookRequest { request, with_open });
    if let (Ok(wanted), None) = (&wanted, running) {
        look_at(ui, import, state, wanted, out);
    }
    let page = Page { model, import, wanted, running };
    Panel::top("import head").show(ui, |ui| {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let back = if model.project.is_some() { "Back to the project" } else { "Back" };
            let back = ui.add_enabled(running.is_none(), egui::Button::new(back));
            if back.on_hover_text("Leave this page. Nothing is written.").clicked() {
                out.push(Command::Import(ImportCommand::Leave));
            }
            ui.heading("Import files");
        });
        ui.add_space(4.0);
    });
    Panel::bottom("import run").show(ui, |ui| {
        ui.add_space(6.0);
        run::ui(ui, &page, draft, out);
        ui.add_space(6.0);
    });
    ResizablePanel::new(Edge::Left, "import", 430.0).show(ui, model, out, |ui, out| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_enabled_ui(running.is_none(), |ui| {
                files(ui, model, import, state, out);
                if import.found().iter().any(|found| found.kind.is_ok()) {
                    columns::ui(ui, model, draft, import.found(), out);
                    form::ui(ui, draft, import.found());
                }
                if import.paths.is_empty() {
                    last::ui(ui, model, out);
                }
            });
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            seen::ui(ui, &page, &mut state.seen, draft, out);
        });
    });
}

/// Asks for a look at the request a moment after it was last changed.
fn look_at(ui: &Ui, import: &ImportState, state: &mut State, wanted: &LookRequest, out: &mut Vec<Command>) {
    let asked = !import.look.of(wanted).is_not_asked();
    if asked || !import.is_recognised() || wanted.request.inputs.is_empty() {
        state.changed.clear();
        return;
    }
    // Nothing to compare with yet: at once.
    let first = import.look.newest().is_not_asked() && import.look.last().is_none();
    if state.changed.is_over(ui, wanted, first) {
        out.push(ask_for_look(wanted));
    }
}

/// The files named, what they are, and ways to add more.
fn files(ui: &mut Ui, model: &Model, import: &ImportState, state: &mut State, out: &mut Vec<Command>) {
    section(ui, "Files");
    if import.paths.is_empty() {
        ui.weak(if model.takes_drops {
            "Drop files or folders onto the window, or name them here."
        } else {
            "Choose files or folders, or name them here."
        });
    }
    for path in &import.paths {
        let found = import.found().iter().find(|found| found.path == *path);
        ui.horizontal(|ui| {
            let name =
                path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into());
            let remove = ui.small_button("×");
            remove.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Remove {name} from the list"))
            });
            if remove.on_hover_text(format!("Remove {name} from the list")).clicked() {
                out.push(Command::Import(ImportCommand::Remove(path.clone())));
            }
            ui.label(RichText::new(&name).strong()).on_hover_text(path.display().to_string());
        });
        ui.indent(path, |ui| match found {
            None => match import.recognised.of(&import.paths) {
                Load::Failed(failure) => complaint(ui, &failure.why),
                _ => {
                    ui.weak("reading…");
                }
            },
            Some(found) => match &found.kind {
                Ok(kind) => {
                    let text = match found.micrographs {
                        0 | 1 => kind.clone(),
                        many => format!("{kind}, {} micrographs", words::count(many as u64)),
                    };
                    ui.weak(text);
                }
                Err(why) => complaint(ui, why),
            },
        });
    }
    // There is no proposal where recognising was cancelled.
    if !import.paths.is_empty() && import.is_recognised() && import.proposal().is_none() {
        let again = ui.button("Recognise again");
        if again.on_hover_text("Read the files and recognise their kinds again.").clicked() {
            out.push(Command::Import(ImportCommand::Recognise));
        }
    }
    ui.horizontal(|ui| {
        if ui.button("Add files…").clicked() {
            out.push(Command::Import(ImportCommand::ChooseFiles));
        }
        if ui.button("Add folders…").clicked() {
            out.push(Command::Import(ImportCommand::ChooseFolders));
        }
    });
    ui.horizontal(|ui| {
        let name = ui.label("Path");
        let edit = TextEdit::singleline(&mut state.path)
            // Its place moves down with each file that is named; the keys are to follow it.
            .id(egui::Id::unique("import path"))
            .desired_width((ui.available_width() - 70.0).max(80.0))
            .hint_text("/data/micrographs");
        let typed = ui.add(edit).labelled_by(name.id);
        // Who came without files has come to name some.
        if !std::mem::replace(&mut state.begun, true) && import.paths.is_empty() {
            typed.request_focus();
        }
        let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let ready = !state.path.trim().is_empty();
        let clicked = ui.add_enabled(ready, egui::Button::new("Add")).clicked();
        if ready && (clicked || entered) {
            out.push(Command::Import(ImportCommand::Add(vec![typed_path(&state.path)])));
            state.path.clear();
            // Picks come after micrographs.
            typed.request_focus();
        }
    });
}

/// While files hang over the window: what letting go does.
pub fn drop_hint(ui: &Ui) {
    let hovered = ui.input(|input| input.raw.hovered_files.len());
    if hovered == 0 {
        return;
    }
    let screen = ui.ctx().content_rect();
    let painter =
        ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint")));
    painter.rect_filled(screen, 0.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    let what =
        if hovered == 1 { "Drop it here to open or import it" } else { "Drop them here to import them" };
    painter.text(
        screen.center(),
        Align2::CENTER_CENTER,
        what,
        egui::FontId::proportional(26.0),
        ui.visuals().strong_text_color(),
    );
}
