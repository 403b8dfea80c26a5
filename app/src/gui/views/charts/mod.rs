//! A chart over epochs, and what all plots share.

mod axis;
mod menu;

use std::sync::Arc;

use eframe::egui;
use egui::{Color32, RichText, Ui};
use egui_plot::{Axis, GridMark, HoverPosition, Line, LineStyle, Plot, PlotUi, Points, Span};
use vitrine_core::report::charts::Chart;
use vitrine_core::report::figures;
use vitrine_core::report::metrics::{NumberStyle, format_number};

use axis::{log_marks, log_tick, tick};
pub use axis::{percent_tick, plain_tick, round_marks};
pub use menu::{PlotPlaces, menu, plot_places, report_place, reset_if_asked, save_items, zoom_items};

use crate::gui::command::Command;
use crate::gui::model::{OpenProject, RunCurves};
use crate::gui::theme;

/// A run to be drawn.
pub struct DrawnRun {
    /// The run's epochs.
    pub curves: Arc<RunCurves>,
    /// The run's colour.
    pub colour: Color32,
}

/// How charts are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartLook {
    /// Weight of the past in the smoothed line, 0 to 0.98; at 0 the line is what was measured.
    pub smoothing: f64,
    /// Whether y is on a logarithmic scale.
    pub log: bool,
    /// Height in points.
    pub height: f32,
}

impl ChartLook {
    /// A value as it is drawn.
    fn scale(self, y: f64) -> f64 {
        if self.log { y.log10() } else { y }
    }

    /// The value of what is drawn.
    fn unscale(self, y: f64) -> f64 {
        if self.log { 10_f64.powf(y) } else { y }
    }
}

/// The colour of a run: that of its place among the project's runs.
pub fn colour_of(open: &OpenProject, name: &str, dark: bool) -> Color32 {
    let place = open.runs.iter().position(|run| run.name == name).unwrap_or(open.runs.len());
    theme::run(place, dark)
}

/// Line styles of the columns of a chart.
fn style(column: usize) -> LineStyle {
    match column {
        0 => LineStyle::Solid,
        1 => LineStyle::dashed_loose(),
        2 => LineStyle::dotted_dense(),
        _ => LineStyle::dotted_loose(),
    }
}

/// How a line style is drawn in words of a legend.
const STROKES: [&str; 4] = ["——", "– –", "····", "·  ·"];

/// Exponential smoothing, begun at the first value and corrected for that.
fn smoothed(points: Vec<[f64; 2]>, weight: f64) -> Vec<[f64; 2]> {
    let (mut sum, mut total) = (0.0, 0.0);
    points
        .into_iter()
        .map(|[x, y]| {
            sum = weight * sum + (1.0 - weight) * y;
            total = weight * total + (1.0 - weight);
            [x, sum / total]
        })
        .collect()
}

/// One entry of a legend.
fn stroke_and_words(column: usize, words: &str) -> String {
    format!("{} {words}", STROKES[column.min(3)])
}

/// Gives a plot a name and what there is to say of it for those who do not see it.
pub fn describe_plot(response: &egui::Response, title: &str, values: &[String]) {
    response.widget_info(|| {
        let name =
            if values.is_empty() { title.to_owned() } else { format!("{title}: {}", values.join("; ")) };
        egui::WidgetInfo::labeled(egui::Role::Image, true, name)
    });
}

/// A word beside a heading, cut where there is no room for it.
pub fn small_label(ui: &mut Ui, words: &str) -> egui::Response {
    ui.add(egui::Label::new(RichText::new(words).small().weak()).truncate())
}

/// The charts over epochs, which zoom together.
const EPOCHS: &str = "epochs";

/// A line of a chart: its name, what was measured, and what is drawn of it.
struct Traced {
    name: String,
    colour: Color32,
    column: usize,
    raw: Vec<[f64; 2]>,
    smooth: Vec<[f64; 2]>,
}

/// A value of a chart as words.
fn value_words(value: f64, percent: bool) -> String {
    if percent { format!("{:.1} %", 100.0 * value) } else { format_number(value, NumberStyle::Plain) }
}

/// What hovering says of a line at an epoch: what was measured there, and what the smoothed line shows.
fn hover_words(
    name: &str,
    raw: &[[f64; 2]],
    smooth: &[[f64; 2]],
    epoch: f64,
    percent: bool,
) -> Option<String> {
    let at = raw.iter().position(|[x, _]| (x - epoch).abs() < 0.5)?;
    let words = |points: &[[f64; 2]]| points.get(at).map(|[_, y]| value_words(*y, percent));
    let (measured, drawn) = (words(raw)?, words(smooth)?);
    let smoothed = if raw == smooth { String::new() } else { format!(", smoothed {drawn}") };
    Some(format!("{name}\nepoch {epoch:.0}: {measured}{smoothed}"))
}

/// A column of a chart that was measured: its place among the chart's columns, key and words.
type Column = (usize, &'static str, &'static str);

