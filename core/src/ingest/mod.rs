//! Turns recognised files into patches of a project.
//!
//! This module alone knows formats, imaging and the project together on the way in. A person names
//! files in an [`IngestRequest`]; [`inspect`] says what they are without writing anything; [`ingest`]
//! brings them in, all or none. Both make the same plan first. A file uses only files above it:
//!
//! | file | what |
//! |---|---|
//! | `request`, `report`, `progress` | what a person asks for; what an import answers; how far it is |
//! | `existing` | what the project holds already: micrograph names and the places of patches |
//! | `files` | tells the named files apart |
//! | `mic`, `plan` | one micrograph of the import; everything an import will do |
//! | `conversion` | from coordinates of a file to px of the micrograph |
//! | `optics` | which optics and which defocus patches get |
//! | `picks` | sorts picks into those to cut, those at an edge and those already there |
//! | `planning` | makes the plan: matches picks with micrographs, settles the patch size |
//! | `patches` | brings in patches that were cut by other programs |
//! | `by_hand` | places that a person marks on a micrograph |
//! | `boxes`, `pool_places`, `pool`, `cutting` | reads a micrograph and cuts boxes; where the unlabeled pool is cut; the pool; picks and pool, one micrograph at a time |
//! | `micrographs` | brings in micrographs alone, to be picked on later |
//! | `look` | looks into a few micrographs: mirrored picks, replicated border, contrast |
//! | `inspection` | recognises files, proposes values, and shows a handful of patches |
//! | `sight` | one micrograph with its picks, to see how large a box should be |
//! | `space` | how much room that takes on the disk, and how much is free |
//! | [`sample`] | writes the simulated sample as ordinary files |
//! | [`truth`] | reads the true labels of a benchmark, for evaluation only |

mod boxes;
mod by_hand;
mod conversion;
mod cutting;
mod existing;
mod files;
mod inspection;
mod look;
mod mic;
mod micrographs;
mod optics;
mod patches;
mod picks;
mod plan;
mod planning;
mod pool;
mod pool_places;
mod progress;
mod report;
mod request;
pub mod sample;
mod sight;
mod space;
pub mod truth;

use crate::error::{Error, Result};
use crate::label::LabelCounts;
use crate::progress::ProgressSink;
use crate::project::Project;

pub use by_hand::{AddedPatches, MarkedPlaces, add_places, project_cut};
pub(crate) use by_hand::{cut_of, source_on};
pub use inspection::{
    AROUND, FoundInput, Inspection, SeenPatch, inspect_with_patches, proposal, recognise, suggested_bin,
};
pub use planning::box_for_diameter;
pub use report::{
    Ambiguous, BadMicrograph, ImportPreview, IngestSummary, InputReport, MicrographReport, PickFileReport,
    PickScores, Unmatched,
};
pub use request::{BelowMinScore, IngestRequest, PoolCount, PoolFrom, PoolRequest, diameter_for_box};
pub use sample::{SampleFiles, SamplePicks, sample_files};
pub use sight::{MicrographSight, sight, sight_request};
pub use space::{Fit, Space, free_space};
pub use truth::{imported_labels, read as truth_for};

/// Says what an import would bring, without writing anything. With a project, also what it holds
/// already and whether patch sizes agree.
///
/// # Errors
/// When a file cannot be read or recognised, sizes do not fit together, a setting is missing or
/// out of range, or [`Error::Cancelled`].
pub fn inspect(
    request: &IngestRequest,
    project: Option<&Project>,
    progress: ProgressSink<'_>,
) -> Result<ImportPreview> {
    let mut plan = planning::make(request, project, progress)?;
    look::look(&mut plan, request, progress)?;
    Ok(plan.into_preview(request))
}

/// Brings files into the project, all or none: when this fails or is cancelled the project is as
/// before. Pixels are streamed; at most one micrograph is in memory.
///
/// Micrographs without picks and without a pool are brought in alone: particles are marked on them later.
///
/// # Errors
/// As [`inspect`], when a micrograph cannot be used and is not to be left out, when the project may only be read, there is nothing to bring in, a pixel is
/// no finite number, or the disk is full.
pub fn ingest(
    project: &mut Project,
    request: &IngestRequest,
    progress: ProgressSink<'_>,
) -> Result<IngestSummary> {
    let mut plan = planning::make(request, Some(project), progress)?;
    look::look(&mut plan, request, progress)?;
    plan.refuse_bad(request)?;
    if plan.is_micrographs_alone(request) {
        micrographs::bring_in(&plan, request, project)?;
        return Ok(IngestSummary {
            first: u32::try_from(project.len()).unwrap_or(u32::MAX),
            labels: LabelCounts::default(),
            pool: 0,
            entries: Vec::new(),
            found: plan.into_preview(request),
        });
    }
    let size = plan.size.ok_or_else(|| {
        Error::request(
            "there is nothing to import: the files hold neither patches nor picks",
            "name patch files, or micrographs with picks or a pool",
        )
    })?;
    // Pool patches wait on the disk of the project until the picks are in.
    let spool = project.dir().to_owned();
    let mut importer = project.import(size)?;
    patches::bring_in(&mut plan, request, &mut importer, progress)?;
    let pool = cutting::bring_in(&mut plan, request, &mut importer, &spool, progress)?;
    if importer.pushed() == 0 {
        return Err(plan.nothing_left());
    }
    let done = importer.commit()?;
    Ok(IngestSummary {
        first: done.first,
        labels: done.labels,
        pool: pool as u64,
        entries: done.entries,
        found: plan.into_preview(request),
    })
}
