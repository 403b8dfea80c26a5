//! The run that is training: its phase, pace and buttons, and its curves over those of other runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use egui::{ProgressBar, RichText, Ui};
use vitrine_core::device::ComputeDevice;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::prior::overlay_trial::OverlayChoice;
use vitrine_core::learning::train::events::RunPhase;
use vitrine_core::report::charts::CHARTS;

use super::charts::{self, ChartLook, DrawnRun};
use crate::gui::command::{Command, TrainCommand, ViewCommand};
use crate::gui::command_table::Needs;
use crate::gui::model::{LivePhase, LiveRun, Model, OpenProject, RunCurves};
use crate::gui::remedy;
use crate::gui::theme;
use crate::gui::training::RunMemory;
use crate::gui::widgets::{command_button, empty};

/// What the view remembers.
pub struct State {
    /// Smoothing of all charts.
    pub smoothing: f64,
    /// Charts on a logarithmic scale.
    pub log: BTreeSet<&'static str>,
}

impl Default for State {
    fn default() -> Self {
        Self { smoothing: 0.0, log: BTreeSet::from(["gradient_norm"]) }
    }
}

/// "about 3 min", for a time that is guessed.
fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) if seconds < 10 => "a few seconds".to_owned(),
        (0, 0) => format!("{} s", seconds.div_ceil(10) * 10),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// Draws the run.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if let Some(live) = &model.live {
        head(ui, model, open, live, out);
    } else if open.runs.is_empty() && model.cluster_jobs.curves.is_empty() {
        empty(
            ui,
            "No run yet",
            "A run learns from the positive and unlabeled patches, then scores every patch. Choose a preset on the left and \
             press Train. The curves appear here.",
        );
        return;
    }
    curves(ui, model, open, state, out);
}

fn head(ui: &mut Ui, model: &Model, open: &OpenProject, live: &LiveRun, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.heading(&live.name);
        match &live.phase {
            LivePhase::Running(phase) => {
                ui.spinner();
                let words = ui.label(phase.to_string());
                if *phase == RunPhase::CompilingKernels {
                    words.on_hover_text(
                        "The GPU programs are compiled at the first batch. Later batches are much faster.",
                    );
                }
            }
            LivePhase::Paused => {
                ui.label("Paused after the current batch");
            }
            LivePhase::Stopping => {
                ui.spinner();
                let kept = match live.best_epoch {
                    Some(epoch) => format!("keeps epoch {epoch}"),
                    None => "there is no complete epoch to keep".to_owned(),
                };
                ui.label(format!("Stopping after this batch: {kept}"));
            }
            LivePhase::Ended(None) => {
                ui.label("Finished");
            }
            LivePhase::Ended(Some(why)) => {
                ui.label(format!("Ended early: {why}"));
            }
            LivePhase::Failed(_) => {
                ui.colored_label(ui.visuals().error_fg_color, "Failed");
            }
        }
        if let Some(planned) = &model.analysis.planned {
            ui.weak(format!("then {}", planned.start.base_name));
        }
    });
    if let LivePhase::Failed(sentence) = &live.phase {
        failed(ui, model, open, live, sentence, out);
    }
    if let (true, Some((epoch, epochs, batch, batches))) = (live.is_running(), live.progress) {
        let done = epoch.saturating_sub(1) as f32 + batch as f32 / batches.max(1) as f32;
        let text = if epoch == 0 {
            format!("step {batch} of {batches}, before the first epoch")
        } else {
            format!("epoch {epoch} of {epochs}, batch {batch} of {batches}")
        };
        let share =
            if epoch == 0 { batch as f32 / batches.max(1) as f32 } else { done / epochs.max(1) as f32 };
        ui.add(ProgressBar::new(share).desired_width(ui.available_width().min(560.0)).text(text));
    }
    if live.is_running() {
        ui.horizontal_wrapped(|ui| {
            let id = if live.phase == LivePhase::Paused { "train.resume" } else { "train.pause" };
            for id in [id, "train.checkpoint", "train.stop"] {
                command_button(ui, model, id, out);
            }
        });
    }
    facts(ui, open, live);
    for warning in &live.warnings {
        ui.colored_label(ui.visuals().warn_fg_color, remedy::warning(warning));
    }
    ui.add_space(2.0);
}

