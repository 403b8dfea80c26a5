//! Train: at the left the configuration and the buttons that start a run, in the middle the runs of the
//! project and the curves of the one that trains.

use std::path::{Path, PathBuf};

use eframe::egui;
use egui::{Button, Panel, RichText, ScrollArea, TextEdit, Ui};
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::check::{cautions, violations};
use vitrine_core::learning::config::presets;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PretrainKind, RunConfig};
use vitrine_core::project::{Run, check_run_name};

pub use super::train_runs::without_number;
use super::{live, train_form, train_runs};
use crate::gui::command::{
    AskPath, Command, Needs, Purpose, SaveCommand, TrainCommand, TrainStart, WindowCommand,
};
use crate::gui::model::{Model, OpenProject};
use crate::gui::widgets::Fold;
use crate::words;

/// What it means that there is no GPU, and what can be done.
pub const NO_GPU: &str = "No graphics card was found that a run could compute on. Everything works on the processor, but \
                          more slowly. If this computer has a card, install its Vulkan driver; About lists what was found.";

/// What the view remembers.
pub struct State {
    /// Where the configuration came from: a preset, a file or a run; numbered names begin with it.
    pub base_name: String,
    /// The configuration being edited.
    pub config: RunConfig,
    /// What it was before it was edited: the preset of that name, or what was taken up.
    original: RunConfig,
    /// What was edited and then replaced by something chosen, to be brought back.
    aside: Option<Aside>,
    /// A name of the person's own; empty for a numbered one.
    pub name: String,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The configuration as text, while it is edited so.
    pub yaml: Option<Yaml>,
    /// Text with a mistake that was left for the form.
    unfinished: Option<Yaml>,
    /// The run whose weights the new one begins with.
    pub from: Option<String>,
    /// The configuration file that was opened last.
    pub opened: Option<PathBuf>,
}

/// An edited configuration that made room for another one.
struct Aside {
    base_name: String,
    config: RunConfig,
    original: RunConfig,
    yaml: Option<Yaml>,
    unfinished: Option<Yaml>,
}

/// A configuration as a person types it.
pub struct Yaml {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Default for State {
    fn default() -> Self {
        let preset = presets::PRESETS.first().map_or("recommended", |preset| preset.name);
        // Presets are part of the program; a test loads each.
        let config = yaml::load(preset).unwrap_or_default();
        Self {
            base_name: preset.to_owned(),
            original: config.clone(),
            aside: None,
            config,
            name: String::new(),
            device: DeviceChoice::Auto,
            yaml: None,
            unfinished: None,
            from: None,
            opened: None,
        }
    }
}

impl State {
    /// Takes up a configuration. What was edited before is put aside, not lost.
    pub fn take(&mut self, base_name: &str, config: RunConfig) {
        let original = match self.preset_of(base_name) {
            Some(preset) => yaml::parse(preset.text, preset.name).unwrap_or_default(),
            None => config.clone(),
        };
        let mistaken = self.yaml.as_ref().is_some_and(|yaml| yaml.error.is_some());
        let before = Aside {
            base_name: std::mem::replace(&mut self.base_name, base_name.to_owned()),
            config: std::mem::replace(&mut self.config, config),
            original: std::mem::replace(&mut self.original, original),
            yaml: self.yaml.take(),
            unfinished: self.unfinished.take(),
        };
        let as_text = before.yaml.is_some();
        let edited = before.config != before.original || mistaken || before.unfinished.is_some();
        self.aside = edited.then_some(before);
        if as_text {
            self.open_yaml();
        }
    }

    /// Brings back what was put aside by the last choice; what is there now goes aside instead.
    fn bring_back(&mut self) {
        let Some(before) = self.aside.take() else { return };
        self.take(&before.base_name, before.config);
        (self.original, self.yaml, self.unfinished) = (before.original, before.yaml, before.unfinished);
    }

    fn preset_of(&self, name: &str) -> Option<&'static presets::Preset> {
        presets::PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Whether the configuration was edited since it was chosen.
    pub fn is_changed(&self) -> bool {
        self.config != self.original
    }

    /// What numbered names of runs begin with: an edited preset does not go by the name of the preset.
    pub fn run_base(&self) -> String {
        if self.is_changed() && self.preset_of(&self.base_name).is_some() {
            format!("{}_changed", self.base_name)
        } else {
            self.base_name.clone()
        }
    }

    /// What the form holds, in words.
    fn title(&self) -> String {
        let from = if self.preset_of(&self.base_name).is_some() { "" } else { "from " };
        let changed = if self.is_changed() { ", changed" } else { "" };
        format!("{from}{}{changed}", self.base_name)
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read; the sentence names file and line.
    pub fn open_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        let config = yaml::load(&name)?;
        self.take(&yaml::stem(&name), config);
        self.opened = Some(path.to_owned());
        Ok(())
    }

