//! Every field of a configuration as a form shows it: label, sentence, unit, usual range, and which methods use it.
//! Allowed ranges are in [`crate::learning::config::check`].

use crate::learning::config::field::{Field, FieldGroup, FieldKind};
use crate::learning::config::{ConsistencyKind, PretrainKind, RiskKind, RunConfig};

const BACKBONES: FieldKind = FieldKind::Choice(&[
    ("small_cnn", "four convolution blocks; fast"),
    ("resnet18", "18 layers; slower, needs patches of 32 px or more"),
    ("sliding_cnn", "reads the middle 57 px of a patch; can pick on whole micrographs"),
]);
const NORMALISERS: FieldKind = FieldKind::Choice(&[
    ("per_patch_z_score", "each patch to mean 0 and standard deviation 1"),
    ("global_mean_std", "all patches by mean and standard deviation of the training side"),
    ("robust_percentiles", "all patches by percentiles 1 and 99 of the training side"),
    ("background_ring", "each patch by its pixels outside the particle, as RELION does"),
]);
const RISKS: FieldKind = FieldKind::Choice(&[
    ("supervised", "positives against known negatives; the unlabeled are not used"),
    ("naive", "treats the unlabeled as negatives"),
    ("upu", "unbiased PU risk"),
    ("nnpu", "non-negative PU risk"),
    ("ge_binomial", "generalised expectation with a binomial, as in Topaz"),
    ("vpu", "variational risk; needs no π"),
    ("dist_pu", "matches mean scores to the class shares"),
]);
const SURROGATES: FieldKind = FieldKind::Choice(&[("sigmoid", "bounded"), ("logistic", "unbounded")]);
const CONSISTENCIES: FieldKind = FieldKind::Choice(&[
    ("none", "no consistency term"),
    ("fixmatch", "hard pseudo-labels above a threshold"),
    ("softmatch", "pseudo-labels weighted by confidence"),
    ("mean_teacher", "squared difference to the teacher's p"),
]);
const ROTATIONS: FieldKind = FieldKind::Choice(&[
    ("none", "no rotation"),
    ("quarter", "by multiples of 90°"),
    ("any", "by any angle"),
]);
const SELECTIONS: FieldKind = FieldKind::Choice(&[
    ("validation_auc", "the epoch with the highest validation AUC"),
    ("last", "the last epoch"),
]);

const BEGINNINGS: FieldKind = FieldKind::Choice(&[
    ("none", "off: random initial weights"),
    ("simsiam", "SimSiam on this project's patches, without labels"),
    ("masked", "masked reconstruction on this project's patches, without labels"),
    ("weights", "load the weights of an earlier pretraining"),
    ("general", "the general model, which learned from simulated particles"),
]);

/// One row of [`GROUPS`].
macro_rules! fields {
    ($($key:literal $kind:expr, $label:literal, $unit:literal, $sentence:literal
        $(, usual $low:literal .. $high:literal)? $(, if $used:expr)?;)*) => {
        &[$(Field {
            key: $key, label: $label, sentence: $sentence, unit: $unit, kind: $kind,
            usual: usual!($($low, $high)?), used: used!($($used)?),
        }),*]
    };
}
macro_rules! usual {
    () => {
        None
    };
    ($low:literal, $high:literal) => {
        Some(($low as f64, $high as f64))
    };
}
macro_rules! used {
    () => {
        |_| true
    };
    ($used:expr) => {
        $used
    };
}

