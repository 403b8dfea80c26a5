//! The page of an import: what was named, what it is, settings, and what would come. Nothing is
//! written before the button at its end is pressed.

mod form;
mod room;
mod seen;

use eframe::egui;
use egui::{Align2, Panel, RichText, TextEdit, Ui};
use vitrine_core::ingest::Space;

pub use form::Form;

use crate::gui::command::{Command, ImportCommand};
use crate::gui::jobs::{JobKind, JobState};
use crate::gui::model::{ImportDraft, ImportTarget, Looked, Model};
use crate::gui::widgets::form::{complaint, section, typed_path};
use crate::gui::widgets::left_panel;
use crate::words;

/// What the page remembers.
#[derive(Default)]
pub struct State {
    /// Path typed to add.
    pub path: String,
    /// The field for it had the focus once, when the page began.
    begun: bool,
    /// The settings as typed.
    pub form: Form,
    /// Number of the proposal the form was filled from.
    filled: u64,
    seen: seen::State,
    /// When the request last changed, and to what; it is looked at a moment later.
    changed: Option<(f64, vitrine_core::ingest::IngestRequest, bool)>,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.seen = seen::State::default();
    }
}

/// How long after the last change a request is looked at, seconds.
const PAUSE: f64 = 0.35;

/// Draws the page.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(draft) = &model.import else { return };
    if draft.number != state.filled
        && let Some(proposal) = &draft.proposal
    {
        state.form.fill(proposal, draft, model);
        state.filled = draft.number;
    }
    let running = model.jobs.iter().find(|job| job.kind == JobKind::Import);
    let request = state.form.request(draft);
    let with_open = state.form.into_open(model);
    if let (Ok(request), None) = (&request, running) {
        look_at(ui, draft, state, request, with_open, out);
    }

    let looked = request.as_ref().ok().and_then(|request| draft.look_at(request, with_open));
    Panel::top("import head").show(ui, |ui| {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let back = if model.project.is_some() { "Back to the project" } else { "Back" };
            let back = ui.add_enabled(running.is_none(), egui::Button::new(back));
            if back.on_hover_text("Leave this page; nothing is written.").clicked() {
                out.push(Command::Import(ImportCommand::Leave));
            }
            ui.heading("Import files");
        });
        ui.add_space(4.0);
    });
    Panel::bottom("import run").show(ui, |ui| {
        ui.add_space(6.0);
        run(ui, model, state, draft, &request, looked, running, out);
        ui.add_space(6.0);
    });
    left_panel(ui, model, "import", 430.0, out, |ui, out| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_enabled_ui(running.is_none(), |ui| {
                files(ui, model, draft, state, out);
                if draft.found.iter().any(|found| found.kind.is_ok()) {
                    state.form.ui(ui, model, draft);
                }
            });
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let older = draft.looked.as_ref().filter(|_| looked.is_none());
            let waiting = draft.looking.is_some() || !draft.is_recognised();
            let (seen, form) = (&mut state.seen, &mut state.form);
            seen::ui(ui, model, draft, looked.or(older), waiting, seen, form, out);
        });
    });
}

/// Asks for a look at the request a moment after it was last changed.
fn look_at(
    ui: &Ui,
    draft: &ImportDraft,
    state: &mut State,
    request: &vitrine_core::ingest::IngestRequest,
    with_open: bool,
    out: &mut Vec<Command>,
) {
    let same = |r: &vitrine_core::ingest::IngestRequest, open: bool| r == request && open == with_open;
    let asked = draft.looking.as_ref().is_some_and(|(r, open)| same(r, *open))
        || draft.look_at(request, with_open).is_some();
    if asked || !draft.is_recognised() || request.inputs.is_empty() {
        state.changed = None;
        return;
    }
    let now = ui.input(|input| input.time);
    // Nothing to compare with yet: at once.
    let first = draft.looked.is_none() && draft.looking.is_none();
    match &state.changed {
        Some((since, r, open)) if same(r, *open) => {
            if now - since >= PAUSE {
                let request = Box::new(request.clone());
                out.push(Command::Import(ImportCommand::Look { request, with_open }));
                state.changed = None;
                return;
            }
        }
        _ if first => {
            let request = Box::new(request.clone());
            out.push(Command::Import(ImportCommand::Look { request, with_open }));
            return;
        }
        _ => state.changed = Some((now, request.clone(), with_open)),
    }
    ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(PAUSE));
}

