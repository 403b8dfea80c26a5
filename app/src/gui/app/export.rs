//! Counting and writing exports: the same calls as the command line's.

use std::path::PathBuf;

use vitrine_core::export::{ExportRequest, export, preview};
use vitrine_core::workflow::model::export_model;

use super::asked::Asked;
use super::dialog::{FileQuestion, Wanted};
use super::{App, Outcome};
use crate::gui::command::{Command, ExportCommand, ViewCommand, WindowCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{NoticeKind, Previewed, Tab, Written};
use crate::gui::remedy;
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
        let generation = self.open()?.generation;
        let project = self.store()?.reopen()?;
        self.jobs.spawn(JobKind::Export, format!("Exporting to {}", request.out.display()), move |job| {
            project.flush()?;
            let manifest = export(&project, &request, &mut |step| {
                if job.progress(step.phase, step.done as u64, step.total as u64) {
                    Ok(())
                } else {
                    Err(vitrine_core::Error::Cancelled)
                }
            })?;
            let beside = request.manifest_path();
            let written = Written { out: request.out, manifest: Some(Box::new(manifest)), beside };
            Ok(Outcome::Exported { generation, written })
        })?;
        Ok(())
    }

    fn write_model(&mut self, run: String, out: PathBuf, force: bool) -> anyhow::Result<()> {
        self.not_twice()?;
        let generation = self.open()?.generation;
        let project = self.store()?.reopen()?;
        self.jobs.spawn(JobKind::Export, format!("Exporting to {}", out.display()), move |job| {
            export_model(&project, &run, &out, force, &mut |step| job.tell(step))?;
            let beside = out.with_extension("json");
            Ok(Outcome::Exported { generation, written: Written { out, manifest: None, beside } })
        })?;
        Ok(())
    }

    fn count_export(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        let journal = self.open()?.journal;
        self.model.export.counting = Some((request.clone(), journal));
        self.ask(Asked::Count(Box::new(request.clone()), journal), |app| {
            let project = app.store()?.reopen()?;
            app.jobs.spawn(JobKind::Count, "Counting", move |_| {
                let result = preview(&project, &request).map_err(|error| remedy::sentence(&error.into()));
                Ok(Outcome::ExportCounted(Previewed { request, journal, result }))
            })
        })
    }

    pub(super) fn take_preview(&mut self, previewed: Previewed) {
        let state = &mut self.model.export;
        if state.counting.as_ref().is_some_and(|(r, j)| *r == previewed.request && *j == previewed.journal) {
            state.counting = None;
            state.preview = Some(previewed);
        }
    }

    pub(super) fn take_export(&mut self, generation: u64, written: Written) {
        let text = match &written.manifest {
            Some(manifest) => {
                format!("Exported {} to {}.", words::patches(manifest.counts.total()), written.out.display())
            }
            None => format!("Exported the network to {}.", written.out.display()),
        };
        let reveal = Command::Window(WindowCommand::Reveal(written.out.clone()));
        self.model.notices.push(NoticeKind::Done, text, Some(("Show in folder".to_owned(), reveal)));
        // The view shows what was written of the open project.
        if self.model.project.as_ref().is_some_and(|open| open.generation == generation) {
            self.model.export.written = Some(written);
        }
        // Counted again: the files are there now.
        self.model.export.preview = None;
    }

    fn choose_out(&mut self, now: PathBuf, folder: bool) -> anyhow::Result<()> {
        let name = now.file_name().map(|name| name.to_string_lossy().into_owned());
        let question = FileQuestion {
            wanted: if folder { Wanted::Folder } else { Wanted::Save },
            title: "Export to".to_owned(),
            folder: now.parent().map(Into::into),
            name: name.clone().filter(|_| !folder),
        };
        self.choose_files(question, move |mut paths| {
            let chosen = paths.swap_remove(0);
            // A new folder is made within the one chosen.
            Outcome::ExportOut(if folder { chosen.join(name.unwrap_or_default()) } else { chosen })
        })
    }
}
