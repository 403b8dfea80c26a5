//! Gradient flow over the first steps (or in the network of a trained run), dead units, how far a step moves the
//! weights, and a learning-rate range test with a suggested range.

use super::finding::{Finding, Section, Series, Severity};
use super::probe::{prior_of, probe, whole_run};
use super::quick::baseline_config;
use super::stats::percent;
use super::{Clock, Depth, Examination, SharedData, Subject, kinds};
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::learning::config::{Backbone, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::inspect::ProbeSetup;
use crate::learning::inspect::layers::{NetworkProbe, probe_network};
use crate::learning::inspect::range_test::range_test;

/// Steps looked at layer by layer.
const PROBED_STEPS: usize = 6;
/// Steps of the range test.
const RANGE_STEPS: usize = 80;
/// Rates of the range test.
const RATE_RANGE: (f64, f64) = (1e-6, 0.3);
/// A step that moves weights by more than this share of their length forgets what it knew.
const LARGE_STEP: f64 = 0.15;
/// And by less than this goes nowhere in a run of usual length.
const SMALL_STEP: f64 = 2e-5;
/// What another rate must gain in AUC to be prescribed.
const MIN_RATE_GAIN: f64 = 0.03;
/// Share of dead units in a layer that is `wrong`.
const MAX_DEAD_SHARE: f64 = 0.5;

pub(super) fn examine(
    subject: &Subject,
    shared: &SharedData,
    depth: Depth,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
) -> Result<Section> {
    let mut section = Section::new(Examination::Gradients);
    let Some(quick) = &shared.quick else {
        section.skipped = Some(shared.untrained.clone());
        return Ok(section);
    };
    let model = subject.run.as_ref().and_then(|run| run.model.as_ref());
    let prior = shared.prior.as_ref().map_or(0.3, |p| p.estimate.clamp(0.02, 0.95));
    let parts = if depth == Depth::Sweeps { 12 } else { 6 };
    clock.part(0, parts);
    let (config, swapped) = fitting(&subject.config, &quick.data, model.is_some());
    // A run's own weights belong to patches of its own size; units are what is asked of them here,
    // and those answer at any size the network takes.
    let setup = ProbeSetup { config: &config, prior, data: &quick.data, device };
    let probed = probe_network(setup, model, PROBED_STEPS)?;
    if swapped {
        section.say("Looked at with small_cnn: the quick patches are too small for the configured network.");
    }
    layers(subject, &config, &probed, model.is_some(), &mut section);
    clock.part(1, parts);
    let range = rates(subject, shared, &quick.data, device, &mut section)?;
    judge_rate(subject, shared, &probed, range, device, (clock, parts), &mut section)?;
    if depth == Depth::Sweeps {
        sweep(subject, shared, device, clock, parts, &mut section)?;
    }
    Ok(section)
}

/// The configuration with a batch small enough for a look and a network that takes these patches.
fn fitting(config: &RunConfig, data: &TrainingData, keep: bool) -> (RunConfig, bool) {
    let mut config = config.clone();
    config.batch.size = config.batch.size.min(32);
    let too_small = data.size < config.backbone.min_size() && !keep;
    if too_small {
        config.backbone = Backbone::SmallCnn;
    }
    (config, too_small)
}

fn layers(
    subject: &Subject,
    config: &RunConfig,
    probed: &NetworkProbe,
    trained: bool,
    section: &mut Section,
) {
    let whole = if trained { "the run's network" } else { "the first steps" };
    let strongest = probed.layers.iter().max_by(|a, b| a.gradient_norm.total_cmp(&b.gradient_norm));
    let weakest = probed.layers.iter().min_by(|a, b| a.gradient_norm.total_cmp(&b.gradient_norm));
    let total: usize = probed.layers.iter().map(|l| l.weights).sum();
    let without: f64 = probed.layers.iter().map(|l| l.without_gradient * l.weights as f64).sum::<f64>()
        / total.max(1) as f64;
    if let (Some(strong), Some(weak)) = (strongest, weakest) {
        section.say(format!(
            "Gradient norms over {whole}: {:.1e} ({}) to {:.1e} ({}); {} of {total} weights got no gradient.",
            weak.gradient_norm,
            weak.name,
            strong.gradient_norm,
            strong.name,
            percent(without)
        ));
    }
    section.series.push(Series {
        name: "layer_gradients",
        x_label: "tensor, from the input on".to_owned(),
        y_label: "gradient norm".to_owned(),
        points: probed.layers.iter().enumerate().map(|(i, l)| [i as f64, l.gradient_norm]).collect(),
    });
    let dead: Vec<String> = probed
        .units
        .iter()
        .filter(|u| u.dead > 0)
        .map(|u| format!("{}: {} of {}", u.name, u.dead, u.units))
        .collect();
    section.say(if dead.is_empty() {
        "No unit is dead.".to_owned()
    } else {
        format!("Dead units: {}.", dead.join(", "))
    });
    let worst = probed.units.iter().map(|u| u.dead as f64 / u.units.max(1) as f64).fold(0.0, f64::max);
    let silent: Vec<&str> =
        probed.layers.iter().filter(|l| l.without_gradient >= 1.0).map(|l| l.name.as_str()).collect();
    // The scale of a risk that has turned or saturated may be small; exactly nothing is a fault.
    if worst >= MAX_DEAD_SHARE || !silent.is_empty() || without > 0.3 {
        let lower = (config.optimizer.learning_rate / 10.0).clamp(1e-7, 1e-3);
        let finding = Finding::new(
            kinds::DEAD_LAYERS,
            Examination::Gradients,
            Severity::Wrong,
            if worst >= MAX_DEAD_SHARE {
                format!("In one layer {} of the units respond to no patch.", percent(worst))
            } else {
                format!("{} of the weights get no gradient.", percent(without))
            },
            format!(
                "What does not respond cannot learn: {}{}; training can only use what is left.",
                if dead.is_empty() { "no dead units, ".to_owned() } else { dead.join(", ") + "; " },
                if silent.is_empty() { "no silent tensor".to_owned() } else { format!("without gradient: {}", silent.join(", ")) }
            ),
            if trained {
                "Do not go on with these weights; start a new run with a lower learning rate and gradient clipping."
            } else {
                "Lower the learning rate and clip the gradient."
            },
        )
        .with("largest share of dead units in a layer", format!("{worst:.2}"))
        .with("weights without gradient", format!("{without:.3}"));
        let o = &subject.config.optimizer;
        section.findings.push(
            finding
                .change("optimizer.learning_rate", o.learning_rate, o.learning_rate.min(lower.max(1e-4)))
                .change(
                    "optimizer.gradient_clip",
                    o.gradient_clip,
                    if o.gradient_clip > 0.0 { o.gradient_clip.min(1.0) } else { 1.0 },
                ),
        );
    }
}

/// What the range test says: rates between which training works, and where the loss turns.
#[derive(Debug, Clone, Copy)]
struct Suggested {
    low: f64,
    high: f64,
    turns: f64,
}

/// Smooths the losses and reads the range off: from a tenth of the largest good rate to that rate,
/// which is a quarter of where the smoothed loss turns upwards (Smith 2017 takes the rate at which
/// the loss still falls).
fn read_range(points: &[(f64, f64)]) -> Option<Suggested> {
    let mut smooth = Vec::with_capacity(points.len());
    let mut held = None;
    for &(rate, loss) in points.iter().filter(|p| p.1.is_finite()) {
        let value = held.map_or(loss, |h: f64| 0.85 * h + 0.15 * loss);
        held = Some(value);
        smooth.push((rate, value));
    }
    let start = crate::diagnosis::stats::mean(&smooth.iter().take(8).map(|p| p.1).collect::<Vec<_>>());
    let (at, lowest) =
        smooth.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(i, p)| (i, *p))?;
    // A loss that never falls by a twentieth suggests nothing.
    if smooth.len() < 20 || start - lowest.1 < 0.05 * start.abs() {
        return None;
    }
    let turns = smooth[at..]
        .iter()
        .find(|p| p.1 > lowest.1 + 0.25 * (start - lowest.1))
        .or(smooth.last())
        .map_or(lowest.0, |p| p.0);
    let turns = turns.min(4.0 * lowest.0);
    Some(Suggested { low: turns / 40.0, high: turns / 4.0, turns })
}

