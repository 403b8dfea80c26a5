//! Whether more labels would help: the AUC of the plain classifier with a quarter, half and all of the positives.

use super::finding::{Finding, Section, Series, Severity};
use super::quick::{baseline_config, mean_auc, others, train_and_score};
use super::{Clock, Examination, SharedData, Subject, TrainingCache, kinds};
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::project::Side;

/// Fewer positives than this cannot carry a method, whatever the curve says.
const MIN_POSITIVES: u64 = 25;
/// Gain of the last doubling from which more labels are worth asking for.
const MIN_GAIN: f64 = 0.02;
/// Positives below which a rising curve is `wrong`.
const MIN_POSITIVES_WHILE_RISING: u64 = 60;

pub(super) fn examine(
    subject: &Subject,
    shared: &SharedData,
    device: &ComputeDevice,
    memory: &mut TrainingCache,
    clock: &mut Clock<'_>,
) -> Result<Section> {
    let mut section = Section::new(Examination::LearningCurve);
    let positives = subject.counts(Side::Train).positive;
    let (Some(quick), Some(scores)) = (&shared.quick, &shared.scores) else {
        section.skipped = Some(shared.untrained.clone());
        if positives > 0 && positives < MIN_POSITIVES {
            section.findings.push(few(positives, &[], Severity::Wrong));
        }
        return Ok(section);
    };
    let data = &quick.data;
    let against = if data.counts(&data.train).unlabeled > 0 { Label::Unlabeled } else { Label::Negative };
    let mut points: Vec<(usize, f64)> = Vec::new();
    let known: Vec<usize> = scores.folds.iter().map(|f| data.with_label(f, Label::Positive).len()).collect();
    let all = known.iter().sum::<usize>() - known.first().copied().unwrap_or(0);
    if let Some(held) = &memory.curve {
        points.clone_from(held);
    } else if all >= 8 {
        let parts = [4, 2];
        for (number, part) in parts.into_iter().enumerate() {
            let mut logits = vec![f32::NAN; data.labels.len()];
            // One fold: the differences between points are larger than what the other would add.
            for (fold, held) in scores.folds.iter().enumerate().take(1) {
                clock.part(number, parts.len());
                let train = others(&scores.folds, fold);
                let kept = data.with_label(&train, Label::Positive).len() / part;
                let mut seen = 0;
                let train: Vec<usize> = train
                    .into_iter()
                    .filter(|&i| {
                        let positive = data.labels[i] == Label::Positive;
                        seen += usize::from(positive);
                        !positive || seen <= kept
                    })
                    .collect();
                let seed = subject.config.seed.wrapping_add(1000 + fold as u64);
                let config = RunConfig { seed, ..baseline_config(&subject.config) };
                for (&patch, logit) in
                    held.iter().zip(train_and_score(&config, data, train, held, device, clock)?)
                {
                    logits[patch] = logit;
                }
            }
            if let Some(value) = mean_auc(&scores.folds[..1], &logits, data, against) {
                points.push((all / part, value));
            }
        }
    }
    memory.curve = Some(points.clone());
    if let Some(value) = mean_auc(&scores.folds[..1], &scores.logits, data, against) {
        points.push((all, value));
    }
    let shown: Vec<String> = points.iter().map(|(n, auc)| format!("{n}: {auc:.3}")).collect();
    section.say(format!("AUC against {against} by number of positives trained on: {}.", shown.join(", ")));
    section.series.push(Series {
        name: "learning_curve",
        x_label: "positives trained on".to_owned(),
        y_label: format!("AUC against {against}, out of fold"),
        points: points.iter().map(|(n, auc)| [*n as f64, *auc]).collect(),
    });
    let gain = match points.as_slice() {
        [.., (_, half), (_, full)] => full - half,
        _ => 0.0,
    };
    if positives < MIN_POSITIVES || (positives < MIN_POSITIVES_WHILE_RISING && gain > MIN_GAIN) {
        section.findings.push(few(positives, &points, Severity::Wrong));
    } else if gain > MIN_GAIN {
        section.findings.push(few(
            positives,
            &points,
            if gain > 2.0 * MIN_GAIN { Severity::Warning } else { Severity::Note },
        ));
    }
    Ok(section)
}

fn few(positives: u64, points: &[(usize, f64)], severity: Severity) -> Finding {
    let why = match points {
        [.., (half, before), (all, now)] => format!(
            "From {half} to {all} positives the AUC of the plain classifier goes from {before:.3} to {now:.3}{}.",
            if now - before > MIN_GAIN {
                ", and the curve still rises: another doubling would be worth more than another method"
                    .to_owned()
            } else {
                ", but so few cannot show what a particle looks like, nor say how many there are".to_owned()
            }
        ),
        _ => format!(
            "{positives} examples can neither show what a particle looks like nor say how many there are."
        ),
    };
    let mut finding = Finding::new(
        kinds::FEW_POSITIVES,
        Examination::LearningCurve,
        severity,
        match severity {
            Severity::Wrong => format!("There are too few positives: {positives} to train on."),
            _ => format!("More positives would help: there are {positives} to train on."),
        },
        why,
        format!("Label about {} more, best among the patches with scores near 0.5.", positives.max(30)),
    )
    .with("positives on the training side", positives.to_string());
    for (n, auc) in points {
        finding = finding.with(format!("AUC with {n} positives"), format!("{auc:.3}"));
    }
    finding
}
