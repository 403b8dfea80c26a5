//! Diagnosis: what is wrong with data, configuration or a run, why, what to do, and the corrected
//! configuration.

use eframe::egui;
use egui::{CollapsingHeader, Color32, RichText, ScrollArea, Ui};
use egui_plot::{Line, Plot, Points};
use vitrine_core::diagnosis::{Depth, Finding, Report, Section, Series, Severity};
use vitrine_core::learning::config::RunConfig;
use vitrine_core::report::charts::points_csv;
use vitrine_core::report::figures;
use vitrine_core::report::metrics::{NumberStyle, format_number};

use super::{charts, compare};
use crate::gui::command::{Command, CompareCommand, DraftCommand, SelectCommand, TrainCommand, ViewCommand};
use crate::gui::drafts::DiagnosisDraft;
use crate::gui::jobs::JobKind;
use crate::gui::model::{Correction, Model, OpenProject};
use crate::gui::theme;
use crate::gui::values::{Before, DiagnoseStart, Load, Tab, TrainStart};
use crate::gui::widgets::thumbnail::{Thumbnails, show_in_gallery};
use crate::gui::widgets::{Fold, busy, edited, empty};
use crate::words;

/// What the view remembers.
pub type State = Thumbnails;

/// Patches shown with a finding.
const MAX_PATCHES: usize = 8;

/// Draws the view.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let change = |draft| Command::Draft(DraftCommand::Diagnosis(draft));
    edited(&model.drafts.diagnosis, out, change, |draft, out| ask(ui, model, open, draft, out));
    ui.separator();
    let Some(report) = &model.analysis.report else {
        if !model.jobs.iter().any(|job| job.kind == JobKind::Diagnose) {
            empty(
                ui,
                "Not examined yet",
                "An examination checks pixels, labels, split, class prior and configuration, trains small classifiers to see what \
                 can be learned, and says what to change. Quick takes seconds, Standard takes minutes.",
            );
        }
        return;
    };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let colour = if report.healthy {
            theme::label(vitrine_core::Label::Positive, ui.visuals().dark_mode)
        } else {
            ui.visuals().warn_fg_color
        };
        ui.label(RichText::new(&report.verdict).size(16.0).color(colour));
        let of = if report.patches < report.total {
            format!(" of {}", words::count(report.total as u64))
        } else {
            String::new()
        };
        ui.weak(format!(
            "{} with {}{of} patches on {}, {:.0} s",
            report.config_name,
            words::count(report.patches as u64),
            report.device,
            report.seconds
        ));
        corrected(ui, model, report, out);
        before_and_after(ui, model, open, out);
        for (place, finding) in report.findings.iter().enumerate() {
            self::finding(ui, model, open, place, finding, state, out);
        }
        ui.add_space(10.0);
        ui.strong("Checks");
        for section in &report.sections {
            self::section(ui, model, open, section, out);
        }
        ui.add_space(16.0);
    });
}

/// What to examine, and the button.
fn ask(ui: &mut Ui, model: &Model, open: &OpenProject, draft: &mut DiagnosisDraft, out: &mut Vec<Command>) {
    let train = &model.drafts.train;
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Examine");
        let form = format!("the configuration in Train ({})", train.run_base());
        if draft.run.as_ref().is_some_and(|name| !open.runs.iter().any(|run| run.name == *name)) {
            draft.run = None;
        }
        let shown = draft.run.as_ref().map_or(form.clone(), |run| format!("the run {run}"));
        egui::ComboBox::from_id_salt("examined")
            .selected_text(shown)
            .width(300.0)
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut draft.run, None, form);
                for run in open.runs.iter().rev() {
                    ui.selectable_value(
                        &mut draft.run,
                        Some(run.name.clone()),
                        format!("the run {}", run.name),
                    );
                }
            })
            .response
            .labelled_by(label.id);
        for (depth, word, meaning) in [
            (Depth::Quick, "Quick", "Only checks without training. Seconds."),
            (Depth::Standard, "Standard", "With short trainings. Some minutes."),
            (
                Depth::Sweeps,
                "Thorough",
                "Also tries several π, τ and learning rates, with a short training each. Longer.",
            ),
        ] {
            ui.selectable_value(&mut draft.depth, depth, word).on_hover_text(meaning);
        }
        let at_work = model.jobs.iter().find(|job| job.kind == JobKind::Diagnose);
        let why = if at_work.is_some() {
            Some("An examination is running.".to_owned())
        } else if draft.run.is_none() {
            train.problem()
        } else {
            None
        };
        let button = ui.add_enabled(why.is_none(), egui::Button::new(RichText::new("Examine now").strong()));
        if button.clicked() {
            out.push(Command::Diagnose(Box::new(DiagnoseStart {
                config: draft.run.is_none().then(|| train.config.clone()),
                config_name: train.run_base(),
                run: draft.run.clone(),
                depth: draft.depth,
                device: train.device,
            })));
        }
        if let Some(why) = why {
            button.on_disabled_hover_text(why);
        }
        if let Some(job) = at_work {
            busy(ui);
            if let Some(step) = &job.step {
                ui.label(format!("{}, {} %", step.phase, step.done * 100 / step.total.max(1)));
            }
        }
    });
}

