//! What a training run is made of, as a person writes it in YAML.
//!
//! A method is a composition: a [`RiskConfig`] + a [`ConsistencyConfig`] + a [`TeacherConfig`] + a
//! [`Backbone`] + a [`ScheduleConfig`]. Reading files and naming the place of a mistake is in
//! [`crate::learning::config::yaml`]; this file holds the fields, their meaning and their sane ranges.

pub mod check;
pub mod fields;
pub mod overrides;
pub mod presets;
pub mod yaml;

use serde::{Deserialize, Serialize};

use crate::imaging::normalise::NormaliserKind;

/// A whole run. Every field has a default, so a file only names what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// One sentence for the list of presets.
    pub description: String,
    /// Seed of initialisation, order, augmentation and split.
    pub seed: u64,
    /// The network.
    pub backbone: Backbone,
    /// How pixels are normalised; fitted on the training split only.
    pub normaliser: NormaliserKind,
    /// Shares of training, validation and test patches.
    pub split: SplitConfig,
    /// π, the share of particles among the unlabeled.
    pub prior: PriorConfig,
    /// The labelled part of the loss.
    pub risk: RiskConfig,
    /// Pseudo-labels for both ends of the ranking.
    pub self_training: SelfTrainingConfig,
    /// The unlabeled part of the loss.
    pub consistency: ConsistencyConfig,
    /// Features of patches of the same class held together.
    pub alignment: AlignmentConfig,
    /// Average of past weights used for pseudo-labels and scores.
    pub teacher: TeacherConfig,
    /// What a batch is made of.
    pub batch: BatchConfig,
    /// Random changes of patches.
    pub augmentation: AugmentationConfig,
    /// What the network has learnt before it sees a label.
    pub pretrain: PretrainConfig,
    /// Step size and its limits.
    pub optimizer: OptimizerConfig,
    /// Length of the run and the course of the step size.
    pub schedule: ScheduleConfig,
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

/// The networks on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backbone {
    /// Four convolution blocks; the quick one.
    SmallCnn,
    /// ResNet-18 with one input channel (He et al. 2016).
    Resnet18,
}

/// Shares of the patches; what is left of 1 after validation and test is for training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// Share for validation, 0.05 to 0.5.
    pub validation: f64,
    /// Share for the test, 0 to 0.5.
    pub test: f64,
    /// Seed of the split; runs with the same seed and shares are compared on the same patches.
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
    /// Given by the person, between 0 and 1.
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

/// The risks on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskKind {
    /// Positives against known negatives; the unlabeled stay out.
    Supervised,
    /// The unlabeled stand in for negatives.
    Naive,
    /// Unbiased PU risk (du Plessis et al. 2015).
    Upu,
    /// Non-negative PU risk (Kiryo et al. 2017).
    Nnpu,
    /// Generalised expectation with a binomial posterior (Bepler et al. 2019, Topaz).
    GeBinomial,
    /// Variational risk (Chen et al. 2020), without its mixup term; needs no π.
    Vpu,
    /// Mean scores held to the known shares (Zhao et al. 2022).
    DistPu,
}

impl RiskKind {
    /// Whether π enters the risk.
    pub fn uses_prior(self) -> bool {
        matches!(self, Self::Upu | Self::Nnpu | Self::GeBinomial | Self::DistPu)
    }
}

/// The surrogate loss inside uPU and nnPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurrogateLoss {
    /// ℓ(z) = 1/(1 + eᶻ), as in Kiryo et al. 2017.
    Sigmoid,
    /// ℓ(z) = ln(1 + e⁻ᶻ).
    Logistic,
}

/// The labelled part of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskConfig {
    /// Which risk.
    pub kind: RiskKind,
    /// Surrogate loss of uPU and nnPU.
    pub loss: SurrogateLoss,
    /// nnPU: the inner term may fall to −β before the step turns, 0 to 1.
    pub beta: f64,
    /// nnPU: length of the turned step, 0 to 1.
    pub gamma: f64,
    /// Naive: share of the positives' term in the loss, 0.01 to 0.99.
    pub positive_weight: f64,
    /// Weight of the term of the known negatives, 0 to 10; with fewer negatives than positives it is
    /// scaled down by their ratio.
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

