//! The configuration of a run, as people write it in YAML.
//!
//! A method is a composition: a [`RiskConfig`], a [`ConsistencyConfig`], a [`TeacherConfig`], a [`Backbone`] and a
//! [`ScheduleConfig`]. This file holds the fields, their meaning and their allowed ranges. [`yaml`] reads files and
//! names the place of a mistake, [`check`] holds the rules, [`fields`] describes each field for a form.

mod augmentation;
pub mod check;
pub mod field;
pub mod fields;
pub mod overrides;
pub mod presets;
mod pretrain;
pub mod yaml;

pub use augmentation::{AugmentationConfig, Rotation, StrongConfig, WeakConfig};
pub use pretrain::{PretrainConfig, PretrainKind};
use serde::{Deserialize, Serialize};

use crate::imaging::normalise::NormaliserKind;

/// The configuration of a run. Every field has a default, so a file only names what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// One sentence for the list of presets.
    pub description: String,
    /// Seed of the initial weights, the order of patches and the views.
    pub seed: u64,
    /// The network.
    pub backbone: Backbone,
    /// How pixels are normalised; fitted on the training side only.
    pub normaliser: NormaliserKind,
    /// Shares of validation and test patches.
    pub split: SplitConfig,
    /// The class prior π: the share of particles among the unlabeled.
    pub prior: PriorConfig,
    /// Whether the last layer is shifted after the last epoch so that the mean score of the unlabeled is π.
    pub match_prior: bool,
    /// How labels enter the loss.
    pub risk: RiskConfig,
    /// Pseudo-labels for the highest- and lowest-ranked unlabeled patches.
    pub self_training: SelfTrainingConfig,
    /// The consistency term of the unlabeled.
    pub consistency: ConsistencyConfig,
    /// The term that pulls features of patches of the same class together.
    pub alignment: AlignmentConfig,
    /// Moving average of the weights, for pseudo-labels and scores.
    pub teacher: TeacherConfig,
    /// Size and composition of a batch.
    pub batch: BatchConfig,
    /// Random changes of patches: weak and strong views.
    pub augmentation: AugmentationConfig,
    /// Pretraining without labels, before the run trains.
    pub pretrain: PretrainConfig,
    /// Learning rate, weight decay and clipping.
    pub optimizer: OptimizerConfig,
    /// Length of the run, and the learning rate over it.
    pub schedule: ScheduleConfig,
}

impl RunConfig {
    /// Whether π enters what is trained, or only what is shown.
    pub fn trains_with_prior(&self) -> bool {
        self.risk.kind.uses_prior() || self.self_training.enabled || self.consistency.distribution_alignment
    }

    /// Whether the general model's scores are enough to estimate π from: the run asks for them anyway, and π is only
    /// shown.
    pub fn takes_prior_from_general_model(&self) -> bool {
        let tries_overlay = self.augmentation.weak.overlay_trial && self.augmentation.weak.overlay > 0.0;
        self.pretrain.kind == PretrainKind::General && !self.trains_with_prior() && !tries_overlay
    }

    /// Whether the method is a plain classifier on the labels as they are, with which other runs are compared:
    /// supervised or naive risk, no consistency, no self-training.
    pub fn is_baseline(&self) -> bool {
        matches!(self.risk.kind, RiskKind::Supervised | RiskKind::Naive)
            && self.consistency.kind == ConsistencyKind::None
            && !self.self_training.enabled
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            description: String::new(),
            seed: 1,
            backbone: Backbone::SmallCnn,
            normaliser: NormaliserKind::PerPatchZScore,
            split: SplitConfig::default(),
            prior: PriorConfig::Estimate(EstimateWord::Estimate),
            match_prior: false,
            risk: RiskConfig::default(),
            self_training: SelfTrainingConfig::default(),
            consistency: ConsistencyConfig::default(),
            alignment: AlignmentConfig::default(),
            teacher: TeacherConfig::default(),
            batch: BatchConfig::default(),
            augmentation: AugmentationConfig::default(),
            pretrain: PretrainConfig::default(),
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
        }
    }
}

/// The networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backbone {
    /// Four convolution blocks; fast.
    SmallCnn,
    /// ResNet-18 with one input channel (He et al. 2016).
    Resnet18,
    /// Four convolution blocks without padding, which judge patches and whole micrographs alike.
    SlidingCnn,
}

/// Shares of validation and test patches; the rest is the training side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// Share of validation patches, 0.05 to 0.5.
    pub validation: f64,
    /// Share of test patches, 0 to 0.5.
    pub test: f64,
    /// Seed of the split. Runs with the same seed and shares are compared on the same patches.
    pub seed: u64,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { validation: 0.15, test: 0.0, seed: 1 }
    }
}

