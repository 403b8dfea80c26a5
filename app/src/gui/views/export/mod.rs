//! Export: hand labels, scores and networks to other programs. It makes the same requests as the command
//! line, and shows a preview before anything is written.

mod form;
mod micrographs;
mod overview;
mod written;

use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{RichText, Ui};
use vitrine_core::Label;
use vitrine_core::export::ExportPreview;
use vitrine_core::workflow::pick::PicksPreview;

use crate::gui::command::{Command, DraftCommand, ExportCommand};
use crate::gui::drafts::{ExportDraft, ExportKind};
use crate::gui::jobs::JobKind;
use crate::gui::model::{Model, OpenProject, distance_of, run_of};
use crate::gui::remedy;
use crate::gui::values::{Load, PicksExportKey};
use crate::gui::views::round::counted as counted_words;
use crate::gui::widgets::form::{section, warning};
use crate::gui::widgets::thumbnail::Thumbnails;
use crate::gui::widgets::{busy, edited, empty, label_count};
use crate::words::{self, typed_path};

/// What the view remembers.
pub type State = Thumbnails;

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if open.is_empty() && run_of(open, &model.drafts.pick).is_none() {
        empty(ui, "Nothing to export yet", "Import patches, or micrographs with picks, first.");
        return;
    }
    let change = |draft| Command::Draft(DraftCommand::Export(Box::new(draft)));
    edited(&model.drafts.export, out, change, |draft, out| page(ui, model, open, state, draft, out));
}

fn page(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    draft: &mut ExportDraft,
    out: &mut Vec<Command>,
) {
    let request = draft.request();
    // Counted again when the request or the labels have changed.
    if let (Some(request), None) = (request, model.export.preview.pending()) {
        let question = (request, open.journal);
        if model.export.preview.of(&question).is_not_asked() {
            out.push(Command::Export(ExportCommand::Preview(Box::new(question.0))));
        }
    }
    if let (Some(question), None) = (picks_question(model, open, draft), model.export.picks.pending())
        && model.export.picks.of(&question).is_not_asked()
    {
        out.push(Command::Export(ExportCommand::PreviewPicks(Box::new(question))));
    }
    let why_not = why_not(model, open, draft);
    // Always on the screen, as in Import: what would be written, and the button.
    let panel = egui::Panel::bottom("write the export").frame(egui::Frame::NONE);
    panel.show(ui, |ui| write(ui, model, open, draft, why_not, out));
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let wide = ui.available_width() > 900.0;
        if wide {
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    choices(left, model, open, draft, out);
                    what_comes(right, model, open, state, draft, out);
                }
            });
        } else {
            choices(ui, model, open, draft, out);
            what_comes(ui, model, open, state, draft, out);
        }
    });
}

/// The preview of what stands in the form now.
fn counted<'a>(model: &'a Model, open: &OpenProject, draft: &ExportDraft) -> Load<&'a ExportPreview> {
    if draft.kind == ExportKind::Picks {
        return counted_picks(model, open, draft).map(|preview| &preview.export);
    }
    draft.request().map_or(Load::NotAsked, |request| model.export.preview.of(&(request, open.journal)))
}

/// The same with what is known of the picks.
fn counted_picks<'a>(model: &'a Model, open: &OpenProject, draft: &ExportDraft) -> Load<&'a PicksPreview> {
    picks_question(model, open, draft).map_or(Load::NotAsked, |question| model.export.picks.of(&question))
}

/// What is asked of picks that stand in the form; `None` where something is missing.
fn picks_question(model: &Model, open: &OpenProject, draft: &ExportDraft) -> Option<PicksExportKey> {
    let picking = &model.drafts.pick;
    Some(PicksExportKey {
        export: draft.picks()?,
        run: run_of(open, picking)?.name.clone(),
        threshold: picking.threshold,
        distance: distance_of(open, picking),
        journal: open.journal,
        revision: model.picks.revision,
    })
}