/// Self-training at both ends of the ranking: from `start_epoch` on, the unlabeled with the highest
/// scores count as positive, those with the lowest as negative, and the band between stays out.
/// Replaces the risk from that epoch on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfTrainingConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// First epoch with pseudo-labels, counted from 1; before it the risk alone trains.
    pub start_epoch: usize,
    /// Share of the unlabeled taken as positive, in units of π, 0 to 1.
    pub positive_share: f64,
    /// The unlabeled taken as negative are the lowest 1 − `negative_margin`·π, 1 to 3.
    pub negative_margin: f64,
    /// Give it up, and go back to the weights from before, when the mean validation AUC of its first
    /// three epochs is below that of the three epochs before.
    pub trial: bool,
    /// Estimate π anew before each of its epochs, from the validation patches (TEDⁿ, Garg et al. 2021).
    pub estimate_prior: bool,
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
        }
    }
}

/// The consistency terms on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsistencyKind {
    /// No term for the unlabeled beyond the risk.
    None,
    /// Hard pseudo-labels where max(p, 1−p) ≥ τ (Sohn et al. 2020).
    Fixmatch,
    /// Truncated-Gaussian weights on the confidence (Chen et al. 2023).
    Softmatch,
    /// Squared difference to the teacher's p (Tarvainen & Valpola 2017).
    MeanTeacher,
}

/// The unlabeled part of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsistencyConfig {
    /// Which term.
    pub kind: ConsistencyKind,
    /// FixMatch: τ, 0.5 to 0.999.
    pub threshold: f64,
    /// λ, the weight of the term after the ramp-up, 0 to 10.
    pub weight: f64,
    /// Epochs over which λ rises from 0 (Gaussian ramp e^(−5(1−t)²)), 0 to 1000.
    pub ramp_up_epochs: usize,
    /// SoftMatch: the teacher's p itself is the target instead of its rounded value.
    pub soft_targets: bool,
    /// Shift the pseudo-labels so that their running mean equals π.
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

/// The term that asks views of patches of the same class, by label or pseudo-label, to look alike to the network
/// ([`crate::learning::loss::alignment`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlignmentConfig {
    /// Its weight in the loss, 0 to 10; 0 leaves it out.
    pub weight: f64,
}

/// Exponential moving average of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherConfig {
    /// Whether validation and scores come from the average.
    pub enabled: bool,
    /// Share of the old average kept at each step, 0.5 to 0.99999.
    pub decay: f64,
    /// Whether the average also gives the pseudo-labels, of the consistency term and of self-training; else the
    /// student does.
    pub pseudo_labels: bool,
    /// Start with a short memory: decay min(`decay`, (1 + step)/(10 + step)).
    pub decay_warm_up: bool,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self { enabled: false, decay: 0.995, pseudo_labels: true, decay_warm_up: true }
    }
}

/// Patches per step and the ratio positive : unlabeled : negative in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Patches per step over all labels, 4 to 4096.
    pub size: usize,
    /// Parts of positives.
    pub positive: f64,
    /// Parts of unlabeled.
    pub unlabeled: f64,
    /// Parts of known negatives; ignored where there are none.
    pub negative: f64,
    /// At most this many unlabeled patches take part in an epoch, drawn anew each epoch; 0 means all.
    pub unlabeled_per_epoch: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { size: 64, positive: 1.0, unlabeled: 3.0, negative: 1.0, unlabeled_per_epoch: 0 }
    }
}

/// The two strengths of random change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentationConfig {
    /// Changes under which a particle stays obviously the same.
    pub weak: WeakConfig,
    /// Changes under which the model must still agree with its weak view.
    pub strong: StrongConfig,
}

/// How far a patch may be turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// Not at all.
    None,
    /// By multiples of 90°: no interpolation.
    Quarter,
    /// By any angle: particles lie at random in the ice.
    Any,
}

/// Weak view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeakConfig {
    /// Mirror at random.
    pub flip: bool,
    /// Turn at random.
    pub rotation: Rotation,
    /// Shift by up to this many px in x and y, whole px, 0 to 32.
    pub shift: f64,
    /// Lay another unlabeled patch over each view, multiplied by a factor from 0 up to this, 0 to 5; 0
    /// lays none. For networks that learn which particles people pick instead of what a particle is.
    pub overlay: f64,
    /// Before the run, try on quick classifiers whether positives that were held out are ranked as well
    /// with the overlay as without; take half of it, or none, where they are not.
    pub overlay_trial: bool,
    /// Mixup (Zhang et al. 2018): each view and its labels are mixed with another's, by a share drawn from
    /// Beta(`mixup`, `mixup`) for every batch, 0 to 10; 0 mixes nothing.
    pub mixup: f64,
}

