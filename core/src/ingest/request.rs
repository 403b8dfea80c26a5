//! What a person asks an import for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::formats::{PatchInfo, PickColumns};
use crate::imaging::{Contrast, CutSettings};
use crate::label::Label;
use crate::project::PoolPlaces;

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
    /// Which columns of the text tables among the pick files hold what; without it their headers say it. Files of
    /// formats that need no telling are read as ever.
    pub columns: Option<PickColumns>,
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
    /// Lowest score of a pick that becomes a patch with the picker's label; without it all do. Rows
    /// whose label the file gives, and rows without a score, are taken as they are.
    pub min_score: Option<f64>,
    /// What becomes of picks with a lower score.
    pub below_min_score: BelowMinScore,
    /// Factor from the px in which picks count to px of the unbinned micrograph: 4 where somebody
    /// picked on images averaged four by four.
    pub picks_scale: Option<f64>,
    /// Whether the shifts of a refinement (`rlnOriginXAngst`, `alignments3D/shift`) move the centres.
    pub recenter: bool,
    /// Whether micrographs that cannot be used (damaged, truncated, movies) are left out. Without it
    /// they end the import before anything is written.
    pub skip_bad: bool,
    /// Seed of every random choice.
    pub seed: u64,
}

/// What becomes of picks whose score is below the lowest one asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BelowMinScore {
    /// They are left out.
    #[default]
    LeaveOut,
    /// They become unlabeled patches.
    Unlabeled,
}

impl Default for IngestRequest {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            micrographs: Vec::new(),
            picks: Vec::new(),
            columns: None,
            box_size: None,
            bin: 1,
            margin: 0,
            y_up: false,
            label: None,
            pool: None,
            pixel_size: None,
            min_score: None,
            below_min_score: BelowMinScore::default(),
            picks_scale: None,
            recenter: false,
            skip_bad: false,
            seed: 0,
        }
    }
}

impl IngestRequest {
    /// Refuses numbers that mean nothing.
    pub(super) fn check(&self) -> Result<()> {
        let positive = |value: Option<f64>| value.is_none_or(|v| v.is_finite() && v > 0.0);
        if let Some(size) = self.pixel_size.filter(|_| !positive(self.pixel_size)) {
            return Err(Error::request(format!("a pixel size of {size} Å"), "give a number above 0"));
        }
        if let Some(scale) = self.picks_scale.filter(|_| !positive(self.picks_scale)) {
            return Err(Error::request(
                format!("picks scaled by {scale}"),
                "give the factor from the px of the picks to those of the micrograph, a number above 0",
            ));
        }
        if let Some(score) = self.min_score.filter(|score| !score.is_finite()) {
            return Err(Error::request(format!("a lowest score of {score}"), "give a number"));
        }
        Ok(())
    }

    /// The label a ready patch will carry.
    pub(super) fn label_of(&self, info: &PatchInfo) -> Label {
        info.label.or(self.label).unwrap_or(Label::Unlabeled)
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
    /// Uniformly random places and some around each pick, for networks that pick on whole micrographs.
    Picking,
    /// Blobs of the particle's size, a random choice of them: what a picker that picks too much gives.
    Blobs,
}

/// How large the pool is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolCount {
    /// At most this number from each micrograph.
    PerMicrograph(usize),
    /// So many from all micrographs together, evenly; what one lacks room for the next ones give.
    Total(usize),
}

/// The unlabeled pool of an import. All distances are px of the unbinned micrograph.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoolRequest {
    /// How places are found.
    pub from: PoolFrom,
    /// How many; `None` takes every place of a grid and every blob, and of the others [`PoolRequest::RANDOM`] in all.
    #[serde(default)]
    pub count: Option<PoolCount>,
    /// Smallest distance from positives, those of the project included; where not given 0.4 diameters for
    /// [`PoolFrom::Picking`], else half the box.
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

    /// Random places of all micrographs together where no number is given. So the cost of an epoch does not grow with
    /// the number of micrographs.
    pub const RANDOM: usize = 2_000;

    /// How many places are taken; `None` for all that are found.
    pub fn wanted(&self) -> Option<PoolCount> {
        self.count.or(match self.from {
            PoolFrom::Random | PoolFrom::Picking => Some(PoolCount::Total(Self::RANDOM)),
            PoolFrom::Grid | PoolFrom::Blobs => None,
        })
    }

    fn weakest() -> f64 {
        1.0
    }

    pub(super) fn diameter(&self, cut: &CutSettings) -> f64 {
        self.diameter.unwrap_or_else(|| diameter_for_box(cut.box_size))
    }

    pub(super) fn away_from_positives(&self, cut: &CutSettings) -> f64 {
        self.from_positives.unwrap_or_else(|| match self.from {
            PoolFrom::Picking => 0.4 * self.diameter(cut),
            PoolFrom::Grid | PoolFrom::Random | PoolFrom::Blobs => cut.box_size as f64 / 2.0,
        })
    }

    /// Smallest distance between two places.
    pub(super) fn between(&self, cut: &CutSettings) -> f64 {
        match (self.from, self.spacing) {
            // The step of a grid keeps its places apart.
            (PoolFrom::Grid, _) => 0.0,
            (_, Some(spacing)) => spacing,
            (_, None) => self.diameter(cut) / 2.0,
        }
    }

    /// What a project keeps of how its places were found.
    pub(super) const fn places(&self) -> PoolPlaces {
        match self.from {
            PoolFrom::Grid => PoolPlaces::Grid,
            PoolFrom::Random => PoolPlaces::Random,
            PoolFrom::Picking => PoolPlaces::Picking,
            PoolFrom::Blobs => PoolPlaces::Blobs,
        }
    }
}

/// Particle diameter that a box suggests, px: boxes are drawn at one and a half to twice the
/// particle.
pub fn diameter_for_box(box_size: usize) -> f64 {
    0.6 * box_size as f64
}
