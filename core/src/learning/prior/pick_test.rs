//! Whether the picks are a random sample of the particles, or clearer than the others.
//!
//! A run whose picks are the clear ones has to find the faint particles that nobody picked. A run whose picks are a random
//! sample has nothing to find, and loses where it tries. A few validation positives seldom tell which of the two it is. So
//! classifiers of the run's own network score all training positives before the run, each from a network that did not see
//! it, and the binormal mixture ([`crate::learning::prior::binormal`]) tells by how much the picks lie above the
//! unlabeled particles.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::prior::best_bin::MIN_SCORES;
use crate::learning::prior::binormal::{Checked, binormal_mixtures};

/// What the test says of the picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickSample {
    /// They look like a random sample of the particles.
    Random,
    /// They are clearer than the other particles.
    Clear,
    /// Nobody can tell.
    Untold,
}

/// The test of the picks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PickTest {
    /// By how much the picks lie above the particles among the unlabeled, δ: its posterior mean, in standard deviations of the
    /// picks.
    pub ahead: f64,
    /// Posterior probability that they lie less than [`NEGLIGIBLE_LEAD`] above them.
    pub near: f64,
}

/// A shift δ below this is none: picks of a random sample lie so far above the other particles by chance.
pub const NEGLIGIBLE_LEAD: f64 = 0.15;
/// Probability of such a shift from which on picks count as a random sample, and up to which they count as clear. Where the
/// scores say nothing it is 0.38, by the priors of the mixture on its grid.
const RANDOM_FROM: f64 = 0.45;
const CLEAR_UP_TO: f64 = 0.2;
/// Training positives from which on the test is made; fewer leave δ open.
const MIN_TRAINED: usize = 40;
/// Validation positives from which on it is made. A run with fewer has too few picks in all to test, or could not compare
/// the two courses that follow from a random sample.
const MIN_VALIDATED: usize = 10;

impl PickTest {
    /// Whether a run with this configuration and data makes the test.
    pub fn is_due(config: &RunConfig, data: &TrainingData) -> bool {
        let own = config.self_training;
        let patches = |side, label| data.with_label(side, label).len();
        let asked = own.enabled && own.general_model && own.test_picks;
        // A run that ends before it would choose pseudo-labels decides nothing.
        let decides = own.start_epoch <= config.schedule.epochs;
        let has_unlabeled = |side| patches(side, Label::Unlabeled) >= MIN_SCORES;
        (asked && decides && has_unlabeled(&data.train) && has_unlabeled(&data.validation))
            && patches(&data.train, Label::Positive) >= MIN_TRAINED
            && patches(&data.validation, Label::Positive) >= MIN_VALIDATED
    }

    /// The test by scores of positives and unlabeled patches, each of a classifier that did not see the patch.
    ///
    /// # Errors
    /// When either side has fewer than 10 scores, or a score is no finite number.
    pub fn new(positive: &[f32], unlabeled: &[f32], checked: Checked) -> Result<Self> {
        let drawn = binormal_mixtures(positive, unlabeled, checked)?.drawn;
        let all = drawn.len().max(1) as f64;
        let near = drawn.iter().filter(|mixture| mixture.ahead < NEGLIGIBLE_LEAD).count() as f64;
        Ok(Self { ahead: drawn.iter().map(|mixture| mixture.ahead).sum::<f64>() / all, near: near / all })
    }

    /// What it says.
    pub fn sample(self) -> PickSample {
        match self.near {
            near if near >= RANDOM_FROM => PickSample::Random,
            near if near <= CLEAR_UP_TO => PickSample::Clear,
            _ => PickSample::Untold,
        }
    }

    /// What it found, in a sentence without its full stop.
    pub fn sentence(self) -> String {
        const SCORED: &str = "Classifiers place picks that they did not see";
        let ahead = self.ahead;
        match self.sample() {
            PickSample::Random => format!(
                "{SCORED} hardly above the other particles ({ahead:.2} standard deviations), so the picks look like a random \
                 sample"
            ),
            PickSample::Clear => format!(
                "{SCORED} {ahead:.2} standard deviations above the other particles, so the picks are clearer"
            ),
            PickSample::Untold => {
                "Classifiers that scored picks they did not see do not tell whether picks are clearer \
                                   than the other particles"
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Normal};

    use super::*;

    /// 300 picks by N(0, 1); of 1,200 unlabeled a quarter are particles by N(−`ahead`, 1), the rest by N(−3, 1).
    fn test_of(ahead: f64, picks: usize) -> PickTest {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut drawn = |number: usize, mean: f64| -> Vec<f32> {
            let normal = Normal::new(mean, 1.0).unwrap();
            (0..number).map(|_| normal.sample(&mut rng) as f32).collect()
        };
        let positive = drawn(picks, 0.0);
        let unlabeled = [drawn(300, -ahead), drawn(900, -3.0)].concat();
        PickTest::new(&positive, &unlabeled, Checked::default()).unwrap()
    }

    #[test]
    fn a_random_sample_is_told_from_the_clearest() {
        let random = test_of(0.0, 300);
        assert_eq!(random.sample(), PickSample::Random, "{random:?}");
        assert!(random.sentence().contains("random sample"));
        let clear = test_of(1.0, 300);
        assert_eq!(clear.sample(), PickSample::Clear, "{clear:?}");
        assert!(clear.ahead > random.ahead + 0.4 && clear.sentence().contains("clearer"));
    }

    #[test]
    fn too_few_picks_tell_nothing() {
        let few = test_of(0.3, 12);
        assert_eq!(few.sample(), PickSample::Untold, "{few:?}");
    }

    #[test]
    fn the_test_is_made_where_something_can_follow() {
        use crate::learning::config::yaml;
        use crate::learning::data::TrainingData;
        let labels = |positives: usize| {
            let label = move |i: usize| if i < positives { Label::Positive } else { Label::Unlabeled };
            (0..400).map(label).collect::<Vec<_>>()
        };
        let data = |positives, every: usize| TrainingData {
            size: 1,
            pixels: vec![0.0; 400].into(),
            labels: labels(positives),
            train: (0..400).filter(|i| i % every != 0).collect(),
            validation: (0..400).filter(|i| i % every == 0).collect(),
            truth: None,
        };
        let recommended = yaml::load("recommended").unwrap();
        assert!(PickTest::is_due(&recommended, &data(100, 6)));
        assert!(!PickTest::is_due(&recommended, &data(40, 6)), "33 positives train");
        assert!(!PickTest::is_due(&recommended, &data(100, 12)), "9 positives validate");
        assert!(!PickTest::is_due(&recommended, &data(395, 6)), "4 unlabeled train");
        assert!(!PickTest::is_due(&yaml::load("quick").unwrap(), &data(100, 6)));
        let mut short = recommended.clone();
        short.schedule.epochs = 10;
        assert!(!PickTest::is_due(&short, &data(100, 6)), "over before anything is decided");
    }
}
