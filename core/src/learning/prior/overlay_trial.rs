//! How much may be laid over the views: as much as positives that were held out bear.
//!
//! Laying one patch over another makes clear particles faint. Where the picks are the clearest particles
//! that costs nothing and teaches what faint ones look like; in micrographs so noisy that a particle is
//! hardly seen it hides all there is to learn. Which of the two it is shows before the run: quick
//! classifiers learn with and without it, and rank positives they did not see.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learning::eval::metrics::Ranking;
use crate::learning::prior::cross_fit::FoldScores;

/// Loss of AUC from which on the particles are hidden under what is laid over them.
const HIDDEN: f64 = 0.1;

/// A factor and how well positives were ranked that the networks had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TriedFactor {
    /// Largest factor of what is laid over.
    pub factor: f64,
    /// AUC of held-out positives against held-out unlabeled.
    pub auc: f64,
    /// Its standard error ([`Ranking::auc_standard_error`]).
    pub standard_error: f64,
}

impl TriedFactor {
    /// By scores of classifiers that learnt with this factor.
    ///
    /// # Errors
    /// When scores are missing or no finite numbers.
    pub fn new(factor: f64, scores: &FoldScores) -> Result<Self> {
        let ranking = Ranking::new(&scores.positive, &scores.unlabeled)?;
        Ok(Self { factor, auc: ranking.auc(), standard_error: ranking.auc_standard_error()? })
    }
}

/// The factors that were tried, and the one the run uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverlayChoice {
    /// From nothing laid over to the factor of the configuration, with half of it where that left it open.
    pub tried: Vec<TriedFactor>,
    /// The largest that held-out positives bear.
    pub chosen: f64,
}

impl OverlayChoice {
    /// The one-standard-error rule (Breiman et al. 1984): of the factors, in their order, the largest whose AUC is within
    /// one standard error of the best one's. None where the largest hides the particles (`HIDDEN`): quick
    /// classifiers may still bear half of it, but a whole run is too near to that edge.
    pub fn of(tried: Vec<TriedFactor>) -> Self {
        if hides(&tried) {
            return Self { chosen: 0.0, tried };
        }
        let best = tried.iter().max_by(|a, b| a.auc.total_cmp(&b.auc));
        let bound = best.map_or(f64::INFINITY, |best| best.auc - best.standard_error);
        let borne = tried.iter().filter(|tried| tried.auc >= bound).map(|tried| tried.factor);
        Self { chosen: borne.fold(0.0, f64::max), tried }
    }

    /// Whether trying none and the whole is enough: the whole hides the particles, or it ranks held-out positives as
    /// well as none does, within half of a standard error. Factors between are not tried then, though one might do
    /// better still: it would make a person wait half as long again.
    pub fn is_clear(tried: &[TriedFactor]) -> bool {
        let as_well = match tried {
            [none, .., whole] => whole.auc >= none.auc - 0.5 * none.standard_error,
            _ => true,
        };
        as_well || hides(tried)
    }

    /// The trial in one sentence.
    pub fn sentence(&self) -> String {
        let tried: Vec<String> = self
            .tried
            .iter()
            .map(|t| format!("{:.3} ± {:.3} with {}", t.auc, t.standard_error, t.factor))
            .collect();
        format!("overlay {}: AUC of held-out positives against unlabeled {}", self.chosen, tried.join(", "))
    }
}

/// Whether one of the factors hides the particles that are ranked without an overlay, the first.
fn hides(tried: &[TriedFactor]) -> bool {
    let plain = tried.first().map_or(f64::NAN, |tried| tried.auc);
    tried.iter().any(|tried| plain - tried.auc > HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried<const N: usize>(factors: [f64; N], auc: [f64; N]) -> Vec<TriedFactor> {
        let pairs = factors.into_iter().zip(auc);
        pairs.map(|(factor, auc)| TriedFactor { factor, auc, standard_error: 0.01 }).collect()
    }

    fn choice(auc: [f64; 3]) -> OverlayChoice {
        OverlayChoice::of(tried([0.0, 1.0, 2.0], auc))
    }

    #[test]
    fn half_is_tried_only_where_none_and_the_whole_leave_it_open() {
        let is_clear = |auc| OverlayChoice::is_clear(&tried([0.0, 2.0], auc));
        assert!(is_clear([0.86, 0.88]) && is_clear([0.86, 0.856]), "the whole costs nothing");
        assert!(is_clear([0.90, 0.65]), "the whole hides the particles");
        assert!(!is_clear([0.86, 0.85]) && !is_clear([0.90, 0.81]));
        assert_eq!(OverlayChoice::of(tried([0.0, 2.0], [0.86, 0.856])).chosen, 2.0);
        assert_eq!(OverlayChoice::of(tried([0.0, 2.0], [0.90, 0.65])).chosen, 0.0);
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
