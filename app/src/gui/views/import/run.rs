//! The lower edge of the import page: the target, the room on its disk and the button. While an import runs, its progress.

use std::sync::Arc;

use eframe::egui;
use egui::{RichText, Ui};
use vitrine_core::ingest::{Inspection, Space};

use super::page::{Page, ask_for_look};
use super::seen::has_button;
use super::{disk_space, form};
use crate::gui::command::{Command, ImportCommand, WindowCommand};
use crate::gui::drafts::{ImportDraft, has_micrographs};
use crate::gui::jobs::JobState;
use crate::gui::model::LiveRun;
use crate::gui::values::{ImportTarget, Load};
use crate::gui::widgets::primary;
use crate::words::typed_path;

/// Draws the lower edge of the page.
pub fn ui(ui: &mut Ui, page: &Page<'_>, draft: &mut ImportDraft, out: &mut Vec<Command>) {
    if let Some(job) = page.running {
        progress(ui, job, out);
        return;
    }
    let look = page.look();
    ui.horizontal_wrapped(|ui| form::target(ui, draft, page.model));
    let target = match draft.into_open && page.model.open_takes_import() {
        true => Some(ImportTarget::Open),
        false if draft.folder.trim().is_empty() => None,
        false => Some(ImportTarget::New { dir: typed_path(&draft.folder), pixels: draft.pixels }),
    };
    let seen = look.ready().copied();
    // Where it goes, and how its pixels are stored.
    let place = match (&target, &page.model.project) {
        (Some(ImportTarget::New { dir, pixels }), _) => Some((dir, *pixels)),
        (Some(ImportTarget::Open), Some(open)) => Some((&open.dir, open.pixels.pixel_type())),
        _ => None,
    };
    let mut no_room = None;
    if let (Some((dir, pixels)), Some(seen), Ok(wanted)) = (place, seen, &page.wanted)
        && seen.preview.patch_size.is_some()
    {
        disk_space::ask(ui, page.import, dir, out);
        no_room = disk_space::ui(ui, page.import, &Space::of(&seen.preview, &wanted.request, pixels), dir);
    }
    ui.horizontal_wrapped(|ui| {
        let why_not = refusal(page, draft, &look, target.is_some()).or(no_room);
        // What the preview asks comes first.
        let asked = seen.is_some_and(|seen| seen.preview.warnings.iter().any(has_button));
        let words = RichText::new("Import").strong();
        let button = match why_not.is_none() && !asked {
            true => primary(ui, words),
            false => egui::Button::new(words),
        };
        let button = button.min_size(egui::vec2(120.0, 30.0));
        let pressed = ui.add_enabled(why_not.is_none(), button);
        if let Some(why) = why_not {
            ui.weak(why);
        }
        // Reading was cancelled, or the files were corrected meanwhile.
        if let (Load::Failed(_), Ok(wanted)) = (&look, &page.wanted)
            && ui.button("Re-read").clicked()
        {
            out.push(ask_for_look(wanted));
        }
        if pressed.clicked()
            && let (Ok(wanted), Some(target)) = (&page.wanted, target)
        {
            out.push(Command::Import(ImportCommand::Run {
                request: Box::new(wanted.request.clone()),
                target,
            }));
        }
    });
}

/// How far the import is, and the way to cancel it.
fn progress(ui: &mut Ui, job: &JobState, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let (words, share) = match &job.step {
            Some(step) if step.total > 0 => (step.phase.to_string(), step.done as f32 / step.total as f32),
            Some(step) => (step.phase.to_string(), 0.0),
            None => (job.title.clone(), 0.0),
        };
        ui.label(words);
        ui.add(egui::ProgressBar::new(share).desired_width(260.0).show_percentage());
        if job.cancelled {
            ui.weak("cancelling");
        } else if ui.button("Cancel the import").clicked() {
            out.push(Command::Window(WindowCommand::Cancel(job.id)));
        }
        ui.weak("All or nothing: if you cancel, the project stays as it was.");
    });
}

/// Why the import cannot begin as it stands in the form.
fn refusal(
    page: &Page<'_>,
    draft: &ImportDraft,
    look: &Load<&Arc<Inspection>>,
    has_target: bool,
) -> Option<&'static str> {
    // It would read the project anew, or close it.
    if page.model.live.as_ref().is_some_and(LiveRun::is_running) {
        return Some("A run is training in the open project. Stop it or wait for its end.");
    }
    if page.import.paths.is_empty() {
        return Some("Add files first.");
    }
    if page.import.is_recognised() && page.import.found().iter().all(|found| found.kind.is_err()) {
        return Some("None of these can be read; the list on the left says why.");
    }
    let Ok(wanted) = &page.wanted else { return Some("A setting is not a valid number.") };
    match look {
        Load::NotAsked | Load::Loading => Some("Reading files…"),
        Load::Failed(failure) if failure.cancelled => Some("Re-read the files first."),
        Load::Failed(_) => Some("Fix the problem shown on the right."),
        Load::Ready(seen) if !seen.preview.bad.is_empty() && !draft.skip_bad => {
            Some("Some micrographs cannot be used; the list on the right has the reasons.")
        }
        Load::Ready(seen)
            if seen.preview.labels.total() == 0
                && wanted.request.pool.is_none()
                && !has_micrographs(page.import.found()) =>
        {
            Some("The files hold no patches, and no picks to extract patches at.")
        }
        Load::Ready(_) if !has_target => Some("Name a folder for the project."),
        Load::Ready(_) => None,
    }
}
