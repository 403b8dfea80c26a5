//! The scores of particles on which a run did not learn, beside which those of places are judged.

use super::contrast::contrasts;
use super::trained::trained_model;
use crate::error::Result;
use crate::label::Label;
use crate::learning::train::checkpoint::Checkpoint;
use crate::picking::census::logit_of;
use crate::picking::picker::lowered;
use crate::project::{PatchId, Project, ScoreKind, Side};

/// Logits of the positives that the run did not learn from, where the project is scored, lowered by their contrast as those
/// of places are. A run without a split learned from none of them.
pub(super) fn held_out_positives(project: &Project, run: &str) -> Result<Vec<f32>> {
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
    let (ids, mut logits): (Vec<PatchId>, Vec<f32>) = (0..)
        .zip(&scores)
        .zip(&labels)
        .zip(&sides)
        .filter(|(((_, score), label), side)| {
            **label == Label::Positive && held_out(side) && score.is_finite()
        })
        .map(|(((id, score), _), _)| (id, logit(*score)))
        .unzip();
    if let Some(rule) = Checkpoint::load(&trained_model(project, run)?)?.header.contrast {
        for (logit, contrast) in logits.iter_mut().zip(contrasts(project, &labels, &ids)?) {
            *logit = lowered(*logit, contrast.map_or(0.0, |contrast| rule.lowers_by(contrast)) as f32);
        }
    }
    Ok(logits)
}