    /// The run that comes next begins with the pretrained weights of this file.
    pub fn begin_with(&mut self, weights: &Path) {
        self.config.pretrain.kind = PretrainKind::Weights;
        self.config.pretrain.weights = weights.display().to_string();
        if self.yaml.is_some() {
            self.show_form();
            self.open_yaml();
        }
    }

    /// Leaves the text for the form. Text with a mistake is kept, for the form shows what was valid last.
    fn show_form(&mut self) {
        self.unfinished = self.yaml.take().filter(|yaml| yaml.error.is_some());
    }

    /// Leaves the form for the text.
    fn show_yaml(&mut self) {
        match self.unfinished.take() {
            Some(unfinished) => self.yaml = Some(unfinished),
            None => self.open_yaml(),
        }
    }

    fn open_yaml(&mut self) {
        let text = match self.preset_of(&self.base_name).filter(|_| !self.is_changed()) {
            // With the comments of its author.
            Some(preset) => preset.text.to_owned(),
            None => yaml::to_yaml(&self.config).unwrap_or_default(),
        };
        self.yaml = Some(Yaml { text, error: None });
    }

    fn text(&self) -> String {
        match &self.yaml {
            Some(yaml) => yaml.text.clone(),
            None => yaml::to_yaml(&self.config).unwrap_or_default(),
        }
    }

    /// What is wrong with the configuration.
    pub fn problem(&self) -> Option<String> {
        if let Some(error) = self.yaml.as_ref().and_then(|yaml| yaml.error.clone()) {
            return Some(error);
        }
        violations(&self.config).into_iter().next().map(|v| format!("{}: {}.", v.problem, v.remedy))
    }

    /// Why no run can be started as it stands in the form, beside these `runs`: by the rules with which a run
    /// is made.
    pub fn refusal(&self, runs: &[Run]) -> Option<String> {
        if let Some(problem) = self.problem() {
            return Some(problem);
        }
        let name = self.name.trim();
        let refused = check_run_name(name, runs.iter().map(|run| run.name.as_str())).err();
        let refused = refused.filter(|_| !name.is_empty())?;
        Some(words::capitalised(&format!("{refused}.")))
    }

    /// The run as it stands in the form.
    pub fn start(&self) -> Box<TrainStart> {
        let name = self.name.trim();
        Box::new(TrainStart {
            name: (!name.is_empty()).then(|| name.to_owned()),
            base_name: self.run_base(),
            config: self.config.clone(),
            device: self.device,
        })
    }
}

/// Draws the middle.
pub fn ui(ui: &mut Ui, model: &Model, state: &mut State, live: &mut live::State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    if !open.runs.is_empty() {
        let title = format!("Runs of this project ({})", open.runs.len());
        Fold::new("train.runs", title).open_at_first(model.live.is_none()).show(ui, model, out, |ui, out| {
            train_runs::ui(ui, model, open, state, live, out);
        });
        ui.separator();
    }
    live::ui(ui, model, live, out);
}

/// Draws the configuration and the buttons below it.
pub fn form(ui: &mut Ui, model: &Model, state: &mut State, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    Panel::bottom("train buttons").show(ui, |ui| buttons(ui, model, open, state, out));
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let label = ui.label("Preset");
        egui::ComboBox::from_id_salt("preset")
            .selected_text(state.title())
            .width(200.0)
            .truncate()
            .show_ui(ui, |ui| {
                for preset in presets::PRESETS {
                    let config = yaml::load(preset.name);
                    let chosen = ui.selectable_label(state.base_name == preset.name, preset.name);
                    let Ok(config) = config else { continue };
                    if chosen.on_hover_text(&config.description).clicked() {
                        state.take(preset.name, config);
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
                let path = open.dir.join(format!("{}.yaml", state.run_base()));
                let ask = AskPath::new("Save the configuration", path, Purpose::Text(state.text()));
                out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
                ui.close();
            }
        });
    });
    ui.horizontal(|ui| {
        let as_text = state.yaml.is_some();
        if ui.selectable_label(!as_text, "Form").clicked() && as_text {
            state.show_form();
        }
        if ui.selectable_label(as_text, "YAML").clicked() && !as_text {
            state.show_yaml();
        }
        if state.is_changed() {
            let reset =
                ui.small_button("Reset").on_hover_text("Back to what was chosen, without the changes.");
            if reset.clicked() {
                let (base_name, original) = (state.base_name.clone(), state.original.clone());
                state.take(&base_name, original);
            }
        }
    });
    ui.add(egui::Label::new(RichText::new(&state.config.description).weak().small()).wrap());
    put_aside(ui, state);
    ui.separator();
    let State { yaml, config, .. } = state;
    match yaml {
        Some(yaml) => text(ui, yaml, config),
        None => train_form::ui(ui, model, open, config, out),
    }
}

