//! Compare: runs side by side. Numbers with the baseline marked, what differs in their configurations,
//! curves, scores at a threshold, and the patches two runs disagree on.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui;
use egui::{RichText, ScrollArea, Ui};
use egui_plot::{HoverPosition, Line, LineStyle, Plot};
use vitrine_core::learning::eval::metrics::CurvePoint;
use vitrine_core::report::charts::{CHARTS, curve_csv};
use vitrine_core::report::tables::{ComparisonRow, ConfigDifference, above_ceiling};
use vitrine_core::report::{Against, Curves, RunSummary, figures};
use vitrine_core::workflow::comparison::{Comparison, Gain};

use super::charts::{self, Drawn, Look, colour_of, save_items};
use super::compare_scores;
use crate::gui::command::{Command, CompareCommand, TrainCommand};
use crate::gui::model::{Compared, Model, OpenProject};
use crate::gui::theme;
use crate::gui::widgets::thumbnail::Thumbnails;
use crate::gui::widgets::{command_button_as, empty};

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// Runs left out; all others with a complete epoch are compared.
    pub left_out: BTreeSet<String>,
    /// Whether the AUC is drawn on a logarithmic scale.
    log: bool,
    /// Scores and threshold.
    pub scores: compare_scores::State,
    /// The two runs whose disagreement is shown.
    pub pair: Option<[String; 2]>,
    thumbnails: Thumbnails,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.thumbnails = Thumbnails::default();
    }
}

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let trained: Vec<String> =
        open.runs.iter().filter(|run| run.best_epoch.is_some()).map(|run| run.name.clone()).collect();
    if trained.is_empty() {
        let now = model.live.as_ref().filter(|live| live.is_running());
        let (words, button) = match now {
            Some(live) => {
                (format!("{} is training; it is measured here when it has ended.", live.name), "Go to the training")
            }
            None => (
                "Train one first; best with its baseline. Runs on the same split are measured on the same patches."
                    .to_owned(),
                "Train a run",
            ),
        };
        empty(ui, "No run to compare", &words);
        ui.add_space(8.0);
        ui.vertical_centered(|ui| command_button_as(ui, model, "view.train", button, out));
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak("Compare");
        for name in &trained {
            let mut on = !state.left_out.contains(name);
            ui.scope(|ui| {
                ui.spacing_mut().item_spacing.x = 3.0;
                swatch(ui, open, name);
                if ui.checkbox(&mut on, name).changed() {
                    if on {
                        state.left_out.remove(name)
                    } else {
                        state.left_out.insert(name.clone())
                    };
                }
            });
        }
    });
    let wanted: Vec<String> = trained.into_iter().filter(|name| !state.left_out.contains(name)).collect();
    if wanted.is_empty() {
        ui.add_space(20.0);
        ui.weak("Tick a run above.");
        return;
    }
    let analysis = &model.analysis;
    let there = analysis.compared.as_ref().is_some_and(|compared| compared.names == wanted);
    if !there && analysis.comparing.as_ref() != Some(&wanted) {
        out.push(Command::Compare(CompareCommand::Read(wanted.clone())));
    }
    ui.separator();
    let Some(compared) = &analysis.compared else {
        if let Some(why) = &analysis.not_compared {
            return not_compared(ui, why, &wanted, out);
        }
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label("Measuring the runs");
        });
        return;
    };
    let stale = !there;
    if stale && let Some(why) = &analysis.not_compared {
        not_compared(ui, why, &wanted, out);
    } else if stale {
        ui.horizontal(|ui| {
            ui.spinner();
            let words = format!(
                "Measuring {}; below is still what was measured of {}.",
                wanted.join(", "),
                compared.names.join(", ")
            );
            ui.add(egui::Label::new(words).wrap());
        });
    } else if compared.journal != open.journal {
        ui.horizontal(|ui| {
            ui.colored_label(ui.visuals().warn_fg_color, "Labels have changed since this was measured.");
            if ui.button("Measure again").clicked() {
                out.push(Command::Compare(CompareCommand::Read(wanted)));
            }
        });
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if stale {
            ui.set_opacity(0.45);
        }
        let comparison = &compared.comparison;
        warnings(ui, &comparison.runs);
        gains(ui, &comparison.gains);
        if ui.available_width() > 1100.0 && comparison.runs.len() == 2 {
            ui.horizontal_top(|ui| {
                let half = ui.available_width() / 2.0 - 12.0;
                ui.vertical(|ui| {
                    ui.set_width(half);
                    numbers(ui, open, comparison, "Numbers");
                });
                ui.vertical(|ui| {
                    ui.set_width(half);
                    configs(ui, open, comparison);
                });
            });
        } else {
            numbers(ui, open, comparison, "Numbers");
            configs(ui, open, comparison);
        }
        curves(ui, model, open, compared, state, out);
        heading(ui, "Scores at a threshold");
        compare_scores::ui(ui, open, comparison, &mut state.scores, &mut state.thumbnails, out);
        disagreement(ui, model, open, comparison, state, out);
        ui.add_space(16.0);
    });
}