/// The files named, what they are, and ways to add more.
fn files(ui: &mut Ui, model: &Model, draft: &ImportDraft, state: &mut State, out: &mut Vec<Command>) {
    section(ui, "Files");
    if draft.paths.is_empty() {
        ui.weak(if model.takes_drops {
            "Drop files or folders onto the window, or name them here."
        } else {
            "Choose files or folders, or name them here."
        });
    }
    for path in &draft.paths {
        let found = draft.found.iter().find(|found| found.path == *path);
        ui.horizontal(|ui| {
            let name =
                path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into());
            let remove = ui.small_button("×");
            remove.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Take {name} off the list"))
            });
            if remove.on_hover_text(format!("Take {name} off the list")).clicked() {
                out.push(Command::Import(ImportCommand::Remove(path.clone())));
            }
            ui.label(RichText::new(&name).strong()).on_hover_text(path.display().to_string());
        });
        ui.indent(path, |ui| match found {
            None => {
                ui.weak("being recognised");
            }
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
    // Without a proposal nobody could say: that was cancelled.
    if !draft.paths.is_empty() && draft.is_recognised() && draft.proposal.is_none() {
        let again = ui.button("Recognise them again");
        if again.on_hover_text("Look into the files once more to see what they are.").clicked() {
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
            .desired_width((ui.available_width() - 70.0).max(80.0))
            .hint_text("/data/micrographs");
        let typed = ui.add(edit).labelled_by(name.id);
        // Who came without files has come to name some.
        if !std::mem::replace(&mut state.begun, true) && draft.paths.is_empty() {
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

/// The line at the bottom: where it goes, and the button; or how far it is.
#[expect(clippy::too_many_arguments, reason = "one page, taken apart for reading")]
fn run(
    ui: &mut Ui,
    model: &Model,
    state: &mut State,
    draft: &ImportDraft,
    request: &Result<vitrine_core::ingest::IngestRequest, String>,
    looked: Option<&Looked>,
    running: Option<&JobState>,
    out: &mut Vec<Command>,
) {
    if let Some(job) = running {
        ui.horizontal(|ui| {
            let (words, share) = match &job.step {
                Some(step) if step.total > 0 => {
                    (step.phase.to_string(), step.done as f32 / step.total as f32)
                }
                Some(step) => (step.phase.to_string(), 0.0),
                None => (job.title.clone(), 0.0),
            };
            ui.label(words);
            ui.add(egui::ProgressBar::new(share).desired_width(260.0).show_percentage());
            if job.cancelled {
                ui.weak("cancelling");
            } else if ui.button("Cancel the import").clicked() {
                out.push(Command::Window(crate::gui::command::WindowCommand::Cancel(job.id)));
            }
            ui.weak("All or nothing: cancelled, the project is as before.");
        });
        return;
    }
    ui.horizontal_wrapped(|ui| state.form.target(ui, model));
    let target = match state.form.into_open(model) {
        true => Some(ImportTarget::Open),
        false if state.form.folder.trim().is_empty() => None,
        false => Some(ImportTarget::New { dir: typed_path(&state.form.folder), pixels: state.form.pixels }),
    };
    let look = looked.and_then(|looked| looked.result.as_ref().ok());
    // Where it goes, and how its pixels are stored.
    let place = match (&target, &model.project) {
        (Some(ImportTarget::New { dir, pixels }), _) => Some((dir, *pixels)),
        (Some(ImportTarget::Open), Some(open)) => Some((&open.dir, open.pixels.pixel_type())),
        _ => None,
    };
    let mut no_room = None;
    if let (Some((dir, pixels)), Some(look), Ok(request)) = (place, look, request)
        && look.preview.patch_size.is_some()
    {
        room::ask(ui, draft, dir, out);
        no_room = room::ui(ui, draft, &Space::of(&look.preview, request, pixels), dir);
    }
    ui.horizontal_wrapped(|ui| {
        let comes = look.map_or(0, |look| look.preview.labels.total());
        let pool = request.as_ref().is_ok_and(|request| request.pool.is_some());
        let why_not = if draft.paths.is_empty() {
            Some("Name some files first.")
        } else if request.is_err() {
            Some("A setting is no valid number.")
        } else if look.is_none() && (draft.looking.is_some() || looked.is_none()) {
            Some("The files are being looked at.")
        } else if look.is_none() && looked.is_some_and(|looked| looked.cancelled) {
            Some("Nobody has looked at the files to the end.")
        } else if look.is_none() {
            Some("What stands in the way is said at the right.")
        } else if comes == 0 && !pool {
            Some("The files hold neither patches nor picks that could be cut.")
        } else if target.is_none() {
            Some("Name a folder for the project.")
        } else {
            no_room
        };
        let button = egui::Button::new(RichText::new("Import").strong()).min_size(egui::vec2(120.0, 30.0));
        let pressed = ui.add_enabled(why_not.is_none(), button);
        if let Some(why) = why_not {
            ui.weak(why);
        }
        // The look was cancelled, or files were mended meanwhile.
        if let (Some(Looked { request, with_open, result: Err(_), .. }), None) = (looked, &draft.looking)
            && ui.button("Look again").clicked()
        {
            let (request, with_open) = (Box::new(request.clone()), *with_open);
            out.push(Command::Import(ImportCommand::Look { request, with_open }));
        }
        if pressed.clicked()
            && let (Ok(request), Some(target)) = (request, target)
        {
            out.push(Command::Import(ImportCommand::Run { request: Box::new(request.clone()), target }));
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