fn rates(
    subject: &Subject,
    shared: &SharedData,
    data: &TrainingData,
    device: &ComputeDevice,
    section: &mut Section,
) -> Result<Option<Suggested>> {
    // The plain classifier's loss: it falls for one reason only, whatever risk is configured.
    let mut config = baseline_config(&subject.config);
    config.batch.size = 32;
    let prior = shared.prior.as_ref().map_or(0.3, |p| p.estimate.clamp(0.02, 0.95));
    let setup = ProbeSetup { config: &config, prior, data, device };
    let points = range_test(setup, RATE_RANGE, RANGE_STEPS)?;
    let range = read_range(&points);
    section.series.push(Series {
        name: "learning_rate_range",
        x_label: "learning rate".to_owned(),
        y_label: "loss of the plain classifier".to_owned(),
        points: points.iter().map(|p| [p.0, p.1]).collect(),
    });
    section.say(match range {
        Some(r) => format!(
            "Range test: the loss falls best up to a learning rate of {:.0e} and turns at {:.0e}; a peak of {:.0e} to \
             {:.0e} suits. Configured: {:.0e}.",
            r.high, r.turns, r.low, r.high, subject.config.optimizer.learning_rate
        ),
        None => "Range test: the loss does not fall clearly at any rate, so no range is suggested.".to_owned(),
    });
    Ok(range)
}

