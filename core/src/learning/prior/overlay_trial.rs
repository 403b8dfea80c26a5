//! Chooses the overlay factor: the largest one under which held-out positives still rank within one standard error
//! of the best.
//!
//! The overlay blends another unlabeled patch into each view, which makes clear particles faint. Where the picks are
//! the clearest particles, this costs nothing and teaches the network what faint particles look like. In very noisy
//! micrographs it hides the particles altogether. Before the run, quick classifiers train with and without the
//! overlay and rank positives they did not see; that shows which of the two happens.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learning::eval::metrics::Ranking;

/// An overlay that lowers the AUC by more than this hides the particles.
const MAX_AUC_LOSS: f64 = 0.1;

/// An overlay factor, and how well classifiers that trained with it rank held-out positives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TriedFactor {
    /// Largest factor by which the blended-in patch is multiplied; 0 means no overlay.
    pub factor: f64,
    /// AUC of held-out positives against held-out unlabeled.
    pub auc: f64,
    /// Its standard error ([`Ranking::auc_standard_error`]).
    pub standard_error: f64,
}

impl TriedFactor {
    /// From out-of-fold scores of classifiers that trained with this factor.
    ///
    /// # Errors
    /// When scores are missing or are no finite numbers.
    pub fn new(factor: f64, positive: &[f32], unlabeled: &[f32]) -> Result<Self> {
        let ranking = Ranking::new(positive, unlabeled)?;
        Ok(Self { factor, auc: ranking.auc(), standard_error: ranking.auc_standard_error()? })
    }
}

/// The overlay factors that were tried, and the one the run uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverlayChoice {
    /// 0 and the factor of the configuration; between them half of it, where those two did not decide.
    pub tried: Vec<TriedFactor>,
    /// The factor that the run uses.
    pub chosen: f64,
}

impl OverlayChoice {
    /// The one-standard-error rule (Breiman et al. 1984): chooses the largest factor whose AUC lies within one
    /// standard error of the best AUC. Chooses 0 where a factor hides the particles (`MAX_AUC_LOSS`): quick
    /// classifiers may still learn with half of it, but a whole run would be too close to that limit. `tried`
    /// begins with factor 0.
    pub fn choose(tried: Vec<TriedFactor>) -> Self {
        if hides_particles(&tried) {
            return Self { chosen: 0.0, tried };
        }
        let best = tried.iter().max_by(|a, b| a.auc.total_cmp(&b.auc));
        let bound = best.map_or(f64::INFINITY, |best| best.auc - best.standard_error);
        let good = tried.iter().filter(|tried| tried.auc >= bound).map(|tried| tried.factor);
        Self { chosen: good.fold(0.0, f64::max), tried }
    }

    /// Whether factor 0 and the full factor decide the choice: the full factor hides the particles, or its AUC is
    /// at most half a standard error below that without overlay. Then half of the factor is not tried, although it
    /// might be better still, because that would lengthen the preflight by half.
    pub fn is_decided(tried: &[TriedFactor]) -> bool {
        let costs_nothing = match tried {
            [without, .., full] => full.auc >= without.auc - 0.5 * without.standard_error,
            _ => true,
        };
        costs_nothing || hides_particles(tried)
    }

    /// The choice and the AUC of every factor tried, in one sentence.
    pub fn sentence(&self) -> String {
        let tried: Vec<String> = self
            .tried
            .iter()
            .map(|t| format!("{:.3} ± {:.3} with {}", t.auc, t.standard_error, t.factor))
            .collect();
        format!("overlay {}: AUC of held-out positives against unlabeled {}", self.chosen, tried.join(", "))
    }
}

/// Whether one of the factors lowers the AUC of the first, which is without overlay, so far that it hides the
/// particles.
fn hides_particles(tried: &[TriedFactor]) -> bool {
    let plain = tried.first().map_or(f64::NAN, |tried| tried.auc);
    tried.iter().any(|tried| plain - tried.auc > MAX_AUC_LOSS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried<const N: usize>(factors: [f64; N], auc: [f64; N]) -> Vec<TriedFactor> {
        let pairs = factors.into_iter().zip(auc);
        pairs.map(|(factor, auc)| TriedFactor { factor, auc, standard_error: 0.01 }).collect()
    }

    fn choice(auc: [f64; 3]) -> OverlayChoice {
        OverlayChoice::choose(tried([0.0, 1.0, 2.0], auc))
    }

    #[test]
    fn half_is_tried_only_where_none_and_the_full_factor_do_not_decide() {
        let is_decided = |auc| OverlayChoice::is_decided(&tried([0.0, 2.0], auc));
        assert!(is_decided([0.86, 0.88]) && is_decided([0.86, 0.856]), "the full factor costs nothing");
        assert!(is_decided([0.90, 0.65]), "the full factor hides the particles");
        assert!(!is_decided([0.86, 0.85]) && !is_decided([0.90, 0.81]));
        assert_eq!(OverlayChoice::choose(tried([0.0, 2.0], [0.86, 0.856])).chosen, 2.0);
        assert_eq!(OverlayChoice::choose(tried([0.0, 2.0], [0.90, 0.65])).chosen, 0.0);
    }

    #[test]
    fn the_largest_factor_within_one_standard_error_of_the_best_is_taken() {
        assert_eq!(choice([0.86, 0.858, 0.855]).chosen, 2.0);
        assert_eq!(choice([0.86, 0.88, 0.865]).chosen, 1.0, "the best counts, not the plain one");
        assert_eq!(choice([0.86, 0.83, 0.78]).chosen, 0.0);
        assert_eq!(choice([0.90, 0.90, 0.81]).chosen, 1.0);
        assert_eq!(choice([0.90, 0.90, 0.65]).chosen, 0.0, "half of what hides the particles is too much");
    }

    #[test]
    fn the_sentence_names_what_was_tried() {
        let said = choice([0.8571, 0.8512, 0.8563]).sentence();
        assert!(said.starts_with("overlay 2: "), "{said}");
        assert!(said.contains("0.857 ± 0.010 with 0, ") && said.ends_with("0.856 ± 0.010 with 2"), "{said}");
    }
}
