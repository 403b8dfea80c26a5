//! The rules of a configuration: ranges of its numbers, and settings that contradict each other.

use crate::imaging::normalise::NormaliserKind;
use crate::learning::config::{ConsistencyKind, PretrainKind, PriorConfig, RiskKind, RunConfig};
use crate::remedy::Warning;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Dotted path of the field, e.g. `optimizer.learning_rate`.
    pub key: &'static str,
    /// What is wrong with the value.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// A numeric field with its allowed range.
pub struct NumberField {
    /// Dotted path of the field.
    pub key: &'static str,
    /// Reads its value.
    pub get: fn(&RunConfig) -> f64,
    /// Smallest allowed value.
    pub low: f64,
    /// Largest allowed value.
    pub high: f64,
}

macro_rules! fields {
    ($($key:literal : $($path:ident).+ in $low:literal .. $high:literal;)*) => {
        &[$(NumberField { key: $key, get: |c| c.$($path).+ as f64, low: $low as f64, high: $high as f64 }),*]
    };
}

/// Every numeric field with its range.
pub const NUMBER_FIELDS: &[NumberField] = fields! {
    "split.validation": split.validation in 0.05 .. 0.5;
    "split.test": split.test in 0 .. 0.5;
    "risk.beta": risk.beta in 0 .. 1;
    "risk.gamma": risk.gamma in 0 .. 1;
    "risk.positive_weight": risk.positive_weight in 0.01 .. 0.99;
    "risk.negative_weight": risk.negative_weight in 0 .. 10;
    "risk.slack": risk.slack in 0.01 .. 100;
    "risk.entropy": risk.entropy in 0 .. 1;
    "self_training.start_epoch": self_training.start_epoch in 1 .. 10000;
    "self_training.positive_share": self_training.positive_share in 0 .. 1;
    "self_training.negative_margin": self_training.negative_margin in 1 .. 3;
    "self_training.general_share": self_training.general_share in 0 .. 0.9;
    "consistency.threshold": consistency.threshold in 0.5 .. 0.999;
    "consistency.weight": consistency.weight in 0 .. 10;
    "consistency.ramp_up_epochs": consistency.ramp_up_epochs in 0 .. 1000;
    "alignment.weight": alignment.weight in 0 .. 10;
    "teacher.decay": teacher.decay in 0.5 .. 0.99999;
    "batch.size": batch.size in 4 .. 4096;
    "batch.positive": batch.positive in 0.01 .. 100;
    "batch.unlabeled": batch.unlabeled in 0 .. 100;
    "batch.negative": batch.negative in 0 .. 100;
    "batch.unlabeled_per_epoch": batch.unlabeled_per_epoch in 0 .. 100000000;
    "augmentation.weak.shift": augmentation.weak.shift in 0 .. 32;
    "augmentation.weak.overlay": augmentation.weak.overlay in 0 .. 5;
    "augmentation.weak.mixup": augmentation.weak.mixup in 0 .. 10;
    "augmentation.strong.shift": augmentation.strong.shift in 0 .. 32;
    "augmentation.strong.scale": augmentation.strong.scale in 0 .. 0.5;
    "augmentation.strong.contrast": augmentation.strong.contrast in 0 .. 0.9;
    "augmentation.strong.brightness": augmentation.strong.brightness in 0 .. 2;
    "augmentation.strong.noise": augmentation.strong.noise in 0 .. 2;
    "augmentation.strong.blur": augmentation.strong.blur in 0 .. 1;
    "augmentation.strong.erase": augmentation.strong.erase in 0 .. 0.6;
    "pretrain.epochs": pretrain.epochs in 1 .. 10000;
    "pretrain.batch_size": pretrain.batch_size in 4 .. 4096;
    "pretrain.learning_rate": pretrain.learning_rate in 1e-7 .. 0.1;
    "optimizer.learning_rate": optimizer.learning_rate in 1e-7 .. 0.1;
    "optimizer.weight_decay": optimizer.weight_decay in 0 .. 1;
    "optimizer.gradient_clip": optimizer.gradient_clip in 0 .. 1000;
    "optimizer.accumulation": optimizer.accumulation in 1 .. 64;
    "schedule.epochs": schedule.epochs in 1 .. 10000;
    "schedule.warm_up_epochs": schedule.warm_up_epochs in 0 .. 1000;
    "schedule.restart_epoch": schedule.restart_epoch in 0 .. 10000;
    "schedule.early_stopping_patience": schedule.early_stopping_patience in 0 .. 10000;
};

/// The first broken rule; `None` where the configuration breaks none.
pub fn first_violation(config: &RunConfig) -> Option<Violation> {
    violations(config).into_iter().next()
}

/// Every broken rule: ranges first, then contradictions.
pub fn violations(config: &RunConfig) -> Vec<Violation> {
    let mut found: Vec<Violation> =
        NUMBER_FIELDS.iter().filter_map(|field| out_of_range(field, config)).collect();
    let groups: [fn(&RunConfig) -> Vec<Violation>; 5] =
        [prior_and_split, teacher, schedule_and_batch, mixing, pretraining];
    found.extend(groups.iter().flat_map(|rules| rules(config)));
    found
}

fn out_of_range(field: &NumberField, config: &RunConfig) -> Option<Violation> {
    let value = (field.get)(config);
    // Written so that NaN is refused too.
    let allowed = value >= field.low && value <= field.high;
    (!allowed).then(|| Violation {
        key: field.key,
        problem: format!("{} is {value}, outside {} to {}", field.key, field.low, field.high),
        remedy: format!("write a value from {} to {}", field.low, field.high),
    })
}

