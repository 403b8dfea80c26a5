//! Preparing an import, and running it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::LabelCounts;
use vitrine_core::ingest::{
    IngestRequest, IngestSummary, free_space, ingest, inspect_with_patches, proposal, recognise, sight,
};
use vitrine_core::project::Project;
use vitrine_core::workflow::import::new_from_files;

use super::dialog::FileQuestion;
use super::loaded::{Loaded, load};
use super::notify::failure;
use super::outcome::{ImportOutcome, Outcome};
use super::state::App;
use crate::gui::command::{Command, ImportCommand, ViewCommand};
use crate::gui::drafts::ImportDraft;
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::model::{DiskSpace, ImportState, LookRequest, NoticeKind, Recognised};
use crate::gui::remedy;
use crate::gui::values::{Failure, FileKinds, ImportTarget, Load, Tab, Wanted};
use crate::words;

/// Files that an import reads, for the file browser. What a file is, is told by its content.
const IMPORTS: FileKinds = FileKinds {
    words: "files to import",
    endings: &[
        ".star", ".cs", ".mrc", ".mrcs", ".map", ".rec", ".st", ".gz", ".bz2", ".tif", ".tiff", ".png",
        ".jpg", ".jpeg", ".pt", ".pth", ".npy", ".npz", ".hdf", ".h5", ".hdf5", ".box", ".cbox", ".csv",
        ".tsv", ".txt", ".json", ".coord", ".coords", ".xy",
    ],
};

/// Most px a side of a micrograph that is shown before an import.
const SIGHT_SIDE: usize = 1024;
/// Patches shown before an import.
const MAX_SHOWN: usize = 16;

impl App {
    pub(super) fn apply_import(&mut self, command: ImportCommand) -> anyhow::Result<()> {
        match command {
            ImportCommand::Add(paths) => {
                self.add_to_import(paths);
                Ok(())
            }
            ImportCommand::AddUnlabeled => self.add_unlabeled(),
            ImportCommand::Remove(path) => {
                if let Some(import) = &mut self.model.import {
                    import.paths.retain(|known| *known != path);
                }
                self.recognise_import();
                Ok(())
            }
            ImportCommand::Recognise => {
                self.recognise_import();
                Ok(())
            }
            ImportCommand::ChooseFiles => self.choose(false),
            ImportCommand::ChooseFolders => self.choose(true),
            ImportCommand::Look { request, with_open } => {
                self.look(LookRequest { request: *request, with_open });
                Ok(())
            }
            ImportCommand::See { request, at } => {
                self.see(*request, at);
                Ok(())
            }
            ImportCommand::Measure(dir) => {
                self.read_disk_space(dir);
                Ok(())
            }
            ImportCommand::Run { request, target } => self.run_import(*request, target),
            ImportCommand::TakeBack => self.take_import_back(),
            ImportCommand::Leave => {
                self.jobs.cancel_kind(JobKind::Look);
                self.jobs.cancel_kind(JobKind::Sight);
                self.jobs.cancel_kind(JobKind::Recognise);
                self.model.import = None;
                Ok(())
            }
        }
    }

    /// Adds files to the import being prepared; the page is shown.
    pub(super) fn add_to_import(&mut self, paths: Vec<PathBuf>) {
        let open_takes = self.model.open_takes_import();
        let import = self.model.import.get_or_insert_with(|| ImportState::new(open_takes));
        let new: Vec<PathBuf> = paths.into_iter().filter(|path| !import.paths.contains(path)).collect();
        if new.is_empty() {
            return;
        }
        import.paths.extend(new);
        self.recognise_import();
    }

    /// Prepares an import of unlabeled patches, cut as the project's patches are, from its micrographs that hold
    /// positives. Where their files are not known, the page asks for files.
    fn add_unlabeled(&mut self) -> anyhow::Result<()> {
        let open = self.open()?;
        let marked = |id| open.on_micrographs.counts(id).positive > 0;
        let paths = open.micrographs.iter().filter(|known| marked(known.id));
        let paths: Vec<PathBuf> = paths.filter_map(|known| known.path.clone()).collect();
        let draft = ImportDraft::unlabeled(open.cut.as_ref().ok(), open.diameter);
        let import = ImportState { draft, ..ImportState::new(true) };
        self.model.import = Some(import);
        self.add_to_import(paths);
        Ok(())
    }

