//! The pictures of a comparison, each an SVG text. `None` means there is nothing to draw.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::charts::{Chart, HEALTHY_PSEUDO_LABEL_RATE};
use super::metrics::{NumberStyle, format_number};
use super::plots::{
    Area, Axes, INK, LegendEntry, LineLook, NEGATIVE, POSITIVE, SOFT, UNLABELED, WIDTH, curve, drawn, figure,
    legend_entry, looks, note, panel, range_of, shade, shorten, text,
};
use super::{Against, Curves, RunSummary};
use crate::error::Result;
use crate::learning::eval::bins::histogram;

/// A column of the epochs as a panel.
struct Column {
    key: &'static str,
    label: &'static str,
    /// Fixed range, where the quantity has one.
    range: Option<(f64, f64)>,
    percent: bool,
    band: Option<(f64, f64)>,
    /// Another column drawn thin and dotted in the same colour: a ceiling.
    limit: Option<&'static str>,
}

impl Column {
    const fn plain(key: &'static str, label: &'static str) -> Self {
        Self { key, label, range: None, percent: false, band: None, limit: None }
    }

    const fn share(key: &'static str, label: &'static str) -> Self {
        Self { range: Some((0.0, 1.0)), percent: true, ..Self::plain(key, label) }
    }
}

fn points(run: &RunSummary, key: &str) -> Vec<(f64, f64)> {
    run.epochs.iter().map(|e| (e.epoch as f64, e.values.get(key).copied().unwrap_or(f64::NAN))).collect()
}

fn has(runs: &[RunSummary], key: &str) -> bool {
    runs.iter().any(|r| points(r, key).iter().any(|(_, y)| y.is_finite()))
}