/// π as a number, or the word `estimate`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PriorConfig {
    /// A given value, above 0 and below 1.
    Given(f64),
    /// Estimated from out-of-fold scores before the run ([`crate::learning::prior::binormal`]).
    Estimate(EstimateWord),
}

/// The word `estimate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EstimateWord {
    /// `prior: estimate`.
    Estimate,
}

/// The risks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskKind {
    /// Positives against known negatives; the unlabeled are not used.
    Supervised,
    /// Treats the unlabeled as negatives.
    Naive,
    /// Unbiased PU risk (du Plessis et al. 2015).
    Upu,
    /// Non-negative PU risk (Kiryo et al. 2017).
    Nnpu,
    /// Generalised expectation with a binomial distribution (Bepler et al. 2019, Topaz).
    GeBinomial,
    /// Variational risk (Chen et al. 2020), without its mixup term; needs no π.
    Vpu,
    /// Matches mean scores to the class shares (Zhao et al. 2022).
    DistPu,
}

impl RiskKind {
    /// Whether the risk uses π.
    pub fn uses_prior(self) -> bool {
        matches!(self, Self::Upu | Self::Nnpu | Self::GeBinomial | Self::DistPu)
    }
}

/// The surrogate loss of uPU and nnPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurrogateLoss {
    /// ℓ(z) = 1/(1 + eᶻ), as in Kiryo et al. 2017.
    Sigmoid,
    /// ℓ(z) = ln(1 + e⁻ᶻ).
    Logistic,
}

/// How labels enter the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskConfig {
    /// The risk that is minimised.
    pub kind: RiskKind,
    /// Surrogate loss of uPU and nnPU.
    pub loss: SurrogateLoss,
    /// nnPU: the inner term is clamped when it falls below −β, 0 to 1.
    pub beta: f64,
    /// nnPU: factor γ of the step while the inner term is clamped, 0 to 1.
    pub gamma: f64,
    /// Naive: weight of the positives' term, 0.01 to 0.99; the unlabeled get the rest.
    pub positive_weight: f64,
    /// Weight of the term of the known negatives, 0 to 10. With fewer negatives than positives it is scaled down by
    /// their ratio.
    pub negative_weight: f64,
    /// GE-binomial: weight of the expectation term, 0.01 to 100.
    pub slack: f64,
    /// Dist-PU: weight of the entropy of the unlabeled, 0 to 1.
    pub entropy: f64,
}

impl Default for RiskConfig {
    fn default() -> Self {
        Self {
            kind: RiskKind::Nnpu,
            loss: SurrogateLoss::Sigmoid,
            beta: 0.0,
            gamma: 1.0,
            positive_weight: 0.5,
            negative_weight: 1.0,
            slack: 1.0,
            entropy: 0.03,
        }
    }
}

/// Self-training: from `start_epoch` on, the highest-ranked unlabeled patches get the pseudo-label positive and the
/// lowest-ranked the pseudo-label negative; the others are left out. Pseudo-labels replace the risk from that epoch
/// on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfTrainingConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// First epoch with pseudo-labels, counted from 1. Before it the risk trains alone.
    pub start_epoch: usize,
    /// Share of the unlabeled with the pseudo-label positive, in units of π, 0 to 1.
    pub positive_share: f64,
    /// The lowest share 1 − `negative_margin`·π of the unlabeled gets the pseudo-label negative, 1 to 3.
    pub negative_margin: f64,
    /// Turns self-training off, and goes back to the weights before it, when the mean validation AUC of its first
    /// three epochs is below that of the three epochs before.
    pub trial: bool,
    /// Estimates π anew before each epoch from the validation patches (TEDⁿ, Garg et al. 2021).
    pub estimate_prior: bool,
    /// Asks the general model ([`crate::learning::general_model`]) at `start_epoch`. Where the picks are clearer than the
    /// other particles, both rankings choose the pseudo-labels; elsewhere the run continues without any. The picks are clearer by
    /// `test_picks`, or, where that tells nothing, because the validation AUC lies above what random picks allow.
    pub general_model: bool,
    /// The largest share of the general model's weights in the weights that score, 0 to 0.9; the rest are the trained
    /// ones. A run that restarts uses this value. Other runs choose a smaller one on the validation side
    /// after the last epoch. Needs a run that began with the general model.
    pub general_share: f64,
    /// Where the picks look like a random sample, the run learns once more from fresh weights. The course that ranks
    /// validation better scores; after a test of the picks the first has to be better by half a standard error. Needs a run that began with the general model and asks it.
    pub second_start: bool,
    /// Tests before the run whether the picks are a random sample of the particles, with classifiers that did not see them
    /// ([`crate::learning::prior::pick_test`]). Without it, or where it tells nothing, the validation AUC decides.
    pub test_picks: bool,
}