    fn recognise_import(&mut self) {
        let Some(import) = &mut self.model.import else { return };
        // What was seen belongs to other files.
        import.look.forget();
        import.sight.forget();
        let paths = import.paths.clone();
        self.jobs.cancel_kind(JobKind::Look);
        self.jobs.cancel_kind(JobKind::Sight);
        self.jobs.cancel_kind(JobKind::Recognise);
        if paths.is_empty() || import.found().iter().all(|found| found.kind.is_err()) {
            import.recognised.forget();
        }
        if paths.is_empty() {
            return;
        }
        import.recognised.ask(paths.clone());
        let asked = paths.clone();
        self.jobs.ask(
            JobKind::Recognise,
            Scope::Window,
            "Recognising files",
            move |job| {
                let found = recognise(&paths, &mut |step| job.report(step))?;
                job.check_cancelled()?;
                let proposal = proposal(&found);
                Ok(Recognised { found, proposal })
            },
            move |recognised| Outcome::Import(ImportOutcome::Recognised(asked, recognised)),
        );
    }

    fn take_recognised(&mut self, paths: &Vec<PathBuf>, recognised: Result<Recognised, Failure>) {
        let Some(import) = &mut self.model.import else { return };
        // Where files were added or taken off meanwhile, a newer answer comes.
        if import.recognised.answer(paths, recognised)
            && let Load::Ready(recognised) = import.recognised.of(paths)
        {
            import.draft.fill(&recognised.proposal, &recognised.found, paths);
        }
    }

    /// Asks how much is free on the disk of a folder, on a job: a disk of the network may not answer.
    fn read_disk_space(&mut self, dir: PathBuf) {
        let Some(import) = &mut self.model.import else { return };
        import.disk_space.ask(dir.clone());
        let asked = dir.clone();
        self.jobs.ask(
            JobKind::DiskSpace,
            Scope::Window,
            "Reading the free space of the disk",
            move |_| Ok(DiskSpace { free: free_space(&dir), at: Instant::now() }),
            move |space| Outcome::Import(ImportOutcome::DiskSpace(asked, space)),
        );
    }

    fn choose(&mut self, folders: bool) -> anyhow::Result<()> {
        let (wanted, title) = match folders {
            true => (Wanted::Folders, "Folders to import"),
            false => (Wanted::Files, "Files to import"),
        };
        let kinds = (!folders).then_some(IMPORTS);
        let question = FileQuestion { wanted, title: title.to_owned(), folder: None, name: None, kinds };
        self.choose_files(question, |paths| Outcome::Import(ImportOutcome::Chosen(paths)))
    }

    fn look(&mut self, wanted: LookRequest) {
        let store = self.store.as_ref().filter(|_| wanted.with_open).map(Project::reopen);
        let Some(import) = &mut self.model.import else { return };
        if import.look.of(&wanted).is_loading() {
            return;
        }
        import.look.ask(wanted.clone());
        self.jobs.cancel_kind(JobKind::Look);
        let asked = wanted.clone();
        self.jobs.ask(
            JobKind::Look,
            Scope::Window,
            "Reading files",
            move |job| {
                let store = store.transpose()?;
                let look = inspect_with_patches(&wanted.request, store.as_ref(), MAX_SHOWN, &mut |step| {
                    job.report(step)
                })?;
                Ok(Arc::new(look))
            },
            move |look| Outcome::Import(ImportOutcome::Inspected(asked, look)),
        );
    }

    /// Reads a micrograph of the import with its picks.
    fn see(&mut self, request: IngestRequest, at: usize) {
        let Some(import) = &mut self.model.import else { return };
        let question = (request.clone(), at);
        import.sight.ask(question.clone());
        self.jobs.cancel_kind(JobKind::Sight);
        self.jobs.ask(
            JobKind::Sight,
            Scope::Window,
            "Reading a micrograph",
            move |job| Ok(sight(&request, at, SIGHT_SIDE, &mut |step| job.report(step))?.map(Arc::new)),
            move |sight| Outcome::Import(ImportOutcome::Seen(Box::new(question), sight)),
        );
    }

