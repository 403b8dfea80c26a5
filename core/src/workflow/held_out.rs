//! The scores of particles on which a run did not learn, beside which those of places are judged.

use crate::error::Result;
use crate::label::Label;
use crate::picking::census::logit_of;
use crate::project::{Project, ScoreKind, Side};

/// Logits of the positives that the run did not learn from, where the project is scored. A run without a split learned from none of them.
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
    Ok(scores
        .iter()
        .zip(&labels)
        .zip(&sides)
        .filter(|((score, label), side)| **label == Label::Positive && held_out(side) && score.is_finite())
        .map(|((score, _), _)| logit(*score))
        .collect())
}
