//! Reading a project: its store, and what the model holds of it.

use std::sync::Arc;

use anyhow::Context as _;
use vitrine_core::LabelCounts;
use vitrine_core::ingest::project_cut;
use vitrine_core::project::{EntryId, EntryKind, PatchColumns, Project, Run, RunId, ScoreKind};
use vitrine_core::workflow::train::can_resume;

use crate::gui::model::{
    CurrentScores, CurrentSplit, Hidden, OnMicrographs, OpenProject, PatchSelection, RunList, Shown,
};
use crate::gui::remedy;
use crate::gui::values::Asked;
use crate::words::project_name;

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
    let journal = store.label_position()?;
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
    let run_list = run_list(&store, &runs, &columns)?;
    let mut scores = None;
    // Pinned scores come before newer ones.
    let pinned = runs.iter().filter(|run| run_list.pinned == Some(run.id));
    for run in pinned.chain(runs.iter().rev()) {
        go_on()?;
        if let Some(values) = store.scores(run.id, ScoreKind::Teacher)? {
            scores = Some(CurrentScores { run: run.id, name: run.name.clone(), values: Arc::new(values) });
            break;
        }
    }
    let imports = store.journal(EntryId(0), usize::MAX)?.into_iter();
    let imports = imports.filter(|entry| entry.kind == EntryKind::Import);
    let imports = imports.filter_map(|entry| u32::try_from(entry.id.0).ok()).collect();
    let mut on_micrographs = OnMicrographs::new(&columns, &imports);
    if let Some(scores) = &scores {
        on_micrographs.take_scores(&scores.values);
    }
    let count = columns.len();
    let ids = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    let read_only = (!store.is_writable())
        .then(|| store.read_only_reason().unwrap_or("it was opened for reading").to_owned());
    let open = OpenProject {
        opening: 0,
        dir: store.dir().to_owned(),
        name: project_name(store.dir()),
        read_only,
        size: store.size(),
        created: store.created()?,
        pixels: store.pixels(),
        counts: LabelCounts::of(columns.labels.iter().copied()),
        sources: store.sources()?,
        last_import: store.last_import()?,
        numbering: store.numbering(),
        micrographs: store.micrographs()?,
        on_micrographs,
        masks: store.masks()?,
        pick_rules: store.all_pick_rules()?,
        cut: project_cut(&store).map_err(|error| remedy::sentence(&error.into())),
        diameter: store.picking()?.and_then(|set| set.diameter),
        resumable: resumable(&store, &runs),
        runs,
        run_list,
        exported: store.last_export()?,
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

/// What is known of these runs besides their rows.
///
/// # Errors
/// When the database cannot be read.
pub fn run_list(store: &Project, runs: &[Run], columns: &PatchColumns) -> vitrine_core::Result<RunList> {
    Ok(RunList::new(store.run_facts(runs)?, store.pinned_scores()?, runs, columns))
}

/// Those of these runs that have something to go on from.
pub fn resumable(store: &Project, runs: &[Run]) -> Vec<RunId> {
    runs.iter().filter(|run| can_resume(store, run)).map(|run| run.id).collect()
}
