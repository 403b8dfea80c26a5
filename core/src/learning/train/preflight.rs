//! What the patches are asked before a run: how many particles hide among the unlabeled, and how much
//! may be laid over the views.

use crate::device::ComputeDevice;
use crate::error::Result;
use crate::learning::config::{PriorConfig, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::prior::cross_fit::out_of_fold_scores;
use crate::learning::prior::overlay_trial::{OverlayChoice, TriedFactor};
use crate::learning::prior::{self, PriorUsed};
use crate::learning::train::events::{RunPhase, TrainEvent};

/// What the patches say before a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// π with its interval.
    pub prior: PriorUsed,
    /// The factor of the overlay that the run uses.
    pub overlay: f64,
}

/// Finds the class prior and, where the configuration has it on trial, how much of the overlay is borne.
/// `known_prior` is an estimate made before for the same labels. Phases and findings go to `say`,
/// epochs done and to do to `progress`, which says whether to go on.
///
/// # Errors
/// When there are too few patches to hold half of them out, a network diverges, the prior cannot be
/// estimated, or [`crate::error::Error::Cancelled`].
pub fn ask(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    known_prior: Option<PriorUsed>,
    say: impl Fn(TrainEvent),
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Asked> {
    let weak = config.augmentation.weak;
    let on_trial = weak.overlay_trial && weak.overlay > 0.0;
    let known = match (config.prior, known_prior) {
        (PriorConfig::Given(value), _) => Some(PriorUsed::given(value)),
        (PriorConfig::Estimate(_), known) => known,
    };
    let factors: &[f64] = if on_trial { &[0.0, weak.overlay] } else { &[0.0] };
    let phase = match (known.is_none(), on_trial) {
        (true, true) => Some(RunPhase::AskingThePatches),
        (false, true) => Some(RunPhase::TryingOverlay),
        (true, false) => Some(RunPhase::EstimatingPrior),
        (false, false) => None,
    };
    let mut total = 0;
    let scores = match phase {
        Some(phase) => {
            say(TrainEvent::Phase(phase));
            // Half of the overlay may have to be tried as well.
            let all = |to_do: usize| if on_trial { to_do * 3 / 2 } else { to_do };
            let told = |done, to_do| {
                total = all(to_do);
                progress(done, total)
            };
            out_of_fold_scores(config, data, device, factors, told)?
        }
        None => Vec::new(),
    };
    let prior = match known {
        Some(prior) => prior,
        // Those without an overlay.
        None => prior::estimated(&scores[0])?,
    };
    say(TrainEvent::Prior(prior.value, prior.low, prior.high));
    let mut overlay = weak.overlay;
    if on_trial {
        let tried = factors.iter().zip(&scores).map(|(&factor, scores)| TriedFactor::new(factor, scores));
        let mut tried = tried.collect::<Result<Vec<_>>>()?;
        if OverlayChoice::is_clear(&tried) {
            progress(total, total);
        } else {
            let half = weak.overlay / 2.0;
            let more = |done, to_do| progress(2 * to_do + done, 3 * to_do);
            let scores = out_of_fold_scores(config, data, device, &[half], more)?;
            tried.insert(1, TriedFactor::new(half, &scores[0])?);
        }
        let choice = OverlayChoice::of(tried);
        overlay = choice.chosen;
        say(TrainEvent::Overlay(choice));
    }
    Ok(Asked { prior, overlay })
}
