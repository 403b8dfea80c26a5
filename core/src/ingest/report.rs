//! What an import found and did, to be shown to a person or printed as JSON.

use std::path::PathBuf;

use serde::Serialize;

use crate::formats::LeftOut;
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
    /// How many micrographs were searched without a pick.
    pub without_picks: usize,
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
    /// Picks whose centre lies outside the micrograph.
    pub outside: usize,
    /// Picks below the lowest score asked for that are left out.
    pub below_min_score: usize,
    /// Picks at a place where there is a patch already, left out.
    pub duplicates: usize,
    /// Unlabeled patches cut for the pool; 0 before the import.
    pub pool: usize,
}

/// A micrograph that is there and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadMicrograph {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, as a clause.
    pub reason: String,
    /// How many picks lie on it.
    pub picks: usize,
}

/// The scores that pickers gave to the picks of an import, those of which the file gives no label.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PickScores {
    /// All of them, lowest first.
    #[serde(skip)]
    pub sorted: Vec<f64>,
    /// How many there are.
    pub count: usize,
    /// Lowest score.
    pub lowest: f64,
    /// A quarter is below this.
    pub lower_quartile: f64,
    /// Half is below this.
    pub median: f64,
    /// A quarter is above this.
    pub upper_quartile: f64,
    /// Highest score.
    pub highest: f64,
}

impl PickScores {
    /// Sums up scores; `None` without any.
    pub(super) fn of(mut scores: Vec<f64>) -> Option<Self> {
        scores.retain(|score| score.is_finite());
        scores.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = scores.len().saturating_sub(1) as f64;
            scores.get((last * share).round() as usize).copied()
        };
        Some(Self {
            count: scores.len(),
            lowest: at(0.0)?,
            lower_quartile: at(0.25)?,
            median: at(0.5)?,
            upper_quartile: at(0.75)?,
            highest: at(1.0)?,
            sorted: scores,
        })
    }

    /// How many scores are `lowest` or higher.
    pub fn from(&self, lowest: f64) -> usize {
        self.sorted.len() - self.sorted.partition_point(|score| *score < lowest)
    }

    /// How many scores fall into each of `bins` equal parts from the lowest to the highest score.
    pub fn histogram(&self, bins: usize) -> Vec<u32> {
        let mut counts = vec![0; bins];
        let span = (self.highest - self.lowest).max(f64::MIN_POSITIVE);
        for score in &self.sorted {
            let share = (*score - self.lowest) / span;
            let bin = ((share * bins as f64) as usize).min(bins.saturating_sub(1));
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        counts
    }
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
pub struct ImportPreview {
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
    /// Picks outside their micrographs, over all of these.
    pub outside: usize,
    /// Picks below the lowest score asked for that are left out, over all micrographs.
    pub below_min_score: usize,
    /// The scores of the pickers, where there are any.
    pub scores: Option<PickScores>,
    /// Micrographs that cannot be used, with the reason for each.
    pub bad: Vec<BadMicrograph>,
    /// Files that are no micrograph or hold no picks, and further versions of a micrograph.
    pub left_out: Vec<LeftOut>,
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
    pub found: ImportPreview,
}
