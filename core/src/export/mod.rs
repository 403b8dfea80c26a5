//! Labelled sets out of a project, in the formats of other programs.
//!
//! This module alone knows the project and the format writers together on the way out. An export
//! selects patches by label, by the score of a run, or both ([`ExportRequest`]); [`preview`] counts
//! them, [`export`] writes them and a [`Manifest`] beside them.
//!
//! | format | what is written | labels and coordinates when imported again |
//! |---|---|---|
//! | `relion-star` | RELION 3.1 table with optics; with a stack also `NAME.mrcs` | both (`vitrineLabel`) |
//! | `relion-coordinates` | a folder: RELION's list of coordinate files, and a STAR file per micrograph | coordinates |
//! | `relion-subset` | the rows of the tables the patches came from, byte by byte, a file for each table | as there |
//! | `cryosparc-star` | as `relion-star`, without columns cryoSPARC does not know | coordinates |
//! | `cryosparc-cs` | the records of the `.cs` files the patches came from | as there |
//! | `csv` | `id,micrograph,x,y,label,score,source` | both |
//! | `npz` | arrays `positive`, `unlabeled`, `negative` with `_micrograph` and `_xy` | both |
//! | `mrcs` | the stack, and `NAME.csv` with one row per section, in order | by the table |
//! | `png` | a folder with one folder per label | both; grey values are clipped and scaled patch by patch |
//! | `box` | a folder with one EMAN box file per micrograph | both |
//!
//! Coordinates are centres in px of the unbinned micrograph. `frame` says from which row y counts and
//! what micrographs are called. The stack of a STAR file is named as seen from the RELION project the
//! export lies in, else relative to the folder of the STAR file (`000001@NAME.mrcs`). Without a stack,
//! particles that came from a particle table keep the image they had, so that the cleaned table
//! selects among the original stacks.
//!
//! Pixels are streamed, one patch at a time. Everything is written into a hidden folder beside the
//! target and moved to its final name when it is complete and on the disk: a full disk or a killed
//! process leaves nothing half-written under a final name, and nothing is replaced without
//! [`ExportRequest::force`].
//!
//! A file uses only files above it:
//!
//! | file | what |
//! |---|---|
//! | `format`, `manifest`, `request` | what is written; its manifest as JSON; what a person asks |
//! | `relion_names`, `originals`, `frame` | names in RELION's project; originals of pictures; names and y of micrographs |
//! | `rows`, `selection`, `overview`, `optics` | patches from the project; which are written; what the preview shows of them; the optics table |
//! | `staging`, `job`, `finish` | all or nothing on the disk; what writers are given; normalised patches |
//! | `arrays`, `tables`, `pictures`, `star`, `coordinates`, `subset` | the writers |
//! | `record` | writes the manifest |

mod arrays;
mod coordinates;
mod finish;
mod format;
mod frame;
mod job;
mod manifest;
mod optics;
mod originals;
mod overview;
mod pictures;
mod record;
mod relion_names;
mod request;
mod rows;
mod selection;
mod staging;
mod star;
mod subset;
mod tables;

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Result;
use crate::label::LabelCounts;
use crate::progress::ProgressSink;
use crate::project::Project;
use crate::remedy::Warning;
use frame::Frame;
use job::Job;
use rows::Rows;
use selection::Selection;
use staging::Staging;

pub(crate) use coordinates::relion_coordinate_file;
pub use format::{ExportFormat, ExportWhat, YDirection};
pub(crate) use frame::relion_turns_over;
pub use manifest::{FileEntry, Manifest, ManifestProject, ManifestSelection, ManifestSplit};
pub use optics::OpticsField;
pub use overview::{ExportExample, ExportExamples, MicrographShare};
pub use request::{ExportRequest, GivenOptics};

/// What an export would write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportPreview {
    /// Patches that would be written, by label.
    pub counts: LabelCounts,
    /// Patches that would be written.
    pub total: u64,
    /// Selected patches left out because the format needs a position they lack.
    pub left_out_without_coordinates: u64,
    /// Selected patches left out because they did not come from the kind of file whose records the
    /// format hands back.
    pub left_out_without_record: u64,
    /// Patches among those to be written that have no position on a named micrograph.
    pub without_coordinates: u64,
    /// Patches with a wanted label that the run has not scored; left out when a threshold is given.
    pub without_score: u64,
    /// Patches with a wanted label whose score lies outside the bounds.
    pub outside_threshold: u64,
    /// Patches that would be written because they are labelled, though their score lies below the threshold or is missing.
    pub kept_for_label: u64,
    /// Counts for each micrograph with patches.
    pub micrographs: Vec<MicrographShare>,
    /// Some patches that would be written and some that would stay.
    pub examples: ExportExamples,
    /// Columns of the sources that the table cannot hold, or that not all patches have.
    pub left_out_columns: Vec<String>,
    /// Optics that RELION needs and neither the sources nor the request say.
    pub missing_optics: Vec<OpticsField>,
    /// Files or the folder that would be made.
    pub targets: Vec<PathBuf>,
    /// Those of them that exist already, so that `force` is needed.
    pub existing: Vec<PathBuf>,
    /// Sentences a person should read before going on.
    pub warnings: Vec<Warning>,
}

