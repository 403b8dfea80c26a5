//! Counting and writing exports: the same calls as the command line's.

use std::path::{Path, PathBuf};

use vitrine_core::export::{ExportRequest, export, preview};
use vitrine_core::workflow::model::export_model;

use super::{App, Outcome};
use crate::gui::command::{Command, ExportCommand, ViewCommand, WindowCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{NoticeKind, Previewed, Tab, Written};
use crate::words;

impl App {
    pub(super) fn apply_export(&mut self, command: ExportCommand) -> anyhow::Result<()> {
        match command {
            ExportCommand::Write(request) => self.write_export(*request),
            ExportCommand::WriteShown => self.write_shown(),
            ExportCommand::Preview(request) => self.count_export(*request),
            ExportCommand::WriteModel { run, out, force } => self.write_model(run, out, force),
            ExportCommand::Propose(proposal) => {
                let number = self.model.export.proposed.as_ref().map_or(0, |(number, _)| *number);
                self.model.export.proposed = Some((number + 1, proposal));
                self.apply_view(ViewCommand::Tab(Tab::Export))
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
        let shown = self.states.export.form.shown();
        self.states.export.form.replace = false;
        match shown {
            Some(command) => self.apply_export(command),
            None => Err(anyhow::anyhow!("something is missing in the export view: labels, a run or a path")),
        }
    }

    fn not_twice(&self) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Export) {
            anyhow::bail!("an export is being written; wait for it or cancel it");
        }
        Ok(())
    }

    fn write_export(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        self.not_twice()?;
        let project = self.store()?.another_handle()?;
        self.jobs.spawn(JobKind::Export, format!("Exporting to {}", request.out.display()), move |job| {
            project.wait_for_disk()?;
            let manifest = export(&project, &request, &mut |step| {
                if job.progress(step.phase, step.done as u64, step.total as u64) {
                    Ok(())
                } else {
                    Err(vitrine_core::Error::Cancelled)
                }
            })?;
            let beside = request.manifest_path();
            Ok(Outcome::Exported(Written { out: request.out, manifest: Some(Box::new(manifest)), beside }))
        })?;
        Ok(())
    }

    fn write_model(&mut self, run: String, out: PathBuf, force: bool) -> anyhow::Result<()> {
        self.not_twice()?;
        let project = self.store()?.another_handle()?;
        self.jobs.spawn(JobKind::Export, format!("Exporting to {}", out.display()), move |_| {
            export_model(&project, &run, &out, force)?;
            let beside = out.with_extension("json");
            Ok(Outcome::Exported(Written { out, manifest: None, beside }))
        })?;
        Ok(())
    }

    fn count_export(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        let journal = self.open()?.journal;
        let project = self.store()?.another_handle()?;
        self.model.export.counting = Some((request.clone(), journal));
        self.jobs.spawn(JobKind::Count, "Counting", move |_| {
            let result = preview(&project, &request)
                .map_err(|error| words::in_window(&words::sentence(&error.into())));
            Ok(Outcome::ExportCounted(Previewed { request, journal, result }))
        })?;
        Ok(())
    }

    pub(super) fn take_preview(&mut self, previewed: Previewed) {
        let state = &mut self.model.export;
        if state.counting.as_ref().is_some_and(|(r, j)| *r == previewed.request && *j == previewed.journal) {
            state.counting = None;
            state.preview = Some(previewed);
        }
    }

    pub(super) fn take_export(&mut self, written: Written) {
        let text = match &written.manifest {
            Some(manifest) => {
                format!("Exported {} to {}.", words::patches(manifest.counts.total()), written.out.display())
            }
            None => format!("Exported the network to {}.", written.out.display()),
        };
        let reveal = Command::Window(WindowCommand::Reveal(written.out.clone()));
        self.model.notices.push(NoticeKind::Done, text, Some(("Show in folder".to_owned(), reveal)));
        self.model.export.written = Some(written);
        // Counted again: the files are there now.
        self.model.export.preview = None;
    }

    fn choose_out(&mut self, now: PathBuf, folder: bool) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Dialog) {
            return Ok(());
        }
        self.jobs.spawn(JobKind::Dialog, "Choosing where to export", move |_| {
            let mut dialog = rfd::FileDialog::new().set_title("Export to");
            if let Some(parent) = now.parent().filter(|parent| parent.is_dir()) {
                dialog = dialog.set_directory(parent);
            }
            let name = now.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let chosen = if folder {
                // A new folder is made within the one chosen.
                dialog.pick_folder().map(|parent| parent.join(Path::new(&name)))
            } else {
                dialog.set_file_name(name).save_file()
            };
            Ok(Outcome::ExportOut(chosen))
        })?;
        Ok(())
    }
}