/// The violation of a rule that is broken.
fn broken(is_broken: bool, key: &'static str, problem: impl Into<String>, remedy: &str) -> Option<Violation> {
    is_broken.then(|| Violation { key, problem: problem.into(), remedy: remedy.to_owned() })
}

fn prior_and_split(config: &RunConfig) -> Vec<Violation> {
    let given = match config.prior {
        PriorConfig::Given(prior) => Some(prior),
        PriorConfig::Estimate(_) => None,
    };
    let prior = given.and_then(|prior| {
        broken(
            !(prior > 0.0 && prior < 1.0),
            "prior",
            format!("prior is {prior}, outside the open interval 0 to 1"),
            "write the share of particles among the unlabeled, or estimate",
        )
    });
    let split = broken(
        config.split.validation + config.split.test > 0.8,
        "split.test",
        "validation and test together leave less than a fifth of the patches for training",
        "lower split.validation or split.test",
    );
    prior.into_iter().chain(split).collect()
}

fn teacher(config: &RunConfig) -> Vec<Violation> {
    let (has_teacher, aligns) = (config.teacher.enabled, config.alignment.weight > 0.0);
    let rules = [
        broken(
            config.consistency.kind == ConsistencyKind::MeanTeacher && !has_teacher,
            "consistency.kind",
            "consistency.kind mean_teacher compares with a teacher, but teacher.enabled is false",
            "set teacher.enabled: true",
        ),
        broken(
            aligns && !has_teacher,
            "alignment.weight",
            "the alignment compares with a teacher, but teacher.enabled is false",
            "set teacher.enabled: true, or alignment.weight: 0",
        ),
    ];
    rules.into_iter().flatten().collect()
}

fn schedule_and_batch(config: &RunConfig) -> Vec<Violation> {
    let uses_unlabeled = config.risk.kind != RiskKind::Supervised
        || config.consistency.kind != ConsistencyKind::None
        || config.self_training.enabled;
    let rules = [
        broken(
            config.schedule.warm_up_epochs >= config.schedule.epochs && config.schedule.epochs > 1,
            "schedule.warm_up_epochs",
            "the warm-up is as long as the run, so the learning rate never reaches its peak",
            "lower schedule.warm_up_epochs or raise schedule.epochs",
        ),
        broken(
            uses_unlabeled && config.batch.unlabeled <= 0.0,
            "batch.unlabeled",
            "the method learns from unlabeled patches, but batch.unlabeled is 0",
            "give the unlabeled a part, e.g. batch.unlabeled: 3",
        ),
    ];
    rules.into_iter().flatten().collect()
}

/// Parts of a method that do not go together.
fn mixing(config: &RunConfig) -> Vec<Violation> {
    let mixes = config.augmentation.weak.mixup > 0.0;
    let rules = [
        broken(
            config.alignment.weight > 0.0 && mixes,
            "alignment.weight",
            "a view mixed from two patches has no class, so the alignment cannot use it",
            "set augmentation.weak.mixup: 0, or alignment.weight: 0",
        ),
        broken(
            config.self_training.enabled && config.risk.kind == RiskKind::GeBinomial,
            "self_training.enabled",
            "self-training replaces the risk, which the whole-batch term of GE-binomial does not allow",
            "use risk.kind naive or nnpu with self-training",
        ),
        broken(
            mixes && config.consistency.kind != ConsistencyKind::None,
            "augmentation.weak.mixup",
            "with mixup the consistency term would take its pseudo-labels from mixed patches",
            "set augmentation.weak.mixup: 0, or consistency.kind: none",
        ),
    ];
    rules.into_iter().flatten().collect()
}

fn pretraining(config: &RunConfig) -> Vec<Violation> {
    let uses_file = config.pretrain.kind == PretrainKind::Weights;
    let names_file = !config.pretrain.weights.trim().is_empty();
    let rules = [
        broken(
            uses_file && !names_file,
            "pretrain.weights",
            "pretrain.kind is weights, but pretrain.weights names no file",
            "name the pretrained.safetensors in the folder of a run that was pretrained",
        ),
        broken(
            !uses_file && names_file,
            "pretrain.weights",
            "pretrain.weights names a file that this run would not use",
            "set pretrain.kind: weights, or leave pretrain.weights out",
        ),
        broken(
            config.backbone.slides() && config.pretrain.kind == PretrainKind::Masked,
            "pretrain.kind",
            "masked pretraining draws the whole patch, but sliding_cnn reads its middle 57 px only",
            "set pretrain.kind: simsiam or none, or another backbone",
        ),
        broken(
            config.pretrain.kind == PretrainKind::General && !config.backbone.slides(),
            "pretrain.kind",
            "the general model is a sliding_cnn; other networks cannot begin with its weights",
            "set backbone: sliding_cnn, or pretrain.kind: none",
        ),
        broken(
            config.pretrain.kind == PretrainKind::General
                && config.normaliser != NormaliserKind::PerPatchZScore,
            "pretrain.kind",
            "the general model learned from patches normalised one by one",
            "set normaliser: {kind: per_patch_z_score}, or pretrain.kind: none",
        ),
    ];
    rules.into_iter().flatten().collect()
}

/// Warnings about a configuration that breaks no rule but will hardly do what was meant.
pub fn cautions(config: &RunConfig) -> Vec<Warning> {
    let mut found = Vec::new();
    let (begins, epochs) = (config.self_training.start_epoch, config.schedule.epochs);
    if config.self_training.enabled && begins > epochs {
        let text = format!(
            "Self-training would begin in epoch {begins}, but the run ends after epoch {epochs}, so it never begins"
        );
        found.push(Warning::new(text, "train longer, or let self-training begin earlier"));
    }
    found
}
