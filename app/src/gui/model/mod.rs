//! The model: everything that views read. It holds no file handles, and no frame does work that grows with
//! the number of patches. Only [`App::apply`](crate::gui::App::apply) changes it.

mod analysis;
mod cluster_jobs;
mod export;
mod gallery;
mod import;
mod live;
mod micrographs;
mod notice;
mod on_micrographs;
mod open;
mod order;
mod pick_audit;
mod picks;
mod recents;
mod review;
mod road;
mod road_evidence;
mod run_list;
mod run_queue;
mod score_maps;
mod selection;
mod tour;

use std::path::PathBuf;

pub use analysis::{Analysis, Compared, Correction, PlannedRun, RunCurves};
pub use cluster_jobs::{Changes, ClusterJobs};
pub use export::{ExportState, Written};
pub use gallery::GalleryGrid;
pub use import::{DiskSpace, ImportState, LookRequest, Recognised};
pub use live::{LivePhase, LiveRun};
pub use micrographs::{Marking, MicrographPicture, MicrographsState, SmallPicture};
pub use notice::{Notice, NoticeKind, Notices};
pub use on_micrographs::{MicrographProgress, OnMicrographs};
pub use open::{CurrentScores, CurrentSplit, Hidden, OpenProject, Shown};
pub use order::{OrderInput, arrange};
pub use pick_audit::{AskedPlace, AuditKey, PickAudit};
pub use picks::{PicksState, Surveyed, distance_of, rules_of, run_of, threshold_of};
pub use recents::Recents;
pub use review::{Batch, DetailKey, MicrographView, OpenQueue, PatchDetail, RunFeatures};
pub use road::{
    Exported, MIN_POSITIVES, NextStep, QueueProgress, Road, RoadEvidence, RoadStep, RoadStop, StepState,
    Training, road,
};
pub use run_list::{RunList, newest_trained};
pub use run_queue::{QueuedRun, RunQueue};
pub use score_maps::ScoreMaps;
pub use selection::PatchSelection;
pub use tour::{TOUR, TourPlace, TourStep};

use vitrine_core::device::DeviceInfo;
use vitrine_core::project::DiskState;
use vitrine_core::workflow::runs::DeletePlan;

use crate::gpu::Graphics;
use crate::gui::command_table::Needs;
use crate::gui::drafts::Drafts;
use crate::gui::jobs::JobState;
use crate::gui::keys::KeyMap;
use crate::gui::settings::Settings;
use crate::gui::values::{Asked, Listing, Load, Overlay, PathQuestion, Tab};

/// Everything views read.
pub struct Model {
    /// The open project; without one the first screen is shown.
    pub project: Option<OpenProject>,
    /// The recent projects at a glance.
    pub recents: Recents,
    /// The main view.
    pub tab: Tab,
    /// The place of the tour that is shown, counted from 0.
    pub tour: Option<usize>,
    /// The overlay above the main view.
    pub overlay: Option<Overlay>,
    /// What the forms hold.
    pub drafts: Drafts,
    /// What deleting the run of the dialog would take away.
    pub deleting: Option<DeletePlan>,
    /// A file that the person is asked to name.
    pub ask_path: Option<PathQuestion>,
    /// What the folder holds in which a file is named.
    pub listing: Asked<PathBuf, Listing>,
    /// Whether the desktop is taken to have file dialogs: until it turns out that it has none.
    pub has_dialogs: bool,
    /// The gallery as keys move in it.
    pub gallery: GalleryGrid,
    /// The view of whole micrographs.
    pub micrographs: MicrographsState,
    /// What a run has found on micrographs.
    pub picks: PicksState,
    /// Running jobs, oldest first.
    pub jobs: Vec<JobState>,
    /// The run that is training, or the last one that did since the project was opened.
    pub live: Option<LiveRun>,
    /// Measurements of runs.
    pub analysis: Analysis,
    /// Jobs on clusters.
    pub cluster_jobs: ClusterJobs,
    /// Notices on the screen.
    pub notices: Notices,
    /// The settings.
    pub settings: Settings,
    /// Keys, from the table of commands and the settings.
    pub keys: KeyMap,
    /// The graphics device.
    pub graphics: Graphics,
    /// The import being prepared; while there is one, its page covers everything else.
    pub import: Option<ImportState>,
    /// An export being prepared.
    pub export: ExportState,
    /// The devices that a run could use; read on demand.
    pub devices: Load<Vec<DeviceInfo>>,
    /// The settings file; `None` where there is none.
    pub settings_path: Option<PathBuf>,
    /// The window closes as soon as the last job has ended.
    pub closing: bool,
    /// Whether files can be dropped onto the window.
    pub takes_drops: bool,
    /// What the disk has not confirmed yet, and why.
    pub disk: DiskState,
}