/// Whether nothing is missing of what is to be written.
fn is_complete(model: &Model, open: &OpenProject, draft: &ExportDraft) -> bool {
    draft.request().is_some() || picks_question(model, open, draft).is_some()
}

/// The files of a network: weights and card, and those of them that exist.
fn network_files(draft: &ExportDraft) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let file = typed_path(&draft.out);
    let targets = vec![file.clone(), file.with_extension("json")];
    let existing = targets.iter().filter(|path| path.exists()).cloned().collect();
    (targets, existing)
}

/// Why nothing can be written now.
fn why_not(model: &Model, open: &OpenProject, draft: &ExportDraft) -> Option<String> {
    let existing = if model.jobs.iter().any(|job| job.kind == JobKind::Export) {
        return Some("An export is running.".to_owned());
    } else if draft.kind == ExportKind::Network {
        if draft.run.is_none() {
            return Some("Choose a run.".to_owned());
        }
        !network_files(draft).1.is_empty()
    } else {
        if draft.kind == ExportKind::Picks && run_of(open, &model.drafts.pick).is_none() {
            return Some("No run can pick yet.".to_owned());
        }
        if model.jobs.iter().any(|job| job.kind == JobKind::Pick) && draft.kind == ExportKind::Picks {
            return Some("A run is picking.".to_owned());
        }
        if !is_complete(model, open, draft) {
            return Some("Complete the choices first.".to_owned());
        }
        match counted(model, open, draft) {
            Load::NotAsked | Load::Loading => return Some("Counting…".to_owned()),
            Load::Failed(_) => return Some("Fix the problem shown above.".to_owned()),
            // What is not scored yet may bring picks.
            Load::Ready(preview) if draft.kind == ExportKind::Picks && preview.total == 0 => {
                let picks = counted_picks(model, open, draft);
                if picks.ready().is_none_or(|picks| picks.not_scored == 0) {
                    return Some("Nothing is picked at this threshold.".to_owned());
                }
                !preview.existing.is_empty()
            }
            Load::Ready(preview) if preview.total == 0 => {
                return Some("No patch has these labels and scores.".to_owned());
            }
            Load::Ready(preview) => !preview.existing.is_empty(),
        }
    };
    (existing && !draft.replace).then(|| "Allow replacing, or choose another name.".to_owned())
}

fn choices(ui: &mut Ui, model: &Model, open: &OpenProject, draft: &mut ExportDraft, out: &mut Vec<Command>) {
    ui.heading("Export");
    // What the last count found, also while the next one runs: fields should not come and go.
    let last = match draft.kind {
        ExportKind::Picks => model.export.picks.last().map(|(_, preview)| &preview.export),
        _ => model.export.preview.last().map(|(_, preview)| preview),
    };
    let missing = last.map(|preview| preview.missing_optics.as_slice()).unwrap_or_default();
    form::ui(ui, draft, open, &model.drafts.pick, missing, out);
}

/// The counts and the button.
fn write(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    draft: &mut ExportDraft,
    why_not: Option<String>,
    out: &mut Vec<Command>,
) {
    ui.add_space(6.0);
    if let Load::Ready(preview) = counted_picks(model, open, draft) {
        pick_counts(ui, preview);
    } else if let Load::Ready(preview) = counted(model, open, draft) {
        counts(ui, preview);
        if draft.kind == ExportKind::Scores && preview.counts.unlabeled > 0 {
            ui.weak(format!(
                "{} of them are unlabeled: the run takes them for particles, but nobody has confirmed them.",
                words::count(preview.counts.unlabeled)
            ));
        }
    }
    ui.horizontal(|ui| {
        let button =
            egui::Button::new(RichText::new("Write the export").strong()).min_size(egui::vec2(150.0, 30.0));
        let pressed = ui
            .add_enabled(why_not.is_none(), button)
            .on_hover_text("A file appears only when it is complete.");
        if let Some(why) = &why_not {
            ui.weak(why);
        }
        if pressed.clicked() {
            out.push(Command::Export(ExportCommand::WriteShown));
        }
    });
    ui.add_space(4.0);
}

