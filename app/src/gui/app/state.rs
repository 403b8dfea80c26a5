//! The application. It owns the project's store, the jobs and the channel to the run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use eframe::egui;
use vitrine_core::Image;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::project::{DiskState, Flush, MicrographId, Project};

use super::desktop_theme::DesktopTheme;
use super::dialog::{self, FileDialogs};
use super::following::Following;
use super::outcome::{Outcome, TakeFiles};
use super::places::PlacesKept;
use super::screenshot::Screenshot;
use crate::gpu::Graphics;
use crate::gui::command::{Command, LabelCommand, ProjectCommand};
use crate::gui::drafts::Drafts;
use crate::gui::jobs::{Gate, GatePlace, JobKind, Jobs, Scope};
use crate::gui::keys::KeyMap;
use crate::gui::model::{
    Analysis, ClusterJobs, ExportState, GalleryGrid, MicrographsState, Model, Notices, OpenProject,
    PicksState, Recents,
};
use crate::gui::settings::{ProjectView, Settings, SettingsFile, clusters_beside};
use crate::gui::training::RunHandle;
use crate::gui::values::{Asked, Load, Start, Tab};
use crate::gui::{theme, views};

/// The application.
pub struct App {
    /// The model that views read.
    pub model: Model,
    /// What views remember between frames.
    pub states: views::States,
    /// The store of the open project; views never see it.
    pub(super) store: Option<Project>,
    pub(super) jobs: Jobs<Outcome>,
    /// Closed from its other end once the labels of the project closed last are on the disk.
    pub(super) flushed: Option<Receiver<()>>,
    /// The channel to the run that is training.
    pub(super) train: Option<RunHandle>,
    pub(super) settings_file: SettingsFile,
    pub(super) ctx: egui::Context,
    /// Projects opened so far.
    pub(super) openings: u64,
    /// The last title given to the window.
    pub(super) title: String,
    /// A picture of part of the window, on its way to a file.
    pub(super) screenshot: Screenshot,
    /// Places in queues as the project holds them.
    pub(super) places: PlacesKept,
    /// The window closes only to be opened anew.
    pub(super) reopens: bool,
    /// The picture that places were cut from last.
    pub(super) cut_from: Option<(MicrographId, Arc<Image>)>,
    /// Places marked so far in this window.
    pub(super) marks: u64,
    /// Steps back and forth that wait until places marked before are in the project.
    pub(super) after_marking: Vec<LabelCommand>,
    /// How labels are brought onto the disk.
    pub(super) flush: Flush,
    /// The person closes the window although labels are not safe.
    pub(super) leaves: bool,
    /// How the open project is looked at, as the settings hold it.
    pub(super) looked_at: Option<ProjectView>,
    /// The configuration in the Train form as the settings hold it.
    pub(super) kept_config: RunConfig,
    /// Who answers questions for files.
    pub(super) dialogs: FileDialogs,
    /// What is made of the answer of the window's own file browser.
    pub(super) take_files: Option<TakeFiles>,
    /// Dark or light, as the desktop has said.
    pub(super) desktop: DesktopTheme,
    /// Where clusters are, and how far the files of their jobs are read.
    pub(super) following: Following,
}

impl App {
    /// The application in the window of `cc`. Opens the project of `start`, if any.
    pub fn new(cc: &eframe::CreationContext<'_>, start: Start) -> Self {
        let (file, settings, said) = SettingsFile::load(start.settings);
        Self::with_settings(cc, start.project, file, settings, said)
    }

