//! A chart over epochs, and the menu by which any plot is saved.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use egui::{Color32, RichText, Ui};
use egui_plot::{Axis, GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, Points, Span};
use vitrine_core::report::charts::Chart;
use vitrine_core::report::figures;
use vitrine_core::report::tables::{NumberStyle, format_number};

use crate::gui::command::{AskPath, Command, Purpose, SaveCommand};
use crate::gui::model::{OpenProject, RunCurves};
use crate::gui::theme;

/// A run to be drawn.
pub struct Drawn {
    /// Its epochs.
    pub curves: Arc<RunCurves>,
    /// Its colour.
    pub colour: Color32,
}

/// How charts are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Weight of the past in the smoothed line, 0 to 0.98; at 0 the line is what was measured.
    pub smoothing: f64,
    /// Whether y is on a logarithmic scale.
    pub log: bool,
    /// Height in points.
    pub height: f32,
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

/// Where plots are on the screen, for pictures of them: the plots tell in each frame, the application
/// names the one it waits for.
#[derive(Debug, Clone, Default)]
pub struct PlotPlaces {
    /// The plot that is to be on the screen as a whole, without its buttons; named until the picture is
    /// taken.
    pub wanted: Option<String>,
    /// Its area, and the part of the window it is shown through, as drawn last.
    pub found: Option<(egui::Rect, egui::Rect)>,
}

/// Where [`PlotPlaces`] lie in egui's memory.
pub fn plot_places() -> egui::Id {
    egui::Id::unique("places of plots")
}

/// Tells where the plot `id` is; scrolls to it when a picture of it is wanted and part of it is hidden.
pub fn tell_place(ui: &Ui, id: &str, area: egui::Rect) {
    let clip = ui.clip_rect();
    let wanted = ui.data_mut(|data| {
        let places = data.get_temp_mut_or_default::<PlotPlaces>(plot_places());
        let wanted = places.wanted.as_deref() == Some(id);
        if wanted {
            places.found = Some((area, clip));
        }
        wanted
    });
    if wanted && !clip.contains_rect(area) {
        ui.scroll_to_rect(area, Some(egui::Align::Center));
    }
}

/// The button that opens the menu of the plot `id`. A picture of the plot does not show it.
pub fn menu(ui: &mut Ui, id: &str, title: &str, contents: impl FnOnce(&mut Ui)) {
    let photographed = ui
        .data(|data| data.get_temp::<PlotPlaces>(plot_places()))
        .is_some_and(|places| places.wanted.as_deref() == Some(id));
    ui.scope(|ui| {
        if photographed {
            ui.set_opacity(0.0);
        }
        ui.menu_button("More", contents).response.on_hover_text(format!("Scale and saving: {title}"));
    });
}

/// How a plot is zoomed, and the way back, in its menu. Plots of the same `group` zoom together.
pub fn zoom_items(ui: &mut Ui, group: &str) {
    if ui.button("Reset zoom").on_hover_text("A double click on the plot does the same.").clicked() {
        let pass = ui.ctx().cumulative_pass_nr();
        ui.data_mut(|data| data.insert_temp(zoom_reset(group), pass));
        ui.ctx().request_repaint();
        ui.close();
    }
    ui.label(
        RichText::new("Zoom: Ctrl and the wheel, or drag with the right button.\nMove: drag.").small().weak(),
    );
}

fn zoom_reset(group: &str) -> egui::Id {
    egui::Id::unique(("zoom reset", group))
}

/// The plot with its zoom taken back, in the frame after somebody asked for that.
pub fn reset_if_asked<'a>(ui: &Ui, plot: Plot<'a>, group: &str) -> Plot<'a> {
    let asked = ui.data(|data| data.get_temp::<u64>(zoom_reset(group)));
    // The frame of the menu itself may come before or after the plot; the next one is whole.
    if asked.is_some_and(|asked| ui.ctx().cumulative_pass_nr() == asked + 1) { plot.reset() } else { plot }
}

/// Gives a plot a name and what there is to say of it for those who do not see it.
pub fn tell_plot(response: &egui::Response, title: &str, values: &[String]) {
    response.widget_info(|| {
        let name =
            if values.is_empty() { title.to_owned() } else { format!("{title}: {}", values.join("; ")) };
        egui::WidgetInfo::labeled(egui::Role::Image, true, name)
    });
}