/// Columns over epochs, one panel below the other, one line a run.
fn over_epochs(title: &str, runs: &[RunSummary], columns: &[Column], height: u32) -> Result<Option<String>> {
    let columns: Vec<&Column> = columns.iter().filter(|c| has(runs, c.key)).collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let looks = looks(runs);
    let shown: Vec<LegendEntry> = runs
        .iter()
        .zip(&looks)
        .filter(|(r, _)| columns.iter().any(|c| has(std::slice::from_ref(*r), c.key)))
        .map(|(r, look)| legend_entry(r, *look, None))
        .collect();
    let last = runs.iter().flat_map(|r| r.epochs.iter().map(|e| e.epoch)).max().unwrap_or(1).max(2);
    let body = height * columns.len() as u32 + 20;
    figure(title, &shown, (WIDTH, body), |area| {
        let mut rest: Area<'_> = area.clone();
        for (i, column) in columns.iter().enumerate() {
            let is_last = i + 1 == columns.len();
            let (here, below) = rest.split_vertically(if is_last { height + 20 } else { height });
            rest = below;
            let values = runs.iter().flat_map(|r| {
                let limit = column.limit.map(|k| points(r, k)).unwrap_or_default();
                points(r, column.key).into_iter().chain(limit).map(|(_, y)| y)
            });
            let y = column.range.or_else(|| range_of(values, 1e-6)).unwrap_or((0.0, 1.0));
            let axes = Axes {
                y_label: column.label,
                x_label: if is_last { "epoch" } else { "" },
                x: (1.0, last as f64),
                y,
                whole_x: true,
                percent_y: column.percent,
            };
            panel(&here, &axes, |chart| {
                if let Some((low, high)) = column.band {
                    shade(chart, (1.0, low), (last as f64, high), POSITIVE, 0.10)?;
                }
                for (run, look) in runs.iter().zip(&looks) {
                    if let Some(limit) = column.limit {
                        curve(chart, &points(run, limit), LineLook { dash: Some((1, 4)), ..*look }, 1)?;
                    }
                    curve(chart, &points(run, column.key), *look, 2)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })
    .map(Some)
}

/// A chart over epochs as SVG text, one panel a column; `None` where no run has measured any of it.
///
/// # Errors
/// When drawing fails.
pub fn chart(chart: &Chart, runs: &[RunSummary]) -> Result<Option<String>> {
    let column = |&(key, label): &(&'static str, &'static str)| Column {
        range: chart.range,
        percent: chart.percent,
        band: chart.band,
        limit: chart.ceiling.filter(|_| key == "validation_auc_pu"),
        ..Column::plain(key, label)
    };
    let columns: Vec<Column> = chart.columns.iter().map(column).collect();
    over_epochs(chart.title, runs, &columns, 200)
}

/// Validation AUC over epochs: against unlabeled with its ceiling, and against negatives.
///
/// # Errors
/// When drawing fails.
pub fn auc_over_epochs(runs: &[RunSummary]) -> Result<Option<String>> {
    let pu = Column {
        limit: Some("validation_auc_ceiling"),
        ..Column::plain(
            "validation_auc_pu",
            "AUC, validation positives against unlabeled (dotted: ceiling 1 − π/2)",
        )
    };
    let pn = Column::plain("validation_auc_pn", "AUC, validation positives against negatives");
    over_epochs("AUC over epochs", runs, &[pu, pn], 240)
}

/// Pseudo-label rate with its healthy band, mean and spread of p: the three that show a collapse.
///
/// # Errors
/// When drawing fails.
pub fn pseudo_labels(runs: &[RunSummary]) -> Result<Option<String>> {
    if !has(runs, "pseudo_label_rate") {
        return Ok(None);
    }
    let rate = Column {
        band: Some(HEALTHY_PSEUDO_LABEL_RATE),
        ..Column::share("pseudo_label_rate", "Unlabeled with a pseudo-label (shaded: healthy, 20 % to 95 %)")
    };
    let mean = Column { percent: false, ..Column::share("p_mean", "Mean p on the unlabeled") };
    let spread = Column {
        range: Some((0.0, 0.5)),
        percent: false,
        ..Column::share("p_std", "Standard deviation of p on the unlabeled")
    };
    over_epochs("Pseudo-labels", runs, &[rate, mean, spread], 165)
}

/// Losses by term over epochs.
///
/// # Errors
/// When drawing fails.
pub fn losses(runs: &[RunSummary]) -> Result<Option<String>> {
    let columns = [
        Column::plain("loss", "Loss, total"),
        Column::plain("loss_risk", "Loss, labelled part (risk)"),
        Column::plain("loss_consistency", "Loss, consistency term before its weight"),
    ];
    over_epochs("Losses", runs, &columns, 165)
}

/// Learning rate and gradient norm over epochs.
///
/// # Errors
/// When drawing fails.
pub fn step_size(runs: &[RunSummary]) -> Result<Option<String>> {
    let columns = [
        Column::plain("learning_rate", "Learning rate"),
        Column::plain("gradient_norm", "Norm of the gradient before clipping"),
    ];
    over_epochs("Learning rate", runs, &columns, 165)
}

/// ROC or precision–recall.
#[derive(Clone, Copy, PartialEq)]
enum CurveKind {
    Roc,
    PrecisionRecall,
}

fn curves(runs: &[RunSummary], against: Against, kind: CurveKind) -> Result<Option<String>> {
    let looks = looks(runs);
    let lines: Vec<(&RunSummary, &Curves, LineLook)> = runs
        .iter()
        .zip(looks)
        .filter_map(|(r, look)| Some((r, r.curves.iter().find(|c| c.against == against)?, look)))
        .collect();
    let Some((_, first, _)) = lines.first() else { return Ok(None) };
    let base = first.positives as f64 / (first.positives + first.others).max(1) as f64;
    let entries: Vec<LegendEntry> = lines
        .iter()
        .map(|(r, c, look)| {
            let value = match kind {
                CurveKind::Roc => format!("AUC {}", format_number(c.auc, NumberStyle::Score)),
                CurveKind::PrecisionRecall => {
                    format!("AP {}", format_number(c.average_precision, NumberStyle::Score))
                }
            };
            legend_entry(r, *look, Some(value))
        })
        .collect();
    let accepted = format!("share of the {} accepted", against.as_str());
    let (title, x_label, y_label) = match kind {
        CurveKind::Roc => ("ROC", accepted.as_str(), "Recall: share of the positives accepted"),
        CurveKind::PrecisionRecall => (
            "Precision and recall",
            "recall: share of the positives accepted",
            "Precision: share of positives among the accepted",
        ),
    };
    let title = format!("{title}, positives against {}", against.as_str());
    figure(&title, &entries, (520, 470), |area| {
        let axes = Axes { y_label, x_label, x: (0.0, 1.0), y: (0.0, 1.0), whole_x: false, percent_y: false };
        panel(area, &axes, |chart| {
            let chance = LineLook { color: SOFT, dash: Some((2, 4)) };
            let line = match kind {
                CurveKind::Roc => [(0.0, 0.0), (1.0, 1.0)],
                CurveKind::PrecisionRecall => [(0.0, base), (1.0, base)],
            };
            curve(chart, &line, chance, 1)?;
            for (_, c, look) in &lines {
                let points = match kind {
                    CurveKind::Roc => &c.roc,
                    CurveKind::PrecisionRecall => &c.precision_recall,
                };
                let points: Vec<(f64, f64)> = points.iter().map(|p| (p.x, p.y)).collect();
                curve(chart, &points, *look, 2)?;
            }
            Ok(())
        })
    })
    .map(Some)
}

/// ROC curves; the dotted diagonal is chance.
///
/// # Errors
/// When drawing fails.
pub fn roc(runs: &[RunSummary], against: Against) -> Result<Option<String>> {
    curves(runs, against, CurveKind::Roc)
}

/// Precision–recall curves; the dotted line is the precision of accepting all.
///
/// # Errors
/// When drawing fails.
pub fn precision_recall(runs: &[RunSummary], against: Against) -> Result<Option<String>> {
    curves(runs, against, CurveKind::PrecisionRecall)
}

/// Scores of one run, one panel a label, with the threshold.
///
/// # Errors
/// When drawing fails.
pub fn score_histograms(run: &RunSummary) -> Result<Option<String>> {
    const BINS: usize = 40;
    let groups = [
        ("positives", &run.scores.positive, POSITIVE),
        ("unlabeled", &run.scores.unlabeled, UNLABELED),
        ("negatives", &run.scores.negative, NEGATIVE),
    ];
    let groups: Vec<_> = groups.into_iter().filter(|(_, s, _)| s.iter().any(|v| v.is_finite())).collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let height = 140;
    let title = format!("Scores of {}", shorten(&run.name, 40));
    figure(&title, &[], (WIDTH, height * groups.len() as u32 + 20), |area| {
        let mut rest: Area<'_> = area.clone();
        for (i, (label, scores, color)) in groups.iter().enumerate() {
            let is_last = i + 1 == groups.len();
            let (here, below) = rest.split_vertically(if is_last { height + 20 } else { height });
            rest = below;
            let counts = histogram(scores, BINS);
            let total = counts.iter().sum::<usize>().max(1) as f64;
            let top = counts.iter().copied().max().unwrap_or(0) as f64 / total;
            let y_label = format!("Share of the {} {label}", total as usize);
            let axes = Axes {
                y_label: &y_label,
                x_label: if is_last { "score p" } else { "" },
                x: (0.0, 1.0),
                y: (0.0, (top * 1.08).max(0.01)),
                whole_x: false,
                percent_y: true,
            };
            panel(&here, &axes, |chart| {
                for (bin, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                    let edge = |b: usize| b as f64 / BINS as f64;
                    shade(chart, (edge(bin), 0.0), (edge(bin + 1), count as f64 / total), *color, 0.85)?;
                }
                if let Some(threshold) = run.threshold.filter(|t| (0.0..=1.0).contains(t)) {
                    let look = LineLook { color: INK, dash: Some((5, 3)) };
                    curve(chart, &[(threshold, 0.0), (threshold, axes.y.1)], look, 1)?;
                    if i == 0 {
                        let (side, at) = if threshold > 0.7 { (HPos::Right, -6) } else { (HPos::Left, 6) };
                        let style = text(14, INK, side, VPos::Top);
                        let label = EmptyElement::at((threshold, axes.y.1))
                            + Text::new(format!("threshold {threshold:.2}"), (at, 3), style);
                        drawn(chart.draw_series([label]))?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    })
    .map(Some)
}

/// One line, as the examinations of a diagnosis give them; x and y in words.
///
/// # Errors
/// When drawing fails.
pub fn line(title: &str, [x_label, y_label]: [&str; 2], points: &[[f64; 2]]) -> Result<Option<String>> {
    let points: Vec<(f64, f64)> = points.iter().map(|[x, y]| (*x, *y)).collect();
    let x = range_of(points.iter().map(|(x, _)| *x), 1e-9);
    let y = range_of(points.iter().map(|(_, y)| *y), 1e-6);
    let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
    figure(title, &[], (WIDTH, 280), |area| {
        let axes = Axes { y_label, x_label, x, y, whole_x: false, percent_y: false };
        panel(area, &axes, |chart| curve(chart, &points, LineLook { color: INK, dash: None }, 2))
    })
    .map(Some)
}

/// The class priors of the runs with their intervals, and the labelling rate that none should equal.
///
/// # Errors
/// When drawing fails.
pub fn priors(runs: &[RunSummary], labelling_rate: Option<f64>) -> Result<Option<String>> {
    let looks = looks(runs);
    let rows: Vec<_> = runs
        .iter()
        .zip(looks)
        .filter_map(|(r, look)| Some((r, r.prior.filter(|p| p.value.is_finite())?, look)))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let rate = labelling_rate.filter(|r| r.is_finite());
    let most = rows
        .iter()
        .map(|(_, p, _)| p.interval.map_or(p.value, |i| i.1.max(p.value)))
        .chain(rate)
        .fold(0.0, f64::max);
    let right = ((most * 1.15 * 10.0).ceil() / 10.0).clamp(0.2, 1.0);
    let (left_px, right_px) = (230, WIDTH as i32 - 145);
    let row_height = 34;
    let axis_y = 14 + row_height * rows.len() as i32;
    let x_of =
        |v: f64| left_px + ((v / right).clamp(0.0, 1.0) * f64::from(right_px - left_px)).round() as i32;
    figure("Fraction of particles among unlabeled (π)", &[], (WIDTH, axis_y as u32 + 48), |area| {
        let line = |points: Vec<(i32, i32)>, color: RGBColor, width: u32| {
            drawn(area.draw(&PathElement::new(points, color.stroke_width(width))))
        };
        line(vec![(left_px, axis_y), (right_px, axis_y)], SOFT, 1)?;
        for tenth in 0..=(right * 10.0).round() as i32 {
            let x = x_of(f64::from(tenth) / 10.0);
            line(vec![(x, axis_y), (x, axis_y + 4)], SOFT, 1)?;
            let style = text(14, SOFT, HPos::Center, VPos::Top);
            drawn(area.draw_text(&format!("{:.1}", f64::from(tenth) / 10.0), &style, (x, axis_y + 7)))?;
        }
        if let Some(rate) = rate {
            let x = x_of(rate);
            for y in (2..axis_y).step_by(6) {
                line(vec![(x, y), (x, (y + 3).min(axis_y))], SOFT, 1)?;
            }
            let style = text(14, SOFT, HPos::Center, VPos::Top);
            let words = format!(
                "dotted: labelling rate P/(P+U) = {}, another quantity",
                format_number(rate, NumberStyle::Score)
            );
            drawn(area.draw_text(&words, &style, ((left_px + right_px) / 2, axis_y + 27)))?;
        }
        for (i, (run, prior, look)) in rows.iter().enumerate() {
            let y = 14 + row_height * i as i32 + row_height / 2 - 4;
            drawn(area.draw_text(
                &shorten(&run.name, 28),
                &text(15, INK, HPos::Left, VPos::Center),
                (14, y),
            ))?;
            let mut words = format_number(prior.value, NumberStyle::Score);
            if let Some((low, high)) = prior.interval {
                line(vec![(x_of(low), y), (x_of(high), y)], look.color, 2)?;
                for x in [x_of(low), x_of(high)] {
                    line(vec![(x, y - 5), (x, y + 5)], look.color, 2)?;
                }
                words += &format!(" ({low:.2}–{high:.2})");
            } else {
                words += " (given)";
            }
            drawn(area.draw(&Circle::new((x_of(prior.value), y), 5, look.color.filled())))?;
            drawn(area.draw_text(&words, &note(), (right_px + 14, y)))?;
        }
        Ok(())
    })
    .map(Some)
}
