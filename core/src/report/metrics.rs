//! The numbers that runs are compared by: their words, which direction is better, and how each is written.

use serde::Serialize;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberStyle {
    /// AUC and the like: three decimals.
    Score,
    /// A share, as a percentage with one decimal.
    Share,
    /// A count.
    Count,
    /// Seconds, as minutes and hours where long.
    Seconds,
    /// Any other: four significant digits.
    Plain,
}

/// A number the comparison knows: its key, its words, and which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MetricInfo {
    /// Key in [`RunSummary::metrics`](super::RunSummary::metrics) and in the epoch columns.
    pub key: &'static str,
    /// Row heading.
    pub label: &'static str,
    /// One sentence: what it says.
    pub meaning: &'static str,
    /// Whether higher is better; `None` where neither is.
    pub higher_is_better: Option<bool>,
    /// How it is written.
    pub style: NumberStyle,
}

const fn metric(
    key: &'static str,
    label: &'static str,
    meaning: &'static str,
    higher_is_better: Option<bool>,
    style: NumberStyle,
) -> MetricInfo {
    MetricInfo { key, label, meaning, higher_is_better, style }
}

/// The numbers the comparison knows, in the order in which they are shown. Others follow by name.
pub const METRICS: &[MetricInfo] = &[
    metric(
        "truth_auc",
        "AUC on the unlabeled, by supplied truth",
        "Unlabeled patches outside the training split: chance that a true particle scores above a true non-particle.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "test_auc_pn",
        "Test AUC, positives against negatives",
        "Chance that a particle of the test split scores above a known non-particle.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "test_auc_pu",
        "Test AUC, positives against unlabeled",
        "Cannot exceed the ceiling 1 − π/2, as particles are on both sides.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "test_auc_corrected",
        "Test AUC, corrected for π",
        "(AUC against unlabeled − π/2)/(1 − π): compare it only between runs with the same π. – where the AUC lies above its ceiling.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "test_average_precision",
        "Test average precision",
        "Mean precision over recall; depends on the share of positives.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "validation_auc_pn",
        "Validation AUC, positives against negatives",
        "Chance that a particle of the validation split scores above a known non-particle.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "validation_auc_pu",
        "Validation AUC, positives against unlabeled",
        "Cannot exceed the ceiling 1 − π/2, as particles are on both sides.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "validation_auc_ceiling",
        "Ceiling of the AUC against unlabeled",
        "1 − π/2, the value of a perfect ranking.",
        None,
        NumberStyle::Score,
    ),
    metric(
        "validation_auc_corrected",
        "Validation AUC, corrected for π",
        "(AUC against unlabeled − π/2)/(1 − π): compare it only between runs with the same π. – where the AUC lies above its ceiling.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "validation_average_precision",
        "Validation average precision",
        "Positives against unlabeled; unlabeled particles count as errors, so compare it only between runs on the same split.",
        Some(true),
        NumberStyle::Score,
    ),
    metric(
        "prior",
        "Fraction of particles among unlabeled (π)",
        "Share of particles among the unlabeled that the run assumed.",
        None,
        NumberStyle::Score,
    ),
    metric(
        "overlay",
        "Overlay used",
        "Largest factor of the patch laid over each view; on trial, what held-out positives bore.",
        None,
        NumberStyle::Score,
    ),
    metric(
        "pseudo_label_rate",
        "Pseudo-label rate",
        "Share of the unlabeled with a pseudo-label in the last epoch; near 0 nothing is learned from them, near 1 all are believed.",
        None,
        NumberStyle::Share,
    ),
    metric(
        "pseudo_label_accuracy",
        "Pseudo-label accuracy",
        "Share of the pseudo-labels that agree with the supplied truth.",
        Some(true),
        NumberStyle::Share,
    ),
    metric("best_epoch", "Best epoch", "The epoch whose weights were kept.", None, NumberStyle::Count),
    metric("epochs", "Epochs", "Epochs trained.", None, NumberStyle::Count),
    metric("seconds", "Time", "Wall-clock time of the training.", Some(false), NumberStyle::Seconds),
    metric(
        "patches_per_second",
        "Patches per second",
        "Patches taken in per second of training.",
        Some(true),
        NumberStyle::Plain,
    ),
];

/// Looks a key up in [`METRICS`].
pub fn metric_info(key: &str) -> Option<&'static MetricInfo> {
    METRICS.iter().find(|m| m.key == key)
}

/// Writes a number of a given kind; "–" for one that was not measured.
pub fn format_number(value: f64, style: NumberStyle) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    match style {
        NumberStyle::Score => format!("{value:.3}"),
        NumberStyle::Share => format!("{:.1} %", 100.0 * value),
        NumberStyle::Count => format!("{value:.0}"),
        NumberStyle::Seconds if value < 60.0 => format!("{value:.1} s"),
        NumberStyle::Seconds => {
            let whole = value.round() as u64;
            match (whole / 3600, whole / 60 % 60, whole % 60) {
                (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
                (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
            }
        }
        NumberStyle::Plain => {
            let size = value.abs();
            if size != 0.0 && !(1e-3..1e6).contains(&size) {
                format!("{value:.3e}")
            } else {
                let digits = if size >= 1.0 { 3 - (size.log10() as i32).min(3) } else { 4 };
                format!("{value:.*}", digits as usize)
            }
        }
    }
}
