//! Patches read from the project a chunk at a time, so that a million of them need no memory.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::formats::PatchInfo;
use crate::label::Label;
use crate::project::{MicrographId, PatchId, PatchRow, Project, Source, SourceId};

/// Ids read at once.
const CHUNK: PatchId = 4096;

/// Reads patches by id; quick when ids ascend.
pub(super) struct Rows<'p> {
    project: &'p Project,
    names: HashMap<MicrographId, String>,
    paths: HashMap<SourceId, String>,
    chunk: Vec<PatchRow>,
}

impl<'p> Rows<'p> {
    pub fn new(project: &'p Project) -> Result<Self> {
        Ok(Self {
            project,
            names: project.micrographs()?.into_iter().map(|m| (m.id, m.name)).collect(),
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

    /// Name of a micrograph.
    pub fn micrograph(&self, id: Option<MicrographId>) -> Option<&str> {
        self.names.get(&id?).map(String::as_str)
    }

    /// The file of a source.
    pub fn source(&self, id: SourceId) -> &str {
        self.paths.get(&id).map_or("", String::as_str)
    }

    /// Patch `id` as the writers want it, with the label given and without other columns.
    pub fn info(&mut self, id: PatchId, label: Label) -> Result<PatchInfo> {
        let place = self.get(id)?.place;
        Ok(PatchInfo {
            label: Some(label),
            micrograph: self.micrograph(place.micrograph).map(str::to_owned),
            xy: place.xy,
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