/// Draws a chart with its heading, its note as a tooltip, and its menu.
pub fn chart(
    ui: &mut Ui,
    open: &OpenProject,
    chart: &'static Chart,
    runs: &[DrawnRun],
    look: &mut ChartLook,
    out: &mut Vec<Command>,
) {
    let (top, width) = (ui.cursor().min, ui.available_width());
    report_place(ui, chart.id, egui::Rect::from_min_size(top, egui::vec2(width, look.height)));
    let measured = |key: &str| runs.iter().any(|run| run.curves.points(key).next().is_some());
    let columns = chart.columns.iter().enumerate().map(|(place, (key, words))| (place, *key, *words));
    let columns: Vec<Column> = columns.filter(|(_, key, _)| measured(key)).collect();
    head(ui, open, chart, runs, &columns, look, out);
    let height = (look.height - (ui.cursor().min.y - top.y)).max(60.0);
    if columns.is_empty() {
        return nothing_measured(ui, height);
    }
    let lines = traced(runs, &columns, *look);
    let response = plot(ui, chart, runs, &lines, ChartLook { height, ..*look });
    let last = |line: &Traced| {
        let [epoch, value] = line.raw.last()?;
        Some(format!("{} {} in epoch {epoch:.0}", line.name, value_words(*value, chart.percent)))
    };
    describe_plot(&response, chart.title, &lines.iter().filter_map(last).collect::<Vec<_>>());
}

/// The heading of a chart, with its menu and which line is which.
fn head(
    ui: &mut Ui,
    open: &OpenProject,
    chart: &'static Chart,
    runs: &[DrawnRun],
    columns: &[Column],
    look: &mut ChartLook,
    out: &mut Vec<Command>,
) {
    let letters: usize = columns.iter().map(|(_, _, words)| words.chars().count()).sum();
    let legend_below = columns.len() > 2 || (columns.len() == 2 && letters > 26);
    ui.horizontal(|ui| {
        ui.strong(chart.title).on_hover_text(chart.note);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            menu(ui, chart.id, chart.title, |ui| {
                ui.checkbox(&mut look.log, "Logarithmic scale");
                zoom_items(ui, EPOCHS);
                ui.separator();
                let summaries = || runs.iter().map(|run| run.curves.summary()).collect::<Vec<_>>();
                let svg = || figures::chart(chart, &summaries()).ok().flatten();
                save_items(ui, open, chart.title, chart.id, svg, || chart.csv(&summaries()), out);
            });
            // Which line is which, without covering the data.
            if columns.len() == 2 && !legend_below {
                for (place, _, words) in columns.iter().rev() {
                    small_label(ui, &stroke_and_words(*place, words));
                }
            } else if let [(_, _, words)] = columns {
                small_label(ui, words);
            }
        });
    });
    // More of them do not fit beside the title.
    if legend_below {
        ui.horizontal(|ui| {
            for (place, _, words) in columns {
                ui.label(RichText::new(stroke_and_words(*place, words)).small().weak());
            }
        });
    }
}

/// The lines of a chart. Values are as measured; a logarithmic scale is only how they are drawn.
fn traced(runs: &[DrawnRun], columns: &[Column], look: ChartLook) -> Vec<Traced> {
    let line = |run: &DrawnRun, &(column, key, words): &Column| {
        let raw: Vec<[f64; 2]> = run.curves.points(key).filter(|[_, y]| !look.log || *y > 0.0).collect();
        let smooth = if look.smoothing > 0.0 {
            let scaled = raw.iter().map(|[x, y]| [*x, look.scale(*y)]).collect();
            smoothed(scaled, look.smoothing).into_iter().map(|[x, y]| [x, look.unscale(y)]).collect()
        } else {
            raw.clone()
        };
        let name = format!("{}: {words}", run.curves.name);
        Traced { name, colour: run.colour, column, raw, smooth }
    };
    runs.iter().flat_map(|run| columns.iter().map(move |column| line(run, column))).collect()
}

/// In place of a plot.
fn nothing_measured(ui: &mut Ui, height: f32) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), height), egui::Sense::hover());
    ui.painter().rect_filled(rect, 4.0, ui.visuals().extreme_bg_color);
    let colour = ui.visuals().weak_text_color();
    let font = egui::TextStyle::Body.resolve(ui.style());
    let words = "not measured by these runs";
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, words, font, colour);
}

