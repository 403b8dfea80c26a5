//! A chart over epochs, and the menu by which any plot is saved.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use egui::{Color32, RichText, Ui};
use egui_plot::{Axis, GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, Points, Span};
use vitrine_core::report::charts::Chart;
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
    /// The plot that is to be on the screen as a whole.
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

/// A word beside a heading, cut where there is no room for it.
pub fn small(ui: &mut Ui, words: &str) -> egui::Response {
    ui.add(egui::Label::new(RichText::new(words).small().weak()).truncate())
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
            ui.menu_button("More", |ui| {
                ui.checkbox(&mut look.log, "Logarithmic scale");
                ui.separator();
                let summaries = || runs.iter().map(|run| run.curves.summary()).collect::<Vec<_>>();
                let svg = || chart.svg(&summaries()).ok().flatten();
                save_items(ui, open, chart.title, chart.id, svg, || chart.csv(&summaries()), out);
            })
            .response
            .on_hover_text(format!("Scale and saving: {}", chart.title));
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
        .label_formatter(move |near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                Some(format!(
                    "{plot_name}\nepoch {:.0}: {}",
                    position.x,
                    if percent {
                        format!("{:.1} %", 100.0 * unscale(position.y))
                    } else {
                        format_number(unscale(position.y), NumberStyle::Plain)
                    }
                ))
            }
            _ => None,
        });
    plot =
        if log { plot.y_grid_spacer(log_marks(30.0)) } else { plot.y_grid_spacer(round_marks(30.0, false)) };
    if let (Some((low, high)), false) = (chart.range, log) {
        plot = plot.include_y(low).include_y(high);
    }
    let dark = ui.visuals().dark_mode;
    let band = theme::GREEN.gamma_multiply(if dark { 0.16 } else { 0.12 });
    plot.show(ui, |plot| {
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
            let points = |key: &str| -> Vec<[f64; 2]> {
                run.curves.points(key).filter(|[_, y]| !log || *y > 0.0).map(|[x, y]| [x, scale(y)]).collect()
            };
            let name = &run.curves.name;
            if let Some(ceiling) = chart.ceiling {
                let line = Line::new(format!("{name}: ceiling 1 − π/2"), points(ceiling));
                plot.line(line.color(run.colour).width(1.0).style(LineStyle::dotted_dense()));
            }
            for (column, (key, words)) in &shown {
                let raw = points(key);
                let named = format!("{name}: {words}");
                if raw.len() == 1 {
                    plot.points(Points::new(named, raw).radius(3.5).color(run.colour));
                    continue;
                }
                if look.smoothing > 0.0 {
                    let pale = run.colour.gamma_multiply(0.35);
                    plot.line(Line::new("", raw.clone()).color(pale).width(1.0).allow_hover(false));
                }
                let line = Line::new(named, smoothed(raw, look.smoothing)).color(run.colour);
                plot.line(line.width(1.8).style(style(*column)));
            }
        }
    });
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
    move |input| {
        let least = input.base_step_size * points / 8.0;
        if least > 0.3 {
            return marks(input.bounds, round_step(least.max(1.0)));
        }
        let decades = marks((input.bounds.0 - 1.0, input.bounds.1), 1.0);
        let of = |decade: &GridMark| {
            let at = decade.value;
            [1.0_f64, 2.0, 5.0].map(|n| GridMark { value: at + n.log10(), step_size: 0.3 })
        };
        decades.iter().flat_map(of).filter(|mark| mark.value >= input.bounds.0).collect()
    }
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
        out.push(Command::Save(SaveCommand::Ask(Box::new(AskPath {
            title: format!("Save the plot {title}"),
            path: path(ending),
            purpose,
        }))));
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
mod tests {
    use super::{marks, round_step, smoothed};

    #[test]
    fn marks_are_round_numbers_inside_the_axis() {
        assert_eq!([0.013, 0.02, 3.0, 7.0].map(round_step), [0.02, 0.02, 5.0, 10.0]);
        let values: Vec<f64> = marks((0.78, 0.91), 0.05).iter().map(|mark| mark.value).collect();
        assert_eq!(values, [0.8, 0.8500000000000001, 0.9]);
        assert!(marks((0.0, f64::INFINITY), 1.0).is_empty());
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
