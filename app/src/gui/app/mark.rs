//! Places that a person marks on a micrograph become patches. A job cuts them, so that the window waits neither for
//! the file nor for the disk; what is marked meanwhile waits its turn, and none is lost.

use std::path::Path;
use std::sync::Arc;

use vitrine_core::Image;
use vitrine_core::formats::micrograph;
use vitrine_core::ingest::{AddedPatches, MarkedPlaces, add_places};
use vitrine_core::project::{Micrograph, PatchId, Project};

use super::outcome::{Answer, Marked, MicrographOutcome, Outcome};
use super::state::App;
use crate::gui::command::{Command, MarkPlaces, ProjectCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::Marking;
use crate::words;

/// Jobs that bring patches into the project, or read all of it: places wait until they are over.
const BEFORE: [JobKind; 5] =
    [JobKind::AddPicks, JobKind::Import, JobKind::Reload, JobKind::Open, JobKind::Sample];

/// Patches on the micrograph that are asked for optics and defocus, at most.
const MAX_NEIGHBOURS: usize = 24;

impl App {
    /// Takes up places that a person has marked.
    pub(super) fn mark_places(&mut self, mark: MarkPlaces) -> anyhow::Result<()> {
        self.refuse_while_training()?;
        let open = self.open()?;
        if let Some(why) = &open.read_only {
            anyhow::bail!("the project is read-only: {why}");
        }
        if let Err(why) = &open.cut {
            anyhow::bail!("no patch can be cut here: {why}");
        }
        if mark.places.is_empty() {
            return Ok(());
        }
        self.marks += 1;
        let marking = Marking { serial: self.marks, mark, under_way: false };
        self.model.micrographs.marking.push(marking);
        self.cut_marked()
    }

    /// Cuts what was marked first, unless something else is under way.
    pub(super) fn cut_marked(&mut self) -> anyhow::Result<()> {
        if BEFORE.into_iter().any(|kind| self.jobs.has(kind)) {
            return Ok(());
        }
        // A job that has ended is no job any more, but what it cut may still wait to be taken up.
        if self.model.micrographs.marking.iter().any(|marking| marking.under_way) {
            return Ok(());
        }
        let Some(first) = self.model.micrographs.marking.first() else { return Ok(()) };
        let id = first.mark.micrograph;
        let (known, file) = self.micrograph(id)?;
        let mut todo = Vec::new();
        let on = self.open()?.on_micrographs.patches(id);
        // Spread over all of them: the first ones may lack what others have.
        let neighbours: Vec<PatchId> =
            on.iter().copied().step_by(on.len().div_ceil(MAX_NEIGHBOURS).max(1)).collect();
        for marking in self.model.micrographs.marking.iter_mut().filter(|m| m.mark.micrograph == id) {
            marking.under_way = true;
            todo.push(marking.clone());
        }
        let (store, scope) = (self.handle(), self.scope());
        let image = self.cut_from.take().filter(|(of, _)| *of == id).map(|(_, image)| image);
        let serials: Vec<u64> = todo.iter().map(|marking| marking.serial).collect();
        self.jobs.ask(
            JobKind::AddPicks,
            scope,
            format!("Extracting patches from {}", known.name),
            move |_| Ok(work(store, &known, &neighbours, file, image, &todo)),
            move |marked: anyhow::Result<Marked>| {
                // A fault of the program: none of them is in the project.
                let marked =
                    marked.unwrap_or_else(|error| Marked { done: all_failed(&serials, error), image: None });
                Outcome::Micrograph(MicrographOutcome::Marked(marked))
            },
        );
        Ok(())
    }

    /// Takes up patches that were cut.
    pub(super) fn take_marked(&mut self, marked: Marked) -> anyhow::Result<()> {
        let Marked { done, image } = marked;
        self.cut_from = image.filter(|(id, _)| Some(*id) == self.model.micrographs.current);
        self.store()?.refresh()?;
        let pixels = self.store()?.pixels();
        let (mut told, mut in_step) = (String::new(), true);
        for (serial, answer) in done {
            let marking = &mut self.model.micrographs.marking;
            let Some(at) = marking.iter().position(|known| known.serial == serial) else { continue };
            let MarkPlaces { micrograph, places, label, .. } = marking.remove(at).mark;
            match answer {
                Ok(Some(added)) => {
                    self.notify_at_edge(added.at_edge.len());
                    in_step &= self.open()?.take_added(micrograph, label, &added, Arc::clone(&pixels));
                }
                Ok(None) => self.notify_at_edge(places.len()),
                Err(error) => {
                    // Several clicks fail for one reason.
                    let sentence = error.to_string();
                    if sentence != told {
                        self.notify_error("Picking", &error);
                        told = sentence;
                    }
                }
            }
        }
        if !in_step && !self.model.micrographs.is_marking() {
            self.apply(Command::Project(ProjectCommand::Reload));
        }
        self.cut_marked()?;
        if !self.model.micrographs.is_marking() {
            for step in std::mem::take(&mut self.after_marking) {
                self.apply(Command::Label(step));
            }
        }
        Ok(())
    }

    fn notify_at_edge(&mut self, count: usize) {
        match count {
            0 => {}
            1 => self.model.notices.warning(
                "That place is too close to the edge: its box would leave the micrograph. Nothing was added.",
            ),
            _ => self.model.notices.warning(format!(
                "{} places are too close to the edge: their boxes would leave the micrograph. They were left out.",
                words::count(count as u64)
            )),
        }
    }
}

/// Cuts the places of each request as one step.
fn work(
    store: anyhow::Result<Project>,
    known: &Micrograph,
    neighbours: &[PatchId],
    file: anyhow::Result<std::path::PathBuf>,
    image: Option<Arc<Image>>,
    todo: &[Marking],
) -> Marked {
    let opened = || -> anyhow::Result<(Project, Arc<Image>)> {
        let image = match image {
            Some(image) => image,
            None => Arc::new(read(&file?)?),
        };
        Ok((store?, image))
    };
    match opened() {
        Ok((mut store, image)) => {
            let done = todo
                .iter()
                .map(|marking| (marking.serial, one(&mut store, known, neighbours, &image, marking)));
            let done = done.collect();
            Marked { done, image: Some((known.id, image)) }
        }
        Err(error) => {
            let serials: Vec<u64> = todo.iter().map(|marking| marking.serial).collect();
            Marked { done: all_failed(&serials, error), image: None }
        }
    }
}

/// All failed for the same reason.
fn all_failed(serials: &[u64], error: anyhow::Error) -> Vec<(u64, Answer<Option<AddedPatches>>)> {
    let why = error.to_string();
    let mut first = Some(error);
    let mut next = || first.take().unwrap_or_else(|| anyhow::anyhow!(why.clone()));
    serials.iter().map(|&serial| (serial, Err(next()))).collect()
}

fn read(file: &Path) -> vitrine_core::Result<Image> {
    micrograph::open(file).map(|found| found.image)
}

fn one(
    store: &mut Project,
    known: &Micrograph,
    neighbours: &[PatchId],
    image: &Image,
    marking: &Marking,
) -> Answer<Option<AddedPatches>> {
    let MarkPlaces { places, label, run, reason, .. } = &marking.mark;
    let marked = MarkedPlaces {
        micrograph: known.clone(),
        neighbours: neighbours.to_vec(),
        places: places.iter().map(|&[x, y]| (x, y)).collect(),
        label: *label,
        actor: words::person(),
        run: *run,
        reason: (*reason).to_owned(),
    };
    Ok(add_places(store, image, &marked)?)
}
