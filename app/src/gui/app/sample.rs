//! The sample: simulated micrographs as a project. The first time it is made, the general model scores it, so that there is
//! something to sort, review and export; and a quick run trains on it in the background.

use std::path::PathBuf;

use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::Contrast;
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::workflow::rank::{RankRequest, rank};

use super::loaded::load;
use super::outcome::{Outcome, ProjectOutcome};
use super::project::is_project;
use super::state::App;
use crate::gui::command::{Command, ProjectCommand, TrainCommand};
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::model::NoticeKind;
use crate::gui::values::TrainStart;

impl App {
    /// Opens the sample as if it was asked for on the first screen.
    pub fn open_sample(&mut self, dir: PathBuf) {
        self.model.drafts.sample = dir.display().to_string();
        self.apply(Command::Project(ProjectCommand::Sample(dir)));
    }

    pub(super) fn sample(&mut self, dir: PathBuf) -> anyhow::Result<()> {
        let project = dir.join("project");
        if is_project(&project) {
            return self.open_project(&project);
        }
        self.refuse_while_training()?;
        if self.jobs.has(JobKind::Sample) {
            anyhow::bail!("the sample is already being made; wait for it");
        }
        self.jobs.spawn(JobKind::Sample, Scope::Window, "Making the sample project", move |job| {
            let (mut store, _, _) =
                vitrine_core::workflow::demo::sample_project(&dir, 1, &mut |step| job.report(step))?;
            // Scores of the general model take seconds: there is something to sort, review and export at once.
            let device = ComputeDevice::open(DeviceChoice::Cpu)?;
            let request = RankRequest { name: None, contrast: Contrast::Dark, device };
            rank(&mut store, request, &mut |step| job.report(step))?;
            let loaded = Box::new(load(store, &|| job.check_cancelled())?);
            Ok(Outcome::Project(ProjectOutcome::SampleMade(loaded)))
        })?;
        Ok(())
    }

    /// Trains the quick preset on the sample that was just made, and says so.
    pub(super) fn train_sample(&mut self) -> anyhow::Result<()> {
        let preset = Preset::Quick;
        let start = TrainStart {
            name: None,
            base_name: preset.name().to_owned(),
            config: yaml::preset(preset)?,
            device: DeviceChoice::Auto,
        };
        self.start_run(start, None, None)?;
        let text = "The sample is ready, with the scores of the general model. A quick run trains on it in the background; \
                    its scores and curves appear by themselves.";
        let stop = ("Stop the run".to_owned(), Command::Train(TrainCommand::Stop));
        self.model.notices.push(NoticeKind::Done, text.to_owned(), Some(stop));
        // Who opens the sample wants to see what there is.
        self.show_tour(Some(0))
    }
}
