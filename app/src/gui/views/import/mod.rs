//! The import page: files, settings and a preview. Nothing is written before the person presses Import.

mod disk_space;
mod form;
mod scores;
mod seen;

use std::sync::Arc;

use eframe::egui;
use egui::{Align2, Panel, RichText, TextEdit, Ui};
use vitrine_core::ingest::{Inspection, Space};

use crate::gui::command::{Command, DraftCommand, ImportCommand};
use crate::gui::drafts::ImportDraft;
use crate::gui::jobs::{JobKind, JobState};
use crate::gui::model::{ImportState, LookRequest, Model};
use crate::gui::values::{ImportTarget, Load};
use crate::gui::widgets::form::{complaint, section};
use crate::gui::widgets::{edited, left_panel};
use crate::words::{self, typed_path};

/// What the page remembers.
#[derive(Default)]
pub struct State {
    /// Path typed to add.
    pub path: String,
    /// The field for it had the focus once, when the page began.
    begun: bool,
    seen: seen::State,
    /// When the request last changed, and to what; it is looked at a moment later.
    changed: Option<(f64, LookRequest)>,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.seen = seen::State::default();
    }
}

/// How long after the last change a request is looked at, seconds.
const LOOK_DELAY: f64 = 0.35;

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
    let look = wanted.as_ref().map_or(Load::NotAsked, |wanted| import.look.of(wanted));
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
        run(ui, model, import, draft, &wanted, &look, running, out);
        ui.add_space(6.0);
    });
    left_panel(ui, model, "import", 430.0, out, |ui, out| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_enabled_ui(running.is_none(), |ui| {
                files(ui, model, import, state, out);
                if import.found().iter().any(|found| found.kind.is_ok()) {
                    form::ui(ui, draft, import.found());
                }
            });
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let waiting = import.look.pending().is_some() || !import.is_recognised();
            seen::ui(ui, model, import, &look, waiting, &mut state.seen, draft, out);
        });
    });
}

/// Asks for a look at the request a moment after it was last changed.
fn look_at(ui: &Ui, import: &ImportState, state: &mut State, wanted: &LookRequest, out: &mut Vec<Command>) {
    let asked = !import.look.of(wanted).is_not_asked();
    if asked || !import.is_recognised() || wanted.request.inputs.is_empty() {
        state.changed = None;
        return;
    }
    let now = ui.input(|input| input.time);
    // Nothing to compare with yet: at once.
    let first = import.look.newest().is_not_asked() && import.look.last().is_none();
    let rested = match &state.changed {
        Some((since, changed)) if changed == wanted => now - since >= LOOK_DELAY,
        _ => {
            state.changed = Some((now, wanted.clone()));
            first
        }
    };
    if rested {
        state.changed = None;
        out.push(look(wanted));
    } else {
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(LOOK_DELAY));
    }
}

fn look(wanted: &LookRequest) -> Command {
    let LookRequest { request, with_open } = wanted.clone();
    Command::Import(ImportCommand::Look { request: Box::new(request), with_open })
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
    // Without a proposal nobody could say: that was cancelled.
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

/// The line at the bottom: where it goes, and the button; or how far it is.
#[expect(clippy::too_many_arguments, reason = "one page, taken apart for reading")]
fn run(
    ui: &mut Ui,
    model: &Model,
    import: &ImportState,
    draft: &mut ImportDraft,
    wanted: &Result<LookRequest, String>,
    look: &Load<&Arc<Inspection>>,
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
            ui.weak("All or nothing: if you cancel, the project stays as it was.");
        });
        return;
    }
    ui.horizontal_wrapped(|ui| form::target(ui, draft, model));
    let target = match draft.into_open && model.open_takes_import() {
        true => Some(ImportTarget::Open),
        false if draft.folder.trim().is_empty() => None,
        false => Some(ImportTarget::New { dir: typed_path(&draft.folder), pixels: draft.pixels }),
    };
    let seen = look.ready().copied();
    // Where it goes, and how its pixels are stored.
    let place = match (&target, &model.project) {
        (Some(ImportTarget::New { dir, pixels }), _) => Some((dir, *pixels)),
        (Some(ImportTarget::Open), Some(open)) => Some((&open.dir, open.pixels.pixel_type())),
        _ => None,
    };
    let mut no_room = None;
    if let (Some((dir, pixels)), Some(seen), Ok(wanted)) = (place, seen, wanted)
        && seen.preview.patch_size.is_some()
    {
        disk_space::ask(ui, import, dir, out);
        no_room = disk_space::ui(ui, import, &Space::of(&seen.preview, &wanted.request, pixels), dir);
    }
    ui.horizontal_wrapped(|ui| {
        let comes = seen.map_or(0, |seen| seen.preview.labels.total());
        let pool = wanted.as_ref().is_ok_and(|wanted| wanted.request.pool.is_some());
        let why_not = if import.paths.is_empty() {
            Some("Add files first.")
        } else if wanted.is_err() {
            Some("A setting is not a valid number.")
        } else {
            match look {
                Load::NotAsked | Load::Loading => Some("Reading files…"),
                Load::Failed(failure) if failure.cancelled => Some("Re-read the files first."),
                Load::Failed(_) => Some("Fix the problem shown on the right."),
                Load::Ready(seen) if !seen.preview.bad.is_empty() && !draft.skip_bad => {
                    Some("Some micrographs cannot be used; the list on the right has the reasons.")
                }
                Load::Ready(_) if comes == 0 && !pool => {
                    Some("The files hold no patches, and no picks to extract patches at.")
                }
                Load::Ready(_) if target.is_none() => Some("Name a folder for the project."),
                Load::Ready(_) => no_room,
            }
        };
        let button = egui::Button::new(RichText::new("Import").strong()).min_size(egui::vec2(120.0, 30.0));
        let pressed = ui.add_enabled(why_not.is_none(), button);
        if let Some(why) = why_not {
            ui.weak(why);
        }
        // Reading was cancelled, or the files were corrected meanwhile.
        if let (Load::Failed(_), Ok(wanted)) = (look, wanted)
            && ui.button("Re-read").clicked()
        {
            out.push(self::look(wanted));
        }
        if pressed.clicked()
            && let (Ok(wanted), Some(target)) = (wanted, target)
        {
            out.push(Command::Import(ImportCommand::Run {
                request: Box::new(wanted.request.clone()),
                target,
            }));
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