/// Why a run failed and the ways on.
fn failed(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    live: &LiveRun,
    sentence: &str,
    out: &mut Vec<Command>,
) {
    egui::Frame::group(ui.style()).stroke((1.0, ui.visuals().error_fg_color)).show(ui, |ui| {
        ui.add(egui::Label::new(sentence).wrap());
        ui.horizontal(|ui| {
            let kept = open.runs.iter().any(|run| run.name == live.name && run.best_epoch.is_some());
            let allowed = model.allows(Needs::NoTraining).is_ok();
            if kept && ui.add_enabled(allowed, egui::Button::new("Resume from the last good epoch")).clicked()
            {
                let device = vitrine_core::device::DeviceChoice::Auto;
                out.push(Command::Train(TrainCommand::Continue { run: live.name.clone(), device }));
            }
            let on_gpu = open
                .runs
                .iter()
                .any(|run| run.name == live.name && ComputeDevice::described_a_gpu(&run.device));
            if kept && on_gpu {
                // The best device is the GPU that has just failed.
                let button = egui::Button::new("Resume on the CPU");
                let why = "From the last good epoch, without the GPU. Slower, but reliable.";
                if ui.add_enabled(allowed, button).on_hover_text(why).clicked() {
                    let device = vitrine_core::device::DeviceChoice::Cpu;
                    out.push(Command::Train(TrainCommand::Continue { run: live.name.clone(), device }));
                }
            }
            if ui.button("See the diagnosis").clicked() {
                out.push(Command::View(ViewCommand::Examine(live.name.clone())));
            }
        });
    });
}

