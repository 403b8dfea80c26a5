//! Labelled sets out of a project, in the formats of other programs.
//!
//! The only place that knows the project and the format writers together on the way out. An export
//! selects patches by label, by the score of a run, or both ([`ExportRequest`]); [`preview`] counts
//! them, [`export`] writes them and a [`Manifest`] beside them.
//!
//! | format | what is written | labels and coordinates when imported again |
//! |---|---|---|
//! | `relion-star` | RELION 3.1 table with optics; with a stack also `NAME.mrcs` | both (`vitrineLabel`) |
//! | `cryosparc-star` | the same without columns cryoSPARC does not know | coordinates |
//! | `csv` | `id,micrograph,x,y,label,score,source` | both |
//! | `npz` | arrays `positive`, `unlabeled`, `negative` with `_micrograph` and `_xy` | both |
//! | `mrcs` | the stack, and `NAME.csv` with one row per section, in order | by the table |
//! | `png` | a folder with one folder per label | both; grey values are stretched |
//! | `box` | a folder with one EMAN box file per micrograph | both |
//!
//! Coordinates are centres in px of the unbinned micrograph; y counts from the first stored row,
//! also where the imported file counted from the last. The stack of a STAR file is named relative
//! to the folder of the STAR file (`000001@NAME.mrcs`): RELION looks for it from the folder of its
//! project, so write the export there, or move both files. Without a stack, particles that came
//! from a particle table keep the `rlnImageName` they had, so that the cleaned table selects among
//! the original stacks.
//!
//! Pixels are streamed, one patch at a time. Everything is written into a hidden folder beside the
//! target and moved to its final name when it is complete and on the disk: a full disk or a killed
//! process leaves nothing half-written under a final name, and nothing is replaced without
//! [`ExportRequest::force`].

mod arrays;
mod manifest;
mod optics;
mod pictures;
mod rows;
mod selection;
mod staging;
mod star;
mod tables;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::project::Project;
use crate::remedy::Warning;
use rows::Rows;
use selection::Selection;
use staging::Staging;

pub use manifest::{FileEntry, Manifest, ManifestProject, ManifestSelection, ManifestSplit};

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// RELION 3.1 STAR, read by RELION 3.1 to 5.
    RelionStar,
    /// STAR for cryoSPARC's *Import Particle Stack* and *Import Particles*.
    CryosparcStar,
    /// Table of coordinates, labels and scores.
    Csv,
    /// NumPy archive of patches.
    Npz,
    /// MRC stack with a table beside it.
    Mrcs,
    /// Folders of 8-bit pictures.
    Png,
    /// EMAN box files, one per micrograph.
    Box,
}

impl ExportFormat {
    /// All formats in the order in which they are offered.
    pub const ALL: [Self; 7] =
        [Self::RelionStar, Self::CryosparcStar, Self::Csv, Self::Npz, Self::Mrcs, Self::Png, Self::Box];

    /// The word on the command line and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelionStar => "relion-star",
            Self::CryosparcStar => "cryosparc-star",
            Self::Csv => "csv",
            Self::Npz => "npz",
            Self::Mrcs => "mrcs",
            Self::Png => "png",
            Self::Box => "box",
        }
    }

    /// The ending its file must have; `None` where a folder is written.
    pub const fn extension(self) -> Option<&'static str> {
        match self {
            Self::RelionStar | Self::CryosparcStar => Some("star"),
            Self::Csv => Some("csv"),
            Self::Npz => Some("npz"),
            Self::Mrcs => Some("mrcs"),
            Self::Png | Self::Box => None,
        }
    }

    const fn is_star(self) -> bool {
        matches!(self, Self::RelionStar | Self::CryosparcStar)
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or_else(|| {
            Error::request(
                format!("'{text}' is not an export format"),
                format!("use one of {}", Self::ALL.map(Self::as_str).join(", ")),
            )
        })
    }
}

/// What a STAR file names; other formats ignore it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportWhat {
    /// Positions on micrographs; patches without one are left out and counted.
    #[default]
    Coordinates,
    /// A stack written beside the table; positions too where every patch has one.
    Stack,
    /// Stack and positions; patches without a position are left out and counted.
    Both,
}

impl ExportWhat {
    /// The word on the command line and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coordinates => "coordinates",
            Self::Stack => "stack",
            Self::Both => "both",
        }
    }
}