impl Default for WeakConfig {
    fn default() -> Self {
        Self {
            flip: true,
            rotation: Rotation::Quarter,
            shift: 2.0,
            overlay: 0.0,
            overlay_trial: false,
            mixup: 0.0,
        }
    }
}

/// Strong view. Patches are normalised, so 1 is about one standard deviation of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrongConfig {
    /// Mirror at random.
    pub flip: bool,
    /// Turn at random.
    pub rotation: Rotation,
    /// Shift by up to this many px in x and y, 0 to 32.
    pub shift: f64,
    /// Magnify by a factor within 1 ± this, 0 to 0.5.
    pub scale: f64,
    /// Multiply the contrast by a factor within 1 ± this, 0 to 0.9.
    pub contrast: f64,
    /// Add a constant within ± this, 0 to 2.
    pub brightness: f64,
    /// Add white noise of a standard deviation up to this times that of the patch, 0 to 2.
    pub noise: f64,
    /// Blend with a blurred copy by a share up to this, 0 to 1.
    pub blur: f64,
    /// Replace a square by the patch mean, its side up to this share of the patch, 0 to 0.6.
    pub erase: f64,
}

impl Default for StrongConfig {
    fn default() -> Self {
        Self {
            flip: true,
            rotation: Rotation::Any,
            shift: 3.0,
            scale: 0.1,
            contrast: 0.3,
            brightness: 0.2,
            noise: 0.5,
            blur: 0.5,
            erase: 0.25,
        }
    }
}

/// Where the first weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PretrainKind {
    /// Drawn at random.
    None,
    /// Learnt from the patches alone, without their labels (SimSiam, Chen & He 2021).
    Simsiam,
    /// Learnt by drawing the hidden half of patches (He et al. 2022, Xie et al. 2022).
    Masked,
    /// Read from a file that an earlier pretraining left.
    Weights,
}

/// What the network learns from patches before it sees a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainConfig {
    /// Where the first weights come from.
    pub kind: PretrainKind,
    /// Passes over the patches of the training side, 1 to 10000.
    pub epochs: usize,
    /// Patches per step, 4 to 4096.
    pub batch_size: usize,
    /// Peak learning rate, 1e-7 to 0.1.
    pub learning_rate: f64,
    /// The file of [`PretrainKind::Weights`]; empty otherwise.
    pub weights: String,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            kind: PretrainKind::None,
            epochs: 40,
            batch_size: 64,
            learning_rate: 1e-3,
            weights: String::new(),
        }
    }
}

/// AdamW and what is done to its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Peak learning rate, 1e-7 to 0.1.
    pub learning_rate: f64,
    /// Decoupled weight decay on convolution and linear weights, 0 to 1.
    pub weight_decay: f64,
    /// The gradient over all weights together is shortened to this norm; 0 means never.
    pub gradient_clip: f64,
    /// Batches whose gradients are averaged into one step, 1 to 64.
    pub accumulation: usize,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, weight_decay: 1e-4, gradient_clip: 5.0, accumulation: 1 }
    }
}

/// What validation picks the best epoch by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectBy {
    /// AUC of validation positives against validation unlabeled.
    ValidationAuc,
    /// The last epoch: for schedules that end at a step size of zero.
    Last,
}

/// Length of the run and the course of the learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Passes over the unlabeled (over the positives where the risk is supervised), 1 to 10000.
    pub epochs: usize,
    /// Epochs over which the learning rate rises from 0, linear.
    pub warm_up_epochs: usize,
    /// Let the learning rate fall to 0 along a half cosine.
    pub cosine: bool,
    /// Let it fall to 0 before this epoch and begin anew there, e.g. where self-training begins; 0 means never.
    pub restart_epoch: usize,
    /// Stop when validation has not improved for this many epochs; 0 means never.
    pub early_stopping_patience: usize,
    /// Which epoch's weights score the patches.
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