fn judge_rate(
    subject: &Subject,
    shared: &SharedData,
    probed: &NetworkProbe,
    range: Option<Suggested>,
    device: &ComputeDevice,
    (clock, parts): (&mut Clock<'_>, usize),
    section: &mut Section,
) -> Result<()> {
    let mut ratios: Vec<f64> =
        probed.layers.iter().filter(|l| l.without_gradient < 1.0).filter_map(|l| l.update_ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let (Some(&ratio), Some(quick)) = (ratios.get(ratios.len() / 2), &shared.quick) else { return Ok(()) };
    let rate = subject.config.optimizer.learning_rate;
    section.say(format!("At the configured peak a step moves a typical layer by {ratio:.1e} of its length."));
    let high = ratio > LARGE_STEP || range.is_some_and(|r| rate > 2.0 * r.turns);
    let low = ratio < SMALL_STEP || range.is_some_and(|r| rate < r.low / 30.0);
    if !high && !low {
        return Ok(());
    }
    // Never more than what moves a layer by a fiftieth a step.
    let suggested = range.map_or(1e-3, |r| (r.low * r.high).sqrt());
    let suggested = round_rate(suggested.min(rate * 0.02 / ratio.max(1e-12)).clamp(1e-6, 0.05));
    // A suspicion so far: batch normalisation and a falling rate forgive much. Tried before it is said.
    let prior = prior_of(&subject.config, shared);
    clock.part(2, parts);
    let with = whole_run(&subject.config, rate, prior, quick, device, clock)?;
    // The range test sees the plain classifier; a risk that saturates may need a lower rate still.
    let lower = if high { &[1.0, 0.1, 0.01][..] } else { &[1.0] };
    let mut tried = Vec::new();
    for (number, factor) in lower.iter().enumerate() {
        let other = round_rate((suggested * factor).max(1e-6));
        clock.part(3 + number, parts);
        let without = whole_run(&subject.config, other, prior, quick, device, clock)?;
        tried.push((other, without));
        if without.is_some_and(|auc| auc - with.unwrap_or(0.5) >= MIN_RATE_GAIN) {
            break;
        }
    }
    let shown = |auc: Option<f64>| {
        auc.map_or_else(|| "nothing (every patch gets the same answer)".to_owned(), |v| format!("{v:.3}"))
    };
    let others: Vec<String> =
        tried.iter().map(|(rate, auc)| format!("{} with {rate}", shown(*auc))).collect();
    let told = format!(
        "Whole short runs reach a validation AUC of {} with {rate}, and of {}",
        shown(with),
        others.join(", ")
    );
    section.say(format!("{told}."));
    let Some((suggested, without)) =
        tried.into_iter().find(|(_, auc)| auc.is_some_and(|auc| auc - with.unwrap_or(0.5) >= MIN_RATE_GAIN))
    else {
        section.say("So the learning rate is left alone.");
        return Ok(());
    };
    let finding = if high {
        Finding::new(
            kinds::HIGH_RATE,
            Examination::Gradients,
            Severity::Wrong,
            format!("The learning rate {rate} is too high for this data."),
            format!(
                "Every step moves a typical layer by {} of its length, so each batch overwrites what the \
                 one before has taught. {told}.",
                percent(ratio)
            ),
            format!("Use a peak of about {suggested:e} with some warm-up."),
        )
    } else {
        Finding::new(
            kinds::LOW_RATE,
            Examination::Gradients,
            Severity::Warning,
            format!("The learning rate {rate} is very low."),
            format!(
                "A step moves a typical layer by {ratio:.1e} of its length, and the network hardly leaves \
                 its random initial weights. {told}."
            ),
            format!("Use a peak of about {suggested:e}."),
        )
    };
    let finding = finding
        .with("learning rate", format!("{rate:e}"))
        .with("step over length of the weights, median layer", format!("{ratio:.1e}"))
        .with("validation AUC of a short run as configured", shown(with))
        .with("validation AUC of a short run with the suggested rate", shown(without));
    let finding = match range {
        Some(r) => {
            finding.with("range test", format!("{:.0e} to {:.0e}, turns at {:.0e}", r.low, r.high, r.turns))
        }
        None => finding,
    };
    section.findings.push(finding.change("optimizer.learning_rate", rate, suggested));
    Ok(())
}

/// A rate with one digit.
fn round_rate(rate: f64) -> f64 {
    format!("{rate:.0e}").parse().unwrap_or(rate)
}

fn sweep(
    subject: &Subject,
    shared: &SharedData,
    device: &ComputeDevice,
    clock: &mut Clock<'_>,
    parts: usize,
    section: &mut Section,
) -> Result<()> {
    let Some(quick) = &shared.quick else { return Ok(()) };
    let prior = prior_of(&subject.config, shared);
    let mut points = Vec::new();
    for (number, rate) in [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2].into_iter().enumerate() {
        clock.part(6 + number, parts);
        let mut config = subject.config.clone();
        config.optimizer.learning_rate = rate;
        if let Some(found) = probe(&config, prior, quick, device, clock)?.last_auc() {
            points.push([rate, found]);
        }
    }
    let shown: Vec<String> = points.iter().map(|p| format!("{:.0e}: {:.3}", p[0], p[1])).collect();
    section.say(format!("Short runs, validation AUC by learning rate: {}.", shown.join(", ")));
    section.series.push(Series {
        name: "learning_rate_sweep",
        x_label: "learning rate".to_owned(),
        y_label: "validation AUC, positives against unlabeled".to_owned(),
        points,
    });
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A loss that falls around `best` and rises beyond.
    fn made(best: f64) -> Vec<(f64, f64)> {
        (0..80)
            .map(|i| {
                let rate = 1e-6 * 3e5f64.powf(f64::from(i) / 79.0);
                let fall = 1.0 / (1.0 + (-(rate / best).ln() - 2.0).exp());
                let rise = (rate / (8.0 * best)).powi(2).min(5.0);
                (rate, 0.7 - 0.5 * fall + rise)
            })
            .collect()
    }

    #[test]
    fn the_range_follows_the_valley() {
        for best in [1e-4, 1e-3, 1e-2] {
            let r = read_range(&made(best)).unwrap();
            assert!(r.low < best && r.high > 0.3 * best && r.turns < 30.0 * best, "{best}: {r:?}");
        }
        let flat: Vec<(f64, f64)> = (0..80).map(|i| (1e-6 * 1.2f64.powi(i), 0.69)).collect();
        assert!(read_range(&flat).is_none());
        assert_eq!(round_rate(3.4e-4), 3e-4);
    }
}