impl FromStr for ExportWhat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "coordinates" => Ok(Self::Coordinates),
            "stack" => Ok(Self::Stack),
            "both" => Ok(Self::Both),
            _ => Err(Error::request(
                format!("'{text}' is nothing a STAR export writes"),
                "use coordinates, stack or both",
            )),
        }
    }
}

/// Which patches are written, as what and where.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportRequest {
    /// The format.
    pub format: ExportFormat,
    /// The file, or for [`ExportFormat::Png`] and [`ExportFormat::Box`] the folder.
    pub out: PathBuf,
    /// Labels that are written; empty means all three.
    pub labels: Vec<Label>,
    /// The run whose scores are written, and to which `threshold` and `below` refer.
    pub run: Option<String>,
    /// Only patches with a score of at least this.
    pub threshold: Option<f32>,
    /// Only patches with a score below this.
    pub below: Option<f32>,
    /// What a STAR file names.
    pub what: ExportWhat,
    /// Whether existing files may be replaced.
    pub force: bool,
}

impl ExportRequest {
    /// All positives as `format` to `out`, without scores, replacing nothing.
    pub fn new(format: ExportFormat, out: impl Into<PathBuf>) -> Self {
        Self {
            format,
            out: out.into(),
            labels: vec![Label::Positive],
            run: None,
            threshold: None,
            below: None,
            what: ExportWhat::Coordinates,
            force: false,
        }
    }

    /// Whether a patch without position cannot be written.
    const fn needs_position(&self) -> bool {
        match self.format {
            ExportFormat::RelionStar | ExportFormat::CryosparcStar => !matches!(self.what, ExportWhat::Stack),
            ExportFormat::Box => true,
            _ => false,
        }
    }

    /// Whether a stack is written beside a STAR file.
    fn writes_stack(&self) -> bool {
        self.format.is_star() && self.what != ExportWhat::Coordinates
    }

    /// Everything that would be made, the manifest of a folder aside, in the order in which it is
    /// put in place: a table after the stack it names.
    fn targets(&self) -> Vec<PathBuf> {
        let mut targets = Vec::new();
        if self.writes_stack() {
            targets.push(self.out.with_extension("mrcs"));
        }
        targets.push(self.out.clone());
        if self.format == ExportFormat::Mrcs {
            targets.push(self.out.with_extension("csv"));
        }
        if self.format.extension().is_some() {
            targets.push(manifest_path(&self.out));
        }
        targets
    }

    /// The manifest that is written with it: beside a file, in a folder.
    pub fn manifest_path(&self) -> PathBuf {
        match self.format.extension() {
            Some(_) => manifest_path(&self.out),
            None => self.out.join(manifest::FOLDER_MANIFEST),
        }
    }

    fn check(&self) -> Result<()> {
        if let Some(ending) = self.format.extension() {
            let found = self.out.extension().map(|e| e.to_string_lossy().to_lowercase());
            if found.as_deref() != Some(ending) {
                return Err(Error::request(
                    format!("{} is no name for a {} export", self.out.display(), self.format),
                    format!("end the name in .{ending}"),
                ));
            }
        } else if self.out.file_name().is_none() {
            return Err(Error::request(
                format!("{} is no name for a folder to be made", self.out.display()),
                "name a new folder",
            ));
        }
        let bounds = [self.threshold, self.below];
        if self.run.is_none() && bounds.iter().any(Option::is_some) {
            return Err(Error::request(
                "a score threshold was given without a run",
                "name the run whose scores are meant",
            ));
        }
        if bounds.iter().flatten().any(|t| !t.is_finite()) {
            return Err(Error::request("a score threshold is no finite number", "give a number from 0 to 1"));
        }
        if let (Some(low), Some(high)) = (self.threshold, self.below)
            && low >= high
        {
            return Err(Error::request(
                format!("no score is at least {low} and below {high}"),
                "give a lower threshold or a higher upper bound",
            ));
        }
        Ok(())
    }
}

/// `NAME.manifest.json` beside an exported file.
fn manifest_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".manifest.json");
    out.with_file_name(name)
}

