//! Presents runs side by side: plain tables, pictures and one self-contained HTML file.
//!
//! Nothing here knows of projects or training: the caller fills [`RunSummary`] and
//! [`ReportInput`], and the same numbers reach terminal, window and report.
//!
//! - [`metrics`]: what is compared, and how numbers are written
//! - [`tables`]: runs side by side, config differences, text tables
//! - [`configurations`]: runs by configuration, mean and spread over seeds
//! - [`margin`]: whether a lead is more than chance
//! - [`verdict`]: the result of a comparison, in one sentence
//! - [`charts`]: what is plotted over epochs, and the numbers behind pictures as CSV
//! - [`plots`]: drawing primitives and style; [`figures`]: the pictures
//! - [`html`]: the report file; [`picks`]: the report on picks

pub mod charts;
pub mod configurations;
pub mod figures;
pub mod html;
pub mod margin;
pub mod metrics;
pub mod picks;
pub mod picture;
pub mod plots;
pub mod tables;
pub mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::label::LabelCounts;
use crate::learning::eval::metrics::{AboveCeiling, CorrectedAuc, CurvePoint, MetricError, Ranking, thin};
use crate::remedy::Warning;

/// Points kept per unit of a curve; more cannot be seen in a picture.
const CURVE_RESOLUTION: usize = 250;

/// The values of one epoch by column name, as `EpochMetrics::COLUMNS` names them. A missing or
/// non-finite value was not measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Counted from 1.
    pub epoch: usize,
    /// Column → value.
    pub values: BTreeMap<String, f64>,
}

/// What positives are compared with in a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// Unlabeled patches: particles are on both sides, so the AUC is capped at 1 − π/2.
    Unlabeled,
    /// Known negatives.
    Negative,
}

impl Against {
    /// The word in captions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlabeled => "unlabeled",
            Self::Negative => "negatives",
        }
    }
}

/// ROC and precision–recall curve of a run on one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// What the positives were compared with.
    pub against: Against,
    /// x share of the others accepted, y recall.
    pub roc: Vec<CurvePoint>,
    /// x recall, y precision.
    pub precision_recall: Vec<CurvePoint>,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Positive scores used.
    pub positives: usize,
    /// Scores on the other side.
    pub others: usize,
}

impl Curves {
    /// Measures both curves and their areas, thinned for drawing (the areas are not).
    ///
    /// # Errors
    /// When a side is empty or holds a score that is no finite number.
    pub fn measure(positive: &[f32], other: &[f32], against: Against) -> Result<Self, MetricError> {
        let ranking = Ranking::new(positive, other)?;
        Ok(Self {
            against,
            roc: thin(&ranking.roc(), CURVE_RESOLUTION),
            precision_recall: thin(&ranking.precision_recall(), CURVE_RESOLUTION),
            auc: ranking.auc(),
            average_precision: ranking.average_precision(),
            positives: ranking.positives(),
            others: ranking.others(),
        })
    }
}

/// Scores (p, 0 to 1) of patches per label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreSamples {
    /// Of known particles.
    pub positive: Vec<f32>,
    /// Scores of unlabeled patches.
    pub unlabeled: Vec<f32>,
    /// Of known non-particles.
    pub negative: Vec<f32>,
}

/// The class prior a run used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriorSummary {
    /// π.
    pub value: f64,
    /// The interval, where π was estimated.
    pub interval: Option<(f64, f64)>,
}

/// All that the comparison needs of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Name within the project.
    pub name: String,
    /// Whether the others are measured against this run.
    pub is_baseline: bool,
    /// The complete config, as YAML.
    pub config_yaml: String,
    /// Seed.
    pub seed: u64,
    /// Where it ran, in words.
    pub device: String,
    /// The epochs in order.
    pub epochs: Vec<EpochRow>,
    /// Final numbers by key; known keys are in [`metrics::METRICS`].
    pub metrics: BTreeMap<String, f64>,
    /// Corrected AUCs that do not exist because the AUC lies above its ceiling, by key; shown as "–".
    #[serde(default)]
    pub above_ceiling: BTreeMap<String, AboveCeiling>,
    /// Curves, at most one per comparison.
    pub curves: Vec<Curves>,
    /// Scores for the histograms.
    pub scores: ScoreSamples,
    /// Score from which a patch counts as a particle, where one was chosen.
    pub threshold: Option<f64>,
    /// The class prior used.
    pub prior: Option<PriorSummary>,
    /// What a person should know of the run.
    pub warnings: Vec<Warning>,
}

impl RunSummary {
    /// Sets a corrected AUC, or the reason why there is none.
    pub fn set_corrected(&mut self, key: &str, corrected: CorrectedAuc) {
        self.metrics.remove(key);
        self.above_ceiling.remove(key);
        match corrected {
            CorrectedAuc::Value(value) => drop(self.metrics.insert(key.to_owned(), value)),
            CorrectedAuc::AboveCeiling(why) => drop(self.above_ceiling.insert(key.to_owned(), why)),
        }
    }
}

/// What the report says of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectFacts {
    /// Name of the project.
    pub name: String,
    /// Patches per label.
    pub counts: LabelCounts,
    /// More facts, as (what, value): "Box size" → "64 px".
    pub facts: Vec<(String, String)>,
}

/// A picture of patches to show in the report.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPicture {
    /// What is seen: "Highest scores among the unlabeled".
    pub caption: String,
    /// A PNG file.
    pub png: Vec<u8>,
}

/// Everything a report shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportInput {
    /// Heading.
    pub title: String,
    /// When and by which version, in words.
    pub made: String,
    /// The project.
    pub project: ProjectFacts,
    /// The runs, in the order in which they are shown.
    pub runs: Vec<RunSummary>,
    /// Pictures of patches.
    pub patches: Vec<PatchPicture>,
    /// What a person should know of all runs together, read first.
    pub warnings: Vec<Warning>,
}
