//! Previewing and writing exports, by the same calls as the command line.

use std::path::{Path, PathBuf};

use vitrine_core::device::ComputeDevice;
use vitrine_core::export::{ExportRequest, export, preview};
use vitrine_core::picking::choose::Choice;
use vitrine_core::project::{EntryId, LastExport, Project};
use vitrine_core::workflow::model::export_model;
use vitrine_core::workflow::pick::{PickRequest, preview_export};

use super::dialog::FileQuestion;
use super::notify::failure;
use super::outcome::{ExportOutcome, Outcome};
use super::state::App;
use crate::gui::command::{Command, ExportCommand, PickOn, ViewCommand, WindowCommand};
use crate::gui::drafts::ExportKind;
use crate::gui::jobs::JobKind;
use crate::gui::model::{NoticeKind, Written, run_of};
use crate::gui::values::{PicksExportKey, Tab, Wanted};
use crate::words;

impl App {
    pub(super) fn apply_export(&mut self, command: ExportCommand) -> anyhow::Result<()> {
        match command {
            ExportCommand::WriteShown => self.write_shown(),
            ExportCommand::Preview(request) => self.count_export(*request),
            ExportCommand::PreviewPicks(question) => self.count_picks(question),
            ExportCommand::WriteModel { run, out, force } => self.write_model(run, out, force),
            ExportCommand::Propose(proposal) => {
                self.apply_view(ViewCommand::Tab(Tab::Export))?;
                self.model.drafts.export.take(&proposal);
                Ok(())
            }
            ExportCommand::ChooseOut { now, folder } => self.choose_out(now, folder),
        }
    }

    /// Writes what stands in the view; elsewhere it only shows the view, for nobody should write what
    /// was not seen.
    fn write_shown(&mut self) -> anyhow::Result<()> {
        if self.model.tab != Tab::Export {
            return self.apply_view(ViewCommand::Tab(Tab::Export));
        }
        let draft = &mut self.model.drafts.export;
        let (request, picks, network) = (draft.request(), draft.picks(), draft.network());
        // Each replacing is asked for anew.
        let force = std::mem::take(&mut draft.replace);
        match (request, picks, network) {
            (Some(request), ..) => self.write_export(request),
            (None, Some(picks), _) => self.export_picks(picks),
            (None, None, Some((run, out))) => self.write_model(run, out, force),
            (None, None, None) => Err(anyhow::anyhow!(
                "complete the choices in the Export view first: labels, a run and a path"
            )),
        }
    }

    /// The export view is shown: its form begins with what the project holds now.
    pub(super) fn begin_export(&mut self) {
        let Some(open) = &self.model.project else { return };
        if open.is_empty() {
            // Nothing but picks can be there.
            if run_of(open, &self.model.drafts.pick).is_none() {
                return;
            }
            self.model.drafts.export.choose(ExportKind::Picks);
        }
        let run = open.scores.as_ref().map(|scores| scores.name.as_str());
        self.model.drafts.export.begin(&open.dir, &open.name, run, open.counts.positive > 0);
    }