/// Pace, time, memory, device, prior: one line.
fn facts(ui: &mut Ui, open: &OpenProject, live: &LiveRun) {
    let mut facts: Vec<(String, &str)> = Vec::new();
    if let Some(left) = live.time_left() {
        facts.push((
            format!("{} left", about(left)),
            "At the pace of the last epochs. Scoring the patches comes after that.",
        ));
    }
    if let Some(e) = live.pretrained {
        facts.push((
            format!("pretraining {} of {}: loss {:.3}, spread {:.2}", e.epoch, e.epochs, e.loss, e.spread),
            e.explanation,
        ));
    }
    if let Some(pace) = live.pace() {
        facts.push((format!("{pace:.0} patches/s"), "Patches per second in the last epoch."));
    }
    if let Some(prior) = live.prior {
        let PriorUsed { value, low, high, estimated } = prior;
        facts.push(if !prior.is_told() {
            (
                format!("π not told by these labels ({low:.2} to {high:.2})"),
                "Class prior: fraction of particles among the unlabeled. The interval is too wide to build on: label the \
                 queue Random sample, or set π in the Train form if you know it.",
            )
        } else if estimated {
            (
                format!("π {value:.2} ({low:.2} to {high:.2})"),
                "Class prior: fraction of particles among the unlabeled, with the interval of the estimate.",
            )
        } else {
            (format!("π {value:.2} (given)"), "Class prior: fraction of particles among the unlabeled.")
        });
    }
    let tried = live.overlay.as_ref().map(OverlayChoice::sentence);
    if let (Some(choice), Some(tried)) = (&live.overlay, &tried) {
        facts.push((format!("overlay {}", choice.chosen), tried));
    }
    match live.memory.filter(|_| live.is_running()) {
        Some(RunMemory::Computer(bytes)) => facts.push((
            format!("{:.1} GB in use", bytes as f64 / 1e9),
            "Memory that this program uses. A run on the CPU keeps everything there.",
        )),
        Some(RunMemory::Device(bytes)) => facts.push((
            format!("{:.2} GB on the GPU", bytes as f64 / 1e9),
            "Memory that the run uses on its GPU, including what it keeps for reuse.",
        )),
        None => {}
    }
    // A run that stops takes no further step after which one would be written.
    if live.checkpoint_asked && live.is_running() && live.phase != LivePhase::Stopping {
        // What comes before the first epoch has no weights that are worth keeping.
        let words = match (&live.phase, live.progress) {
            (LivePhase::Paused, _) => "checkpoint will be saved when the run resumes",
            (_, Some((epoch, ..))) if epoch > 0 => "checkpoint will be saved after this step",
            _ => "checkpoint will be saved after the first step",
        };
        facts.push((words.to_owned(), "The run can resume from it exactly as if it had never stopped."));
    }
    if let Some((epoch, within)) = live.checkpoint {
        let words = match within {
            Some((batch, batches)) => format!("checkpoint in epoch {epoch}, batch {batch} of {batches}"),
            None => format!("checkpoint of epoch {epoch}"),
        };
        facts.push((words, "The run can resume from here after a crash."));
    }
    let device = open.runs.iter().find(|run| run.name == live.name).map_or(&live.device, |run| &run.device);
    facts.push((format!("on {device}"), "The device it runs on."));
    ui.horizontal_wrapped(|ui| {
        for (i, (words, meaning)) in facts.into_iter().enumerate() {
            if i > 0 {
                ui.weak("·");
            }
            ui.label(RichText::new(words).weak()).on_hover_text(meaning);
        }
    });
    if let Some(best) = live.best_epoch
        && let Some(metrics) = live.curves.epochs.iter().find(|m| m.epoch == best)
        && metrics.validation_auc_pu.is_finite()
    {
        let auc = metrics.validation_auc_pu;
        let (lowest, highest) =
            live.prior.map_or((metrics.validation_auc_ceiling, metrics.validation_auc_ceiling), |prior| {
                prior.auc_ceiling()
            });
        let ceiling = if highest - lowest < 0.005 {
            format!("ceiling {highest:.3}")
        } else {
            format!("ceiling {lowest:.2} to {highest:.2}")
        };
        let words = format!("Using epoch {best}, validation AUC against unlabeled {auc:.3} ({ceiling})");
        ui.label(words).on_hover_text(CHARTS.first().map_or("", |chart| chart.note));
        if auc > highest {
            ui.colored_label(
                ui.visuals().warn_fg_color,
                "This is above the ceiling: fewer of the unlabeled are particles than π says, or the picks are easier than the \
                 other particles.",
            );
        }
    }
}

/// The runs drawn, and the charts.
fn curves(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    // A slider does not wrap; in a narrow window it has a line of its own.
    let wide = ui.available_width() > 640.0;
    ui.horizontal_wrapped(|ui| {
        choice(ui, model, open, out);
        if wide {
            ui.separator();
            smoothing(ui, state);
        }
    });
    if !wide {
        smoothing(ui, state);
    }
    let chosen = model.analysis.drawn.iter();
    let stored = chosen.filter(|name| open.runs.iter().any(|run| run.name == **name));
    let stored = stored.filter(|name| from_job(model, open, name).is_none());
    let missing = model.analysis.without_curves(stored);
    if !missing.is_empty() {
        out.push(Command::Train(TrainCommand::ReadCurves(missing)));
    }
    let drawn = drawn(ui, model, open);
    if drawn.iter().all(|run| run.curves.epochs.is_empty()) {
        let words = if model.live.as_ref().is_some_and(LiveRun::is_running) {
            "Curves appear after the first epoch."
        } else {
            "Tick a run above to see its curves, or train one."
        };
        ui.add_space(30.0);
        ui.vertical_centered(|ui| ui.weak(words));
        return;
    }
    charts(ui, open, &drawn, state, out);
}

/// The curves of a run that a job trains: of one that is not in the project, or not with all of its epochs.
fn from_job<'a>(model: &'a Model, open: &OpenProject, name: &str) -> Option<&'a Arc<RunCurves>> {
    let curves = model.cluster_jobs.curves.get(name)?;
    let stored = open.runs.iter().find(|run| run.name == name);
    let stored = stored.map(|run| open.run_list.of(run.id).epochs as usize);
    (!curves.epochs.is_empty() && stored.is_none_or(|epochs| epochs < curves.epochs.len())).then_some(curves)
}

