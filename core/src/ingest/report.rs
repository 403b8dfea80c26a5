//! What an import found and did, to be shown to a person or printed as JSON.

use std::path::PathBuf;

use serde::Serialize;

use crate::label::LabelCounts;
use crate::project::{EntryId, PatchId};
use crate::remedy::Warning;

/// A file or folder of ready patches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputReport {
    /// The file or folder.
    pub path: PathBuf,
    /// Its format in the words of its users.
    pub kind: String,
    /// Its patches by the label they will carry.
    pub labels: LabelCounts,
    /// Side of a patch, px.
    pub size: usize,
    /// Å per px, where known.
    pub pixel_size: Option<f64>,
    /// How many micrographs its patches name.
    pub micrographs: usize,
}

/// A pick file, or a folder of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PickFileReport {
    /// The file or folder.
    pub path: PathBuf,
    /// Its format in the words of its users.
    pub kind: String,
    /// How many picks it holds.
    pub picks: usize,
}

/// What becomes of one micrograph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MicrographReport {
    /// Its name in the project.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Columns, px.
    pub width: usize,
    /// Rows, px.
    pub height: usize,
    /// Å per px, where known.
    pub pixel_size: Option<f64>,
    /// Picks that are cut.
    pub picks: usize,
    /// Picks too near an edge (or the margin) to be cut.
    pub at_edge: usize,
    /// Picks at a place where there is a patch already, left out.
    pub duplicates: usize,
    /// Unlabeled patches cut for the pool; 0 before the import.
    pub pool: usize,
}

/// Picks on a micrograph that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// The micrograph's name as the pick file has it.
    pub name: String,
    /// How many picks name it.
    pub picks: usize,
}

/// Picks on a name that fits several micrographs equally well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ambiguous {
    /// The micrograph's name as the pick file has it.
    pub name: String,
    /// How many picks name it.
    pub picks: usize,
    /// The micrographs it could mean.
    pub candidates: Vec<PathBuf>,
}

/// What was recognised, and what an import brings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Preview {
    /// Ready patches.
    pub inputs: Vec<InputReport>,
    /// Pick files.
    pub pick_files: Vec<PickFileReport>,
    /// Micrographs, with what becomes of their picks.
    pub micrographs: Vec<MicrographReport>,
    /// Patches by label, without the unlabeled pool.
    pub labels: LabelCounts,
    /// Side of a patch, px; `None` when there is none.
    pub patch_size: Option<usize>,
    /// Å per px of the patches, where known and all agree.
    pub pixel_size: Option<f64>,
    /// Side of the box cut from micrographs, px of the unbinned micrograph.
    pub box_size: Option<usize>,
    /// Picks too near an edge, over all micrographs.
    pub at_edge: usize,
    /// Picks left out because there is a patch at their place already, over all micrographs.
    pub duplicates: usize,
    /// Micrographs named by picks that are not there.
    pub unmatched: Vec<Unmatched>,
    /// Micrographs named by picks that several files fit.
    pub ambiguous: Vec<Ambiguous>,
    /// Whether the picks fit the images clearly better turned over top to bottom: `y_up` is then most
    /// likely the wrong way round. A warning says so too.
    pub mirrored: bool,
    /// What a person should know before going on.
    pub warnings: Vec<Warning>,
}

/// What an import has brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IngestSummary {
    /// Id of the first new patch; the others follow.
    pub first: PatchId,
    /// The new patches by label, the pool included.
    pub labels: LabelCounts,
    /// How many of the unlabeled ones are the pool cut from micrographs.
    pub pool: u64,
    /// Journal entries that set the labels.
    pub entries: Vec<EntryId>,
    /// What was found in the files, and what became of each micrograph.
    pub found: Preview,
}
