//! Self-training at both ends of the ranking of the unlabeled.

/// What an unlabeled patch counts as in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PseudoTarget {
    /// Among the highest scores.
    Positive,
    /// Among the lowest scores.
    Negative,
    /// In the band between, or not unlabeled at all.
    LeftOut,
}

/// Ranks scores and takes the top `positive_share`·π as positive, the lowest
/// 1 − `negative_margin`·π as negative. Ties are broken by position, so the outcome is repeatable.
pub fn both_ends(scores: &[f32], prior: f64, positive_share: f64, negative_margin: f64) -> Vec<PseudoTarget> {
    let count = scores.len();
    let top = ((count as f64 * prior * positive_share).round() as usize).min(count);
    let kept_from_bottom = (1.0 - negative_margin * prior).clamp(0.0, 1.0);
    let bottom = ((count as f64 * kept_from_bottom).round() as usize).min(count - top);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut targets = vec![PseudoTarget::LeftOut; count];
    for &i in &order[..top] {
        targets[i] = PseudoTarget::Positive;
    }
    for &i in &order[count - bottom..] {
        targets[i] = PseudoTarget::Negative;
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_ends_and_leaves_the_band() {
        let scores: Vec<f32> = (0..10).map(|i| i as f32).collect();
        // π = 0.5: top 0.8·0.5·10 = 4, bottom (1 − 1.2·0.5)·10 = 4, two left out.
        let targets = both_ends(&scores, 0.5, 0.8, 1.2);
        assert_eq!(targets.iter().filter(|t| **t == PseudoTarget::Positive).count(), 4);
        assert_eq!(&targets[..4], &[PseudoTarget::Negative; 4]);
        assert_eq!(&targets[4..6], &[PseudoTarget::LeftOut; 2]);
        assert_eq!(&targets[6..], &[PseudoTarget::Positive; 4]);
    }

    #[test]
    fn never_counts_a_patch_twice() {
        let targets = both_ends(&[1.0, 1.0, 1.0], 0.99, 1.0, 1.0);
        assert_eq!(targets.len(), 3);
        assert!(both_ends(&[], 0.3, 0.8, 1.2).is_empty());
    }
}