/// Counts what [`export`] would write, without writing.
///
/// # Errors
/// When the request contradicts itself, the run is unknown or has no scores, or the project cannot
/// be read. A selection of nothing is no error here.
pub fn preview(project: &Project, request: &ExportRequest) -> Result<ExportPreview> {
    request.check()?;
    let places = project.places()?;
    let selection = Selection::choose(project, request, &places)?;
    let frame = Frame::new(project, request, &selection.ids, &places)?;
    let targets = targets(project, request, &selection)?;
    let existing = targets.iter().filter(|t| staging::occupied(t)).cloned().collect();
    let mut warnings = selection.warnings(request);
    warnings.extend(frame.warnings.iter().cloned());
    let (mut left_out_columns, mut missing_optics) = (Vec::new(), Vec::new());
    if let Some(size) = project.size().filter(|_| !selection.ids.is_empty() && request.format.is_star()) {
        let findings = star::look(project, request, &selection, &frame, size)?;
        warnings.extend(findings.warnings);
        left_out_columns = findings.left_out.into_iter().map(|left| left.column).collect();
        missing_optics = findings.missing;
    }
    Ok(ExportPreview {
        counts: selection.counts,
        total: selection.counts.total(),
        left_out_without_coordinates: selection.left_out,
        left_out_without_record: selection.without_record,
        without_coordinates: selection.unplaced,
        without_score: selection.without_score,
        outside_threshold: selection.outside,
        kept_for_label: selection.kept,
        micrographs: overview::shares(project, &selection, &places)?,
        examples: overview::examples(&selection),
        left_out_columns,
        missing_optics,
        targets,
        existing,
        warnings,
    })
}

/// Writes an export and its manifest, `NAME.manifest.json` beside a file or `manifest.json` in a
/// folder.
///
/// # Errors
/// When nothing is selected, a target exists and `force` is not set, a target is a file of the
/// project or one that it was imported from, the format cannot hold what is selected, or the disk
/// refuses. Then nothing has changed on the disk.
pub fn export(project: &Project, request: &ExportRequest, progress: ProgressSink<'_>) -> Result<Manifest> {
    export_amended(project, request, &|_| (), progress)
}

/// Refuses an export that cannot be written: it contradicts itself, or its files stand in the way.
///
/// # Errors
/// As [`export`].
pub(crate) fn check(project: &Project, request: &ExportRequest) -> Result<()> {
    request.check()?;
    staging::check_targets(project, request, &request.targets())
}

/// As [`export`]; the manifest is written as `amend` leaves it.
///
/// # Errors
/// As [`export`].
pub(crate) fn export_amended(
    project: &Project,
    request: &ExportRequest,
    amend: &dyn Fn(&mut Manifest),
    progress: ProgressSink<'_>,
) -> Result<Manifest> {
    request.check()?;
    if request.format != ExportFormat::RelionSubset {
        // Told before a large project is looked through.
        staging::check_targets(project, request, &request.targets())?;
    }
    let places = project.places()?;
    let selection = Selection::choose(project, request, &places)?;
    let targets = targets(project, request, &selection)?;
    staging::check_targets(project, request, &targets)?;
    let size = match project.size() {
        Some(size) if !selection.ids.is_empty() => size,
        _ => return Err(selection.empty(request)),
    };
    let frame = Frame::new(project, request, &selection.ids, &places)?;
    drop(places);
    let staging = Staging::beside(&request.out)?;
    let mut warnings = selection.warnings(request);
    warnings.extend(frame.warnings.iter().cloned());
    let job = Job {
        project,
        request,
        selection: &selection,
        frame: &frame,
        rows: Rows::new(project)?,
        size,
        progress,
        warnings,
        left_out_columns: Vec::new(),
    };
    let written = write(job, &staging, amend).map_err(|e| staging.rename(e, &request.out))?;
    staging.commit(&targets, request)?;
    Ok(written)
}

/// Everything that would be made, the manifest of a folder aside, in the order in which it is put in place.
fn targets(project: &Project, request: &ExportRequest, selection: &Selection) -> Result<Vec<PathBuf>> {
    if request.format != ExportFormat::RelionSubset || selection.ids.is_empty() {
        return Ok(request.targets());
    }
    let parts = subset::relion_parts(project, &request.out, selection)?;
    let mut targets: Vec<PathBuf> = parts.into_iter().map(|part| part.out).collect();
    targets.push(request.manifest_path());
    Ok(targets)
}

/// Writes everything into the staging folder.
fn write(mut job: Job<'_>, staging: &Staging, amend: &dyn Fn(&mut Manifest)) -> Result<Manifest> {
    let out = job.request.out.clone();
    match job.request.format {
        ExportFormat::RelionStar | ExportFormat::CryosparcStar => star::write(&mut job, staging)?,
        ExportFormat::RelionCoordinates => coordinates::write(&mut job, staging)?,
        ExportFormat::RelionSubset => subset::write_star(&mut job, staging)?,
        ExportFormat::CryosparcCs => subset::write_cs(&mut job, staging)?,
        ExportFormat::Csv => tables::write_csv(&mut job, staging, &out)?,
        ExportFormat::Npz => arrays::write_npz(&mut job, staging)?,
        ExportFormat::Mrcs => {
            arrays::write_mrcs(&mut job, staging, &out)?;
            tables::write_csv(&mut job, staging, &out.with_extension("csv"))?;
        }
        ExportFormat::Png => pictures::write(&mut job, staging)?,
        ExportFormat::Box => tables::write_boxes(&mut job, staging)?,
    }
    record::write_manifest(job, staging, amend)
}
