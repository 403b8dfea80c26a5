//! Small statistics that the examinations share.

/// Mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Sample variance; 0 of fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let m = mean(values);
    values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Value at a share (0 to 1) of the sorted values, without interpolation; 0 of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// How far two groups lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Cohen's d: difference of means over the pooled standard deviation.
    pub effect: f64,
    /// Welch's t: difference of means over its standard error.
    pub t: f64,
}

/// Compares two groups; `None` where one has fewer than two values. Groups without any spread that
/// differ get an infinite effect.
pub fn difference(a: &[f64], b: &[f64]) -> Option<Difference> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (va, vb) = (variance(a), variance(b));
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let pooled = (((na - 1.0) * va + (nb - 1.0) * vb) / (na + nb - 2.0)).sqrt();
    let error = (va / na + vb / nb).sqrt();
    let gap = mean(a) - mean(b);
    let ratio = |over: f64| {
        if gap == 0.0 {
            0.0
        } else if over > 0.0 {
            gap / over
        } else {
            gap.signum() * f64::INFINITY
        }
    };
    Some(Difference { effect: ratio(pooled), t: ratio(error) })
}

/// "12 %", one digit below 10 %.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        "–".to_owned()
    } else if share != 0.0 && share.abs() < 0.0995 {
        format!("{:.1} %", share * 100.0)
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn difference_by_hand() {
        // Means 2 and 4, both with variance 1: d = −2, t = −2/√(2/3).
        let d = difference(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0]).unwrap();
        assert!((d.effect + 2.0).abs() < 1e-12);
        assert!((d.t + 2.0 / (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!(difference(&[1.0], &[2.0, 3.0]).is_none());
        assert!(difference(&[1.0, 1.0], &[2.0, 2.0]).unwrap().effect.is_infinite());
        assert_eq!(difference(&[1.0, 1.0], &[1.0, 1.0]).unwrap().effect, 0.0);
    }

    #[test]
    fn percent_of_small_and_large() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.31), "31 %");
    }
}
