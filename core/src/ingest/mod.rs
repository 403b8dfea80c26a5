//! Recognised files become patches of a project.
//!
//! This is the one place that knows formats, imaging and the project together on the way in. A
//! person names files in an [`IngestRequest`]; [`inspect`] says what they are without writing
//! anything; [`ingest`] brings them in, all or none. Both make the same plan first:
//!
//! | file | what |
//! |---|---|
//! | `plan` | recognises the inputs, matches picks with micrographs, settles the patch size |
//! | `known` | what the project holds already: micrograph names and the places of patches |
//! | `picks` | sorts picks into those to cut, those at an edge and those already there |
//! | `look` | looks into a few micrographs: mirrored picks, replicated border, contrast |
//! | `closely` | what each file is, values to begin with, a handful of patches |
//! | `space` | how much room that takes on the disk, and how much is free |
//! | `patches` | brings in patches that were cut by other programs |
//! | `cutting` | cuts patches and the unlabeled pool from micrographs, one micrograph at a time |
//! | [`sample`] | writes the simulated sample as ordinary files |
//! | [`truth`] | reads the true labels of a benchmark, for evaluation only |

mod closely;
mod cutting;
mod known;
mod look;
mod patches;
mod picks;
mod plan;
mod report;
pub mod sample;
mod space;
pub mod truth;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::imaging::{Contrast, CutSettings};
use crate::label::Label;
use crate::project::Project;

pub use closely::{CloseLook, FoundInput, SeenPatch, inspect_closely, proposal, recognise, suggested_bin};
pub use report::{
    Ambiguous, IngestSummary, InputReport, MicrographReport, PickFileReport, Preview, Unmatched,
};
pub use sample::{SampleFiles, SamplePicks, sample_files};
pub use space::{Fit, Space, free_space};
pub use truth::read as truth_for;

/// What is to be brought into a project, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestRequest {
    /// Patch files (PyTorch, NPZ and NPY, MRC stacks, particle STAR and `.cs` files) and image
    /// folders. Micrographs and pick files named here are taken as such; a table with both images
    /// and positions gives its images.
    pub inputs: Vec<PathBuf>,
    /// Micrographs, or folders of them.
    pub micrographs: Vec<PathBuf>,
    /// Pick files, or folders of them.
    pub picks: Vec<PathBuf>,
    /// Side of the box cut from the micrograph, px of the unbinned micrograph; where it is not
    /// given, the one on which all picks agree.
    pub box_size: Option<usize>,
    /// Whole number of px averaged to one in each direction.
    pub bin: usize,
    /// Outer px of the micrographs that no box may touch.
    pub margin: usize,
    /// Whether the y of picks is counted from the last row upwards.
    pub y_up: bool,
    /// Label of patches and picks whose file gives none; else such patches are unlabeled and such
    /// picks positive.
    pub label: Option<Label>,
    /// Unlabeled patches to be cut from all micrographs.
    pub pool: Option<PoolRequest>,
    /// Å per px, in place of what the files say: of micrographs unbinned, of ready patches as they
    /// are.
    pub pixel_size: Option<f64>,
    /// Seed of every random choice.
    pub seed: u64,
}

impl Default for IngestRequest {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            micrographs: Vec::new(),
            picks: Vec::new(),
            box_size: None,
            bin: 1,
            margin: 0,
            y_up: false,
            label: None,
            pool: None,
            pixel_size: None,
            seed: 0,
        }
    }
}

/// How the places of the unlabeled pool are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolFrom {
    /// A square grid.
    Grid,
    /// Uniformly random places.
    Random,
    /// Blobs of the particle's size, a random choice of them: what a picker that picks too much gives.
    Blobs,
}

/// How large the pool is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolCount {
    /// At most so many from each micrograph.
    PerMicrograph(usize),
    /// So many from all micrographs together, evenly; what one lacks room for the next ones give.
    Total(usize),
}