impl Model {
    /// Checks whether a command can be given now.
    ///
    /// # Errors
    /// The reason, to show as a tooltip.
    pub fn allows(&self, needs: Needs) -> Result<(), &'static str> {
        let project = self.project.as_ref();
        let writable = project.is_some_and(|p| p.read_only.is_none());
        let training = self.live.as_ref().is_some_and(LiveRun::is_running);
        match needs {
            Needs::Nothing => Ok(()),
            _ if project.is_none() => Err("Open a project first."),
            Needs::Project => Ok(()),
            Needs::Filled if project.is_some_and(OpenProject::is_empty) => {
                Err("The project has no patches yet.")
            }
            Needs::Filled => Ok(()),
            Needs::Scores if project.is_some_and(|p| p.scores.is_none()) => {
                Err("No run has scored this project yet. Train first.")
            }
            Needs::Scores => Ok(()),
            // Elsewhere nobody sees what a key does.
            Needs::Gallery | Needs::Patches if self.tab != Tab::Gallery => {
                Err("This command needs the gallery. Go there first.")
            }
            Needs::Patches if project.is_some_and(|p| p.shown.ids.is_empty()) => Err("No patch is shown."),
            Needs::Gallery | Needs::Patches => Ok(()),
            Needs::Micrograph if self.tab != Tab::Micrographs => {
                Err("This command needs the view of micrographs. Go there first.")
            }
            Needs::Micrograph if self.micrographs.current.is_none() => Err("No micrograph is shown."),
            Needs::Micrograph => Ok(()),
            _ if !writable => Err("The project is read-only."),
            Needs::Writable => Ok(()),
            Needs::Labelling | Needs::Labels if !matches!(self.tab, Tab::Gallery | Tab::Micrographs) => {
                Err("Patches are labelled in the gallery and on micrographs.")
            }
            Needs::Labelling => Ok(()),
            // The place of the audit is meant.
            Needs::Labels if self.is_asked() => Ok(()),
            Needs::Labels
                if self.tab == Tab::Micrographs && project.is_some_and(|p| p.selection.is_empty()) =>
            {
                Err("Choose a pick first: click it.")
            }
            Needs::Labels if project.is_some_and(|p| p.targets() == 0) => Err("Choose a patch first."),
            Needs::Labels => Ok(()),
            Needs::Training if !training => Err("No run is training."),
            Needs::Training if self.live.as_ref().is_some_and(|live| live.scoring) => {
                Err("Training has ended. The run is scoring the patches.")
            }
            Needs::Training if self.live.as_ref().is_some_and(|live| live.phase == LivePhase::Stopping) => {
                Err("The run is already stopping.")
            }
            Needs::NoTraining if training => Err("A run is already training. Stop it or wait for its end."),
            Needs::Queued if self.analysis.queue.is_empty() => Err("No run waits in the queue."),
            Needs::Imported if project.is_some_and(|p| p.last_import.is_none()) => {
                Err("The project has no import that can be taken back.")
            }
            Needs::Imported if training => Err("A run is training. Stop it or wait for its end."),
            Needs::Training | Needs::NoTraining | Needs::Queued | Needs::Imported => Ok(()),
        }
    }

    /// Whether a label would answer the audit of picks: a place of it is shown, and nothing else is chosen.
    fn is_asked(&self) -> bool {
        let here = || self.micrographs.current.is_some_and(|id| self.picks.audit.asked_on(id).is_some());
        self.tab == Tab::Micrographs
            && self.project.as_ref().is_some_and(|p| p.selection.is_empty())
            && here()
    }

    /// Whether a project is open that takes an import.
    pub fn open_takes_import(&self) -> bool {
        self.project.as_ref().is_some_and(|open| open.read_only.is_none())
    }

    /// The device that `auto` chooses: the first eligible GPU, or else the CPU; `None` until the devices are read.
    pub fn best_device(&self) -> Option<&DeviceInfo> {
        let devices = self.devices.ready()?;
        devices.iter().find(|d| d.eligible && !d.is_cpu()).or(devices.first())
    }

    /// Whether no GPU is eligible for a run; `false` until the devices are read.
    pub fn lacks_gpu(&self) -> bool {
        self.best_device().is_some_and(DeviceInfo::is_cpu)
    }

    /// Whether a job is running that closing the window would end.
    pub fn is_busy(&self) -> bool {
        self.jobs.iter().any(|job| job.kind.asks_before_closing())
    }
}
