//! Scores of a run by label, with a threshold to drag: how many patches it accepts, what to expect of them,
//! and the patches on both sides of the threshold.

use std::sync::Arc;

use eframe::egui;
use egui::{RichText, Slider, Ui};
use egui_plot::{HoverPosition, Line, LineStyle, Plot, PlotPoint, VLine};
use vitrine_core::learning::eval::Share;
use vitrine_core::learning::prior::binormal::BinormalPrior;
use vitrine_core::report::charts::histogram_csv;
use vitrine_core::report::{RunSummary, figures};
use vitrine_core::review::{ENOUGH_JUDGED, QueueKind};
use vitrine_core::workflow::comparison::Comparison;
use vitrine_core::workflow::score_table::{AtThreshold, BINS, Evidence, Goal, LABELS, ScoreTable};

use crate::gui::command::{Command, ExportCommand, QueueCommand, ViewCommand};
use crate::gui::model::OpenProject;
use crate::gui::theme;
use crate::gui::values::{ExportProposal, Kept};
use crate::gui::views::charts::{self, save_items};
use crate::gui::widgets::thumbnail::Thumbnails;
use crate::gui::widgets::{label_mark, patch_strip, strip_length};
use crate::words;

/// Patches shown on each side of the line.
const MAX_EACH: usize = 12;
/// Height of the histogram with its heading, points.
const HEIGHT: f32 = 280.0;

/// What the part remembers.
pub struct State {
    /// The run whose scores are shown.
    pub run: Option<String>,
    /// Lowest score that counts as a particle.
    pub threshold: f64,
    /// Whether training patches are in the histogram too.
    pub all: bool,
    /// What was asked of a threshold last, where none reaches it.
    no_threshold: Option<&'static str>,
    /// What the threshold accepts and promises. A promise takes milliseconds, which no frame has to spare.
    at: Kept<ScoreTable, AtThreshold>,
}

impl Default for State {
    fn default() -> Self {
        Self { run: None, threshold: 0.5, all: false, no_threshold: None, at: Kept::default() }
    }
}

/// Draws the part.
pub fn ui(
    ui: &mut Ui,
    open: &OpenProject,
    comparison: &Arc<Comparison>,
    state: &mut State,
    thumbnails: &mut Thumbnails,
    out: &mut Vec<Command>,
) {
    let scored: Vec<&RunSummary> = comparison
        .runs
        .iter()
        .zip(&comparison.scores)
        .filter(|(_, scores)| scores.is_some())
        .map(|(run, _)| run)
        .collect();
    let chosen = scored.iter().find(|run| state.run.as_ref() == Some(&run.name));
    // The last that is no baseline, as in the report.
    let usual = || scored.iter().rev().find(|run| !run.is_baseline);
    let Some(run) = chosen.or_else(usual).or(scored.last()).copied() else {
        ui.weak(
            "None of these runs has scored the patches. Score them in Train: More, Score all patches with it.",
        );
        return;
    };
    let place = comparison.runs.iter().position(|known| known.name == run.name);
    let table = place.and_then(|place| comparison.scores.get(place)?.as_ref());
    let Some(table) = table else { return };
    let whole = ui.available_width();
    controls(ui, &scored, run, table, state, out);
    ui.add_space(4.0);
    if whole > 820.0 {
        let width = whole - 380.0;
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(width);
                plot(ui, open, run, table, width, state, out);
            });
            ui.vertical(|ui| counts(ui, table, state, out));
        });
    } else {
        plot(ui, open, run, table, whole, state, out);
        counts(ui, table, state, out);
    }
    around(ui, open, table, state.threshold, thumbnails, out);
}

/// Which run, which patches, which threshold, and the way to the export.
fn controls(
    ui: &mut Ui,
    scored: &[&RunSummary],
    run: &RunSummary,
    table: &ScoreTable,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Run");
        egui::ComboBox::from_id_salt("scores of")
            .selected_text(&run.name)
            .show_ui(ui, |ui| {
                for run in scored {
                    ui.selectable_value(&mut state.run, Some(run.name.clone()), &run.name);
                }
            })
            .response
            .labelled_by(label.id);
        ui.selectable_value(&mut state.all, false, "validation patches")
            .on_hover_text("Patches that the run was not trained on.");
        ui.selectable_value(&mut state.all, true, "all patches")
            .on_hover_text("Includes patches that the run was trained on. Their scores are too optimistic.");
        let slider = Slider::new(&mut state.threshold, 0.0..=1.0).fixed_decimals(3).text("Threshold");
        theme::slider(ui, slider).on_hover_text("Or drag the line in the plot.");
        suggest(ui, table, state);
        let export = ui.button("Export from this threshold").on_hover_text(
            "Opens Export with this run and threshold: the patches accepted here, including newly found particles among \
             the unlabeled. Nothing is written yet.",
        );
        if export.clicked() {
            let proposal = ExportProposal { run: run.name.clone(), threshold: state.threshold as f32 };
            out.push(Command::Export(ExportCommand::Propose(proposal)));
        }
    });
}

