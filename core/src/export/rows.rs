//! Patches read from the project a chunk at a time, so that a million of them need no memory.

use std::collections::HashMap;

use super::frame::Frame;
use crate::error::{Error, Result};
use crate::formats::PatchInfo;
use crate::label::Label;
use crate::project::{PatchId, PatchRow, Project, Source, SourceId};

/// Ids read at once.
const CHUNK: PatchId = 4096;

/// Reads patches by id; quick when ids ascend.
pub(super) struct Rows<'p> {
    project: &'p Project,
    paths: HashMap<SourceId, String>,
    chunk: Vec<PatchRow>,
}

impl<'p> Rows<'p> {
    pub fn new(project: &'p Project) -> Result<Self> {
        Ok(Self {
            project,
            paths: project
                .sources()?
                .into_iter()
                .map(|s| (s.id, s.info.path.display().to_string()))
                .collect(),
            chunk: Vec::new(),
        })
    }

    /// Everything about patch `id` but its pixels. Its label is that of the moment of reading; the
    /// label to be written is the selection's.
    pub fn get(&mut self, id: PatchId) -> Result<&PatchRow> {
        let held = |chunk: &[PatchRow]| chunk.binary_search_by_key(&id, |row| row.id).ok();
        if held(&self.chunk).is_none() {
            self.chunk = self.project.patches(id..id.saturating_add(CHUNK))?;
        }
        held(&self.chunk).and_then(|at| self.chunk.get(at)).ok_or_else(|| {
            Error::request(format!("patch {id} is not in the project"), "open the project again")
        })
    }

    /// The file of a source.
    pub fn source(&self, id: SourceId) -> &str {
        self.paths.get(&id).map_or("", String::as_str)
    }

    /// Patch `id` as the writers want it, with the label given, named and placed as `frame` says,
    /// without other columns.
    pub fn info(&mut self, frame: &Frame, id: PatchId, label: Label) -> Result<PatchInfo> {
        let place = self.get(id)?.place;
        Ok(PatchInfo {
            label: Some(label),
            micrograph: frame.name(place.micrograph).map(str::to_owned),
            xy: frame.xy(&place),
            ..PatchInfo::default()
        })
    }
}

/// The sources that any of `ids` (ascending) came from.
pub(super) fn used_sources(project: &Project, ids: &[PatchId]) -> Result<Vec<Source>> {
    let mut sources = project.sources()?;
    sources.retain(|source| {
        let next = ids.partition_point(|&id| id < source.first);
        ids.get(next).is_some_and(|&id| ((id - source.first) as usize) < source.count)
    });
    Ok(sources)
}

/// The score that a picker gave a pick.
pub(super) fn pick_score(row: &PatchRow) -> Option<f64> {
    // Projects made before the score had a place of its own keep it among the columns.
    let among_columns =
        || ["rlnAutopickFigureOfMerit", "score"].iter().find_map(|name| row.columns.get(*name)?.parse().ok());
    // RELION writes −999 where a picker gave none.
    row.pick_score.or_else(among_columns).filter(|score: &f64| score.is_finite() && *score != -999.0)
}

/// What all sources agree on.
pub(super) fn common(sources: &[Source], of: impl Fn(&Source) -> Option<f64>) -> Option<f64> {
    let first = of(sources.first()?)?;
    sources.iter().all(|source| of(source) == Some(first)).then_some(first)
}