/// What was edited and is not what is shown, and the way back to it.
fn put_aside(ui: &mut Ui, state: &mut State) {
    if let Some(aside) = &state.aside {
        let words = format!("Your changes to {} were put aside.", aside.base_name);
        let (mut back, mut drop) = (false, false);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(words).small());
            back = ui.small_button("Bring them back").clicked();
            drop = ui.small_button("Drop them").clicked();
        });
        if back {
            state.bring_back();
        }
        if drop {
            state.aside = None;
        }
    }
    if state.unfinished.is_some() {
        ui.horizontal_wrapped(|ui| {
            let words =
                "The YAML text has a mistake; the form holds what was valid before it. The text is kept.";
            ui.label(RichText::new(words).small());
            if ui.small_button("Drop the text").clicked() {
                state.unfinished = None;
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
fn buttons(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    ui.add_space(6.0);
    if model.devices.is_none() {
        out.push(Command::Window(WindowCommand::ReadDevices));
    }
    egui::Grid::new("where and under which name").num_columns(2).show(ui, |ui| {
        let label = ui.label("Device");
        device(ui, model, state, label.id);
        ui.end_row();
        if model.lacks_gpu() {
            ui.label("");
            ui.add(egui::Label::new(RichText::new("No GPU found: runs use the processor.").weak().small()))
                .on_hover_text(NO_GPU);
            ui.end_row();
        }
        let label = ui.label("Name");
        let hint = format!("{}-N, numbered", state.run_base());
        let width = ui.available_width() - 4.0;
        ui.add(TextEdit::singleline(&mut state.name).hint_text(hint).desired_width(width))
            .labelled_by(label.id);
        ui.end_row();
    });
    if let Some(from) = state.from.clone() {
        ui.horizontal_wrapped(|ui| {
            let words = format!("Begins with the weights of {from} and learns on with the labels of now.");
            ui.colored_label(ui.visuals().hyperlink_color, words);
            if ui.small_button("Begin anew instead").clicked() {
                state.from = None;
            }
        });
        if !open.runs.iter().any(|run| run.name == from) {
            state.from = None;
        }
    }
    let problem = state.refusal(&open.runs);
    if let Some(problem) = &problem {
        ui.colored_label(ui.visuals().error_fg_color, problem);
    }
    for caution in cautions(&state.config) {
        ui.colored_label(ui.visuals().warn_fg_color, caution);
    }
    let allowed = match (model.allows(Needs::NoTraining), &problem) {
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
        let words = if state.from.is_some() { "Train on" } else { "Train" };
        // The one button this view is for stands out.
        let train = Button::new(RichText::new(words).strong())
            .fill(ui.visuals().selection.bg_fill)
            .min_size(egui::vec2(90.0, 30.0));
        let train = ui.add_enabled(ok, train);
        if train.clicked() {
            out.push(Command::Train(TrainCommand::StartShown { baseline: false }));
        }
        explain(train, "Start a run with this configuration.");
        if state.from.is_none() {
            let both = Button::new("Train with supervised baseline").min_size(egui::vec2(0.0, 30.0));
            let both = ui.add_enabled(ok, both);
            if both.clicked() {
                out.push(Command::Train(TrainCommand::StartShown { baseline: true }));
            }
            explain(
                both,
                "First a plain classifier, then this run: same patches, same seed, same network, same length. The \
                 difference is what the method gains.",
            );
        }
    });
    ui.add_space(6.0);
}

fn device(ui: &mut Ui, model: &Model, state: &mut State, label: egui::Id) {
    let devices = model.devices.as_deref().unwrap_or_default();
    let best = model.best_device();
    let words = |choice: DeviceChoice| match choice {
        DeviceChoice::Auto => match best {
            Some(best) => format!("Best: {}", best.name),
            None => "Best of this computer".to_owned(),
        },
        choice => devices
            .iter()
            .find(|d| d.id.parse().ok() == Some(choice))
            .map_or_else(|| format!("{choice:?}"), |d| format!("{} ({})", d.name, d.kind)),
    };
    egui::ComboBox::from_id_salt("device")
        .selected_text(words(state.device))
        .width(ui.available_width() - 8.0)
        .truncate()
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut state.device, DeviceChoice::Auto, words(DeviceChoice::Auto))
                .on_hover_text("The first real GPU, else the processor.");
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
                ui.selectable_value(&mut state.device, choice, words(choice)).on_hover_text(meaning);
            }
        })
        .response
        .labelled_by(label);
}
