//! Style and drawing primitives of the pictures: SVG text through `plotters`.
//!
//! One look for all: white ground, colours of Okabe & Ito (2008) that stay apart for colour-blind
//! readers, the baseline dark and dashed, and the legend in a strip of its own above the data.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::RunSummary;
use crate::error::{Error, Result};

/// A drawing surface of this module.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width of the wide pictures, px.
pub(super) const WIDTH: u32 = 760;
/// Ink of text.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
/// Ink of axes and notes.
pub(super) const SOFT: RGBColor = RGBColor(96, 96, 96);
/// Grid lines.
const GRID: RGBColor = RGBColor(226, 226, 226);
/// Known particles.
pub(super) const POSITIVE: RGBColor = RGBColor(0, 158, 115);
/// Unlabeled patches.
pub(super) const UNLABELED: RGBColor = RGBColor(110, 110, 110);
/// Known non-particles.
pub(super) const NEGATIVE: RGBColor = RGBColor(213, 94, 0);

/// Okabe–Ito without yellow (too faint on white) and black (the baseline's).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Family in which the text is set; the viewer's own sans-serif.
const FONT: &str = "sans-serif";
/// Sizes as plotters counts them (1.24 times the em).
const TITLE_SIZE: u32 = 20;
const TEXT_SIZE: u32 = 15;
/// Height of one row of the legend, px.
const LEGEND_ROW: i32 = 20;
const TITLE_HEIGHT: u32 = 34;
const MARGIN: i32 = 14;

/// How the line of a run is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineLook {
    pub color: RGBColor,
    /// Length of dash and gap, px; `None` for a solid line.
    pub dash: Option<(i32, i32)>,
}

/// The looks of the runs: the baseline dark and dashed, the others in turn. After six runs the
/// colours repeat with dots.
pub(super) fn looks(runs: &[RunSummary]) -> Vec<LineLook> {
    let mut next = 0;
    runs.iter()
        .map(|run| {
            if run.is_baseline {
                return LineLook { color: INK, dash: Some((7, 4)) };
            }
            let look = LineLook {
                color: COLOURS[next % COLOURS.len()],
                dash: (next >= COLOURS.len()).then_some((2, 3)),
            };
            next += 1;
            look
        })
        .collect()
}

/// The looks of `count` lines that are all alike in rank.
pub(super) fn line_looks(count: usize) -> Vec<LineLook> {
    let look = |at: usize| LineLook {
        color: COLOURS[at % COLOURS.len()],
        dash: (at >= COLOURS.len()).then_some((2, 3)),
    };
    (0..count).map(look).collect()
}

/// Line of the legend.
#[derive(Debug, Clone)]
pub(super) struct LegendEntry {
    pub text: String,
    pub look: LineLook,
}

/// The name of a run as a legend shows it, with a note in brackets.
pub(super) fn legend_entry(run: &RunSummary, look: LineLook, note: Option<String>) -> LegendEntry {
    let mut text = shorten(&run.name, 30);
    let notes: Vec<String> = run.is_baseline.then(|| "baseline".to_owned()).into_iter().chain(note).collect();
    if !notes.is_empty() {
        text += &format!(" ({})", notes.join(", "));
    }
    LegendEntry { text, look }
}

/// At most `limit` characters, the cut shown by an ellipsis; control characters become spaces.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    // SVG 1.1 forbids control characters even when escaped.
    let clean: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.len() <= limit {
        return clean.into_iter().collect();
    }
    clean.into_iter().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// Turns a drawing error of any kind into ours.
pub(super) fn drawn<T, E: std::fmt::Display>(result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|e| Error::defect(format!("a picture could not be drawn ({e})")))
}

/// Text of the pictures.
pub(super) fn text(size: u32, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    let mut style = TextStyle::from((FONT, size).into_font());
    style.color = color.to_backend_color();
    style.pos = Pos::new(h, v);
    style
}

/// Small text with its anchor at the left and the middle.
pub(super) fn note() -> TextStyle<'static> {
    text(TEXT_SIZE, SOFT, HPos::Left, VPos::Center)
}

/// Width of a text in px, estimated: the SVG's reader chooses the font.
fn text_width(text: &str) -> i32 {
    (text.chars().count() as f64 * f64::from(TEXT_SIZE) / 1.24 * 0.62).ceil() as i32
}