/// Why runs could not be put side by side, and a way to try again.
pub(super) fn not_compared(ui: &mut Ui, why: &str, names: &[String], out: &mut Vec<Command>) {
    let text = format!("{}.", crate::words::capitalised(why).trim_end_matches('.'));
    ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    if ui.button("Measure the runs").clicked() {
        out.push(Command::Compare(CompareCommand::Read(names.to_vec())));
    }
}

/// A heading of this view.
pub(super) fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(14.0);
    ui.label(RichText::new(text).size(16.0).strong());
    ui.add_space(2.0);
}

/// A heading above a table that can be copied as text: tabs between columns, as notebooks and
/// spreadsheets take it.
fn heading_with_copy(ui: &mut Ui, title: &str, text: impl FnOnce() -> String) {
    ui.add_space(14.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).size(16.0).strong());
        let copy = ui.small_button("Copy").on_hover_text(format!("Copy the table as text: {title}"));
        copy.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Copy: {title}")));
        if copy.clicked() {
            ui.ctx().copy_text(text());
        }
    });
    ui.add_space(2.0);
}

/// A table as text: the names of the runs, then one line a row.
fn table_text(
    comparison: &Comparison,
    first: &str,
    rows: impl Iterator<Item = (String, Vec<String>)>,
) -> String {
    let names = comparison.runs.iter().map(|run| run.name.as_str());
    let mut text = std::iter::once(first).chain(names).collect::<Vec<_>>().join("\t") + "\n";
    for (name, values) in rows {
        text += &format!("{name}\t{}\n", values.join("\t"));
    }
    text
}

fn numbers_text(comparison: &Comparison) -> String {
    let runs = 0..comparison.runs.len();
    let rows = comparison.rows.iter();
    let row = |row: &ComparisonRow| (row.label.clone(), runs.clone().map(|run| row.shown(run)).collect());
    table_text(comparison, "Measured", rows.map(row))
}

fn configs_text(comparison: &Comparison) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let rows = comparison.config.iter();
    let row = |row: &ConfigDifference| (row.key.clone(), row.values.iter().map(shown).collect());
    table_text(comparison, "Setting", rows.map(row))
}

/// The colour of a run.
pub(super) fn swatch(ui: &mut Ui, open: &OpenProject, name: &str) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 18.0), egui::Sense::hover());
    ui.painter().rect_filled(
        rect.shrink2(egui::vec2(0.0, 6.5)),
        2.0,
        colour_of(open, name, ui.visuals().dark_mode),
    );
}

/// Names of the runs above the columns of a table.
fn names(ui: &mut Ui, open: &OpenProject, comparison: &Comparison, first: &str) {
    ui.strong(first);
    for run in &comparison.runs {
        ui.horizontal(|ui| {
            swatch(ui, open, &run.name);
            ui.strong(&run.name);
            if run.is_baseline {
                ui.weak("baseline").on_hover_text("A plain classifier: the others are measured against it.");
            }
        });
    }
    ui.end_row();
}