impl Default for SelfTrainingConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            start_epoch: 8,
            positive_share: 0.8,
            negative_margin: 1.2,
            trial: true,
            estimate_prior: false,
            general_model: false,
            general_share: 0.0,
            second_start: false,
            test_picks: false,
        }
    }
}

/// The consistency terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsistencyKind {
    /// No consistency term.
    None,
    /// Hard pseudo-labels where max(p, 1−p) ≥ τ (Sohn et al. 2020).
    Fixmatch,
    /// Truncated-Gaussian weights on the confidence (Chen et al. 2023).
    Softmatch,
    /// Squared difference to the teacher's p (Tarvainen & Valpola 2017).
    MeanTeacher,
}

/// The consistency term of the unlabeled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsistencyConfig {
    /// The kind of consistency term.
    pub kind: ConsistencyKind,
    /// FixMatch: τ, 0.5 to 0.999.
    pub threshold: f64,
    /// λ, the weight of the term after the ramp-up, 0 to 10.
    pub weight: f64,
    /// Epochs over which λ rises from 0 (Gaussian ramp e^(−5(1−t)²)), 0 to 1000.
    pub ramp_up_epochs: usize,
    /// SoftMatch: the target is p itself instead of p rounded to 0 or 1.
    pub soft_targets: bool,
    /// Shifts the pseudo-labels so that their running mean equals π.
    pub distribution_alignment: bool,
}

impl Default for ConsistencyConfig {
    fn default() -> Self {
        Self {
            kind: ConsistencyKind::None,
            threshold: 0.75,
            weight: 0.3,
            ramp_up_epochs: 30,
            soft_targets: false,
            distribution_alignment: false,
        }
    }
}

/// The term that pulls features of patches with the same label or pseudo-label together
/// (`learning/loss/alignment.rs`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlignmentConfig {
    /// Its weight in the loss, 0 to 10; 0 turns it off.
    pub weight: f64,
}

/// The teacher: an exponential moving average of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherConfig {
    /// Whether validation and scores use the teacher.
    pub enabled: bool,
    /// Share of the old average that a step keeps, 0.5 to 0.99999.
    pub decay: f64,
    /// Whether the teacher makes the pseudo-labels of the consistency term and of self-training; otherwise the student
    /// does.
    pub pseudo_labels: bool,
    /// Starts with a low decay: min(`decay`, (1 + step)/(10 + step)).
    pub decay_warm_up: bool,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self { enabled: false, decay: 0.995, pseudo_labels: true, decay_warm_up: true }
    }
}

/// Size of a batch and the ratio positive : unlabeled : negative in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Patches of a batch over all labels, 4 to 4096.
    pub size: usize,
    /// Parts of positives.
    pub positive: f64,
    /// Parts of unlabeled.
    pub unlabeled: f64,
    /// Parts of known negatives; ignored where there are none.
    pub negative: f64,
    /// At most this many unlabeled patches take part in an epoch, drawn anew for each; 0 means all.
    pub unlabeled_per_epoch: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { size: 64, positive: 1.0, unlabeled: 3.0, negative: 1.0, unlabeled_per_epoch: 0 }
    }
}

/// Settings of AdamW and of its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Peak learning rate, 1e-7 to 0.1.
    pub learning_rate: f64,
    /// Decoupled weight decay on convolution and linear weights, 0 to 1.
    pub weight_decay: f64,
    /// The gradient over all weights is shortened to this norm where it is longer; 0 means never.
    pub gradient_clip: f64,
    /// Batches whose gradients are averaged for one step, 1 to 64.
    pub accumulation: usize,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, weight_decay: 1e-4, gradient_clip: 5.0, accumulation: 1 }
    }
}

/// How the epoch whose weights score is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectBy {
    /// The highest AUC of validation positives against validation unlabeled.
    ValidationAuc,
    /// The last epoch, for schedules that end with a learning rate of 0.
    Last,
}

/// Length of the run, and the learning rate over it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Passes over the unlabeled (over the positives, where the risk is supervised), 1 to 10000.
    pub epochs: usize,
    /// Epochs over which the learning rate rises linearly from 0.
    pub warm_up_epochs: usize,
    /// Lets the learning rate fall to 0 along half a cosine.
    pub cosine: bool,
    /// Lets the learning rate fall to 0 before this epoch and start at its peak again, e.g. where self-training
    /// begins; 0 means never.
    pub restart_epoch: usize,
    /// Stops the run when validation has not improved for this many epochs; 0 means never.
    pub early_stopping_patience: usize,
    /// The epoch whose weights score the patches.
    pub select_by: SelectBy,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            epochs: 40,
            warm_up_epochs: 1,
            cosine: true,
            restart_epoch: 0,
            early_stopping_patience: 0,
            select_by: SelectBy::ValidationAuc,
        }
    }
}
