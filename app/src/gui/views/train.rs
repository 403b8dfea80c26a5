//! Train: on the left the configuration and the buttons that start a run, in the middle the project's runs
//! and the curves of the one that is training.

use eframe::egui;
use egui::{Button, Panel, RichText, ScrollArea, TextEdit, Ui};
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::check::cautions;
use vitrine_core::learning::config::yaml;

use super::{cluster_jobs, live, live_curves, train_form, train_on, train_queue, train_runs};
use crate::gui::command::{Command, DraftCommand, SaveCommand, TrainCommand, WindowCommand};
use crate::gui::command_table::Needs;
use crate::gui::drafts::{TrainDraft, Yaml, presets};
use crate::gui::model::{LiveRun, Model, OpenProject};
use crate::gui::remedy;
use crate::gui::values::{PathPurpose, PathQuestion};
use crate::gui::widgets::{Fold, edited};

/// What it means that there is no GPU, and what can be done.
pub const NO_GPU: &str = "No GPU was found for training. Everything works on the CPU, but more slowly. If this computer has a GPU, \
                          install its Vulkan driver. About lists the devices found.";

/// Draws the middle.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    runs: &mut train_runs::State,
    live: &mut live_curves::State,
    out: &mut Vec<Command>,
) {
    let Some(open) = &model.project else { return };
    if !open.runs.is_empty() {
        let title = format!("Runs of this project ({})", open.runs.len());
        Fold::new("train.runs", title).open_at_first(model.live.is_none()).show(ui, model, out, |ui, out| {
            train_runs::ui(ui, model, open, runs, out);
        });
        ui.separator();
    }
    train_queue::ui(ui, model, out);
    cluster_jobs::ui(ui, model, out);
    live::ui(ui, model, live, out);
}

/// Draws the configuration and the buttons below it.
pub fn form(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let change = |draft| Command::Draft(DraftCommand::Train(Box::new(draft)));
    edited(&model.drafts.train, out, change, |draft, out| page(ui, model, open, draft, out));
}

fn page(ui: &mut Ui, model: &Model, open: &OpenProject, draft: &mut TrainDraft, out: &mut Vec<Command>) {
    Panel::bottom("train buttons").show(ui, |ui| buttons(ui, model, open, draft, out));
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let label = ui.label("Preset");
        egui::ComboBox::from_id_salt("preset")
            .selected_text(draft.title())
            .width(200.0)
            .truncate()
            .show_ui(ui, |ui| {
                let mut research = false;
                for (preset, config) in presets() {
                    let name = preset.name();
                    if preset.is_research() && !std::mem::replace(&mut research, true) {
                        ui.separator();
                        ui.weak("Research presets");
                    }
                    let chosen = ui.selectable_label(draft.base_name == name, name);
                    if chosen.on_hover_text(&config.description).clicked() {
                        draft.take(name, config.clone());
                    }
                }
            })
            .response
            .labelled_by(label.id);
        ui.menu_button("File", |ui| {
            if ui.button("Open YAML…").clicked() {
                out.push(Command::Save(SaveCommand::AskConfig));
                ui.close();
            }
            if ui.button("Save as YAML…").clicked() {
                let path = open.dir.join(format!("{}.yaml", draft.run_base()));
                let ask = PathQuestion::new("Save the configuration", path, PathPurpose::Text(draft.text()));
                out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
                ui.close();
            }
        });
    });
    ui.horizontal(|ui| {
        let as_text = draft.yaml.is_some();
        if ui.selectable_label(!as_text, "Form").clicked() && as_text {
            draft.show_form();
        }
        if ui.selectable_label(as_text, "YAML").clicked() && !as_text {
            draft.show_yaml();
        }
        if draft.is_changed() {
            let reset = ui.small_button("Reset").on_hover_text("Undo the changes to the configuration.");
            if reset.clicked() {
                draft.reset();
            }
        }
    });
    ui.add(egui::Label::new(RichText::new(&draft.config.description).weak().small()).wrap());
    put_aside(ui, draft);
    ui.separator();
    let TrainDraft { yaml, config, .. } = draft;
    match yaml {
        Some(yaml) => text(ui, yaml, config),
        None => train_form::ui(ui, model, open, config, out),
    }
}

/// What was edited and is not what is shown, and the way back to it.
fn put_aside(ui: &mut Ui, draft: &mut TrainDraft) {
    if let Some(aside) = draft.put_aside() {
        let words = format!("Your changes to {} were put aside.", aside);
        let (mut back, mut drop) = (false, false);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(words).small());
            back = ui.small_button("Bring them back").clicked();
            drop = ui.small_button("Drop them").clicked();
        });
        if back {
            draft.bring_back();
        }
        if drop {
            draft.drop_aside();
        }
    }
    if draft.has_unfinished() {
        ui.horizontal_wrapped(|ui| {
            let words =
                "The YAML text has a mistake. The form shows the last valid configuration, and the text is kept.";
            ui.label(RichText::new(words).small());
            if ui.small_button("Drop the text").clicked() {
                draft.drop_unfinished();
            }
        });
    }
}

fn text(ui: &mut Ui, yaml: &mut Yaml, config: &mut RunConfig) {
    ScrollArea::both().id_salt("yaml").auto_shrink(false).show(ui, |ui| {
        let edit = TextEdit::multiline(&mut yaml.text)
            .code_editor()
            .desired_width(f32::INFINITY)
            .desired_rows(30)
            .hint_text("the configuration");
        let response = ui.add(edit);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::MultilineTextInput, true, "Configuration as YAML")
        });
        if response.changed() {
            match yaml::parse(&yaml.text, "this text") {
                Ok(parsed) => {
                    *config = parsed;
                    yaml.error = None;
                }
                Err(error) => yaml.error = Some(error.to_string()),
            }
        }
    });
}