    /// Takes up what a job on an import hands back.
    pub(super) fn take_import_outcome(&mut self, outcome: ImportOutcome) -> anyhow::Result<()> {
        match outcome {
            ImportOutcome::Chosen(paths) => self.add_to_import(paths),
            ImportOutcome::Recognised(paths, recognised) => {
                let recognised = recognised.map_err(|error| failure(&error, "reading the files"));
                self.take_recognised(&paths, recognised);
            }
            ImportOutcome::Inspected(asked, look) => {
                let look = look.map_err(|error| failure(&error, "reading the files"));
                if let Some(import) = &mut self.model.import {
                    import.look.answer(&asked, look);
                }
            }
            ImportOutcome::Seen(asked, sight) => {
                let sight = sight.map_err(|error| failure(&error, "reading the micrograph"));
                if let Some(import) = &mut self.model.import {
                    import.sight.answer(&asked, sight);
                }
            }
            ImportOutcome::DiskSpace(dir, space) => {
                let space = space.map_err(|error| failure(&error, "this"));
                if let Some(import) = &mut self.model.import {
                    import.disk_space.answer(&dir, space);
                }
            }
            ImportOutcome::Done { loaded, summary } => return self.take_import(*loaded, &summary),
            ImportOutcome::TakenBack { loaded, taken } => return self.take_taken_back(*loaded, taken),
        }
        Ok(())
    }

    fn run_import(&mut self, request: IngestRequest, target: ImportTarget) -> anyhow::Result<()> {
        self.refuse_while_training()?;
        if self.jobs.has(JobKind::Import) {
            anyhow::bail!("an import is already running; wait for it or cancel it");
        }
        match target {
            ImportTarget::Open => {
                let mut store = self.handle()?;
                let title = format!("Importing into {}", self.open()?.name);
                self.jobs.spawn(JobKind::Import, Scope::Window, title, move |job| {
                    let summary = ingest(&mut store, &request, &mut |step| job.report(step))?;
                    let (loaded, summary) = (Box::new(load(store, &|| Ok(()))?), Box::new(summary));
                    Ok(Outcome::Import(ImportOutcome::Done { loaded, summary }))
                })?;
            }
            ImportTarget::New { dir, pixels } => {
                let title = format!("Importing into {}", words::project_name(&dir));
                self.jobs.spawn(JobKind::Import, Scope::Window, title, move |job| {
                    let (store, summary) =
                        new_from_files(&dir, &request, pixels, &mut |step| job.report(step))?;
                    let (loaded, summary) = (Box::new(load(store, &|| Ok(()))?), Box::new(summary));
                    Ok(Outcome::Import(ImportOutcome::Done { loaded, summary }))
                })?;
            }
        }
        Ok(())
    }

    /// Takes up what an import brought, and offers what comes next.
    fn take_import(&mut self, loaded: Loaded, summary: &IngestSummary) -> anyhow::Result<()> {
        self.take_project(loaded)?;
        self.model.import = None;
        let open = self.open()?;
        let (name, counts) = (open.name.clone(), open.counts);
        let alone = summary.labels.total() == 0 && !open.micrographs.is_empty();
        if alone {
            // Micrographs without picks: there is nothing else to see.
            let count = words::count(summary.found.micrographs.len() as u64);
            let text =
                format!("Imported {count} micrographs into {name}. Next: click particles to mark them.");
            self.model.notices.push(NoticeKind::Done, text, Some(take_back()));
            for warning in &summary.found.warnings {
                self.model.notices.warning(remedy::warning(warning));
            }
            return self.apply_view(ViewCommand::Tab(Tab::Micrographs));
        }
        let (next, tab) = next_step(counts);
        self.model.tab = Tab::Gallery;
        let text = format!(
            "Imported {} into {name}: {}. {next}",
            words::patches(summary.labels.total()),
            words::label_counts(&summary.labels)
        );
        let action = (tab.as_str().to_owned(), Command::View(ViewCommand::Tab(tab)));
        self.model.notices.offer(NoticeKind::Done, text, vec![action, take_back()]);
        for warning in &summary.found.warnings {
            self.model.notices.warning(remedy::warning(warning));
        }
        Ok(())
    }
}

/// The button for who sees that these were the wrong files or settings.
fn take_back() -> (String, Command) {
    ("Take it back".to_owned(), Command::Import(ImportCommand::TakeBack))
}

/// What there is to do with a project of these labels, and where.
fn next_step(counts: LabelCounts) -> (&'static str, Tab) {
    if counts.positive == 0 {
        ("Next: label some particles.", Tab::Gallery)
    } else if counts.unlabeled == 0 {
        ("Next: import unlabeled patches, so that a run can tell particles from the rest.", Tab::Gallery)
    } else {
        ("Next: train on them.", Tab::Train)
    }
}