fn gains(ui: &mut Ui, gains: &[Gain]) {
    for gain in gains {
        heading(ui, &format!("What relabelling has gained: {} after {}", gain.after, gain.before));
        let counted = crate::words::patches(gain.relabelled);
        ui.weak(format!(
            "{counted} had another label at the beginning of the second run. Both are measured with the labels of now, on \
             the same validation patches."
        ));
        if let Some(problem) = &gain.problem {
            ui.colored_label(ui.visuals().warn_fg_color, format!("Not measured: {problem}."));
            continue;
        }
        egui::Grid::new(("gain", &gain.after)).num_columns(4).striped(true).show(ui, |ui| {
            for word in ["", "before", "after", "gain"] {
                ui.strong(word);
            }
            ui.end_row();
            for (what, before, after) in &gain.rows {
                ui.label(*what);
                ui.label(format!("{before:.3}"));
                ui.label(format!("{after:.3}"));
                let difference = after - before;
                let text = format!("{difference:+.3}").replace('-', "−");
                let dark = ui.visuals().dark_mode;
                let colour = if difference >= 0.0 {
                    theme::label(vitrine_core::Label::Positive, dark)
                } else {
                    ui.visuals().warn_fg_color
                };
                ui.colored_label(colour, text);
                ui.end_row();
            }
        });
    }
}

/// What is to be said of runs: each sentence once, behind the runs it is about.
fn warnings(ui: &mut Ui, runs: &[RunSummary]) {
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for run in runs {
        for warning in &run.warnings {
            match said.iter_mut().find(|(known, _)| *known == warning.as_str()) {
                Some((_, names)) => names.push(&run.name),
                None => said.push((warning, vec![&run.name])),
            }
        }
    }
    for (warning, names) in said {
        let text = RichText::new(format!("{}: {warning}", names.join(", ")));
        ui.add(egui::Label::new(text.color(ui.visuals().warn_fg_color)).wrap());
    }
}

/// The measures of runs side by side.
pub(super) fn numbers(ui: &mut Ui, open: &OpenProject, comparison: &Comparison, title: &str) {
    heading_with_copy(ui, title, || numbers_text(comparison));
    ScrollArea::horizontal().id_salt("numbers").show(ui, |ui| {
        egui::Grid::new("numbers").striped(true).spacing([22.0, 5.0]).show(ui, |ui| {
            names(ui, open, comparison, "Measured");
            for row in &comparison.rows {
                ui.label(&row.label).on_hover_text(&row.meaning);
                for run in 0..comparison.runs.len() {
                    ui.horizontal(|ui| {
                        let mut value = RichText::new(row.shown(run)).monospace();
                        if row.best.get(run).copied().unwrap_or(false) {
                            value = value
                                .strong()
                                .color(theme::label(vitrine_core::Label::Positive, ui.visuals().dark_mode));
                        }
                        ui.label(value);
                        if let Some(difference) = row.shown_difference(run) {
                            ui.label(RichText::new(difference).monospace().weak().small());
                        }
                    });
                }
                ui.end_row();
            }
        });
    });
    if let Some(sentence) = above_ceiling(&comparison.runs) {
        let colour = ui.visuals().warn_fg_color;
        ui.add(egui::Label::new(RichText::new(sentence).color(colour)).wrap());
    }
    ui.add(egui::Label::new(
        RichText::new(
            "Green is the best of a row, small the difference to the baseline. Validation against unlabeled is no truth: \
             it has a ceiling, and where picks are no random sample it also rewards telling labelled from unlabeled \
             particles. Known negatives, or the patches themselves below, decide.",
        )
        .small()
        .weak(),
    ).wrap());
}

fn configs(ui: &mut Ui, open: &OpenProject, comparison: &Comparison) {
    if comparison.runs.len() < 2 {
        return;
    }
    if comparison.config.is_empty() {
        heading(ui, "What differs in their configurations");
        ui.weak("Nothing.");
        return;
    }
    heading_with_copy(ui, "What differs in their configurations", || configs_text(comparison));
    ScrollArea::horizontal().id_salt("configs").show(ui, |ui| {
        egui::Grid::new("configs").striped(true).spacing([22.0, 5.0]).show(ui, |ui| {
            names(ui, open, comparison, "Setting");
            for difference in &comparison.config {
                let field =
                    vitrine_core::learning::config::fields::fields().find(|f| f.key == difference.key);
                ui.label(&difference.key).on_hover_text(field.map_or("", |field| field.sentence));
                for value in &difference.values {
                    ui.monospace(value.as_deref().unwrap_or("–"));
                }
                ui.end_row();
            }
        });
    });
}