/// The corrected configuration: what changes, and the way to train it.
fn corrected(ui: &mut Ui, model: &Model, report: &Report, out: &mut Vec<Command>) {
    let Some(config) = &report.corrected else { return };
    ui.add_space(8.0);
    egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.strong("The corrected configuration");
        egui::Grid::new("corrected").num_columns(4).spacing([18.0, 4.0]).striped(true).show(ui, |ui| {
            let mut told = None;
            for (finding, change) in vitrine_core::diagnosis::prescription::changes(&report.findings) {
                ui.monospace(&change.key);
                ui.monospace(value(&change.from));
                ui.monospace(format!("to {}", value(&change.to)));
                // A finding that changes several keys gives its reason once.
                if told.replace(finding.kind) != Some(finding.kind) {
                    ui.weak(&finding.what);
                }
                ui.end_row();
            }
        });
        let name =
            format!("{}_corrected", report.run.as_deref().unwrap_or(&report.config_name).replace(' ', "_"));
        ui.horizontal(|ui| {
            let allowed = model.allows(crate::gui::command_table::Needs::NoTraining);
            let button = ui
                .add_enabled(allowed.is_ok(), egui::Button::new("Apply and train"))
                .on_hover_text("When the run has finished, the numbers before and after are shown here.");
            if button.clicked() {
                let start = |base_name: &str, config: &RunConfig| {
                    Box::new(TrainStart {
                        name: None,
                        base_name: vitrine_core::learning::config::yaml::stem(base_name),
                        config: config.clone(),
                        device: model.drafts.train.device,
                    })
                };
                // What was examined, not what stands in the form by now.
                let before = match &report.run {
                    Some(run) => Before::Run(run.clone()),
                    None => Before::Train(start(&report.config_name, &report.config)),
                };
                let start = start(&name, config);
                out.push(Command::Train(TrainCommand::StartCorrected { start, before }));
            }
            if let Err(why) = allowed {
                button.on_disabled_hover_text(why);
            }
            if ui.button("Copy to the Train form").on_hover_text("Look at it in Train first.").clicked() {
                let base_name = vitrine_core::learning::config::yaml::stem(&name);
                out.push(Command::Train(TrainCommand::Take { base_name, config: Box::new(config.clone()) }));
            }
            if report.run.is_none() {
                ui.weak("The original configuration is trained afterwards, for comparison.");
            }
        });
    });
}

/// The corrected run against the one before it.
fn before_and_after(ui: &mut Ui, model: &Model, open: &OpenProject, out: &mut Vec<Command>) {
    let Some(Correction { before, after }) = &model.analysis.correction else { return };
    let at_work = model.live.as_ref().filter(|live| live.is_running()).map(|live| live.name.as_str());
    let ended = |name: &String| {
        at_work != Some(name) && open.runs.iter().any(|run| run.name == *name && run.best_epoch.is_some())
    };
    ui.add_space(8.0);
    egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        if !ended(before) || !ended(after) {
            ui.horizontal(|ui| {
                ui.strong("Before and after");
                match at_work {
                    Some(name) => {
                        busy(ui);
                        ui.label(format!("{name} is training."));
                        if ui.button("Watch it").clicked() {
                            out.push(Command::View(ViewCommand::Tab(Tab::Train)));
                        }
                    }
                    None => {
                        let missing: Vec<&str> =
                            [before, after].into_iter().filter(|n| !ended(n)).map(String::as_str).collect();
                        ui.label(format!("{} has no complete epoch.", missing.join(" and ")));
                    }
                }
            });
            return;
        }
        let names = vec![before.clone(), after.clone()];
        match model.analysis.comparison.of(&names) {
            Load::Ready(compared) => {
                compare::numbers(ui, open, &compared.comparison, "Before and after");
                if ui.button("Compare in full").clicked() {
                    out.push(Command::View(ViewCommand::Tab(Tab::Compare)));
                }
                return;
            }
            Load::Failed(why) => return compare::not_compared(ui, &why, &names, out),
            Load::NotAsked => out.push(Command::Compare(CompareCommand::Read(names))),
            Load::Loading => {}
        }
        ui.horizontal(|ui| {
            busy(ui);
            ui.label(format!("Measuring {before} and {after}"));
        });
    });
}

