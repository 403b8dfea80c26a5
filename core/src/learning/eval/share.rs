//! A share found in a sample, with a confidence interval for the true share.

use serde::Serialize;

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Found in the sample, or the mean of what is possible.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// Whether the interval is narrow enough to act on.
    pub fn is_narrow(&self) -> bool {
        self.high - self.low <= MAX_WIDTH
    }
}

/// Width of an interval from which it tells too little to act on.
const MAX_WIDTH: f64 = 0.3;
/// Quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The share of `hits` among `trials` with its 95 % interval after Wilson (*J. Am. Stat. Assoc.* 22,
/// 1927, 209–212), which stays within 0..1 and holds for few trials too; `None` without a trial.
///
/// (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)
pub fn wilson(hits: u64, trials: u64) -> Option<Share> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let value = hits.min(trials) as f64 / n;
    let z2 = Z * Z;
    let centre = value + z2 / (2.0 * n);
    let half = Z * (value * (1.0 - value) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    Some(Share {
        value,
        low: ((centre - half) / scale).clamp(0.0, value),
        high: ((centre + half) / scale).clamp(value, 1.0),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::wilson;

    #[test]
    fn intervals_as_in_the_books() {
        // Newcombe 1998 (Statist. Med. 17, 857–872), table I: method 3, without continuity correction.
        for (hits, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let share = wilson(hits, trials).unwrap();
            assert!((share.low - low).abs() < 5e-5, "{hits}/{trials}: {share:?}");
            assert!((share.high - high).abs() < 5e-5, "{hits}/{trials}: {share:?}");
        }
        let all = wilson(10, 10).unwrap();
        assert_eq!((all.value, all.high), (1.0, 1.0));
        assert!(wilson(0, 0).is_none());
    }
}