fn curves(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    compared: &Compared,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    heading(ui, "Curves");
    let comparison = &compared.comparison;
    let known = &model.analysis.curves;
    let reading = &model.analysis.reading;
    let missing: Vec<String> = compared
        .names
        .iter()
        .filter(|name| !known.contains_key(*name) && !reading.contains(name))
        .cloned()
        .collect();
    if !missing.is_empty() {
        out.push(Command::Train(TrainCommand::ReadCurves(missing)));
    }
    let drawn: Vec<Drawn> = compared
        .names
        .iter()
        .filter_map(|name| {
            Some(Drawn {
                curves: known.get(name)?.clone(),
                colour: colour_of(open, name, ui.visuals().dark_mode),
            })
        })
        .collect();
    let gap = 16.0;
    let columns = if ui.available_width() > 1000.0 { 3.0 } else { 1.0 };
    let width = (ui.available_width() - gap * (columns - 1.0) - 4.0) / columns;
    let mut cells = |ui: &mut Ui| {
        let cell = |ui: &mut Ui, contents: &mut dyn FnMut(&mut Ui)| {
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.x = 8.0;
                contents(ui);
            });
        };
        if let Some(chart) = CHARTS.first() {
            cell(ui, &mut |ui| {
                let mut look = Look { smoothing: 0.0, log: state.log, height: 290.0 };
                charts::chart(ui, open, chart, &drawn, &mut look, out);
                state.log = look.log;
            });
        }
        cell(ui, &mut |ui| {
            curve(ui, open, comparison, "ROC", "roc", ["share accepted", "recall"], |c| &c.roc, out)
        });
        cell(ui, &mut |ui| {
            let axes = ["recall", "precision"];
            curve(
                ui,
                open,
                comparison,
                "Precision and recall",
                "precision_recall",
                axes,
                |c| &c.precision_recall,
                out,
            );
        });
    };
    if columns > 1.0 {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            cells(ui);
        });
    } else {
        cells(ui);
    }
}

/// ROC or precision over recall, of all runs.
#[expect(clippy::too_many_arguments, reason = "two plots of one kind")]
fn curve(
    ui: &mut Ui,
    open: &OpenProject,
    comparison: &Arc<Comparison>,
    title: &str,
    id: &'static str,
    axes: [&'static str; 2],
    points: fn(&Curves) -> &[CurvePoint],
    out: &mut Vec<Command>,
) {
    let height = 290.0;
    let top = ui.cursor().min;
    charts::tell_place(ui, id, egui::Rect::from_min_size(top, egui::vec2(ui.available_width(), height)));
    let runs = &comparison.runs;
    let has = |against: Against| runs.iter().any(|run| run.curves.iter().any(|c| c.against == against));
    // Known negatives say more than unlabeled, where there are any.
    let against = if has(Against::Negative) { Against::Negative } else { Against::Unlabeled };
    ui.horizontal(|ui| {
        ui.strong(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            charts::menu(ui, id, title, |ui| {
                charts::zoom_items(ui, id);
                ui.separator();
                let svg = || match id {
                    "roc" => figures::roc(runs, against).ok().flatten(),
                    _ => figures::precision_recall(runs, against).ok().flatten(),
                };
                save_items(ui, open, title, id, svg, || curve_csv(runs, axes.map(|a| a), points), out);
            });
            let words = format!("validation, positives against {}", against.as_str());
            charts::small(ui, &words).on_hover_text(match against {
                Against::Unlabeled => "Particles are among the unlabeled, so no curve can be perfect.",
                Against::Negative => "Patches somebody has labelled.",
            });
        });
    });
    let rest = height - (ui.cursor().min.y - top.y);
    let dark = ui.visuals().dark_mode;
    let plot = Plot::new(("curve", id))
        .height(rest)
        .allow_scroll(false)
        .include_x(0.0)
        .include_x(1.0)
        .include_y(0.0)
        .include_y(1.0)
        .grid_color(charts::grid(ui))
        .x_axis_formatter(|mark, _| charts::plain_tick(mark))
        .y_axis_formatter(|mark, _| charts::plain_tick(mark))
        .x_grid_spacer(charts::round_marks(80.0, false))
        .y_grid_spacer(charts::round_marks(30.0, false))
        .set_margin_fraction(egui::vec2(0.02, 0.02))
        .x_axis_label(RichText::new(axes[0]).small())
        .y_axis_label(RichText::new(axes[1]).small())
        .label_formatter(move |near: &HoverPosition<'_>| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } if !plot_name.is_empty() => {
                Some(format!("{plot_name}\n{} {:.3}\n{} {:.3}", axes[0], position.x, axes[1], position.y))
            }
            _ => None,
        });
    let mut told = Vec::new();
    let shown = charts::reset_if_asked(ui, plot, id).show(ui, |plot| {
        if id == "roc" {
            let chance = Line::new("", vec![[0.0, 0.0], [1.0, 1.0]]).allow_hover(false);
            plot.line(chance.color(egui::Color32::GRAY).width(1.0).style(LineStyle::dotted_dense()));
        }
        for run in runs {
            let Some(curve) = run.curves.iter().find(|c| c.against == against) else { continue };
            let area = if id == "roc" { curve.auc } else { curve.average_precision };
            let word = if id == "roc" { "AUC" } else { "average precision" };
            let line: Vec<[f64; 2]> = points(curve).iter().map(|p| [p.x, p.y]).collect();
            let name = format!("{}, {word} {area:.3}", run.name);
            told.push(name.clone());
            let line = Line::new(name, line).color(colour_of(open, &run.name, dark)).width(1.8);
            let line = line.allow_band(false);
            plot.line(if run.is_baseline { line.style(LineStyle::dashed_loose()) } else { line });
        }
    });
    charts::tell_plot(&shown.response, &format!("{title}, against {}", against.as_str()), &told);
}

