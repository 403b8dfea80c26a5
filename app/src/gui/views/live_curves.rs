//! Curves over epochs: those of the run that is training over those of other runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui;
use egui::Ui;
use vitrine_core::report::charts::CHARTS;

use super::charts::{self, ChartLook, DrawnRun};
use crate::gui::command::{Command, TrainCommand};
use crate::gui::model::{LiveRun, Model, OpenProject, RunCurves};
use crate::gui::theme;

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

/// Draws whose curves are shown, and the charts.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
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