/// Runs whose curves can be drawn: those of the project, then those that only jobs know.
fn drawable<'a>(model: &'a Model, open: &'a OpenProject) -> Vec<&'a String> {
    let in_project = |name: &String| open.runs.iter().any(|run| run.name == *name);
    let of_jobs = model.cluster_jobs.runs().map(|(_, run)| &run.name).filter(|name| !in_project(name));
    open.runs.iter().map(|run| &run.name).chain(of_jobs).collect()
}

/// The colour of a run, also of one that is not in the project yet.
fn colour_of(model: &Model, open: &OpenProject, name: &str, dark: bool) -> egui::Color32 {
    let place = drawable(model, open).iter().position(|known| *known == name);
    place.map_or_else(|| charts::colour_of(open, name, dark), |place| theme::run(place, dark))
}

/// Whose curves are drawn.
fn choice(ui: &mut Ui, model: &Model, open: &OpenProject, out: &mut Vec<Command>) {
    ui.weak("Curves of");
    for name in drawable(model, open) {
        let colour = colour_of(model, open, name, ui.visuals().dark_mode);
        let is_live = model.live.as_ref().is_some_and(|live| live.name == *name);
        let mut on = is_live || model.analysis.drawn.contains(name);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 18.0), egui::Sense::hover());
            ui.painter().rect_filled(rect.shrink2(egui::vec2(0.0, 6.5)), 2.0, colour);
            if ui.add_enabled(!is_live, egui::Checkbox::new(&mut on, name)).changed() {
                out.push(Command::Train(TrainCommand::Draw { run: name.clone(), on }));
            }
        });
    }
}

fn smoothing(ui: &mut Ui, state: &mut State) {
    let slider = egui::Slider::new(&mut state.smoothing, 0.0..=0.95).show_value(false).text("Smoothing");
    theme::slider(ui, slider)
        .on_hover_text("Weight of earlier epochs in the line. The measured values stay visible, pale.");
}

/// The curves that are drawn, those of the run that trains last.
fn drawn(ui: &Ui, model: &Model, open: &OpenProject) -> Vec<DrawnRun> {
    let dark = ui.visuals().dark_mode;
    let live = model.live.as_ref();
    let chosen = model.analysis.drawn.iter().filter(|name| live.is_none_or(|live| live.name != **name));
    let stored = chosen.filter_map(|name| {
        let curves = from_job(model, open, name).or_else(|| model.analysis.curves_of(name));
        Some((name, curves?))
    });
    stored
        .chain(live.map(|live| (&live.name, &live.curves)))
        .map(|(name, curves)| DrawnRun {
            curves: Arc::clone(curves),
            colour: colour_of(model, open, name, dark),
        })
        .collect()
}

/// All charts, two in a row where there is room.
fn charts(ui: &mut Ui, open: &OpenProject, drawn: &[DrawnRun], state: &mut State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let columns = if ui.available_width() > 780.0 { 2 } else { 1 };
        let gap = 16.0;
        let width = (ui.available_width() - gap * (columns as f32 - 1.0) - 4.0) / columns as f32;
        for row in CHARTS.chunks(columns) {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                for chart in row {
                    ui.vertical(|ui| {
                        ui.set_width(width);
                        ui.spacing_mut().item_spacing.x = 8.0;
                        let log = state.log.contains(chart.id);
                        let mut look = ChartLook { smoothing: state.smoothing, log, height: 220.0 };
                        charts::chart(ui, open, chart, drawn, &mut look, out);
                        if look.log != log {
                            if look.log {
                                state.log.insert(chart.id)
                            } else {
                                state.log.remove(chart.id)
                            };
                        }
                    });
                }
            });
            ui.add_space(10.0);
        }
    });
}