/// A word beside a heading, cut where there is no room for it.
pub fn small(ui: &mut Ui, words: &str) -> egui::Response {
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

/// Draws a chart with its heading, its note as a tooltip, and its menu.
pub fn chart(
    ui: &mut Ui,
    open: &OpenProject,
    chart: &'static Chart,
    runs: &[Drawn],
    look: &mut Look,
    out: &mut Vec<Command>,
) {
    let (top, width) = (ui.cursor().min, ui.available_width());
    tell_place(ui, chart.id, egui::Rect::from_min_size(top, egui::vec2(width, look.height)));
    let measured = |key: &str| runs.iter().any(|run| run.curves.points(key).next().is_some());
    let shown: Vec<(usize, &(&str, &str))> =
        chart.columns.iter().enumerate().filter(|(_, (key, _))| measured(key)).collect();
    let letters: usize = shown.iter().map(|(_, (_, words))| words.chars().count()).sum();
    let legend_below = shown.len() > 2 || (shown.len() == 2 && letters > 26);
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
            if shown.len() == 2 && !legend_below {
                for (column, (_, words)) in shown.iter().rev() {
                    small(ui, &stroke_and_words(*column, words));
                }
            } else if let [(_, (_, words))] = shown[..] {
                small(ui, words);
            }
        });
    });
    // More of them do not fit beside the title.
    if legend_below {
        ui.horizontal(|ui| {
            for (column, (_, words)) in &shown {
                ui.label(RichText::new(stroke_and_words(*column, words)).small().weak());
            }
        });
    }
    let log = look.log;
    let scale = move |y: f64| if log { y.log10() } else { y };
    let unscale = move |y: f64| if log { 10f64.powf(y) } else { y };
    // Values as measured; a logarithmic scale is only how they are drawn.
    let traced: Vec<Traced> = runs
        .iter()
        .flat_map(|run| shown.iter().map(move |(column, line)| (run, *column, *line)))
        .map(|(run, column, (key, words))| {
            let raw: Vec<[f64; 2]> = run.curves.points(key).filter(|[_, y]| !log || *y > 0.0).collect();
            let scaled = raw.iter().map(|[x, y]| [*x, scale(*y)]).collect();
            let smooth = smoothed(scaled, look.smoothing).into_iter().map(|[x, y]| [x, unscale(y)]).collect();
            let smooth = if look.smoothing > 0.0 { smooth } else { raw.clone() };
            let name = format!("{}: {words}", run.curves.name);
            Traced { name, colour: run.colour, column, raw, smooth }
        })
        .collect();
    let percent = chart.percent;
    let height = (look.height - (ui.cursor().min.y - top.y)).max(60.0);
    if shown.is_empty() {
        let (rect, _) =
            ui.allocate_exact_size(egui::vec2(ui.available_width(), height), egui::Sense::hover());
        ui.painter().rect_filled(rect, 4.0, ui.visuals().extreme_bg_color);
        let colour = ui.visuals().weak_text_color();
        let font = egui::TextStyle::Body.resolve(ui.style());
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            "not measured by these runs",
            font,
            colour,
        );
        return;
    }
    let last =
        runs.iter().filter_map(|run| run.curves.epochs.last()).map(|m| m.epoch).max().unwrap_or(1).max(2);
    let last = last as f64;
    let mut plot = Plot::new(("chart", chart.id))
        .height(height)
        .allow_scroll(false)
        .show_axes(true)
        .grid_color(grid(ui))
        .include_x(1.0)
        .include_x(last)
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
            tick(unscale(mark.value), mark.step_size, percent, log)
        })
        .label_formatter(|near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                let line = traced.iter().find(|line| line.name == *plot_name);
                match line {
                    Some(line) => hover_words(plot_name, &line.raw, &line.smooth, position.x, percent),
                    None => Some(format!("{plot_name}\n{}", value_words(unscale(position.y), percent))),
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
    let dark = ui.visuals().dark_mode;
    let band = theme::GREEN.gamma_multiply(if dark { 0.16 } else { 0.12 });
    let shown = plot.show(ui, |plot| {
        if let Some((low, high)) = chart.band {
            plot.span(
                Span::new("", scale(low)..=scale(high))
                    .axis(Axis::Y)
                    .fill(band)
                    .border_color(theme::GREEN.gamma_multiply(0.5))
                    .border_width(1.0),
            );
        }
        for run in runs {
            if let Some(ceiling) = chart.ceiling {
                let points = run.curves.points(ceiling).filter(|[_, y]| !log || *y > 0.0);
                let points: Vec<[f64; 2]> = points.map(|[x, y]| [x, scale(y)]).collect();
                let line = Line::new(format!("{}: ceiling 1 − π/2", run.curves.name), points);
                plot.line(line.color(run.colour).width(1.0).style(LineStyle::dotted_dense()));
            }
        }
        for line in &traced {
            let drawn = |points: &[[f64; 2]]| -> Vec<[f64; 2]> {
                points.iter().map(|[x, y]| [*x, scale(*y)]).collect()
            };
            if let [one] = line.raw[..] {
                let points = Points::new(line.name.clone(), vec![[one[0], scale(one[1])]]);
                plot.points(points.radius(3.5).color(line.colour));
                continue;
            }
            if look.smoothing > 0.0 {
                let pale = line.colour.gamma_multiply(0.35);
                let raw = Line::new(line.name.clone(), drawn(&line.raw)).id(("raw", &line.name));
                plot.line(raw.color(pale).width(1.0));
            }
            let smooth = Line::new(line.name.clone(), drawn(&line.smooth)).color(line.colour);
            plot.line(smooth.width(1.8).style(style(line.column)));
        }
    });
    let last = |line: &Traced| {
        let [epoch, value] = line.raw.last()?;
        Some(format!("{} {} in epoch {epoch:.0}", line.name, value_words(*value, percent)))
    };
    tell_plot(&shown.response, chart.title, &traced.iter().filter_map(last).collect::<Vec<_>>());
}

/// Round numbers on an axis (1, 2 or 5 times a power of ten), at least `points` apart, so that each has
/// room for its number; `whole` for epochs, which are never between two numbers.
pub fn round_marks(points: f64, whole: bool) -> impl Fn(GridInput) -> Vec<GridMark> {
    move |input| {
        // egui_plot's least distance of two lines is 8 points.
        let least = input.base_step_size * points / 8.0;
        let step = round_step(if whole { least.max(1.0) } else { least });
        marks(input.bounds, step)
    }
}

/// Marks on a logarithmic axis: powers of ten, and between them 2 and 5 where there is room.
fn log_marks(points: f64) -> impl Fn(GridInput) -> Vec<GridMark> {
    move |input| log_marks_within(input.bounds, input.base_step_size * points / 8.0)
}

/// As [`log_marks`], between two logarithms and `least` apart. There are always two at least: where the
/// powers of ten and their parts leave one or none, other round numbers.
fn log_marks_within((low, high): (f64, f64), least: f64) -> Vec<GridMark> {
    if least > 0.3 {
        let decades = marks((low, high), round_step(least.max(1.0)));
        if decades.len() >= 2 {
            return decades;
        }
    }
    let of = |decade: GridMark| [1.0_f64, 2.0, 5.0].map(|n| decade.value + n.log10());
    let parts = marks((low - 1.0, high), 1.0).into_iter().flat_map(of);
    let mut shown: Vec<f64> = Vec::new();
    for at in parts.filter(|at| (low..=high).contains(at)) {
        if shown.last().is_none_or(|last| at - last >= least * 0.999) {
            shown.push(at);
        }
    }
    if shown.len() < 2 {
        let (low, high) = (10_f64.powf(low), 10_f64.powf(high));
        // A fifth leaves two round numbers at least, for the step is at most half of it all.
        let round = marks((low, high), round_step((high - low) / 5.0));
        shown = round.into_iter().map(|mark| mark.value.log10()).filter(|at| at.is_finite()).collect();
    }
    // As a distance, for the numbers of lines that are too near are not shown.
    let step_size = least.max(0.3);
    shown.into_iter().map(|value| GridMark { value, step_size }).collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let ten = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|n| n * ten).find(|step| *step >= least * 0.999).unwrap_or(10.0 * ten)
}