/// The unlabeled pool of an import. All distances are px of the unbinned micrograph.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoolRequest {
    /// How places are found.
    pub from: PoolFrom,
    /// How many; `None` takes every place of a grid and every blob. Random places need it.
    #[serde(default)]
    pub count: Option<PoolCount>,
    /// Smallest distance from positives, those of the project included; half the box where not
    /// given.
    #[serde(default)]
    pub from_positives: Option<f64>,
    /// Step of a grid (the box where not given), else the smallest distance from other places and
    /// patches (half the diameter where not given).
    #[serde(default)]
    pub spacing: Option<f64>,
    /// Particle diameter; 0.6 × the box where not given.
    #[serde(default)]
    pub diameter: Option<f64>,
    /// Whether particles are dark or light; where not given, the positives decide if they can.
    #[serde(default)]
    pub contrast: Option<Contrast>,
    /// Weakest blob, in robust standard deviations of the response.
    #[serde(default = "PoolRequest::weakest")]
    pub min_score: f64,
}

impl PoolRequest {
    /// A pool of that kind with everything else left to the defaults.
    pub fn new(from: PoolFrom) -> Self {
        Self {
            from,
            count: None,
            from_positives: None,
            spacing: None,
            diameter: None,
            contrast: None,
            min_score: Self::weakest(),
        }
    }

    fn weakest() -> f64 {
        1.0
    }

    fn diameter(&self, cut: &CutSettings) -> f64 {
        self.diameter.unwrap_or_else(|| diameter_for(cut.box_size))
    }

    fn away_from_positives(&self, cut: &CutSettings) -> f64 {
        self.from_positives.unwrap_or(cut.box_size as f64 / 2.0)
    }

    /// Smallest distance between two places.
    fn between(&self, cut: &CutSettings) -> f64 {
        match (self.from, self.spacing) {
            // The step of a grid keeps its places apart.
            (PoolFrom::Grid, _) => 0.0,
            (_, Some(spacing)) => spacing,
            (_, None) => self.diameter(cut) / 2.0,
        }
    }

    fn kind(&self) -> &'static str {
        match self.from {
            PoolFrom::Grid => "unlabeled pool on a grid",
            PoolFrom::Random => "unlabeled pool at random places",
            PoolFrom::Blobs => "unlabeled pool of blobs",
        }
    }
}

/// Particle diameter that a box suggests, px: boxes are drawn at one and a half to twice the
/// particle.
fn diameter_for(box_size: usize) -> f64 {
    0.6 * box_size as f64
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Recognising files; counts inputs.
    Recognising,
    /// Looking into some micrographs for mirrored picks, borders and contrast; counts micrographs.
    Looking,
    /// Reading ready patches; counts patches.
    Patches,
    /// Cutting from micrographs; counts micrographs.
    Cutting,
    /// Adding the unlabeled pool; counts patches.
    Pool,
    /// Simulating micrographs; counts micrographs.
    Simulating,
}

impl Phase {
    /// What to show a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recognising => "Recognising files",
            Self::Looking => "Looking at micrographs",
            Self::Patches => "Reading patches",
            Self::Cutting => "Cutting patches",
            Self::Pool => "Adding the unlabeled pool",
            Self::Simulating => "Simulating micrographs",
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done; see [`Phase`] for the unit.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
}

/// Called as an import goes on; returns whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> bool;

/// Tells progress, and ends the import when the person wants that.
fn tell(progress: &mut dyn FnMut(Progress) -> bool, phase: Phase, done: usize, total: usize) -> Result<()> {
    let go_on = progress(Progress { phase, done: done as u64, total: total as u64 });
    if go_on { Ok(()) } else { Err(Error::Cancelled) }
}

/// Says what an import would bring, without writing anything. With a project, also what it holds
/// already and whether patch sizes agree.
///
/// # Errors
/// When a file cannot be read or recognised, sizes do not fit together, a setting is missing or
/// out of range, or [`Error::Cancelled`].
pub fn inspect(
    request: &IngestRequest,
    project: Option<&Project>,
    progress: OnProgress<'_>,
) -> Result<Preview> {
    let mut plan = plan::Plan::make(request, project, progress)?;
    look::look(&mut plan, request, progress)?;
    Ok(plan.into_preview(request))
}

/// Brings files into the project, all or none: when this fails or is cancelled the project is as
/// before. Pixels are streamed; at most one micrograph is in memory.
///
/// # Errors
/// As [`inspect`], and when the project may only be read, there is nothing to bring in, a pixel is
/// no finite number, or the disk is full.
pub fn ingest(
    project: &mut Project,
    request: &IngestRequest,
    progress: OnProgress<'_>,
) -> Result<IngestSummary> {
    let mut plan = plan::Plan::make(request, Some(project), progress)?;
    look::look(&mut plan, request, progress)?;
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
