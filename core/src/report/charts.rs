//! The charts of a run over its epochs: one table for the window's live curves and for the files they are saved as.

use super::{Curves, RunSummary};
use crate::learning::eval::bins::histogram;

/// The band of pseudo-label rates in which consistency training works: below it hardly anything is learned from
/// the unlabeled, above it every prediction is believed.
pub const HEALTHY_PSEUDO_LABEL_RATE: (f64, f64) = (0.2, 0.95);

/// The band of gradient norms (before clipping) in which training goes on: below it hardly anything
/// moves, above it steps are torn.
const HEALTHY_GRADIENT_NORM: (f64, f64) = (0.1, 10.0);

/// A picture with epochs along x.
#[derive(Debug, PartialEq)]
pub struct Chart {
    /// Stable name, also that of its files.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// How to read it, in a sentence or two.
    pub note: &'static str,
    /// Columns of `EpochMetrics` with their words; one line each.
    pub columns: &'static [(&'static str, &'static str)],
    /// The column that no value can exceed.
    pub ceiling: Option<&'static str>,
    /// The healthy band.
    pub band: Option<(f64, f64)>,
    /// Fixed range of y, where the quantity has one.
    pub range: Option<(f64, f64)>,
    /// Whether y is a share.
    pub percent: bool,
}

const PLAIN: Chart = Chart {
    id: "",
    title: "",
    note: "",
    columns: &[],
    ceiling: None,
    band: None,
    range: None,
    percent: false,
};

/// All charts, the most looked at first.
pub const CHARTS: &[Chart] = &[
    Chart {
        id: "auc",
        title: "Validation AUC",
        note: "Positives against unlabeled cannot exceed the ceiling 1 − π/2 (dotted), because particles are among the \
               unlabeled. It is no truth: where picks are no random sample of the particles, it also rewards telling \
               labelled from unlabeled particles.",
        columns: &[
            ("validation_auc_pu", "positives against unlabeled"),
            ("validation_auc_pn", "positives against negatives"),
        ],
        ceiling: Some("validation_auc_ceiling"),
        ..PLAIN
    },
    Chart {
        id: "average_precision",
        title: "Validation average precision",
        note: "Positives against unlabeled; particles among the unlabeled count as mistakes, so compare it only between \
               runs on the same split.",
        columns: &[("validation_average_precision", "positives against unlabeled")],
        ..PLAIN
    },
    Chart {
        id: "pseudo_label_rate",
        title: "Pseudo-label rate",
        note: "Share of the unlabeled that teach. Healthy from 20 to 95 % (shaded): below, hardly anything is learned from \
               them; above, everything is believed. Near 100 % together with a spread of p near 0 the run has collapsed.",
        columns: &[("pseudo_label_rate", "with a pseudo-label")],
        band: Some(HEALTHY_PSEUDO_LABEL_RATE),
        range: Some((0.0, 1.0)),
        percent: true,
        ..PLAIN
    },
    Chart {
        id: "pseudo_labels_by_class",
        title: "Pseudo-labels per class",
        note: "Shares of all unlabeled patches taken as particle and as no particle. One of them going to 0 is the \
               beginning of a collapse.",
        columns: &[
            ("pseudo_label_rate_positive", "taken as particle"),
            ("pseudo_label_rate_negative", "taken as no particle"),
        ],
        range: Some((0.0, 1.0)),
        percent: true,
        ..PLAIN
    },
    Chart {
        id: "p",
        title: "Mean and spread of p",
        note: "Over the unlabeled. The mean should settle near π; a spread near 0 says that all patches look alike to the \
               network.",
        columns: &[("p_mean", "mean"), ("p_std", "standard deviation")],
        range: Some((0.0, 1.0)),
        ..PLAIN
    },
    Chart {
        id: "loss",
        title: "Loss terms",
        note: "Total, and what it is made of. Terms of different methods are not comparable with each other.",
        columns: &[
            ("loss", "total"),
            ("loss_risk", "labelled part"),
            ("loss_negative", "known negatives"),
            ("loss_consistency", "consistency before λ"),
        ],
        ..PLAIN
    },
    Chart {
        id: "gradient_norm",
        title: "Gradient norm",
        note: "Over all weights, before clipping. Healthy from 0.1 to 10 (shaded).",
        columns: &[("gradient_norm", "norm")],
        band: Some(HEALTHY_GRADIENT_NORM),
        ..PLAIN
    },
    Chart {
        id: "learning_rate",
        title: "Learning rate",
        note: "At the end of each epoch: it rises during the warm-up and then follows the schedule.",
        columns: &[("learning_rate", "learning rate")],
        ..PLAIN
    },
];