/// All fields by heading, except `description`, which is free text.
pub const GROUPS: &[FieldGroup] = &[
    FieldGroup {
        name: "Run",
        fields: fields![
            "schedule.epochs" FieldKind::Whole, "Epochs", "passes",
                "Number of passes over the unlabeled patches (over the positives, where the risk is supervised).",
                usual 20 .. 200;
            "backbone" BACKBONES, "Network", "", "The network that scores a patch.";
            "seed" FieldKind::Whole, "Seed", "",
                "Seed of the random numbers. On the CPU the same seed gives the same run.";
            "schedule.select_by" SELECTIONS, "Keep", "", "The epoch whose weights score the patches.";
            "schedule.early_stopping_patience" FieldKind::Whole, "Stop without progress after", "epochs",
                "Ends the run when validation has not improved for this many epochs; 0 means never.", usual 0 .. 50;
        ],
    },
    FieldGroup {
        name: "Data",
        fields: fields![
            "prior" FieldKind::Prior, "Particles among unlabeled (π)", "",
                "Share of particles among the unlabeled patches (not among all patches). Estimated from the data, or given.",
                usual 0.05 .. 0.6;
            "match_prior" FieldKind::Flag, "Scores agree with π", "",
                "After the last epoch shifts all scores so that their mean over the unlabeled patches is π. The ranking stays.";
            "split.validation" FieldKind::Number, "Validation share", "of the patches",
                "Patches held out of training to measure it after every epoch.", usual 0.1 .. 0.3;
            "split.test" FieldKind::Number, "Test share", "of the patches",
                "Patches held out of training and of the choice of the best epoch.", usual 0 .. 0.3;
            "split.seed" FieldKind::Whole, "Seed of the split", "",
                "Runs with the same seed and shares are compared on the same patches.";
            "normaliser" NORMALISERS, "Normaliser", "",
                "Brings pixel values to one scale. Fitted on the training side only.";
        ],
    },
    FieldGroup {
        name: "Pretraining",
        fields: fields![
            "pretrain.kind" BEGINNINGS, "Begin with", "",
                "How the initial weights are made. No gain was measured so far, so compare with a run without pretraining.";
            "pretrain.weights" FieldKind::Path, "Weights", "",
                "A pretrained.safetensors from the folder of a run, of this or another project with the same network and patch size.",
                if |c| c.pretrain.kind == PretrainKind::Weights;
            "pretrain.epochs" FieldKind::Whole, "Epochs of pretraining", "passes",
                "Number of passes of pretraining over the training side.", usual 20 .. 200, if pretrains;
            "pretrain.batch_size" FieldKind::Whole, "Patches per step", "patches",
                "Patches per step of pretraining.", usual 32 .. 256, if pretrains;
            "pretrain.learning_rate" FieldKind::Number, "Learning rate of pretraining", "per step",
                "Peak learning rate of pretraining. Lower it when SimSiam's spread falls to 0.",
                usual 1e-4 .. 1e-2, if pretrains;
        ],
    },
    FieldGroup {
        name: "Loss",
        fields: fields![
            "risk.kind" RISKS, "Risk", "", "How positives, unlabeled and known negatives enter the loss.";
            "risk.loss" SURROGATES, "Surrogate loss", "", "The surrogate loss of uPU and nnPU.",
                if |c| matches!(c.risk.kind, RiskKind::Upu | RiskKind::Nnpu);
            "risk.beta" FieldKind::Number, "β", "of the loss",
                "nnPU clamps its inner term when it falls below −β.",
                usual 0 .. 0.1, if |c| c.risk.kind == RiskKind::Nnpu;
            "risk.gamma" FieldKind::Number, "γ", "of a step",
                "Factor of nnPU's step while the inner term is clamped.", usual 0.1 .. 1, if |c| c.risk.kind == RiskKind::Nnpu;
            "risk.positive_weight" FieldKind::Number, "Weight of positives", "of the loss",
                "Weight of the positives' term in the naive risk; the unlabeled get the rest.",
                usual 0.3 .. 0.7, if |c| c.risk.kind == RiskKind::Naive;
            "risk.negative_weight" FieldKind::Number, "Weight of known negatives", "×",
                "Weight of the term of the known negatives. With fewer negatives than positives it is scaled down by their ratio.", usual 0.3 .. 3;
            "risk.slack" FieldKind::Number, "Weight of the expectation", "×",
                "Weight of GE-binomial's expectation term, which ties the mean score to π.",
                usual 0.3 .. 10, if |c| c.risk.kind == RiskKind::GeBinomial;
            "risk.entropy" FieldKind::Number, "Weight of the entropy", "×",
                "Weight of Dist-PU's entropy term, which pushes p of each unlabeled patch towards 0 or 1.",
                usual 0 .. 0.1, if |c| c.risk.kind == RiskKind::DistPu;
        ],
    },
    FieldGroup {
        name: "Self-training",
        fields: fields![
            "self_training.enabled" FieldKind::Flag, "Self-training", "",
                "From a chosen epoch on, pseudo-labels the highest- and lowest-ranked unlabeled patches and \
                 leaves the others out.";
            "self_training.start_epoch" FieldKind::Whole, "First epoch", "epoch",
                "From this epoch on pseudo-labels replace the risk.", usual 5 .. 100, if |c| c.self_training.enabled;
            "self_training.positive_share" FieldKind::Number, "Taken as positive", "× π",
                "Share of the unlabeled, from the top of the ranking, that gets the pseudo-label positive.",
                usual 0.5 .. 1, if |c| c.self_training.enabled;
            "self_training.negative_margin" FieldKind::Number, "Margin below", "× π",
                "The unlabeled below the top margin·π of the ranking get the pseudo-label negative. Larger values leave more out.",
                usual 1 .. 1.5,
                if |c| c.self_training.enabled;
            "self_training.trial" FieldKind::Flag, "On trial", "",
                "Turns self-training off, and goes back to the weights before it, when the validation AUC falls in its first three epochs.",
                if |c| c.self_training.enabled;
            "self_training.estimate_prior" FieldKind::Flag, "Estimate π in each epoch", "",
                "Estimates π before each epoch from the current scores of the validation patches.", if |c| c.self_training.enabled;
            "self_training.general_model" FieldKind::Flag, "Ask the general model", "",
                "Gives pseudo-labels only if the picks are clearer than the other particles. The general \
                 model then helps to choose them.",
                if |c| c.self_training.enabled;
            "self_training.general_share" FieldKind::Number, "Share of the general model", "of the weights",
                "Largest share of the general model's weights in the weights that score; 0 means none.",
                usual 0 .. 0.5, if |c| c.self_training.general_model;
            "self_training.second_start" FieldKind::Flag, "Second start", "",
                "If the picks look like a random sample, trains a second time from fresh weights. The course with the higher \
                 validation AUC provides the scores; if the picks were tested, the first must lead by half a standard error. \
                 Doubles the time of the run.",
                if |c| c.self_training.general_model;
            "self_training.test_picks" FieldKind::Flag, "Test the picks", "",
                "Tests before the run whether the picks are a random sample of the particles. Four classifiers score the \
                 positives that they did not see, which lengthens the run by half or more. Without the test the validation \
                 AUC decides.",
                if |c| c.self_training.general_model;
        ],
    },
    FieldGroup {
        name: "Consistency",
        fields: fields![
            "consistency.kind" CONSISTENCIES, "Term", "",
                "Asks the strong view of an unlabeled patch to agree with the pseudo-label from its weak view.";
            "consistency.threshold" FieldKind::Number, "Threshold τ", "of p",
                "FixMatch uses a pseudo-label when max(p, 1 − p) reaches τ.", usual 0.7 .. 0.98,
                if |c| c.consistency.kind == ConsistencyKind::Fixmatch;
            "consistency.weight" FieldKind::Number, "Weight λ", "×",
                "Weight of the consistency term after the ramp-up.",
                usual 0.1 .. 2, if |c| c.consistency.kind != ConsistencyKind::None;
            "consistency.ramp_up_epochs" FieldKind::Whole, "Ramp-up", "epochs",
                "Epochs over which λ rises from 0, so that early wrong pseudo-labels count little.", usual 5 .. 50,
                if |c| c.consistency.kind != ConsistencyKind::None;
            "consistency.soft_targets" FieldKind::Flag, "Soft targets", "",
                "SoftMatch uses p itself as the target instead of p rounded to 0 or 1.",
                if |c| c.consistency.kind == ConsistencyKind::Softmatch;
            "consistency.distribution_alignment" FieldKind::Flag, "Align with π", "",
                "Shifts pseudo-labels so that their running mean equals π.",
                if |c| c.consistency.kind != ConsistencyKind::None;
        ],
    },
    FieldGroup {
        name: "Alignment",
        fields: fields![
            "alignment.weight" FieldKind::Number, "Weight", "×",
                "Weight of the term that pulls features of patches with the same label or pseudo-label together; 0 turns it off.",
                usual 0 .. 1, if |c| c.teacher.enabled;
        ],
    },
    FieldGroup {
        name: "Teacher",
        fields: fields![
            "teacher.enabled" FieldKind::Flag, "Teacher", "",
                "Validation and scores use a moving average of the weights.";
            "teacher.decay" FieldKind::Number, "Decay", "per step",
                "Share of the old average that a step keeps. Closer to 1 is slower and smoother.",
                usual 0.99 .. 0.9999, if |c| c.teacher.enabled;
            "teacher.pseudo_labels" FieldKind::Flag, "Gives pseudo-labels", "",
                "The teacher, not the student, makes the pseudo-labels.", if |c| c.teacher.enabled;
            "teacher.decay_warm_up" FieldKind::Flag, "Warm-up of the decay", "",
                "The decay starts low, so that the average soon forgets the first steps.", if |c| c.teacher.enabled;
        ],
    },
    FieldGroup {
        name: "Batch",
        fields: fields![
            "batch.size" FieldKind::Whole, "Size", "patches", "Patches of a batch, over all labels.", usual 16 .. 256;
            "batch.positive" FieldKind::Number, "Positive", "parts", "Parts of positives in a batch.", usual 1 .. 4;
            "batch.unlabeled" FieldKind::Number, "Unlabeled", "parts", "Parts of unlabeled patches in a batch.",
                usual 1 .. 10;
            "batch.negative" FieldKind::Number, "Negative", "parts",
                "Parts of known negatives in a batch, where there are any.", usual 0.5 .. 4;
            "batch.unlabeled_per_epoch" FieldKind::Whole, "Unlabeled per epoch", "patches",
                "At most this many unlabeled patches take part in an epoch, drawn anew for each; 0 means all.", usual 0 .. 100000;
        ],
    },
    FieldGroup {
        name: "Optimiser",
        fields: fields![
            "optimizer.learning_rate" FieldKind::Number, "Learning rate", "per step",
                "Peak learning rate. Too high diverges; too low learns nothing.", usual 1e-4 .. 1e-2;
            "schedule.warm_up_epochs" FieldKind::Whole, "Warm-up", "epochs",
                "Epochs over which the learning rate rises from 0.", usual 0 .. 10;
            "schedule.cosine" FieldKind::Flag, "Cosine decay", "",
                "The learning rate falls to 0 along half a cosine.";
            "schedule.restart_epoch" FieldKind::Whole, "Restart at", "epoch",
                "The learning rate falls to 0 before this epoch and starts at its peak again; 0 means never.", usual 0 .. 150;
            "optimizer.weight_decay" FieldKind::Number, "Weight decay", "per step",
                "Shrinks the weights towards 0 at each step, independent of the gradient.", usual 0 .. 0.01;
            "optimizer.gradient_clip" FieldKind::Number, "Gradient clipping", "norm",
                "Scales the gradient over all weights down to this norm where it is larger; 0 means never.", usual 0 .. 20;
            "optimizer.accumulation" FieldKind::Whole, "Accumulation", "batches",
                "Batches whose gradients are averaged for one step.", usual 1 .. 4;
        ],
    },
    FieldGroup {
        name: "Weak augmentation",
        fields: fields![
            "augmentation.weak.flip" FieldKind::Flag, "Mirror", "", "Mirrors patches at random.";
            "augmentation.weak.rotation" ROTATIONS, "Rotate", "", "Rotates patches at random.";
            "augmentation.weak.shift" FieldKind::Number, "Shift", "px", "Largest shift in x and y.", usual 0 .. 5;
            "augmentation.weak.overlay" FieldKind::Number, "Overlay", "×",
                "Blends another unlabeled patch, times a factor up to this, into each view. That makes clear particles faint. 0 means none.",
                usual 0 .. 2;
            "augmentation.weak.overlay_trial" FieldKind::Flag, "Overlay on trial", "",
                "Tries the overlay before the run with quick classifiers. Uses half of it, or none, where held-out positives rank worse with it.";
            "augmentation.weak.mixup" FieldKind::Number, "Mixup", "of Beta",
                "Mixes each view and its label with another patch's, by a share drawn from Beta(a, a). Larger mixes more evenly; 0 means none.", usual 0 .. 1;
        ],
    },
    FieldGroup {
        name: "Strong augmentation",
        fields: fields![
            "augmentation.strong.flip" FieldKind::Flag, "Mirror", "", "Mirrors patches at random.", if strong;
            "augmentation.strong.rotation" ROTATIONS, "Rotate", "", "Rotates patches at random.", if strong;
            "augmentation.strong.shift" FieldKind::Number, "Shift", "px", "Largest shift in x and y.",
                usual 0 .. 8, if strong;
            "augmentation.strong.scale" FieldKind::Number, "Magnify", "±", "Largest change of size.",
                usual 0 .. 0.2, if strong;
            "augmentation.strong.contrast" FieldKind::Number, "Contrast", "±", "Largest change of contrast.",
                usual 0 .. 0.5, if strong;
            "augmentation.strong.brightness" FieldKind::Number, "Brightness", "± deviations",
                "Largest constant added, in standard deviations of a patch.", usual 0 .. 0.5, if strong;
            "augmentation.strong.noise" FieldKind::Number, "Noise", "deviations",
                "Strongest white noise added, in standard deviations of a patch.", usual 0 .. 1, if strong;
            "augmentation.strong.blur" FieldKind::Number, "Blur", "share", "Largest share of a blurred copy that is blended in.",
                usual 0 .. 0.7, if strong;
            "augmentation.strong.erase" FieldKind::Number, "Erase", "of the side",
                "Largest side of a square that is filled with the patch's mean.", usual 0 .. 0.4, if strong;
        ],
    },
];

