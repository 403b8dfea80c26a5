//! What a preview shows of an export: counts for each micrograph, and some patches that are written and that stay.

use std::collections::BTreeMap;

use serde::Serialize;

use super::selection::{Fate, Selection};
use crate::error::Result;
use crate::project::{MicrographId, PatchId, Place, Project};

/// Patches shown of each kind, at most.
const MAX_EXAMPLES: usize = 12;

/// How many patches of a micrograph an export writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MicrographShare {
    /// Name of the micrograph; `None` for patches that lie on no named one.
    pub name: Option<String>,
    /// Patches that are written.
    pub written: u64,
    /// Patches that stay in the project alone, of any label.
    pub stays: u64,
}

/// A patch to look at, with its score where scores choose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ExportExample {
    /// The patch.
    pub patch: PatchId,
    /// Its score, where it has one.
    pub score: Option<f32>,
}

/// Some patches, to look at before the export is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ExportExamples {
    /// Written: those with the lowest scores first where scores choose, else spread over all.
    pub written: Vec<ExportExample>,
    /// Written because they are labelled: those with the lowest scores first.
    pub kept: Vec<ExportExample>,
    /// Not written: those with the highest scores outside the bounds first where scores choose, else spread over all.
    pub stays: Vec<ExportExample>,
}

/// Counts for each micrograph with patches, in the order of the project.
pub(super) fn shares(
    project: &Project,
    selection: &Selection,
    places: &[Place],
) -> Result<Vec<MicrographShare>> {
    let mut counts: BTreeMap<Option<MicrographId>, (u64, u64)> = BTreeMap::new();
    for (fate, place) in selection.fates.iter().zip(places) {
        let (written, stays) = counts.entry(place.micrograph).or_default();
        *(if fate.is_written() { written } else { stays }) += 1;
    }
    let names: BTreeMap<MicrographId, String> =
        project.micrographs()?.into_iter().map(|micrograph| (micrograph.id, micrograph.name)).collect();
    Ok(counts
        .into_iter()
        .map(|(id, (written, stays))| MicrographShare {
            name: id.and_then(|id| names.get(&id).cloned()),
            written,
            stays,
        })
        .collect())
}

/// Patches at the border between those that are written and those that stay.
pub(super) fn examples(selection: &Selection) -> ExportExamples {
    let with = |wanted: &dyn Fn(Fate) -> bool| -> Vec<PatchId> {
        let fates = selection.fates.iter().enumerate();
        fates.filter(|(_, fate)| wanted(**fate)).filter_map(|(id, _)| PatchId::try_from(id).ok()).collect()
    };
    let Some(scores) = &selection.bounded_scores else {
        return ExportExamples {
            written: spread(&with(&Fate::is_written)),
            kept: Vec::new(),
            stays: spread(&with(&|fate| !fate.is_written())),
        };
    };
    let with_scores = |ids: Vec<PatchId>| -> Vec<ExportExample> {
        let score = |patch: PatchId| scores.get(patch as usize).copied().filter(|score| score.is_finite());
        ids.into_iter().map(|patch| ExportExample { patch, score: score(patch) }).collect()
    };
    // A patch without a score comes last: nothing says on which side of the border it lies.
    let lowest = |ids: Vec<PatchId>| {
        let mut examples = with_scores(ids);
        let key = |example: &ExportExample| example.score.unwrap_or(f32::INFINITY);
        examples.sort_by(|a, b| key(a).total_cmp(&key(b)));
        examples.truncate(MAX_EXAMPLES);
        examples
    };
    let mut stays = with_scores(with(&|fate| fate == Fate::Outside));
    let key = |example: &ExportExample| example.score.unwrap_or(f32::NEG_INFINITY);
    stays.sort_by(|a, b| key(b).total_cmp(&key(a)));
    stays.truncate(MAX_EXAMPLES);
    ExportExamples {
        written: lowest(with(&|fate| fate == Fate::Written)),
        kept: lowest(with(&|fate| fate == Fate::Kept)),
        stays,
    }
}

/// At most [`MAX_EXAMPLES`] of `ids`, evenly apart.
fn spread(ids: &[PatchId]) -> Vec<ExportExample> {
    let count = ids.len().min(MAX_EXAMPLES);
    let chosen = (0..count).filter_map(|at| ids.get(at * ids.len() / count.max(1)));
    chosen.map(|&patch| ExportExample { patch, score: None }).collect()
}