fn marks((low, high): (f64, f64), step: f64) -> Vec<GridMark> {
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(first.is_finite() && last.is_finite()) || last - first > 1000.0 {
        return Vec::new();
    }
    (first as i64..=last as i64).map(|n| GridMark { value: n as f64 * step, step_size: step }).collect()
}

/// Lines of the grid: there, but behind everything.
pub fn grid(ui: &Ui) -> Color32 {
    ui.visuals().weak_text_color().gamma_multiply(0.35)
}

/// A plain number on an axis, for axes that begin and end with round numbers.
pub fn plain_tick(mark: GridMark) -> String {
    tick(mark.value, mark.step_size, false, false)
}

/// A number on the y axis, with as many digits as the distance of the grid lines asks for.
fn tick(value: f64, step: f64, percent: bool, log: bool) -> String {
    if percent {
        return format!("{:.0} %", 100.0 * value);
    }
    if log || (value != 0.0 && value.abs() < 1e-3) {
        return format_number(value, NumberStyle::Plain)
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned();
    }
    let digits = (-step.log10()).ceil().clamp(0.0, 4.0) as usize;
    format!("{value:.digits$}")
}

/// The items of a menu by which a plot is saved.
pub fn save_items(
    ui: &mut Ui,
    open: &OpenProject,
    title: &str,
    id: &str,
    svg: impl Fn() -> Option<String>,
    csv: impl Fn() -> String,
    out: &mut Vec<Command>,
) {
    let path = |ending: &str| -> PathBuf { open.dir.join("plots").join(format!("{id}.{ending}")) };
    let mut ask = |ending: &str, purpose: Purpose| {
        let ask = AskPath::new(format!("Save the plot {title}"), path(ending), purpose);
        out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
    };
    if ui.button("Save as PNG…").on_hover_text("The plot as it is on the screen").clicked() {
        ask("png", Purpose::Picture(id.to_owned()));
        ui.close();
    }
    if ui.button("Save as SVG…").on_hover_text("The whole plot as lines and text, for papers").clicked() {
        if let Some(svg) = svg() {
            ask("svg", Purpose::Text(svg));
        }
        ui.close();
    }
    if ui.button("Save as CSV…").on_hover_text("The numbers behind the plot").clicked() {
        ask("csv", Purpose::Text(csv()));
        ui.close();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{hover_words, log_marks_within, marks, round_step, smoothed};

    #[test]
    fn hovering_says_what_was_measured_and_what_is_smoothed() {
        let raw = [[1.0, 0.8], [2.0, 0.9]];
        let words = |smooth: &[[f64; 2]], epoch| hover_words("a", &raw, smooth, epoch, false);
        assert_eq!(words(&raw, 2.0).unwrap(), "a\nepoch 2: 0.9000");
        assert_eq!(words(&[[1.0, 0.8], [2.0, 0.85]], 2.0).unwrap(), "a\nepoch 2: 0.9000, smoothed 0.8500");
        assert_eq!(words(&raw, 7.0), None);
    }

    #[test]
    fn marks_are_round_numbers_inside_the_axis() {
        assert_eq!([0.013, 0.02, 3.0, 7.0].map(round_step), [0.02, 0.02, 5.0, 10.0]);
        let values: Vec<f64> = marks((0.78, 0.91), 0.05).iter().map(|mark| mark.value).collect();
        assert_eq!(values, [0.8, 0.8500000000000001, 0.9]);
        assert!(marks((0.0, f64::INFINITY), 1.0).is_empty());
    }

    #[test]
    fn a_logarithmic_axis_has_two_marks_at_least() {
        let values = |low: f64, high: f64, least| -> Vec<f64> {
            let marks = log_marks_within((low.log10(), high.log10()), least);
            marks.iter().map(|mark| (10_f64.powf(mark.value) * 1e4).round() / 1e4).collect()
        };
        assert_eq!(values(0.8, 120.0, 0.2), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(values(0.8, 120.0, 0.5), [1.0, 10.0, 100.0]);
        // One power of ten or none: parts of it, and where these are too few, other round numbers.
        assert_eq!(values(0.6, 6.0, 0.35), [1.0, 5.0]);
        assert_eq!(values(0.6, 3.9, 0.35), [1.0, 2.0, 3.0]);
        assert_eq!(values(2.1, 9.9, 0.1), [4.0, 6.0, 8.0]);
        assert_eq!(values(0.305, 0.365, 0.01), [0.32, 0.34, 0.36]);
        for place in 0..200 {
            for width in [0.01, 0.1, 0.4, 0.9, 1.7, 3.0] {
                let low = -3.0 + f64::from(place) * 0.031;
                let marks = log_marks_within((low, low + width), width * 30.0 / 150.0);
                let within = |at: f64| (low - 1e-9..=low + width + 1e-9).contains(&at);
                assert!(
                    marks.len() >= 2 && marks.iter().all(|m| within(m.value)),
                    "{low} {width}: {marks:?}"
                );
            }
        }
        assert!(log_marks_within((0.0, f64::INFINITY), 0.1).is_empty());
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
