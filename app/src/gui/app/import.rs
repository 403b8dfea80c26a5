//! Preparing an import and running it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::LabelCounts;
use vitrine_core::ingest::{
    FoundInput, IngestRequest, IngestSummary, free_space, inspect_closely, proposal, recognise,
};
use vitrine_core::workflow::import::{import_into, new_from_files};

use super::asked::Asked;
use super::dialog::{FileQuestion, Wanted};
use super::project::{load, name_of};
use super::{App, Loaded, Outcome};
use crate::gui::command::{Command, ImportCommand, ViewCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{ImportDraft, ImportTarget, Looked, NoticeKind, Room, Tab};
use crate::gui::remedy;
use crate::words;

/// Patches shown before an import.
const HANDFUL: usize = 16;

impl App {
    pub(super) fn apply_import(&mut self, command: ImportCommand) -> anyhow::Result<()> {
        match command {
            ImportCommand::Add(paths) => {
                self.add_to_import(paths);
                Ok(())
            }
            ImportCommand::Remove(path) => {
                if let Some(draft) = &mut self.model.import {
                    draft.paths.retain(|known| *known != path);
                }
                self.recognise_import()
            }
            ImportCommand::Recognise => self.recognise_import(),
            ImportCommand::ChooseFiles => self.choose(false),
            ImportCommand::ChooseFolders => self.choose(true),
            ImportCommand::Look { request, with_open } => self.look(*request, with_open),
            ImportCommand::Measure(dir) => self.measure_room(dir),
            ImportCommand::Run { request, target } => self.run_import(*request, target),
            ImportCommand::Leave => {
                self.jobs.cancel_kind(JobKind::Look);
                self.jobs.cancel_kind(JobKind::Recognise);
                self.model.import = None;
                Ok(())
            }
        }
    }

    /// Adds files to the import being prepared; the page is shown.
    pub(super) fn add_to_import(&mut self, paths: Vec<PathBuf>) {
        let draft = self.model.import.get_or_insert_with(ImportDraft::default);
        let new: Vec<PathBuf> = paths.into_iter().filter(|path| !draft.paths.contains(path)).collect();
        if new.is_empty() {
            return;
        }
        draft.paths.extend(new);
        if let Err(error) = self.recognise_import() {
            self.say_error("", &error);
        }
    }

    fn recognise_import(&mut self) -> anyhow::Result<()> {
        let Some(draft) = &mut self.model.import else { return Ok(()) };
        // What was seen belongs to other files.
        draft.looked = None;
        draft.looking = None;
        draft.proposal = None;
        let paths = draft.paths.clone();
        self.jobs.cancel_kind(JobKind::Look);
        self.jobs.cancel_kind(JobKind::Recognise);
        if paths.is_empty() || draft.found.iter().all(|found| found.kind.is_err()) {
            draft.found.clear();
        }
        if paths.is_empty() {
            return Ok(());
        }
        self.ask(Asked::Recognise(paths.clone()), |app| {
            app.jobs.spawn(JobKind::Recognise, "Recognising files", move |job| {
                let found =
                    recognise(&paths, &mut |step| job.progress(step.phase.as_str(), step.done, step.total))?;
                job.go_on()?;
                let proposal = Box::new(proposal(&found));
                Ok(Outcome::Recognised { found, proposal })
            })
        })
    }

    pub(super) fn take_recognised(&mut self, found: Vec<FoundInput>, proposal: IngestRequest) {
        let Some(draft) = &mut self.model.import else { return };
        if draft.paths.len() != found.len() || draft.paths.iter().zip(&found).any(|(p, f)| *p != f.path) {
            // Files were added or taken off meanwhile; a newer answer comes.
            return;
        }
        draft.found = found;
        draft.proposal = Some(proposal);
        draft.number += 1;
    }

    /// Asks how much is free on the disk of a folder, on a job: a disk of the network may not answer.
    fn measure_room(&mut self, dir: PathBuf) -> anyhow::Result<()> {
        let Some(draft) = &mut self.model.import else { return Ok(()) };
        draft.measuring = Some(dir.clone());
        self.jobs.spawn(JobKind::Read, "Looking for room on the disk", move |_| {
            let free = free_space(&dir);
            Ok(Outcome::Room(Room { dir, free, at: Instant::now() }))
        })?;
        Ok(())
    }

    pub(super) fn take_room(&mut self, room: Room) {
        let Some(draft) = &mut self.model.import else { return };
        if draft.measuring.as_ref() == Some(&room.dir) {
            draft.measuring = None;
            draft.room = Some(room);
        }
    }

    fn choose(&mut self, folders: bool) -> anyhow::Result<()> {
        let (wanted, title) = match folders {
            true => (Wanted::Folders, "Folders to import"),
            false => (Wanted::Files, "Files to import"),
        };
        let question = FileQuestion { wanted, title: title.to_owned(), folder: None, name: None };
        self.choose_files(question, Outcome::ImportChosen)
    }

    fn look(&mut self, request: IngestRequest, with_open: bool) -> anyhow::Result<()> {
        let Some(draft) = &mut self.model.import else { return Ok(()) };
        let wanted = Some((request.clone(), with_open));
        if draft.looking == wanted {
            return Ok(());
        }
        draft.looking = wanted;
        self.jobs.cancel_kind(JobKind::Look);
        self.ask(Asked::Look(Box::new(request.clone()), with_open), |app| {
            let store = match app.store.as_ref().filter(|_| with_open) {
                Some(store) => Some(store.reopen()?),
                None => None,
            };
            app.jobs.spawn(JobKind::Look, "Looking at the files", move |job| {
                let seen = inspect_closely(&request, store.as_ref(), HANDFUL, &mut |step| {
                    job.progress(step.phase.as_str(), step.done, step.total)
                });
                let result = match seen {
                    Err(vitrine_core::Error::Cancelled) => return Err(vitrine_core::Error::Cancelled.into()),
                    Err(error) => Err(remedy::sentence(&error.into())),
                    Ok(look) => Ok(Arc::new(look)),
                };
                Ok(Outcome::Looked(Looked { request, with_open, result, cancelled: false }))
            })
        })
    }

    pub(super) fn take_look(&mut self, looked: Looked) {
        let Some(draft) = &mut self.model.import else { return };
        if draft.looking.as_ref().is_some_and(|(r, open)| *r == looked.request && *open == looked.with_open) {
            draft.looking = None;
            draft.looked = Some(looked);
        }
    }

    fn run_import(&mut self, request: IngestRequest, target: ImportTarget) -> anyhow::Result<()> {
        self.not_while_training()?;
        if self.jobs.has(JobKind::Import) {
            anyhow::bail!("an import is under way; wait for it or cancel it");
        }
        match target {
            ImportTarget::Open => {
                let mut store = self.store()?.reopen()?;
                let title = format!("Importing into {}", self.open()?.name);
                self.jobs.spawn(JobKind::Import, title, move |job| {
                    let summary = import_into(&mut store, &request, &mut |step| job.tell(step))?;
                    Ok(Outcome::Imported {
                        loaded: Box::new(load(store, &|| Ok(()))?),
                        summary: Box::new(summary),
                    })
                })?;
            }
            ImportTarget::New { dir, pixels } => {
                let title = format!("Importing into {}", name_of(&dir));
                self.jobs.spawn(JobKind::Import, title, move |job| {
                    let (store, summary) =
                        new_from_files(&dir, &request, pixels, &mut |step| job.tell(step))?;
                    Ok(Outcome::Imported {
                        loaded: Box::new(load(store, &|| Ok(()))?),
                        summary: Box::new(summary),
                    })
                })?;
            }
        }
        Ok(())
    }

    /// Takes up what an import brought, and offers what comes next.
    pub(super) fn take_import(&mut self, loaded: Loaded, summary: &IngestSummary) -> anyhow::Result<()> {
        self.take_project(loaded)?;
        self.model.import = None;
        let open = self.open()?;
        let (name, counts) = (open.name.clone(), open.counts);
        let (next, tab) = next_step(counts);
        self.model.tab = Tab::Gallery;
        let text = format!(
            "Imported {} into {name}: {}. {next}",
            words::patches(summary.labels.total()),
            words::label_counts(&summary.labels)
        );
        let action = (tab.as_str().to_owned(), Command::View(ViewCommand::Tab(tab)));
        self.model.notices.push(NoticeKind::Done, text, Some(action));
        for warning in &summary.found.warnings {
            self.model.notices.warning(remedy::warning(warning));
        }
        Ok(())
    }
}

/// What there is to do with a project of these labels, and where.
fn next_step(counts: LabelCounts) -> (&'static str, Tab) {
    if counts.positive == 0 {
        ("Next: label some particles.", Tab::Gallery)
    } else if counts.unlabeled == 0 {
        ("Next: import unlabeled patches, so that there is something to tell particles from.", Tab::Gallery)
    } else {
        ("Next: train on them.", Tab::Train)
    }
}