fn value(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn colour(ui: &Ui, severity: Severity) -> Color32 {
    match severity {
        Severity::Wrong => ui.visuals().error_fg_color,
        Severity::Warning => ui.visuals().warn_fg_color,
        Severity::Note => ui.visuals().hyperlink_color,
    }
}

fn finding(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    place: usize,
    finding: &Finding,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    ui.add_space(8.0);
    let colour = colour(ui, finding.severity);
    let indent = if finding.follows_from.is_some() { 24 } else { 0 };
    egui::Frame::group(ui.style())
        .stroke((1.0, colour))
        .outer_margin(egui::Margin { left: indent, ..egui::Margin::ZERO })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(finding.severity.as_str()).color(colour).strong());
                ui.label(RichText::new(&finding.what).strong());
                if let Some(cause) = finding.follows_from {
                    ui.weak(format!("follows from {}", cause.replace('_', " ")));
                }
            });
            ui.label(&finding.why);
            ui.label(
                RichText::new(format!("Do: {}", finding.advice)).color(ui.visuals().strong_text_color()),
            );
            if !finding.evidence.is_empty() {
                let part = format!("diagnosis.numbers.{}", finding.kind);
                Fold::new(&part, "The numbers").show(ui, model, out, |ui, _| {
                    egui::Grid::new(("evidence", place)).num_columns(2).show(ui, |ui| {
                        for evidence in &finding.evidence {
                            ui.weak(&evidence.what);
                            ui.monospace(&evidence.value);
                            ui.end_row();
                        }
                    });
                });
            }
            if !finding.changes.is_empty() {
                // Long ones stand in full in the corrected configuration above.
                let keys = finding.changes.len();
                let title =
                    format!("Change of the configuration ({keys} key{})", if keys == 1 { "" } else { "s" });
                CollapsingHeader::new(title).id_salt(("changes", place)).default_open(keys <= 3).show(
                    ui,
                    |ui| {
                        let old = ui.visuals().error_fg_color;
                        let new = theme::label(vitrine_core::Label::Positive, ui.visuals().dark_mode);
                        for change in &finding.changes {
                            for (sign, side, colour) in [("-", &change.from, old), ("+", &change.to, new)] {
                                let line = format!("{sign} {}: {}", change.key, value(side));
                                ui.label(RichText::new(line).monospace().color(colour));
                            }
                        }
                    },
                );
            }
            if !finding.patches.is_empty() {
                ui.horizontal_wrapped(|ui| {
                    for &patch in finding.patches.iter().take(MAX_PATCHES) {
                        let words = format!("{patch}");
                        if state.show(ui, open, patch, 72.0, &words).clicked() {
                            show_in_gallery(patch, out);
                        }
                    }
                    let count = words::patches(finding.patches.len() as u64);
                    let select = ui.button(format!("Select {count} in the gallery"));
                    if select.on_hover_text("To check their labels.").clicked() {
                        out.push(Command::Select(SelectCommand::ShowThese(finding.patches.clone())));
                    }
                });
            }
        });
}

fn section(ui: &mut Ui, model: &Model, open: &OpenProject, section: &Section, out: &mut Vec<Command>) {
    let title = section.examination.title();
    let heading = match (&section.skipped, section.findings.len()) {
        (Some(_), _) => format!("{title}: not run"),
        (None, 0) => format!("{title}: nothing found"),
        (None, 1) => format!("{title}: 1 finding"),
        (None, n) => format!("{title}: {n} findings"),
    };
    Fold::new(&format!("diagnosis.{title}"), heading).show(ui, model, out, |ui, out| {
        if let Some(why) = &section.skipped {
            ui.weak(why);
        }
        for sentence in &section.summary {
            ui.label(sentence);
        }
        for series in &section.series {
            self::series(ui, open, title, series, out);
        }
    });
}

/// A plot of an examination, with its menu.
fn series(ui: &mut Ui, open: &OpenProject, title: &str, series: &Series, out: &mut Vec<Command>) {
    const HEIGHT: f32 = 215.0;
    let width = ui.available_width().min(560.0);
    let (id, words) =
        (format!("diagnosis_{}", series.name), [series.x_label.as_str(), series.y_label.as_str()]);
    let title = format!("{title}: {}", series.y_label);
    let area = egui::Rect::from_min_size(ui.cursor().min, egui::vec2(width, HEIGHT));
    ui.scope(|ui| {
        ui.set_width(width);
        charts::report_place(ui, &id, area);
        ui.horizontal(|ui| {
            ui.strong(&series.y_label);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                charts::menu(ui, &id, &title, |ui| {
                    charts::zoom_items(ui, &id);
                    ui.separator();
                    let svg = || figures::line(&title, words, &series.points).ok().flatten();
                    charts::save_items(ui, open, &title, &id, svg, || points_csv(words, &series.points), out);
                });
            });
        });
        let plot = Plot::new(("series", series.name))
            .height(area.bottom() - ui.cursor().min.y)
            .width(width)
            .allow_scroll(false)
            .x_axis_label(RichText::new(&series.x_label).small())
            .y_axis_label(RichText::new(&series.y_label).small());
        let shown = charts::reset_if_asked(ui, plot, &id).show(ui, |plot| {
            let line = Line::new(series.y_label.clone(), series.points.clone());
            plot.line(line.color(theme::BLUE).width(1.8));
            plot.points(Points::new("", series.points.clone()).radius(2.5).color(theme::BLUE));
        });
        let number = |value: f64| format_number(value, NumberStyle::Plain);
        let value = |[x, y]: &[f64; 2]| format!("{} at {}, {}", number(*y), number(*x), series.x_label);
        let last = series.points.last().map(value);
        charts::describe_plot(&shown.response, &title, last.as_slice());
    });
}