/// The plot of a chart.
fn plot(ui: &mut Ui, chart: &Chart, runs: &[DrawnRun], lines: &[Traced], look: ChartLook) -> egui::Response {
    let last = runs.iter().filter_map(|run| run.curves.epochs.last()).map(|m| m.epoch).max();
    let (percent, log) = (chart.percent, look.log);
    let mut plot = Plot::new(("chart", chart.id))
        .height(look.height)
        .allow_scroll(false)
        .show_axes(true)
        .grid_color(grid(ui))
        .include_x(1.0)
        .include_x(last.unwrap_or(1).max(2) as f64)
        .link_axis(egui::Id::unique("epochs"), [true, false])
        .set_margin_fraction(egui::vec2(0.03, 0.08))
        .x_grid_spacer(round_marks(80.0, true))
        .x_axis_formatter(|mark: GridMark, _: &_| {
            if mark.value.fract().abs() < 1e-6 && mark.value >= 0.0 {
                format!("{:.0}", mark.value)
            } else {
                String::new()
            }
        })
        .y_axis_formatter(move |mark: GridMark, _: &_| {
            if log {
                log_tick(look.unscale(mark.value), percent)
            } else {
                tick(mark.value, mark.step_size, percent)
            }
        })
        .label_formatter(|near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                let line = lines.iter().find(|line| line.name == *plot_name);
                match line {
                    Some(line) => hover_words(plot_name, &line.raw, &line.smooth, position.x, percent),
                    None => Some(format!("{plot_name}\n{}", value_words(look.unscale(position.y), percent))),
                }
            }
            _ => None,
        });
    plot = reset_if_asked(ui, plot, EPOCHS);
    plot =
        if log { plot.y_grid_spacer(log_marks(30.0)) } else { plot.y_grid_spacer(round_marks(30.0, false)) };
    if let (Some((low, high)), false) = (chart.range, log) {
        plot = plot.include_y(low).include_y(high);
    }
    let band = theme::GREEN.gamma_multiply(if ui.visuals().dark_mode { 0.16 } else { 0.12 });
    let shown = plot.show(ui, |plot| {
        if let Some((low, high)) = chart.band {
            plot.span(
                Span::new("", look.scale(low)..=look.scale(high))
                    .axis(Axis::Y)
                    .fill(band)
                    .border_color(theme::GREEN.gamma_multiply(0.5))
                    .border_width(1.0),
            );
        }
        if let Some(ceiling) = chart.ceiling {
            for run in runs {
                let points = run.curves.points(ceiling).filter(|[_, y]| !log || *y > 0.0);
                let points: Vec<[f64; 2]> = points.map(|[x, y]| [x, look.scale(y)]).collect();
                let line = Line::new(format!("{}: ceiling 1 − π/2", run.curves.name), points);
                plot.line(line.color(run.colour).width(1.0).style(LineStyle::dotted_dense()));
            }
        }
        for line in lines {
            draw_line(plot, line, look);
        }
    });
    shown.response
}

/// Draws a line: a point where there is one epoch, and what was measured pale behind a smoothed line.
fn draw_line(plot: &mut PlotUi<'_>, line: &Traced, look: ChartLook) {
    let drawn =
        |points: &[[f64; 2]]| -> Vec<[f64; 2]> { points.iter().map(|[x, y]| [*x, look.scale(*y)]).collect() };
    if let [one] = line.raw[..] {
        let points = Points::new(line.name.clone(), vec![[one[0], look.scale(one[1])]]);
        plot.points(points.radius(3.5).color(line.colour));
        return;
    }
    if look.smoothing > 0.0 {
        let pale = line.colour.gamma_multiply(0.35);
        let raw = Line::new(line.name.clone(), drawn(&line.raw)).id(("raw", &line.name));
        plot.line(raw.color(pale).width(1.0));
    }
    let smooth = Line::new(line.name.clone(), drawn(&line.smooth)).color(line.colour);
    plot.line(smooth.width(1.8).style(style(line.column)));
}

/// Lines of the grid: there, but behind everything.
pub fn grid(ui: &Ui) -> Color32 {
    ui.visuals().weak_text_color().gamma_multiply(0.35)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{hover_words, smoothed};

    #[test]
    fn hovering_says_what_was_measured_and_what_is_smoothed() {
        let raw = [[1.0, 0.8], [2.0, 0.9]];
        let words = |smooth: &[[f64; 2]], epoch| hover_words("a", &raw, smooth, epoch, false);
        assert_eq!(words(&raw, 2.0).unwrap(), "a\nepoch 2: 0.9000");
        assert_eq!(words(&[[1.0, 0.8], [2.0, 0.85]], 2.0).unwrap(), "a\nepoch 2: 0.9000, smoothed 0.8500");
        assert_eq!(words(&raw, 7.0), None);
    }

    #[test]
    fn smoothing_begins_at_the_first_value_and_keeps_a_constant() {
        let flat: Vec<[f64; 2]> = (1..6).map(|x| [f64::from(x), 0.7]).collect();
        for [_, y] in smoothed(flat, 0.9) {
            assert!((y - 0.7).abs() < 1e-12, "{y}");
        }
        let step = smoothed(vec![[1.0, 0.0], [2.0, 1.0]], 0.5);
        assert!((step[1][1] - 2.0 / 3.0).abs() < 1e-12, "{step:?}");
        assert_eq!(smoothed(vec![[1.0, 3.0], [2.0, 4.0]], 0.0), [[1.0, 3.0], [2.0, 4.0]]);
    }
}
