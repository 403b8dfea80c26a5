//! Which micrograph a person should look at next: the one whose correction is likely to teach the network most.

use super::score_counts::ScoreCounts;

/// Places whose score is so near the threshold are uncertain.
const UNCERTAIN_WITHIN: f64 = 0.15;
/// Micrographs seen before that are compared with, spread over all of them.
const MAX_SEEN: usize = 32;

/// A micrograph that nobody has corrected.
#[derive(Debug, Clone, Copy)]
pub struct Unseen<'a, K> {
    /// Which one it is.
    pub key: K,
    /// The scores of its places.
    pub scores: &'a ScoreCounts,
    /// The score at which a place of it is a pick.
    pub threshold: f64,
}

/// Why a micrograph is worth a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// Places whose score is near the threshold: those that a person decides better than the run.
    pub uncertain: u32,
    /// How differently its scores are spread from those of the nearest micrograph seen before, from 0 to 1; `None` where
    /// none was seen.
    pub unlike: Option<f64>,
}

/// The one to look at next. Uncertain places count against the micrograph with most of them, so both reasons weigh
/// alike; of equal ones the first is taken. `None` where there is none with places.
pub fn next<'a, K: Copy>(unseen: &[Unseen<'a, K>], seen: &[&ScoreCounts]) -> Option<(K, Worth)> {
    let uncertain = |of: &Unseen<'a, K>| {
        of.scores
            .between((of.threshold - UNCERTAIN_WITHIN).max(0.0), (of.threshold + UNCERTAIN_WITHIN).min(1.0))
    };
    let most = unseen.iter().map(uncertain).max().unwrap_or(0).max(1);
    let compared: Vec<&ScoreCounts> =
        seen.iter().copied().step_by(seen.len().div_ceil(MAX_SEEN).max(1)).collect();
    let mut best: Option<(f64, K, Worth)> = None;
    for of in unseen.iter().filter(|of| of.scores.places() > 0) {
        let unlike = compared.iter().map(|known| of.scores.distance(known)).min_by(f64::total_cmp);
        let worth = Worth { uncertain: uncertain(of), unlike };
        let value = f64::from(worth.uncertain) / f64::from(most) + unlike.unwrap_or(0.0);
        if best.as_ref().is_none_or(|(highest, ..)| value > *highest) {
            best = Some((value, of.key, worth));
        }
    }
    best.map(|(_, key, worth)| (key, worth))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::census::logit_of;
    use super::super::picker::Candidate;
    use super::*;

    fn counts(scores: &[f64]) -> ScoreCounts {
        let place = |&score: &f64| Candidate { x: 0.0, y: 0.0, logit: logit_of(score) as f32 };
        ScoreCounts::of(&scores.iter().map(place).collect::<Vec<_>>())
    }

    fn unseen<'a>(key: &'static str, scores: &'a ScoreCounts) -> Unseen<'a, &'static str> {
        Unseen { key, scores, threshold: 0.5 }
    }

    #[test]
    fn uncertain_places_come_first_while_nothing_was_seen() {
        let (sure, unsure) = (counts(&[0.05, 0.95, 0.97]), counts(&[0.45, 0.55, 0.97]));
        let (key, worth) = next(&[unseen("sure", &sure), unseen("unsure", &unsure)], &[]).unwrap();
        assert_eq!((key, worth), ("unsure", Worth { uncertain: 2, unlike: None }));
        // With a threshold of its own, what is near that one counts.
        let own = Unseen { threshold: 0.9, ..unseen("sure", &sure) };
        assert_eq!(next(&[own], &[]).unwrap().1.uncertain, 2);
    }

    #[test]
    fn of_equally_uncertain_ones_the_one_unlike_those_seen_is_taken() {
        let seen = counts(&[0.05, 0.5, 0.95, 0.96]);
        let (like, unlike) = (counts(&[0.04, 0.52, 0.94, 0.98]), counts(&[0.04, 0.05, 0.06, 0.52]));
        let (key, worth) = next(&[unseen("like", &like), unseen("unlike", &unlike)], &[&seen]).unwrap();
        assert_eq!((key, worth.uncertain), ("unlike", 1));
        assert!((worth.unlike.unwrap() - 0.5).abs() < 1e-9, "{worth:?}");
    }

    #[test]
    fn there_may_be_none() {
        assert!(next::<u8>(&[], &[]).is_none());
        let nothing = ScoreCounts::default();
        assert!(next(&[unseen("empty", &nothing)], &[]).is_none());
    }
}