impl Chart {
    /// Its numbers as CSV: run, epoch, one column per line. Empty cells were not measured.
    pub fn csv(&self, runs: &[RunSummary]) -> String {
        let keys: Vec<&str> = self.columns.iter().map(|(key, _)| *key).chain(self.ceiling).collect();
        let mut text = format!("run,epoch,{}\n", keys.join(","));
        for run in runs {
            for row in &run.epochs {
                text += &format!("{},{}", run.name, row.epoch);
                for key in &keys {
                    match row.values.get(*key).filter(|v| v.is_finite()) {
                        Some(value) => text += &format!(",{value}"),
                        None => text.push(','),
                    }
                }
                text.push('\n');
            }
        }
        text
    }
}

/// The points of curves as CSV: run, x and y under the names given.
pub fn curve_csv(
    runs: &[RunSummary],
    [x, y]: [&str; 2],
    points: impl Fn(&Curves) -> &[crate::learning::eval::metrics::CurvePoint],
) -> String {
    let mut text = format!("run,against,{x},{y}\n");
    for run in runs {
        for curve in &run.curves {
            for point in points(curve) {
                text += &format!("{},{},{},{}\n", run.name, curve.against.as_str(), point.x, point.y);
            }
        }
    }
    text
}

/// Points as CSV under these names. Commas in a name would part it in two.
pub fn points_csv([x, y]: [&str; 2], points: &[[f64; 2]]) -> String {
    let mut text = format!("{},{}\n", x.replace(',', ";"), y.replace(',', ";"));
    for [x, y] in points {
        text += &format!("{x},{y}\n");
    }
    text
}

/// The score histogram of a run as CSV: lower edge of each bin and the count of each label in it.
pub fn histogram_csv(run: &RunSummary, bins: usize) -> String {
    let counts =
        [&run.scores.positive, &run.scores.unlabeled, &run.scores.negative].map(|s| histogram(s, bins));
    let mut text = "score_from,positive,unlabeled,negative\n".to_owned();
    for bin in 0..counts[0].len() {
        let edge = bin as f64 / counts[0].len() as f64;
        text += &format!("{edge},{},{},{}\n", counts[0][bin], counts[1][bin], counts[2][bin]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
    use crate::report::{EpochRow, figures};

    #[test]
    fn every_column_is_measured_and_written() {
        let row = EpochRow {
            epoch: 1,
            values: EpochMetrics::COLUMNS.iter().map(|&c| (c.to_owned(), 0.5)).collect(),
        };
        let run = RunSummary { name: "a".to_owned(), epochs: vec![row], ..RunSummary::default() };
        for chart in CHARTS {
            for (key, _) in chart.columns {
                assert!(EpochMetrics::COLUMNS.contains(key), "{key}");
            }
            let svg = figures::chart(chart, std::slice::from_ref(&run)).ok().flatten();
            assert!(svg.is_some_and(|svg| svg.contains(chart.title)), "{}", chart.id);
            let lines: Vec<String> =
                chart.csv(std::slice::from_ref(&run)).lines().map(str::to_owned).collect();
            assert_eq!(lines.len(), 2, "{}", chart.id);
            assert!(lines[1].starts_with("a,1,0.5"), "{}", lines[1]);
        }
        let points = [[1.0, 0.5], [2.0, 0.75]];
        assert_eq!(points_csv(["n, all", "AUC"], &points), "n; all,AUC\n1,0.5\n2,0.75\n");
        let svg = figures::line("Learning curve", ["n", "AUC"], &points).ok().flatten();
        assert!(svg.is_some_and(|svg| svg.contains("Learning curve")));
        let nothing = RunSummary::default();
        assert_eq!(figures::chart(&CHARTS[0], &[nothing]).ok(), Some(None));
    }
}