/// Thresholds for what a person wants.
fn suggest(ui: &mut Ui, table: &ScoreTable, state: &mut State) {
    let menu = |ui: &mut Ui| {
        for (words, goal) in [
            ("Balanced (highest expected F1)", Goal::Balance),
            ("Precision of 90 % or more", Goal::Precision(0.9)),
            ("Precision of 80 % or more", Goal::Precision(0.8)),
            ("Recall of 90 % or more", Goal::Recall(0.9)),
            ("Recall of 80 % or more", Goal::Recall(0.8)),
        ] {
            if ui.button(words).clicked() {
                match table.threshold_for(goal) {
                    Some(threshold) => (state.threshold, state.no_threshold) = (threshold, None),
                    None => state.no_threshold = Some(words),
                }
                ui.close();
            }
        }
    };
    if matches!(table.evidence(), Evidence::Mixtures(_) | Evidence::Sample(_)) {
        ui.menu_button("Suggest…", menu).response.on_hover_text("Thresholds by what you want to reach.");
    }
    if let Some(words) = state.no_threshold {
        ui.colored_label(
            ui.visuals().warn_fg_color,
            format!("{words}: no threshold is expected to reach that."),
        );
    }
}

/// The histogram with its heading and menu.
fn plot(
    ui: &mut Ui,
    open: &OpenProject,
    run: &RunSummary,
    table: &ScoreTable,
    width: f32,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let side = if state.all { "all patches" } else { "validation patches" };
    let title = format!("Scores of {}, {side}", run.name);
    let id = format!("scores_{}{}", run.name, if state.all { "_all" } else { "" });
    let area = egui::Rect::from_min_size(ui.cursor().min, egui::vec2(width, HEIGHT));
    charts::report_place(ui, &id, area);
    ui.horizontal(|ui| {
        ui.strong(&title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            charts::menu(ui, &id, &title, |ui| {
                // What is shown is what is saved.
                let shown = || {
                    let mut shown = if state.all { table.summary_of_all(run) } else { run.clone() };
                    shown.name = format!("{}, {side}", run.name);
                    shown.threshold = Some(state.threshold);
                    shown
                };
                let svg = || figures::score_histograms(&shown()).ok().flatten();
                save_items(ui, open, &title, &id, svg, || histogram_csv(&shown(), BINS), out);
            });
        });
    });
    histogram(ui, table, state, &title, area.bottom() - ui.cursor().min.y);
}

/// The patches on both sides of the threshold.
fn around(
    ui: &mut Ui,
    open: &OpenProject,
    table: &ScoreTable,
    threshold: f64,
    thumbnails: &mut Thumbnails,
    out: &mut Vec<Command>,
) {
    let (above, below) = table.around(threshold, strip_length(ui).clamp(4, MAX_EACH));
    for (title, patches) in [("Barely accepted", above), ("Barely rejected", below)] {
        let patches: Vec<_> = patches.into_iter().map(|patch| (patch, table.score(patch))).collect();
        patch_strip(ui, open, thumbnails, title, &patches, out);
    }
}

/// Share of each label by score, one line each, and the threshold.
fn histogram(ui: &mut Ui, table: &ScoreTable, state: &mut State, title: &str, height: f32) {
    let counts = if state.all { &table.all } else { &table.validation };
    let dark = ui.visuals().dark_mode;
    let line_colour = theme::accent(dark);
    let shown = Plot::new("scores")
        .height(height)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .include_x(0.0)
        .include_x(1.0)
        .include_y(0.0)
        .grid_color(charts::grid(ui))
        .x_axis_formatter(|mark, _| charts::plain_tick(mark))
        .x_grid_spacer(charts::round_marks(80.0, false))
        .y_grid_spacer(charts::round_marks(30.0, false))
        .set_margin_fraction(egui::vec2(0.01, 0.06))
        .x_axis_label(RichText::new("score p").small())
        .y_axis_formatter(|mark, _| charts::percent_tick(mark))
        .label_formatter(|near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                Some(format!("{plot_name}: {:.1} %\nat score {:.2}", 100.0 * position.y, position.x))
            }
            _ => None,
        })
        .show(ui, |plot| {
            for (place, (label, bins)) in LABELS.into_iter().zip(counts).enumerate() {
                let total: usize = bins.iter().sum();
                if total == 0 {
                    continue;
                }
                let mut steps = vec![[0.0, 0.0]];
                for (bin, &count) in bins.iter().enumerate() {
                    let share = count as f64 / total as f64;
                    steps.push([bin as f64 / BINS as f64, share]);
                    steps.push([(bin + 1) as f64 / BINS as f64, share]);
                }
                steps.push([1.0, 0.0]);
                let name = format!("Share of the {} {label}", words::count(total as u64));
                let line = Line::new(name, steps)
                    .color(theme::label(label, dark))
                    .width(1.8)
                    .fill(0.0)
                    .fill_alpha(0.14);
                let style = [LineStyle::Solid, LineStyle::dotted_dense(), LineStyle::dashed_loose()][place];
                plot.line(line.style(style).allow_band(false));
            }
            plot.vline(VLine::new("", state.threshold).color(line_colour).width(2.5).allow_hover(false));
        });
    let response = shown.response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
    let threshold = format!("threshold {:.3}, also set by the field Threshold", state.threshold);
    charts::describe_plot(&response, title, &[threshold]);
    if (response.dragged() || response.clicked())
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let PlotPoint { x, .. } = shown.transform.value_from_position(pointer);
        state.threshold = x.clamp(0.0, 1.0);
    }
}

