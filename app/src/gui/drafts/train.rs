//! The draft of the Train form: the configuration being edited, as fields or as text, and how its run starts.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use vitrine_core::LabelCounts;
use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::check::violations;
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{ConsistencyKind, PretrainKind, RiskKind, RunConfig};
use vitrine_core::project::{Run, check_run_name};

use crate::gui::values::TrainStart;
use crate::words;

/// The run that comes next, as it stands in the Train form.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainDraft {
    /// Where the configuration came from: a preset, a file or a run; numbered names begin with it.
    pub base_name: String,
    /// The configuration being edited.
    pub config: RunConfig,
    /// What it was before it was edited: the preset of that name, or what was taken up.
    original: RunConfig,
    /// What was edited and then replaced by something chosen, to be brought back.
    aside: Option<Box<Aside>>,
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
#[derive(Debug, Clone, PartialEq)]
struct Aside {
    base_name: String,
    config: RunConfig,
    original: RunConfig,
    yaml: Option<Yaml>,
    unfinished: Option<Yaml>,
}

/// A configuration as a person types it.
#[derive(Debug, Clone, PartialEq)]
pub struct Yaml {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// An edited configuration as the settings keep it, so that it is there when the project is opened again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptConfig {
    /// The name of what was edited.
    pub base_name: String,
    /// The configuration, YAML.
    pub yaml: String,
}

/// A run that waits in the queue, as the settings keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRun {
    /// The name that the person gave it.
    pub name: Option<String>,
    /// Its configuration.
    #[serde(flatten)]
    pub config: KeptConfig,
    /// The device, in words of the command line.
    pub device: String,
    /// The run whose weights it begins with.
    pub from: Option<String>,
    /// Whether its baseline is trained before it.
    pub baseline: bool,
}

impl KeptRun {
    /// A run to be kept; `None` where its configuration cannot be written down.
    pub fn new(start: &TrainStart, from: Option<&String>, baseline: bool) -> Option<Self> {
        let device = match start.device {
            DeviceChoice::Auto => "auto".to_owned(),
            DeviceChoice::Cpu => "cpu".to_owned(),
            DeviceChoice::Gpu(number) => format!("gpu:{number}"),
        };
        let config =
            KeptConfig { base_name: start.base_name.clone(), yaml: yaml::to_yaml(&start.config).ok()? };
        Some(Self { name: start.name.clone(), config, device, from: from.cloned(), baseline })
    }

    /// The run to be started; `None` where this version cannot read what another has written.
    pub fn start(&self) -> Option<TrainStart> {
        Some(TrainStart {
            name: self.name.clone(),
            base_name: self.config.base_name.clone(),
            config: yaml::parse(&self.config.yaml, &self.config.base_name).ok()?,
            device: self.device.parse().unwrap_or_default(),
        })
    }
}

impl Default for TrainDraft {
    fn default() -> Self {
        let preset = Preset::Recommended;
        let config = preset_config(preset).cloned().unwrap_or_default();
        Self {
            base_name: preset.name().to_owned(),
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

/// The presets with their configurations. They are part of the program and read once; a test loads each.
pub fn presets() -> &'static [(Preset, RunConfig)] {
    static PRESETS: LazyLock<Vec<(Preset, RunConfig)>> = LazyLock::new(|| {
        Preset::ALL.iter().filter_map(|&preset| Some((preset, yaml::preset(preset).ok()?))).collect()
    });
    &PRESETS
}

fn preset_config(preset: Preset) -> Option<&'static RunConfig> {
    presets().iter().find(|(of, _)| *of == preset).map(|(_, config)| config)
}

impl TrainDraft {
    /// What is kept of the form when its project is closed: the configuration, unless it is the usual one.
    pub fn kept(&self) -> Option<KeptConfig> {
        if !self.is_changed() && self.base_name == Preset::Recommended.name() {
            return None;
        }
        let yaml = yaml::to_yaml(&self.config).ok()?;
        Some(KeptConfig { base_name: self.base_name.clone(), yaml })
    }

    /// Takes up what was kept. What a newer version has written and this one cannot read is left.
    pub fn restore(&mut self, kept: &KeptConfig) {
        if let Ok(config) = yaml::parse(&kept.yaml, &kept.base_name) {
            self.take(&kept.base_name, config);
        }
    }