/// Name, device and the buttons.
fn buttons(ui: &mut Ui, model: &Model, open: &OpenProject, draft: &mut TrainDraft, out: &mut Vec<Command>) {
    ui.add_space(6.0);
    if model.devices.is_not_asked() {
        out.push(Command::Window(WindowCommand::ReadDevices));
    }
    let on_cluster = model.drafts.submit.cluster.clone();
    egui::Grid::new("where and under which name").num_columns(2).show(ui, |ui| {
        train_on::rows(ui, model, out);
        if on_cluster.is_none() {
            let label = ui.label("Device");
            device(ui, model, draft, label.id);
            ui.end_row();
        }
        if on_cluster.is_none() && model.lacks_gpu() {
            ui.label("");
            ui.add(egui::Label::new(RichText::new("No GPU found. Runs use the CPU.").weak().small()))
                .on_hover_text(NO_GPU);
            ui.end_row();
        }
        let label = ui.label("Name");
        let hint = format!("{}-N, numbered", draft.run_base());
        let width = ui.available_width() - 4.0;
        ui.add(TextEdit::singleline(&mut draft.name).hint_text(hint).desired_width(width))
            .labelled_by(label.id);
        ui.end_row();
    });
    if let Some(from) = draft.from.clone() {
        ui.horizontal_wrapped(|ui| {
            let words = format!("Starts from the weights of {from} and trains on the current labels.");
            ui.colored_label(ui.visuals().hyperlink_color, words);
            if ui.small_button("Train from scratch instead").clicked() {
                draft.from = None;
            }
        });
        if !open.runs.iter().any(|run| run.name == from) {
            draft.from = None;
        }
    }
    let problem = draft.refusal(&open.runs, &open.counts);
    let problem = problem.or_else(|| train_on::refusal(model).map(str::to_owned));
    if let Some(problem) = &problem {
        ui.colored_label(ui.visuals().error_fg_color, problem);
    }
    for caution in cautions(&draft.config) {
        ui.colored_label(ui.visuals().warn_fg_color, remedy::warning(&caution));
    }
    if on_cluster.is_some() {
        train_on::button(ui, model, problem.as_deref(), out);
        ui.add_space(6.0);
        return;
    }
    let trains = model.live.as_ref().is_some_and(LiveRun::is_running);
    let allowed = match (model.allows(Needs::Writable), &problem) {
        (Err(why), _) => Err(why.to_owned()),
        (Ok(()), Some(problem)) => Err(problem.clone()),
        (Ok(()), None) => Ok(()),
    };
    ui.horizontal(|ui| {
        let ok = allowed.is_ok();
        let explain = |response: egui::Response, words: &str| match &allowed {
            Ok(()) => response.on_hover_text(words),
            Err(why) => response.on_disabled_hover_text(why),
        };
        let words = match (trains, draft.from.is_some()) {
            (true, _) => "Add to queue",
            (false, true) => "Fine-tune with current labels",
            (false, false) => "Train",
        };
        // The one button this view is for stands out.
        let train = Button::new(RichText::new(words).strong())
            .fill(ui.visuals().selection.bg_fill)
            .min_size(egui::vec2(90.0, 30.0));
        let train = ui.add_enabled(ok, train);
        if train.clicked() {
            out.push(Command::Train(TrainCommand::StartShown { baseline: false }));
        }
        explain(
            train,
            if trains {
                "A run is training. The run of this form starts after it, with its current settings."
            } else {
                "Start a run with this configuration."
            },
        );
        if draft.is_compared() {
            let words =
                if trains { "Add with supervised baseline" } else { "Train with supervised baseline" };
            let both = Button::new(words).min_size(egui::vec2(0.0, 30.0));
            let both = ui.add_enabled(ok, both);
            if both.clicked() {
                out.push(Command::Train(TrainCommand::StartShown { baseline: true }));
            }
            explain(both, train_on::BASELINE);
        }
    });
    ui.add_space(6.0);
}

fn device(ui: &mut Ui, model: &Model, draft: &mut TrainDraft, label: egui::Id) {
    let devices = model.devices.ready().map_or(&[][..], Vec::as_slice);
    let best = model.best_device();
    let words = |choice: DeviceChoice| match choice {
        DeviceChoice::Auto => match best {
            Some(best) => format!("Best: {}", best.name),
            None => "Best device of this computer".to_owned(),
        },
        choice => devices
            .iter()
            .find(|d| d.id.parse().ok() == Some(choice))
            .map_or_else(|| format!("{choice:?}"), |d| format!("{} ({})", d.name, d.kind)),
    };
    egui::ComboBox::from_id_salt("device")
        .selected_text(words(draft.device))
        .width(ui.available_width() - 8.0)
        .truncate()
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut draft.device, DeviceChoice::Auto, words(DeviceChoice::Auto))
                .on_hover_text("The first GPU, or else the CPU.");
            for device in devices {
                let Ok(choice) = device.id.parse::<DeviceChoice>() else { continue };
                let mut meaning = format!("{}, {}", device.kind, device.backend);
                if !device.driver.is_empty() {
                    meaning += &format!(", driver {}", device.driver);
                }
                if !device.eligible {
                    meaning +=
                        ". It computes on the processor and is slower than the CPU entry: for tests only.";
                }
                ui.selectable_value(&mut draft.device, choice, words(choice)).on_hover_text(meaning);
            }
        })
        .response
        .labelled_by(label);
}