    /// As [`App::new`], with settings that were read before; `said` is what there is to say of them.
    pub fn with_settings(
        cc: &eframe::CreationContext<'_>,
        project: Option<PathBuf>,
        settings_file: SettingsFile,
        settings: Settings,
        said: Option<String>,
    ) -> Self {
        vitrine_core::priority::compute_in_background();
        let ctx = cc.egui_ctx.clone();
        theme::apply(&ctx, settings.theme, settings.scale);
        let graphics = Graphics::new(cc.wgpu_render_state.clone(), &ctx);
        let (keys, complaints) = KeyMap::new(&settings.keys);
        let mut notices = Notices::default();
        for sentence in said.into_iter().chain(complaints) {
            notices.warning(sentence);
        }
        if graphics.software {
            notices.warning(format!(
                "The window is drawn by the processor ({}). It works, but scrolling will not be smooth; install the \
                 driver of your graphics card.",
                graphics.name
            ));
        }
        let model = Model {
            project: None,
            recents: Recents::default(),
            tab: Tab::default(),
            tour: None,
            overlay: None,
            drafts: Drafts::default(),
            deleting: None,
            ask_path: None,
            listing: Asked::default(),
            has_dialogs: true,
            gallery: GalleryGrid::default(),
            micrographs: MicrographsState::default(),
            picks: PicksState::default(),
            jobs: Vec::new(),
            live: None,
            analysis: Analysis::default(),
            cluster_jobs: ClusterJobs::default(),
            notices,
            settings,
            keys,
            graphics,
            import: None,
            export: ExportState::default(),
            devices: Load::NotAsked,
            settings_path: settings_file.path().map(std::path::Path::to_owned),
            closing: false,
            takes_drops: takes_drops(cc),
            disk: DiskState::default(),
        };
        let clusters = settings_file.path().map(clusters_beside);
        let mut app = Self {
            model,
            states: views::States::default(),
            store: None,
            jobs: Jobs::new(ctx.clone()),
            flushed: None,
            train: None,
            settings_file,
            ctx,
            openings: 0,
            title: String::new(),
            screenshot: Screenshot::default(),
            places: PlacesKept::default(),
            reopens: false,
            cut_from: None,
            marks: 0,
            after_marking: Vec::new(),
            flush: std::sync::Arc::new(std::fs::File::sync_data),
            leaves: false,
            looked_at: None,
            kept_config: RunConfig::default(),
            dialogs: dialog::of_the_system(),
            take_files: None,
            desktop: DesktopTheme::default(),
            following: Following::new(clusters),
        };
        if let Some(dir) = project {
            app.apply(Command::Project(ProjectCommand::Open(dir)));
        }
        app
    }

    /// Brings labels of projects opened from now on to the disk in this way; for tests of a disk that fails.
    pub fn flush_with(&mut self, flush: Flush) {
        self.flush = flush;
    }

    /// Whether the window closes only to be opened anew: its graphics device was lost.
    pub fn reopens(&self) -> bool {
        self.reopens
    }

    /// For tests: holds the next job of this kind at a place until its gate opens.
    pub fn hold_job(&mut self, kind: JobKind, place: GatePlace) -> Gate {
        self.jobs.hold(kind, place)
    }

    /// After drawing has failed: whether that was for want of a device. Then the window is to be opened anew.
    pub fn lost_its_device(&mut self) -> bool {
        if let Some(state) = &self.model.graphics.render_state {
            // A device tells of its loss when it is asked.
            let _ = state.device.poll(eframe::wgpu::PollType::Poll);
        }
        self.reopens |= self.model.graphics.is_lost();
        self.reopens
    }

    /// Goes on in the window of `cc`; the graphics device of the one before was lost. Project, runs and
    /// jobs are as they were, what was drawn is drawn again.
    pub fn renew(&mut self, cc: &eframe::CreationContext<'_>) {
        self.ctx = cc.egui_ctx.clone();
        self.jobs.frames().turn_to(self.ctx.clone());
        theme::apply(&self.ctx, self.model.settings.theme, self.model.settings.scale);
        self.show_desktop_theme();
        // What the old device had to say, unless a frame has said it already.
        if let Some(text) = self.model.graphics.take_trouble() {
            self.model.notices.error(text);
        }
        self.model.graphics = Graphics::new(cc.wgpu_render_state.clone(), &self.ctx);
        self.states.forget_drawn();
        self.screenshot = Screenshot::default();
        self.title.clear();
        self.reopens = false;
    }

    /// The store of the open project.
    pub(super) fn store(&mut self) -> anyhow::Result<&mut Project> {
        self.store.as_mut().ok_or_else(|| anyhow::anyhow!("no project is open; open one first"))
    }

    /// Another handle on the open project, for a job.
    pub(super) fn handle(&mut self) -> anyhow::Result<Project> {
        Ok(self.store()?.reopen()?)
    }

    /// What a job on the open project has its answer for.
    pub(super) fn scope(&self) -> Scope {
        self.model.project.as_ref().map_or(Scope::Window, |open| Scope::Project(open.opening))
    }

    /// The open project.
    pub(super) fn open(&mut self) -> anyhow::Result<&mut OpenProject> {
        self.model.project.as_mut().ok_or_else(|| anyhow::anyhow!("no project is open; open one first"))
    }
}

/// Whether files dropped onto the window arrive: from Wayland the window system library does not take them.
fn takes_drops(cc: &eframe::CreationContext<'_>) -> bool {
    use eframe::wgpu::rwh::{HasWindowHandle as _, RawWindowHandle};
    !cc.window_handle().is_ok_and(|window| matches!(window.as_raw(), RawWindowHandle::Wayland(_)))
}