    /// Takes up a configuration. What was edited before is put aside, not lost.
    pub fn take(&mut self, base_name: &str, config: RunConfig) {
        let preset = Preset::from_name(base_name).and_then(preset_config);
        let original = preset.unwrap_or(&config).clone();
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
        self.aside = edited.then(|| Box::new(before));
        if as_text {
            self.open_yaml();
        }
    }

    /// Brings back what was put aside by the last choice; what is there now goes aside instead.
    pub fn bring_back(&mut self) {
        let Some(before) = self.aside.take() else { return };
        let before = *before;
        self.take(&before.base_name, before.config);
        (self.original, self.yaml, self.unfinished) = (before.original, before.yaml, before.unfinished);
    }

    /// The name of what was edited and then put aside, if anything was.
    pub fn put_aside(&self) -> Option<&str> {
        self.aside.as_ref().map(|aside| aside.base_name.as_str())
    }

    /// Drops what was put aside.
    pub fn drop_aside(&mut self) {
        self.aside = None;
    }

    /// Whether the text was left with a mistake in it, and is kept.
    pub fn has_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Drops the text with a mistake.
    pub fn drop_unfinished(&mut self) {
        self.unfinished = None;
    }

    /// Takes the changes back; they are put aside.
    pub fn reset(&mut self) {
        let (base_name, original) = (self.base_name.clone(), self.original.clone());
        self.take(&base_name, original);
    }

    /// The preset that the form began with, if it began with one.
    fn preset(&self) -> Option<Preset> {
        Preset::from_name(&self.base_name)
    }

    /// Whether the configuration was edited since it was chosen.
    pub fn is_changed(&self) -> bool {
        self.config != self.original
    }

    /// What numbered names of runs begin with: an edited preset does not go by the name of the preset.
    pub fn run_base(&self) -> String {
        if self.is_changed() && self.preset().is_some() {
            format!("{}_changed", self.base_name)
        } else {
            self.base_name.clone()
        }
    }

    /// What the form holds, in words.
    pub fn title(&self) -> String {
        let from = if self.preset().is_some() { "" } else { "from " };
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
    pub fn show_form(&mut self) {
        self.unfinished = self.yaml.take().filter(|yaml| yaml.error.is_some());
    }

    /// Leaves the form for the text.
    pub fn show_yaml(&mut self) {
        match self.unfinished.take() {
            Some(unfinished) => self.yaml = Some(unfinished),
            None => self.open_yaml(),
        }
    }

    fn open_yaml(&mut self) {
        let text = match self.preset().filter(|_| !self.is_changed()) {
            // With the comments of its author.
            Some(preset) => preset.text().to_owned(),
            None => yaml::to_yaml(&self.config).unwrap_or_default(),
        };
        self.yaml = Some(Yaml { text, error: None });
    }

    /// The configuration as YAML.
    pub fn text(&self) -> String {
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

    /// Why no run can be started as it stands in the form, beside these `runs` and with labels of these counts: by the
    /// rules with which a run is made.
    pub fn refusal(&self, runs: &[Run], counts: &LabelCounts) -> Option<String> {
        if let Some(problem) = self.problem() {
            return Some(problem);
        }
        if let Some(lacking) = lacking(&self.config, counts) {
            return Some(lacking.to_owned());
        }
        let name = self.name.trim();
        let refused = check_run_name(name, runs.iter().map(|run| run.name.as_str())).err();
        let refused = refused.filter(|_| !name.is_empty())?;
        Some(words::capitalised(&format!("{refused}.")))
    }

    /// Whether a supervised baseline beside the run says something: not beside itself, nor beside a run that begins with
    /// the weights of another.
    pub fn is_compared(&self) -> bool {
        self.from.is_none() && !self.config.is_baseline()
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

/// The labels without which no method learns, or this one nothing.
fn lacking(config: &RunConfig, counts: &LabelCounts) -> Option<&'static str> {
    let supervised = config.risk.kind == RiskKind::Supervised;
    let labels_alone =
        supervised && config.consistency.kind == ConsistencyKind::None && !config.self_training.enabled;
    if counts.positive == 0 {
        Some("Label some particles as positive first. A run learns from them.")
    } else if !labels_alone && counts.unlabeled == 0 {
        Some("Import unlabeled patches first. This method learns from them.")
    } else {
        None
    }
}
