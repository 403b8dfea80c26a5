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
    run: String,
    /// Logits of the positives that it did not learn from; `None` where the project is not scored.
    positives: Option<Vec<f32>>,
    /// Whether these may be clearer than the other particles, and so no random sample of them.
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
        let (labels, patches) = held_out_positives(project, run)?;
        let any = !patches.is_empty();
        let positives = match any {
            true => logits(project, run, &labels, patches, header.contrast)?,
            false => Some(Vec::new()),
        };
        Ok(Self {
            run: run.to_owned(),
            positives,
            may_be_clear: any && header.trial.picks_may_be_clear(),
            lowered_by_contrast: header.contrast.is_some() || header.contrast_by_scores,
        })
    }

    /// What a precision can be expected from.
    pub(super) fn evidence(&self) -> Evidence<'_> {
        match &self.positives {
            _ if self.may_be_clear => Evidence::Nothing(WhyNothing::ClearPicks),
            None => Evidence::Nothing(WhyNothing::NotScored(&self.run)),
            Some(positives) => Evidence::Scores(positives),
        }
    }
}

/// All labels, and the positives that the run did not learn from. A run without a split learned from none of them.
fn held_out_positives(project: &Project, run: &str) -> Result<(Vec<Label>, Vec<u32>)> {
    let labels = project.labels()?;
    let sides = match project.run(run)?.split {
        Some(split) => project.split_sides(split)?,
        None => vec![Side::Test; labels.len()],
    };
    let held_out = |side: &Side| matches!(side, Side::Validation | Side::Test);
    let both = (0..).zip(labels.iter().zip(&sides));
    let patches = both.filter(|(_, (label, side))| **label == Label::Positive && held_out(side));
    let patches = patches.map(|(patch, _)| patch).collect();
    Ok((labels, patches))
}

/// The logits that the run gives patches, lowered by contrast as places are; `None` where the project is not scored.
fn logits(
    project: &Project,
    run: &str,
    labels: &[Label],
    patches: Vec<u32>,
    rule: Option<ContrastRule>,
) -> Result<Option<Vec<f32>>> {
    let Some(scores) = project.scores(project.run(run)?.id, ScoreKind::Teacher)? else { return Ok(None) };
    // A score of 1 in 32 bits has no logit; the largest below it has 16.6.
    let logit = |score: f32| logit_of(f64::from(score.clamp(1e-9, 1.0 - f32::EPSILON / 2.0))) as f32;
    let scored = patches.into_iter().filter_map(|patch| Some((patch, *scores.get(patch as usize)?)));
    let (patches, mut logits): (Vec<u32>, Vec<f32>) =
        scored.filter(|(_, score)| score.is_finite()).map(|(patch, score)| (patch, logit(score))).unzip();
    let rest = rule.map(|rule| ContrastRule { for_patches: 1.0 - rule.for_patches, ..rule });
    if let Some(rest) = rest.filter(|rest| rest.for_patches > 0.0) {
        let contrasts = contrasts(project, &Beside::Unlabeled(labels), &patches)?;
        for (logit, contrast) in logits.iter_mut().zip(contrasts) {
            *logit = lowered(*logit, rest.lowers_patch_by(contrast));
        }
    }
    Ok(Some(logits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::Remedy;

    #[test]
    fn patches_without_scores_are_to_be_scored_unless_that_would_not_help() {
        let held_out = |positives, may_be_clear| HeldOut {
            run: "first".to_owned(),
            positives,
            may_be_clear,
            lowered_by_contrast: false,
        };
        let remedy = |held_out: HeldOut| held_out.evidence().check().err().and_then(|error| error.remedy());
        assert_eq!(remedy(held_out(None, false)), Some(Remedy::ScoreFirst { run: "first".to_owned() }));
        assert_eq!(remedy(held_out(None, true)), Some(Remedy::JudgePicks));
        assert_eq!(remedy(held_out(Some(Vec::new()), false)), Some(Remedy::JudgePicks));
        assert_eq!(remedy(held_out(Some(vec![1.0; 20]), false)), None);
    }
}
