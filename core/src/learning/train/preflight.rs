//! Preflight: tests the picks, estimates the class prior and tries overlay factors before training.

use crate::device::ComputeDevice;
use crate::error::Result;
use crate::label::Label;
use crate::learning::config::{PriorConfig, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::prior::PriorUsed;
use crate::learning::prior::best_bin::MIN_SCORES;
use crate::learning::prior::binormal::Checked;
use crate::learning::prior::cross_fit::{FoldPlan, OutOfFoldScores, out_of_fold_scores};
use crate::learning::prior::mean_image::mean_image_share;
use crate::learning::prior::overlay_trial::{OverlayChoice, TriedFactor};
use crate::learning::prior::pick_test::{PickSample, PickTest};
use crate::learning::train::events::{RunPhase, TrainEvent};

/// What the preflight found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preflight {
    /// π with its interval.
    pub prior: PriorUsed,
    /// The overlay factor that the run uses.
    pub overlay: f64,
    /// Whether the picks are a random sample; `None` where it was not tested.
    pub picks: Option<PickTest>,
}

/// What is known of picks and π before any classifier is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PriorEvidence {
    /// An earlier estimate for the same labels, used instead of a new one.
    pub known: Option<PriorUsed>,
    /// An earlier test of the same picks with the same network, used instead of a new one.
    pub known_picks: Option<PickTest>,
    /// Random unlabeled patches that a person has looked at; they enter a new estimate.
    pub checked: Checked,
    /// Share of the unlabeled that the general model takes for particles, where it was asked; it counts where labels do
    /// not tell π.
    pub general_count: Option<f64>,
}

/// Tests the picks where the configuration asks for it, estimates the class prior and, where the configuration has the
/// overlay on trial, chooses its factor. With fewer than ten training positives or unlabeled patches π stays untold.
/// `report` gets phases and findings; `progress` gets the epochs done and to do, and returns whether to go on.
///
/// # Errors
/// When there are too few patches to hold some of them out, a network diverges, the prior cannot be estimated, or
/// [`crate::error::Error::Cancelled`].
pub fn preflight(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    evidence: PriorEvidence,
    report: impl Fn(TrainEvent),
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Preflight> {
    let (picks, random) = match evidence.known_picks.filter(|_| PickTest::is_due(config, data)) {
        Some(known) => (Some(known), None),
        None => test_picks(config, data, device, evidence.checked, &report, &mut progress)?,
    };
    let weak = config.augmentation.weak;
    let on_trial = weak.overlay_trial && weak.overlay > 0.0;
    let too_few = |label| data.with_label(&data.train, label).len() < MIN_SCORES;
    let known_prior = match (config.prior, evidence.known) {
        (PriorConfig::Given(value), _) => Some(PriorUsed::given(value)),
        // Where the picks are a random sample a network that ranks well errs less than the quick classifiers, and less than
        // the mean image.
        (PriorConfig::Estimate(_), None) if let Some(scores) = &random => {
            Some(estimated(scores, None, evidence)?)
        }
        (PriorConfig::Estimate(_), None) if too_few(Label::Positive) || too_few(Label::Unlabeled) => {
            Some(PriorUsed::untold(evidence.general_count))
        }
        (PriorConfig::Estimate(_), known) => known,
    };
    let factors: &[f64] = if on_trial { &[0.0, weak.overlay] } else { &[0.0] };
    let phase = match (known_prior.is_none(), on_trial) {
        (true, true) => Some(RunPhase::EstimatingPriorAndTryingOverlay),
        (false, true) => Some(RunPhase::TryingOverlay),
        (true, false) => Some(RunPhase::EstimatingPrior),
        (false, false) => None,
    };
    let mut total = 0;
    let scores = match phase {
        Some(phase) => {
            report(TrainEvent::Phase(phase));
            let progress = |done, to_do| {
                // Half of the overlay factor may have to be tried as well.
                total = if on_trial { to_do * 3 / 2 } else { to_do };
                progress(done, total)
            };
            out_of_fold_scores(FoldPlan::QUICK, config, data, device, factors, progress)?
        }
        None => Vec::new(),
    };
    let prior = match known_prior {
        Some(prior) => prior,
        // From the scores without an overlay.
        None => estimated(&scores[0], mean_image_share(data)?, evidence)?,
    };
    report(TrainEvent::Prior(prior));
    if !on_trial {
        return Ok(Preflight { prior, overlay: weak.overlay, picks });
    }
    let tried = factors.iter().zip(&scores);
    let mut tried = tried
        .map(|(&factor, scores)| TriedFactor::new(factor, &scores.positive, &scores.unlabeled))
        .collect::<Result<Vec<_>>>()?;
    if OverlayChoice::is_decided(&tried) {
        progress(total, total);
    } else {
        let half = weak.overlay / 2.0;
        let progress = |done, to_do| progress(2 * to_do + done, 3 * to_do);
        let scores = out_of_fold_scores(FoldPlan::QUICK, config, data, device, &[half], progress)?;
        tried.insert(1, TriedFactor::new(half, &scores[0].positive, &scores[0].unlabeled)?);
    }
    let choice = OverlayChoice::choose(tried);
    let overlay = choice.chosen;
    report(TrainEvent::Overlay(choice));
    Ok(Preflight { prior, overlay, picks })
}

/// π by out-of-fold scores; `second` as in [`PriorUsed::estimate`].
fn estimated(scores: &OutOfFoldScores, second: Option<f64>, evidence: PriorEvidence) -> Result<PriorUsed> {
    let prior = PriorUsed::estimate(&scores.positive, &scores.unlabeled, evidence.checked, second)?;
    Ok(prior.or_count(evidence.general_count))
}

/// Classifiers of the test of the picks.
const FOLDS: usize = 4;
/// Epochs for which they train: those of one course of the preset `recommended`.
const EPOCHS: usize = 36;
/// Steps at most, so that the test of many patches takes no longer than that of some 2,000.
const STEPS: usize = 900;

/// The test of the picks, `None` where it is not due, and the scores behind it where the picks are a random sample.
fn test_picks(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    checked: Checked,
    report: &impl Fn(TrainEvent),
    progress: &mut impl FnMut(usize, usize) -> bool,
) -> Result<(Option<PickTest>, Option<OutOfFoldScores>)> {
    if !PickTest::is_due(config, data) {
        return Ok((None, None));
    }
    report(TrainEvent::Phase(RunPhase::TestingPicks));
    let plan = FoldPlan {
        backbone: config.backbone,
        folds: FOLDS,
        min_epochs: EPOCHS,
        min_steps: 0,
        max_steps: STEPS,
    };
    let scores = out_of_fold_scores(plan, config, data, device, &[0.0], progress)?.remove(0);
    let test = PickTest::new(&scores.positive, &scores.unlabeled, checked)?;
    Ok((Some(test), (test.sample() == PickSample::Random).then_some(scores)))
}
