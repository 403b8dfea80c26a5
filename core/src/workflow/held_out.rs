//! The scores of particles on which a run did not learn, beside which those of places are judged.

use super::contrast::{Beside, contrasts};
use super::trained::trained_model;
use crate::error::Result;
use crate::label::Label;
use crate::learning::infer::contrast::{ContrastRule, lowered};
use crate::learning::train::checkpoint::Checkpoint;
use crate::picking::census::logit_of;
use crate::picking::choose::{Evidence, WhyNothing};
use crate::project::{Project, ScoreKind, Side};

/// What a run's own picks say of the scores of particles.
pub(super) struct HeldOut {
    /// Logits of the positives that it did not learn from.
    positives: Vec<f32>,
    /// Whether its picks may be clearer than the other particles: then these are no random sample of them.
    may_be_clear: bool,
    /// Whether scores of places that stand out less than most particles are lowered.
    pub(super) lowered_by_contrast: bool,
}

impl HeldOut {
    /// Of a run whose network is there.
    ///
    /// # Errors
    /// When the network, labels or scores cannot be read.
    pub(super) fn of(project: &Project, run: &str) -> Result<Self> {
        let header = Checkpoint::load(&trained_model(project, run)?)?.header;
        let positives = held_out_positives(project, run, header.contrast)?;
        Ok(Self {
            positives,
            may_be_clear: header.trial.picks_may_be_clear(),
            lowered_by_contrast: header.contrast.is_some() || header.contrast_by_scores,
        })
    }

    /// What a precision can be expected from.
    pub(super) fn evidence(&self) -> Evidence<'_> {
        match self.may_be_clear && !self.positives.is_empty() {
            true => Evidence::Nothing(WhyNothing::ClearPicks),
            false => Evidence::Scores(&self.positives),
        }
    }
}

/// Logits of the positives that the run did not learn from, where the project is scored. A run without a split learned from none of
/// them. Contrast has lowered them as it lowers places.
fn held_out_positives(project: &Project, run: &str, rule: Option<ContrastRule>) -> Result<Vec<f32>> {
    let stored = project.run(run)?;
    let Some(scores) = project.scores(stored.id, ScoreKind::Teacher)? else { return Ok(Vec::new()) };
    let sides = match stored.split {
        Some(split) => project.split_sides(split)?,
        None => vec![Side::Test; scores.len()],
    };
    let labels = project.labels()?;
    let held_out = |side: &Side| matches!(side, Side::Validation | Side::Test);
    // A score of 1 in 32 bits has no logit; the largest below it has 16.6.
    let logit = |score: f32| logit_of(f64::from(score.clamp(1e-9, 1.0 - f32::EPSILON / 2.0))) as f32;
    let (mut patches, mut logits) = (Vec::new(), Vec::new());
    for (patch, ((score, label), side)) in (0..).zip(scores.iter().zip(&labels).zip(&sides)) {
        if *label == Label::Positive && held_out(side) && score.is_finite() {
            patches.push(patch);
            logits.push(logit(*score));
        }
    }
    let rest = rule.map(|rule| ContrastRule { for_patches: 1.0 - rule.for_patches, ..rule });
    if let Some(rest) = rest.filter(|rest| rest.for_patches > 0.0) {
        let contrasts = contrasts(project, &Beside::Unlabeled(&labels), &patches)?;
        for (logit, contrast) in logits.iter_mut().zip(contrasts) {
            *logit = lowered(*logit, rest.lowers_patch_by(contrast));
        }
    }
    Ok(logits)
}