/// Only the consistency term and SimSiam use strong views.
fn strong(config: &RunConfig) -> bool {
    config.consistency.kind != ConsistencyKind::None || config.pretrain.kind == PretrainKind::Simsiam
}

fn pretrains(config: &RunConfig) -> bool {
    matches!(config.pretrain.kind, PretrainKind::Simsiam | PretrainKind::Masked)
}

/// Every field.
pub fn fields() -> impl Iterator<Item = &'static Field> {
    GROUPS.iter().flat_map(|group| group.fields)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::learning::config::check::NUMBER_FIELDS;

    fn leaves(prefix: &str, value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) if prefix != "normaliser" => {
                for (key, inner) in map {
                    let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    leaves(&path, inner, out);
                }
            }
            _ => {
                out.insert(prefix.to_owned());
            }
        }
    }

    #[test]
    fn every_field_of_the_configuration_is_explained_once() {
        let mut known = BTreeSet::new();
        leaves("", &serde_json::to_value(RunConfig::default()).unwrap(), &mut known);
        known.remove("description");
        let told: Vec<String> = fields().map(|f| f.key.to_owned()).collect();
        assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), known);
        assert_eq!(told.len(), known.len(), "none twice");
        for number in NUMBER_FIELDS {
            assert!(told.iter().any(|key| key == number.key), "{}", number.key);
        }
    }

    #[test]
    fn usual_numbers_are_allowed_and_those_of_the_first_preset_are_usual() {
        let recommended =
            crate::learning::config::yaml::preset(crate::learning::config::presets::Preset::Recommended)
                .unwrap();
        for field in fields() {
            for config in [&RunConfig::default(), &recommended] {
                let value = field.get(config).as_f64().filter(|_| (field.used)(config));
                assert_eq!(value.and_then(|value| field.unusual(value)), None, "{}", field.key);
            }
            let is_number = matches!(field.kind, FieldKind::Number | FieldKind::Whole | FieldKind::Prior);
            assert_eq!(field.range_words().is_some(), is_number, "{}", field.key);
            let is_seed = field.label.starts_with("Seed");
            assert_eq!(field.usual.is_some(), is_number && !is_seed, "{}", field.key);
            let Some((low, high)) = field.usual else { continue };
            let (least, most) = field.range().unwrap_or((0.0, 1.0));
            assert!(low < high && least <= low && high <= most, "{}", field.key);
        }
        let epochs = fields().find(|field| field.key == "schedule.epochs").unwrap();
        assert_eq!(epochs.range_words().unwrap(), "usually 20 to 200; 1 to 10000 possible");
        assert_eq!(epochs.unusual(3.0).unwrap(), "3 is less than usual (20 to 200).");
        assert_eq!(epochs.unusual(0.0), None, "not allowed: that is said elsewhere");
    }

    #[test]
    fn each_field_takes_what_it_offers_and_nothing_else() {
        for field in fields() {
            assert!(field.sentence.ends_with('.') && !field.label.is_empty(), "{}", field.key);
            let mut config = RunConfig::default();
            let values: Vec<Value> = match field.kind {
                FieldKind::Choice(words) => words.iter().map(|(word, _)| Value::from(*word)).collect(),
                FieldKind::Flag => vec![true.into(), false.into()],
                FieldKind::Prior => vec![0.25.into(), "estimate".into()],
                FieldKind::Path => vec!["/somewhere/pretrained.safetensors".into(), "".into()],
                FieldKind::Whole => vec![3.into(), 5.0.into()],
                FieldKind::Number => {
                    let (low, high) = field.range().unwrap();
                    vec![low.into(), high.into()]
                }
            };
            for value in values {
                field.set(&mut config, &value).unwrap_or_else(|e| panic!("{}: {e}", field.key));
                assert_eq!(field.get(&config).as_f64(), value.as_f64(), "{}", field.key);
                if value.as_f64().is_none() {
                    assert_eq!(field.get(&config), value, "{}", field.key);
                }
            }
            let nonsense = if field.kind == FieldKind::Path { Value::from(3) } else { "nonsense".into() };
            assert!(field.set(&mut config, &nonsense).is_err(), "{}", field.key);
        }
    }
}