/// What an export would write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Patches that would be written, by label.
    pub counts: LabelCounts,
    /// Patches that would be written.
    pub total: u64,
    /// Selected patches left out because the format needs a position they lack.
    pub left_out_without_coordinates: u64,
    /// Patches among those to be written that have no position on a named micrograph.
    pub without_coordinates: u64,
    /// Patches with a wanted label that the run has not scored; left out when a threshold is given.
    pub without_score: u64,
    /// Patches with a wanted label whose score lies outside the bounds.
    pub outside_threshold: u64,
    /// Files or the folder that would be made.
    pub targets: Vec<PathBuf>,
    /// Those of them that exist already, so that `force` is needed.
    pub existing: Vec<PathBuf>,
    /// Sentences a person should read before going on.
    pub warnings: Vec<Warning>,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportProgress {
    /// What is being done: "pixels", "table", "checksums".
    pub phase: &'static str,
    /// Patches (for "checksums": files) done in this phase.
    pub done: usize,
    /// Patches (files) of this phase.
    pub total: usize,
}

/// Hears how far an export is; an error it returns ([`Error::Cancelled`]) ends the export, and
/// nothing is left behind.
pub type OnProgress<'a> = dyn FnMut(ExportProgress) -> Result<()> + 'a;

/// Counts what [`export`] would write, without writing.
///
/// # Errors
/// When the request contradicts itself, the run is unknown or has no scores, or the project cannot
/// be read. A selection of nothing is no error here.
pub fn preview(project: &Project, request: &ExportRequest) -> Result<Preview> {
    request.check()?;
    let selection = Selection::choose(project, request)?;
    let targets = request.targets();
    let existing = targets.iter().filter(|t| staging::occupied(t)).cloned().collect();
    Ok(Preview {
        counts: selection.counts,
        total: selection.counts.total(),
        left_out_without_coordinates: selection.left_out,
        without_coordinates: selection.unplaced,
        without_score: selection.without_score,
        outside_threshold: selection.outside,
        targets,
        existing,
        warnings: selection.warnings(request),
    })
}

/// What the writers of the formats are given.
struct Job<'a> {
    project: &'a Project,
    request: &'a ExportRequest,
    selection: &'a Selection,
    rows: Rows<'a>,
    /// Side of a patch, px.
    size: usize,
    progress: &'a mut OnProgress<'a>,
    warnings: Vec<Warning>,
    left_out_columns: Vec<String>,
}

impl Job<'_> {
    /// Tells of progress every 256 patches and at the end.
    fn tick(&mut self, phase: &'static str, done: usize) -> Result<()> {
        let total = self.selection.ids.len();
        if done.is_multiple_of(256) || done == total {
            return (self.progress)(ExportProgress { phase, done, total });
        }
        Ok(())
    }
}

/// Writes an export and its manifest, `NAME.manifest.json` beside a file or `manifest.json` in a
/// folder.
///
/// # Errors
/// When nothing is selected, a target exists and `force` is not set, a target is a file of the
/// project or one that it was imported from, the format cannot hold what is selected, or the disk
/// refuses. Then nothing has changed on the disk.
pub fn export(project: &Project, request: &ExportRequest, progress: &mut OnProgress<'_>) -> Result<Manifest> {
    request.check()?;
    let targets = request.targets();
    staging::check_targets(project, request, &targets)?;
    let selection = Selection::choose(project, request)?;
    let size = match project.size() {
        Some(size) if !selection.ids.is_empty() => size,
        _ => return Err(selection.empty(request)),
    };
    let staging = Staging::beside(&request.out)?;
    let written = write(project, request, &selection, size, &staging, progress)
        .map_err(|e| staging.rename(e, &request.out))?;
    staging.commit(&targets, request)?;
    Ok(written)
}

/// Writes everything into the staging folder.
fn write<'a>(
    project: &'a Project,
    request: &'a ExportRequest,
    selection: &'a Selection,
    size: usize,
    staging: &Staging,
    progress: &'a mut OnProgress<'a>,
) -> Result<Manifest> {
    let mut job = Job {
        project,
        request,
        selection,
        rows: Rows::new(project)?,
        size,
        progress,
        warnings: selection.warnings(request),
        left_out_columns: Vec::new(),
    };
    match request.format {
        ExportFormat::RelionStar | ExportFormat::CryosparcStar => star::write(&mut job, staging)?,
        ExportFormat::Csv => tables::write_csv(&mut job, staging, &request.out)?,
        ExportFormat::Npz => arrays::write_npz(&mut job, staging)?,
        ExportFormat::Mrcs => {
            arrays::write_mrcs(&mut job, staging, &request.out)?;
            tables::write_csv(&mut job, staging, &request.out.with_extension("csv"))?;
        }
        ExportFormat::Png => pictures::write(&mut job, staging)?,
        ExportFormat::Box => tables::write_boxes(&mut job, staging)?,
    }
    manifest::write(job, staging)
}