/// What the threshold accepts, and what to expect.
fn counts(ui: &mut Ui, table: &Arc<ScoreTable>, state: &mut State, out: &mut Vec<Command>) {
    let at = *state.at.get(table, state.threshold, ScoreTable::at);
    egui::Grid::new("at threshold").num_columns(3).striped(true).spacing([18.0, 5.0]).show(ui, |ui| {
        ui.strong("All patches");
        ui.strong("accepted");
        ui.strong("rejected");
        ui.end_row();
        for label in LABELS {
            ui.horizontal(|ui| {
                label_mark(ui, label);
                ui.label(label.as_str());
            });
            ui.monospace(words::count(at.accepted.get(label)));
            ui.monospace(words::count(at.rejected.get(label)));
            ui.end_row();
        }
    });
    ui.add_space(6.0);
    let untold = |ui: &mut Ui, words: &str, out: &mut Vec<Command>| {
        ui.add(egui::Label::new(RichText::new(words).color(ui.visuals().warn_fg_color)).wrap());
        let button = ui.button(format!("Check {ENOUGH_JUDGED} random patches"));
        if button.on_hover_text("Opens a queue of random unlabeled patches. Label each one.").clicked() {
            let enter = QueueCommand::Enter(QueueKind::RandomSample);
            out.push(Command::View(ViewCommand::Queue(enter)));
        }
    };
    if let Evidence::Untold(low, high) = table.evidence() {
        let words = format!(
            "Precision and recall cannot be estimated: from these labels, π may lie anywhere between \
             {low:.2} and {high:.2}. A labelled random sample settles it."
        );
        untold(ui, &words, out);
        return;
    }
    let Some(promise) = at.promise else {
        ui.weak("No estimate: the validation set has fewer than ten positives or ten unlabeled patches.");
        return;
    };
    egui::Grid::new("expected").num_columns(2).spacing([18.0, 5.0]).show(ui, |ui| {
        let mut row = |what: &str, value: String, meaning: &str| {
            ui.label(what).on_hover_text(meaning);
            ui.label(RichText::new(value).strong());
            ui.end_row();
        };
        row(
            "Precision among the unlabeled",
            promise.precision.map_or("–".to_owned(), words::share_interval),
            "Fraction of the accepted unlabeled patches that are particles: estimate and 90 % interval. The interval \
             holds the uncertainty of π, of the scores, and of how much clearer the picks are than the other particles.",
        );
        row(
            "Recall of the unlabeled particles",
            words::share_interval(promise.recall),
            "Fraction of the particles among the unlabeled that is accepted: estimate and 90 % interval.",
        );
        row(
            "Recall of the known positives",
            at.known_recall.map_or("–".to_owned(), words::percent),
            "Fraction of the validation positives at or above the threshold. The particles that nobody picked are \
             often fainter.",
        );
        row(
            "Unlabeled accepted",
            at.unlabeled_rate.map_or("–".to_owned(), words::percent),
            "Fraction of the unlabeled validation patches at or above the threshold.",
        );
        if let Evidence::Mixtures(mixtures) = table.evidence() {
            let BinormalPrior { estimate, low, high } = mixtures.prior;
            row(
                "Particles among the unlabeled (π)",
                words::share_interval(Share { value: estimate, low, high }),
                "By the scores of the validation set, and by your random sample if you have labelled one: estimate and \
                 90 % interval.",
            );
        }
    });
    match table.evidence() {
        Evidence::Sample(sample) => {
            let words = format!("By the {} judged patches of the random sample.", sample.len());
            ui.add(egui::Label::new(RichText::new(words).small().weak()).wrap());
        }
        _ if promise.tells() => {}
        _ => untold(
            ui,
            "What this threshold accepts cannot be estimated from these labels. A labelled \
                         random sample settles it.",
            out,
        ),
    }
}