/// Rows of the legend: the x of each entry, and its row.
fn place_legend(entries: &[LegendEntry], width: i32) -> (Vec<(i32, i32)>, i32) {
    let (mut x, mut row) = (MARGIN, 0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let needed = 34 + text_width(&entry.text) + 16;
        if x > MARGIN && x + needed > width - MARGIN {
            x = MARGIN;
            row += 1;
        }
        places.push((x, row));
        x += needed;
    }
    (places, if entries.is_empty() { 0 } else { row + 1 })
}

/// A picture of `width` × `body` px below its title and legend; `draw` fills the body.
pub(super) fn figure(
    title: &str,
    entries: &[LegendEntry],
    (width, body): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<()>,
) -> Result<String> {
    let (places, rows) = place_legend(entries, width as i32);
    let legend_height = if rows == 0 { 0 } else { (rows * LEGEND_ROW + 6) as u32 };
    let size = (width, TITLE_HEIGHT + legend_height + body);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        drawn(root.fill(&WHITE))?;
        let style = text(TITLE_SIZE, INK, HPos::Left, VPos::Center);
        drawn(root.draw_text(title, &style, (MARGIN, TITLE_HEIGHT as i32 / 2 + 2)))?;
        for (entry, (x, row)) in entries.iter().zip(places) {
            let y = TITLE_HEIGHT as i32 + row * LEGEND_ROW + LEGEND_ROW / 2;
            stroke(&root, &[(x, y), (x + 26, y)], entry.look)?;
            let style = text(TEXT_SIZE, INK, HPos::Left, VPos::Center);
            drawn(root.draw_text(&entry.text, &style, (x + 33, y)))?;
        }
        let (_, area) = root.split_vertically(TITLE_HEIGHT + legend_height);
        draw(&area)?;
        drawn(root.present())?;
    }
    // A viewBox lets the page scale the picture; plotters writes one beside fixed width and height.
    Ok(svg)
}

/// A line in px of the surface.
fn stroke(area: &Area<'_>, points: &[(i32, i32)], look: LineLook) -> Result<()> {
    let style = look.color.stroke_width(2);
    match look.dash {
        None => drawn(area.draw(&PathElement::new(points.to_vec(), style))),
        Some((dash, gap)) => {
            let (Some(&(x0, y)), Some(&(x1, _))) = (points.first(), points.last()) else { return Ok(()) };
            let mut x = x0;
            while x < x1 {
                drawn(area.draw(&PathElement::new(vec![(x, y), ((x + dash).min(x1), y)], style)))?;
                x += dash + gap;
            }
            Ok(())
        }
    }
}

/// Axes of one panel.
pub(super) struct Axes<'a> {
    /// What the y axis counts, above it.
    pub y_label: &'a str,
    /// What the x axis counts, below it; empty where a panel below says it.
    pub x_label: &'a str,
    pub x: (f64, f64),
    pub y: (f64, f64),
    /// Whether x counts whole things.
    pub whole_x: bool,
    /// Whether y is a share to be shown as %.
    pub percent_y: bool,
}

/// The chart type of this module.
pub(super) type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// Draws the axes of a panel and hands the chart to `draw`.
pub(super) fn panel<'b>(
    area: &Area<'b>,
    axes: &Axes<'_>,
    draw: impl FnOnce(&mut Chart<'_, 'b>) -> Result<()>,
) -> Result<()> {
    let style = text(TEXT_SIZE, SOFT, HPos::Left, VPos::Center);
    drawn(area.draw_text(axes.y_label, &style, (MARGIN, 12)))?;
    let mut chart = drawn(
        ChartBuilder::on(area)
            .margin_top(26)
            .margin_left(MARGIN)
            .margin_right(MARGIN + 10)
            .margin_bottom(if axes.x_label.is_empty() { 2 } else { 8 })
            .x_label_area_size(if axes.x_label.is_empty() { 24 } else { 42 })
            .y_label_area_size(52)
            .build_cartesian_2d(axes.x.0..axes.x.1, axes.y.0..axes.y.1),
    )?;
    let tick = (FONT, TEXT_SIZE - 1).into_font().color(&SOFT);
    let x_format = |v: &f64| if axes.whole_x { format!("{v:.0}") } else { tick_text(*v, axes.x) };
    let y_format = |v: &f64| {
        if !axes.percent_y {
            return tick_text(*v, axes.y);
        }
        let decimals = decimals(100.0 * (axes.y.1 - axes.y.0).abs());
        format!("{:.decimals$} %", 100.0 * v)
    };
    let labels = if axes.whole_x { ((axes.x.1 - axes.x.0) as usize).clamp(1, 10) } else { 6 };
    drawn(
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(SOFT)
            .label_style(tick)
            .axis_desc_style((FONT, TEXT_SIZE).into_font().color(&SOFT))
            .x_desc(axes.x_label)
            .x_labels(labels)
            .y_labels((area.dim_in_pixel().1 / 42).clamp(4, 11) as usize)
            .x_label_formatter(&x_format)
            .y_label_formatter(&y_format)
            .draw(),
    )?;
    draw(&mut chart)
}