fn disagreement(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    comparison: &Comparison,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    let scored: Vec<&str> = comparison
        .runs
        .iter()
        .zip(&comparison.scores)
        .filter(|(_, scores)| scores.is_some())
        .map(|(run, _)| run.name.as_str())
        .collect();
    let [first, .., last] = scored[..] else { return };
    heading(ui, "Where two runs disagree most");
    let valid = |pair: &[String; 2]| pair.iter().all(|name| scored.contains(&name.as_str()));
    let mut pair = state.pair.clone().filter(valid).unwrap_or_else(|| [first.to_owned(), last.to_owned()]);
    ui.horizontal(|ui| {
        for (place, word) in ["Between", "and"].into_iter().enumerate() {
            let label = ui.label(word);
            egui::ComboBox::from_id_salt(("pair", place))
                .selected_text(pair[place].clone())
                .show_ui(ui, |ui| {
                    for name in &scored {
                        ui.selectable_value(&mut pair[place], (*name).to_owned(), *name);
                    }
                })
                .response
                .labelled_by(label.id);
        }
        ui.weak("by rank; a click shows the patch in the gallery");
    });
    state.pair = Some(pair.clone());
    if pair[0] == pair[1] {
        ui.weak("Choose two different runs.");
        return;
    }
    match &model.analysis.disagreements {
        Some(found) if found.runs == pair => {
            ui.horizontal_wrapped(|ui| {
                for patch in &found.patches {
                    let words = format!("{:.2} | {:.2}", patch.scores[0], patch.scores[1]);
                    let response = state.thumbnails.show(ui, open, patch.patch, 84.0, &words);
                    let response = response.on_hover_text(format!(
                        "Patch {}\n{}: score {:.3}, above {:.0} % of the patches\n{}: score {:.3}, above {:.0} %",
                        patch.patch,
                        pair[0],
                        patch.scores[0],
                        100.0 * patch.ranks[0],
                        pair[1],
                        patch.scores[1],
                        100.0 * patch.ranks[1],
                    ));
                    if response.clicked() {
                        compare_scores::show_in_gallery(patch.patch, out);
                    }
                }
            });
        }
        _ => {
            if !model.jobs.iter().any(|job| job.title == "Looking for disagreement") {
                out.push(Command::Compare(CompareCommand::Disagree(pair)));
            }
            ui.spinner();
        }
    }
}
