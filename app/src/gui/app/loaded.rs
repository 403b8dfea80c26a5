//! Reading a project: its store, and what the model holds of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use vitrine_core::LabelCounts;
use vitrine_core::project::{Project, Run, RunId, ScoreKind};
use vitrine_core::workflow::train::can_resume;

use crate::gui::model::{CurrentScores, CurrentSplit, Hidden, OpenProject, PatchSelection, Shown};
use crate::gui::values::Asked;

/// A project that was read: its store, and what views see of it.
pub struct Loaded {
    /// The open store.
    pub store: Project,
    /// The model's part.
    pub open: OpenProject,
}

/// Reads what the model holds of a project. On a job's thread: a second for a million patches. `go_on` is
/// asked between the steps.
pub fn load(mut store: Project, go_on: &dyn Fn() -> vitrine_core::Result<()>) -> anyhow::Result<Loaded> {
    store.refresh()?;
    // Read first: what changes from here on is taken up from the journal.
    let journal = store.journal_position()?;
    go_on()?;
    let columns = store.columns()?;
    go_on()?;
    let runs = store.runs()?;
    let split = match store.splits()?.pop() {
        Some(split) => {
            let sides = store.split_sides(split.id).context("the newest split")?;
            Some(CurrentSplit { split, sides: Arc::new(sides) })
        }
        None => None,
    };
    let mut scores = None;
    for run in runs.iter().rev() {
        go_on()?;
        if let Some(values) = store.scores(run.id, ScoreKind::Teacher)? {
            scores = Some(CurrentScores { run: run.id, name: run.name.clone(), values: Arc::new(values) });
            break;
        }
    }
    let count = columns.len();
    let ids = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    let read_only = (!store.is_writable())
        .then(|| store.read_only_reason().unwrap_or("it was opened for reading").to_owned());
    let open = OpenProject {
        generation: 0,
        dir: store.dir().to_owned(),
        name: name_of(store.dir()),
        read_only,
        size: store.size(),
        created: store.created()?,
        pixels: store.pixels(),
        counts: LabelCounts::of(columns.labels.iter().copied()),
        sources: store.sources()?,
        micrographs: store.micrographs()?,
        resumable: resumable(&store, &runs),
        runs,
        split,
        scores,
        shown: Shown { ids: Arc::new(ids), ..Shown::default() },
        selection: PatchSelection::new(count),
        labelled: None,
        wanted: None,
        hidden: Hidden::default(),
        queue: None,
        places: vitrine_core::review::QueuePlaces::read(&store)?,
        detail: Asked::default(),
        micrograph: Asked::default(),
        features: None,
        journal,
        columns: Arc::new(columns),
    };
    go_on()?;
    Ok(Loaded { store, open })
}

/// Those of these runs that have something to go on from.
pub fn resumable(store: &Project, runs: &[Run]) -> Vec<RunId> {
    runs.iter().filter(|run| can_resume(store, run)).map(|run| run.id).collect()
}

/// The name of a project: its folder's, or for a folder `project` the one around it.
pub fn name_of(dir: &Path) -> String {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match name(&absolute) {
        Some(own) if own == "project" => absolute.parent().and_then(name).unwrap_or(own),
        Some(own) => own,
        None => absolute.display().to_string(),
    }
}