/// What is to be known before anything is written, and what was written last.
fn what_comes(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    state: &mut State,
    draft: &mut ExportDraft,
    out: &mut Vec<Command>,
) {
    section(ui, "Preview");
    match counted(model, open, draft) {
        _ if draft.kind == ExportKind::Network => {
            ui.add(
                egui::Label::new(
                    "The weights of the run's best epoch as safetensors, and a card (JSON) with the network, its input, \
                     the normaliser, π and checksums.",
                )
                .wrap(),
            );
            let (targets, existing) = network_files(draft);
            files(ui, &targets, &existing, draft);
        }
        _ if !is_complete(model, open, draft) => {
            ui.weak("Complete the choices first.");
        }
        Load::NotAsked | Load::Loading => {
            busy(ui);
        }
        Load::Failed(failure) => {
            let text = RichText::new(format!("{}.", words::capitalised(&failure.why)))
                .color(ui.visuals().error_fg_color);
            ui.add(egui::Label::new(text).wrap());
        }
        Load::Ready(preview) => {
            if preview.outside_threshold > 0 {
                ui.weak(format!(
                    "{} with these labels stay: their score lies below the threshold",
                    words::patches(preview.outside_threshold)
                ));
            }
            for text in &preview.warnings {
                warning(ui, &remedy::warning(text));
            }
            files(ui, &preview.targets, &preview.existing, draft);
        }
    }
    // While the next count runs, the pictures of the last one stay.
    let pictured = Some(&*draft).filter(|draft| draft.request().is_some());
    if let Some((draft, (_, preview))) = pictured.zip(model.export.preview.last()) {
        let by_score = draft.kind == ExportKind::Scores;
        overview::patches(ui, open, preview, by_score, state, out);
        ui.add_space(6.0);
        overview::micrographs(ui, model, preview, out);
    }
    if let Load::Ready(picks) = counted_picks(model, open, draft) {
        ui.add_space(6.0);
        overview::micrographs(ui, model, &picks.export, out);
    }
    if let Some(written) = &model.export.written {
        written::ui(ui, model, written, out);
    }
}

fn pick_counts(ui: &mut Ui, preview: &PicksPreview) {
    let summary = &preview.summary;
    ui.strong(format!(
        "{} on {}",
        counted_words(summary.picks, "pick", "picks"),
        counted_words(summary.micrographs, "micrograph", "micrographs")
    ));
    if summary.rejected + summary.added > 0 {
        ui.weak(format!(
            "Corrected by your labels: {} rejected, {} marked and added.",
            words::count(summary.rejected),
            words::count(summary.added)
        ));
    }
    if preview.not_scored > 0 {
        let more = counted_words(preview.not_scored as u64, "micrograph is", "micrographs are");
        ui.weak(format!("{more} not scored yet: scored first, and not counted here."));
    }
}

fn counts(ui: &mut Ui, preview: &ExportPreview) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(words::patches(preview.total));
        ui.add_space(8.0);
        for label in [Label::Positive, Label::Negative, Label::Unlabeled] {
            label_count(ui, label, &preview.counts);
            ui.add_space(6.0);
        }
    });
}

/// The files that would be made, and the question about those that are there.
fn files(ui: &mut Ui, targets: &[PathBuf], existing: &[PathBuf], draft: &mut ExportDraft) {
    ui.add_space(6.0);
    for target in targets {
        ui.horizontal(|ui| {
            ui.label(file_name(target)).on_hover_text(target.display().to_string());
            if existing.contains(target) {
                ui.colored_label(ui.visuals().warn_fg_color, "exists already");
            }
        });
    }
    if !existing.is_empty() {
        let words = if existing.len() == 1 { "Replace it" } else { "Replace them" };
        ui.checkbox(&mut draft.replace, words);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