/// A tick with as many decimals as the range needs, so that no two ticks read the same.
fn tick_text(value: f64, (low, high): (f64, f64)) -> String {
    // 1.0 − 0.9 is a little less than 0.1.
    let span = (high - low).abs() * (1.0 + 1e-9);
    let largest = low.abs().max(high.abs());
    if largest > 0.0 && largest < 1e-2 {
        // Learning rates: "5e-5" reads better than "0.00005".
        return if value.abs() < largest * 1e-9 {
            "0".into()
        } else {
            let exponent = value.abs().log10().floor() as i32;
            let places = (decimals(span) as i32 + exponent).clamp(1, 9);
            let round = 10_f64.powi(places);
            format!("{}e{exponent}", (value / 10_f64.powi(exponent) * round).round() / round)
        };
    }
    let decimals = if span >= 20.0 {
        0
    } else if span >= 2.0 {
        1
    } else if span >= 0.1 {
        2
    } else if span >= 0.01 {
        3
    } else {
        decimals(span)
    };
    format!("{value:.decimals$}")
}

/// Decimals that tell apart the ticks of an axis so long: there are at most eleven.
fn decimals(span: f64) -> usize {
    (11.0 / span).log10().ceil().clamp(0.0, 12.0) as usize
}

/// A line through points in the chart's coordinates; non-finite y break it. A piece of one point is
/// a dot.
pub(super) fn curve(
    chart: &mut Chart<'_, '_>,
    points: &[(f64, f64)],
    look: LineLook,
    width: u32,
) -> Result<()> {
    for piece in points.split(|(x, y)| !x.is_finite() || !y.is_finite()) {
        let style = look.color.stroke_width(width);
        match (piece, look.dash) {
            ([], _) => {}
            ([one], _) => {
                drawn(chart.draw_series([Circle::new(*one, 3, look.color.filled())]))?;
            }
            (_, None) => {
                drawn(chart.draw_series(LineSeries::new(piece.iter().copied(), style)))?;
            }
            (_, Some((dash, gap))) => {
                let series = DashedLineSeries::new(piece.to_vec(), dash, gap, style);
                drawn(chart.draw_series(series))?;
            }
        }
    }
    Ok(())
}

/// A shaded rectangle in the chart's coordinates.
pub(super) fn shade(
    chart: &mut Chart<'_, '_>,
    low: (f64, f64),
    high: (f64, f64),
    color: RGBColor,
    strength: f64,
) -> Result<()> {
    drawn(chart.draw_series([Rectangle::new([low, high], color.mix(strength).filled())]))?;
    Ok(())
}

/// A range that holds all finite `values` with a margin of 5 %; at least `least` wide.
pub(super) fn range_of(values: impl Iterator<Item = f64>, least: f64) -> Option<(f64, f64)> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if low > high {
        return None;
    }
    let middle = 0.5 * (low + high);
    // The last term keeps huge equal values apart in floating point.
    let half = (0.55 * (high - low)).max(0.5 * least).max(middle.abs() * 1e-6);
    Some((middle - half, middle + half))
}

#[cfg(test)]
mod tests {
    use super::tick_text;

    #[test]
    fn ticks_of_a_short_axis_read_differently() {
        let words = |low: f64, step: f64, number: u32| -> Vec<String> {
            let high = low + step * f64::from(number - 1);
            (0..number).map(|n| tick_text(low + step * f64::from(n), (low, high))).collect()
        };
        assert_eq!(words(0.00291, 1e-5, 3), ["2.91e-3", "2.92e-3", "2.93e-3"]);
        assert_eq!(words(0.0, 2e-4, 3), ["0", "2e-4", "4e-4"]);
        assert_eq!(words(0.9, 0.05, 3), ["0.90", "0.95", "1.00"]);
        for low in [0.0, 0.003, 0.94, 120.0] {
            for step in [1e-6, 2e-5, 5e-4, 0.01, 0.2, 5.0] {
                let all = words(low, step, 11);
                let different: std::collections::BTreeSet<&String> = all.iter().collect();
                assert_eq!(all.len(), different.len(), "{low} {step}: {all:?}");
            }
        }
    }
}