    pub(super) fn refuse_second_export(&self) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Export) {
            anyhow::bail!("an export is already running; wait for it or cancel it");
        }
        Ok(())
    }

    fn write_export(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        self.refuse_second_export()?;
        let (mut project, scope) = (self.handle()?, self.scope());
        let title = format!("Exporting to {}", request.out.display());
        self.jobs.spawn(JobKind::Export, scope, title, move |job| {
            project.flush()?;
            let journal = project.journal_position()?;
            let manifest = export(&project, &request, &mut |step| job.report(step))?;
            let beside = request.manifest_path();
            let noted = note(&mut project, &request.out, Some(manifest.counts.total()), journal);
            let written = Written { out: request.out, manifest: Some(Box::new(manifest)), beside, noted };
            Ok(Outcome::Export(ExportOutcome::Written(written)))
        })?;
        Ok(())
    }

    fn write_model(&mut self, run: String, out: PathBuf, force: bool) -> anyhow::Result<()> {
        self.refuse_second_export()?;
        let (mut project, scope) = (self.handle()?, self.scope());
        self.jobs.spawn(JobKind::Export, scope, format!("Exporting to {}", out.display()), move |job| {
            export_model(&project, &run, &out, force, &mut |step| job.report(step))?;
            let beside = out.with_extension("json");
            let journal = project.journal_position()?;
            let noted = note(&mut project, &out, None, journal);
            Ok(Outcome::Export(ExportOutcome::Written(Written { out, manifest: None, beside, noted })))
        })?;
        Ok(())
    }

    fn count_export(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        let journal = self.open()?.journal;
        let project = self.handle();
        self.model.export.preview.ask((request.clone(), journal));
        let asked = Box::new((request.clone(), journal));
        self.jobs.ask(
            JobKind::Count,
            self.scope(),
            "Counting",
            move |_| Ok(preview(&project?, &request)?),
            move |preview| Outcome::Export(ExportOutcome::Counted(asked, preview)),
        );
        Ok(())
    }

    fn count_picks(&mut self, question: Box<PicksExportKey>) -> anyhow::Result<()> {
        let micrographs = self.micrograph_files(PickOn::All).into_iter().map(|(_, path)| path).collect();
        let request = PickRequest {
            micrographs,
            choice: Choice::Threshold(f64::from(question.threshold)),
            distance: Some(f64::from(question.distance)),
            export: Some(question.export.clone()),
            ..PickRequest::new(question.run.clone(), ComputeDevice::cpu())
        };
        let project = self.handle();
        self.model.export.picks.ask((*question).clone());
        self.jobs.ask(
            JobKind::Count,
            self.scope(),
            "Counting picks",
            move |job| Ok(Box::new(preview_export(&project?, &request, &mut |_| !job.is_cancelled())?)),
            move |preview| Outcome::Export(ExportOutcome::CountedPicks(question, preview)),
        );
        Ok(())
    }

    /// Takes up what a job on an export hands back.
    pub(super) fn take_export_outcome(&mut self, outcome: ExportOutcome) {
        match outcome {
            ExportOutcome::Written(written) => {
                self.notify_exported(&written);
                self.take_written(written);
            }
            ExportOutcome::CountedPicks(asked, preview) => {
                let preview = preview.map(|preview| *preview).map_err(|error| failure(&error, "this"));
                self.model.export.picks.answer(&asked, preview);
            }
            ExportOutcome::Counted(asked, preview) => {
                let preview = preview.map_err(|error| failure(&error, "this"));
                self.model.export.preview.answer(&asked, preview);
            }
            ExportOutcome::Chosen(out) => self.model.drafts.export.chosen(&out),
        }
    }

    /// Shows what an export has written.
    pub(super) fn take_written(&mut self, written: Written) {
        if let (Some(open), Some(noted)) = (&mut self.model.project, &written.noted) {
            open.exported = Some(noted.clone());
        }
        self.model.export.written = Some(written);
        // Counted again: the files are there now.
        self.model.export.forget_counts();
    }

    /// Says that an export was written.
    pub(super) fn notify_exported(&mut self, written: &Written) {
        let text = match &written.manifest {
            Some(manifest) => {
                format!("Exported {} to {}.", words::patches(manifest.counts.total()), written.out.display())
            }
            None => format!("Exported the network to {}.", written.out.display()),
        };
        let reveal = Command::Window(WindowCommand::Reveal(written.out.clone()));
        self.model.notices.push(NoticeKind::Done, text, Some(("Show in folder".to_owned(), reveal)));
    }

    fn choose_out(&mut self, now: PathBuf, folder: bool) -> anyhow::Result<()> {
        let name = now.file_name().map(|name| name.to_string_lossy().into_owned());
        let question = FileQuestion {
            wanted: if folder { Wanted::Folder } else { Wanted::Save },
            title: "Export to".to_owned(),
            folder: now.parent().map(Into::into),
            name: name.clone().filter(|_| !folder),
            kinds: None,
        };
        self.choose_files(question, move |mut paths| {
            let chosen = paths.swap_remove(0);
            // A new folder is made within the one chosen.
            let chosen = if folder { chosen.join(name.unwrap_or_default()) } else { chosen };
            Outcome::Export(ExportOutcome::Chosen(chosen))
        })
    }
}

/// Notes an export in the project, for whoever comes back to it; `None` where the project may not be written. What was
/// exported is there all the same.
pub(super) fn note(
    project: &mut Project,
    out: &Path,
    patches: Option<u64>,
    journal: EntryId,
) -> Option<LastExport> {
    let name = out.file_name().unwrap_or(out.as_os_str()).to_string_lossy().into_owned();
    let export = LastExport { name, patches, journal };
    if !project.is_writable() {
        return None;
    }
    match project.note_export(&export) {
        Ok(()) => Some(export),
        Err(error) => {
            tracing::warn!(%error, "an export was not noted");
            None
        }
    }
}
