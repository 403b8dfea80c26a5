//! The application: owns the project's store, the jobs and the line to the run, and is the one place
//! that changes the [`Model`].

mod analysis;
mod asked;
pub mod dialog;
mod export;
mod form;
mod import;
mod label;
mod project;
mod remember;
pub mod review;
mod runs;
mod select;
mod window;

use std::collections::BTreeMap;
use std::path::PathBuf;

use eframe::egui;
use vitrine_core::device::DeviceInfo;
use vitrine_core::ingest::{FoundInput, IngestRequest, IngestSummary};
use vitrine_core::project::{DiskState, Flush, PatchId, Project, RunId};
use vitrine_core::workflow::train::RunResult;

use crate::gpu::Graphics;
use crate::gui::Start;
use crate::gui::command::{Area, Command, Info, Needs, ProjectCommand, SelectCommand};
use crate::gui::jobs::{Finished, JobId, Jobs};
use crate::gui::keys::KeyMap;
use crate::gui::model::{
    Analysis, Compared, CurrentScores, Disagreements, ExportState, Looked, Model, NoticeKind, Notices,
    OpenProject, Order, Previewed, Room, RunCurves, Tab, Written,
};
use crate::gui::remedy;
use crate::gui::settings::{ProjectView, Settings, SettingsFile};
use crate::gui::training::TrainLink;
use crate::gui::{theme, views};
use crate::words;

/// What a job hands back.
pub enum Outcome {
    /// A project was read.
    Opened(Box<Loaded>),
    /// The open project was read again.
    Reloaded {
        /// Which project that is.
        generation: u64,
        /// The project.
        loaded: Box<Loaded>,
    },
    /// Patches were sorted and filtered.
    Arranged {
        /// Of which project.
        generation: u64,
        /// As asked.
        order: Order,
        /// The patches, first to last.
        ids: Vec<PatchId>,
    },
    /// Scores of a run were read.
    Scores {
        /// Of which project.
        generation: u64,
        /// The scores.
        scores: CurrentScores,
    },
    /// Something was read for the side panel or a queue.
    Reviewed {
        /// Of which project.
        generation: u64,
        /// What.
        what: review::Reviewed,
    },
    /// A run has ended and scored every patch.
    Trained(Box<RunResult>),
    /// An export was written.
    Exported {
        /// Of which project.
        generation: u64,
        /// What.
        written: Written,
    },
    /// What an export would write was counted.
    ExportCounted(Previewed),
    /// A path for an export was chosen.
    ExportOut(PathBuf),
    /// Curves of runs were read.
    Curves {
        /// Of which project.
        generation: u64,
        /// The curves.
        curves: Vec<RunCurves>,
    },
    /// Runs were put side by side.
    Compared {
        /// Of which project.
        generation: u64,
        /// What came of it.
        compared: Compared,
    },
    /// Data, configuration or a run were examined.
    Diagnosed {
        /// Of which project.
        generation: u64,
        /// What was found.
        report: Box<vitrine_core::diagnosis::Report>,
    },
    /// Two runs were searched for disagreement.
    Disagreed {
        /// Of which project.
        generation: u64,
        /// The patches.
        disagreements: Disagreements,
    },
    /// A run has scored every patch.
    Scored {
        /// Of which project.
        generation: u64,
        /// Its number.
        run: RunId,
        /// Its name.
        name: String,
    },
    /// A file was chosen in a dialog.
    Path(PathBuf),
    /// A file was written.
    Saved(PathBuf),
    /// The folder of a project was chosen in a dialog.
    Folder(PathBuf),
    /// The desktop answers no question for files.
    NoDialog,
    /// Files or folders to import were chosen.
    ImportChosen(Vec<PathBuf>),
    /// What files are, and values to begin with.
    Recognised {
        /// What they are.
        found: Vec<FoundInput>,
        /// Values to begin with.
        proposal: Box<IngestRequest>,
    },
    /// What an import would bring.
    Looked(Looked),
    /// How much is free on a disk was seen.
    Room(Room),
    /// Files were brought in.
    Imported {
        /// The project, read afresh.
        loaded: Box<Loaded>,
        /// What came.
        summary: Box<IngestSummary>,
    },
    /// The devices on which a run could compute.
    Devices(Vec<DeviceInfo>),
    /// Whether the desktop is dark or light, where it says so.
    DesktopTheme(Option<egui::Theme>),
    /// Nothing to take up.
    Nothing,
}

/// A project that was read: its store, and what views see of it.
pub struct Loaded {
    /// The open store.
    pub store: Project,
    /// The model's part.
    pub open: OpenProject,
}

/// The application.
pub struct App {
    /// What views read.
    pub model: Model,
    /// What views remember from frame to frame.
    pub states: views::States,
    /// The store of the open project; views never see it.
    store: Option<Project>,
    jobs: Jobs,
    /// The line to the run that is training.
    train: Option<TrainLink>,
    settings_file: SettingsFile,
    ctx: egui::Context,
    /// Projects opened so far.
    generations: u64,
    /// The last title given to the window.
    title: String,
    /// A picture of part of the window, on its way to a file.
    picture: analysis::Picture,
    /// Places in queues as the project holds them.
    places: review::PlacesKept,
    /// The window closes only to be opened anew.
    reopens: bool,
    /// How labels are brought onto the disk.
    flush: Flush,
    /// The person closes the window although labels are not safe.
    leaves: bool,
    /// How the open project is looked at, as the settings hold it.
    looked_at: Option<ProjectView>,
    /// What jobs were started to answer.
    asked: BTreeMap<JobId, asked::Asked>,
    /// Who answers questions for files.
    dialogs: dialog::FileDialogs,
    /// Dark or light, as the desktop has said.
    desktop: window::DesktopTheme,
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
            tab: Tab::default(),
            overlay: None,
            jobs: Vec::new(),
            live: None,
            analysis: Analysis::default(),
            notices,
            settings,
            keys,
            graphics,
            import: None,
            export: ExportState::default(),
            devices: None,
            settings_path: settings_file.path().map(std::path::Path::to_owned),
            closing: false,
            takes_drops: takes_drops(cc),
            disk: DiskState::default(),
        };
        let mut app = Self {
            model,
            states: views::States::default(),
            store: None,
            jobs: Jobs::new(ctx.clone()),
            train: None,
            settings_file,
            ctx,
            generations: 0,
            title: String::new(),
            picture: analysis::Picture::default(),
            places: review::PlacesKept::default(),
            reopens: false,
            flush: std::sync::Arc::new(std::fs::File::sync_data),
            leaves: false,
            looked_at: None,
            asked: BTreeMap::new(),
            dialogs: dialog::of_the_system(),
            desktop: window::DesktopTheme::default(),
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
        self.picture = analysis::Picture::default();
        self.title.clear();
        self.reopens = false;
    }

    /// Carries out a command. What goes wrong becomes a notice.
    pub fn apply(&mut self, command: Command) {
        let done = match command {
            Command::Project(command) => self.apply_project(command),
            Command::Import(command) => self.apply_import(command),
            Command::Label(command) => self.apply_label(command),
            Command::Select(SelectCommand::Patch(patch)) => self.go_to_patch(patch),
            Command::Select(SelectCommand::ShowThese(patches)) => self.show_these(&patches),
            Command::Select(SelectCommand::Similar) => self.select_similar(),
            Command::Select(SelectCommand::Show) => self.show_selected(),
            Command::Select(command) => {
                self.apply_select(command);
                Ok(())
            }
            Command::View(command) => self.apply_view(command),
            Command::Train(command) => self.apply_train(command),
            Command::Compare(command) => self.apply_compare(command),
            Command::Diagnose(start) => self.diagnose(*start),
            Command::Save(command) => self.apply_save(command),
            Command::Export(command) => self.apply_export(command),
            Command::Settings(command) => {
                self.apply_settings(command);
                Ok(())
            }
            Command::Window(command) => self.apply_window(command),
        };
        if let Err(error) = done {
            self.say_error("", &error);
        }
        self.keep_queue_place();
        self.model.jobs = self.jobs.states();
        self.ctx.request_repaint();
    }

    /// Shows an error as a notice, behind what was tried ("Opening apo").
    fn say_error(&mut self, tried: &str, error: &anyhow::Error) {
        self.say_trouble(tried, &remedy::sentence(error), remedy::way_on(error));
    }

    /// Shows a sentence of trouble as a notice, with the way out.
    fn say_trouble(&mut self, tried: &str, sentence: &str, action: Option<(String, Command)>) {
        let text =
            if tried.is_empty() { words::capitalised(sentence) } else { format!("{tried}: {sentence}") };
        let text = if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") };
        self.model.notices.push(NoticeKind::Error, text, action);
    }

    /// The store of the open project.
    fn store(&mut self) -> anyhow::Result<&mut Project> {
        self.store.as_mut().ok_or_else(|| anyhow::anyhow!("no project is open; open one first"))
    }

    /// The open project.
    fn open(&mut self) -> anyhow::Result<&mut OpenProject> {
        self.model.project.as_mut().ok_or_else(|| anyhow::anyhow!("no project is open; open one first"))
    }

    /// Takes up what a job hands back.
    fn finish(&mut self, finished: Finished) {
        let Finished { job, outcome } = finished;
        let asked = self.asked.remove(&job.id);
        let done = match outcome {
            // Read to its end a moment before the person said no: what is not wanted does not come up.
            Ok(Outcome::Opened(_)) if job.cancelled => Ok(()),
            Ok(Outcome::Opened(loaded)) => self.take_project(*loaded),
            Ok(Outcome::Reloaded { generation, loaded }) => self.take_again(generation, *loaded),
            Ok(Outcome::Arranged { generation, order, ids }) => {
                self.take_order(generation, order, ids);
                Ok(())
            }
            Ok(Outcome::Scores { generation, scores }) => {
                self.take_scores(generation, scores);
                Ok(())
            }
            Ok(Outcome::Reviewed { generation, what }) => {
                self.take_reviewed(generation, what);
                Ok(())
            }
            Ok(Outcome::Trained(result)) => self.take_run(&result),
            Ok(Outcome::Exported { generation, written }) => {
                self.take_export(generation, written);
                Ok(())
            }
            Ok(
                outcome @ (Outcome::Curves { .. }
                | Outcome::Compared { .. }
                | Outcome::Diagnosed { .. }
                | Outcome::Disagreed { .. }
                | Outcome::Scored { .. }
                | Outcome::Path(_)
                | Outcome::Saved(_)),
            ) => self.take_analysis(outcome),
            Ok(Outcome::ExportCounted(previewed)) => {
                self.take_preview(previewed);
                Ok(())
            }
            Ok(Outcome::ExportOut(out)) => {
                self.states.export.chosen(out);
                Ok(())
            }
            Ok(Outcome::ImportChosen(paths)) => {
                self.add_to_import(paths);
                Ok(())
            }
            Ok(Outcome::Recognised { found, proposal }) => {
                self.take_recognised(found, *proposal);
                Ok(())
            }
            Ok(Outcome::Room(room)) => {
                self.take_room(room);
                Ok(())
            }
            Ok(Outcome::Looked(looked)) => {
                self.take_look(looked);
                Ok(())
            }
            Ok(Outcome::Imported { loaded, summary }) => self.take_import(*loaded, &summary),
            Ok(Outcome::Devices(devices)) => {
                self.model.devices = Some(devices);
                Ok(())
            }
            Ok(Outcome::DesktopTheme(theme)) => {
                self.take_desktop_theme(theme);
                Ok(())
            }
            Ok(Outcome::Nothing) => Ok(()),
            Ok(Outcome::Folder(dir)) => {
                self.apply(Command::Project(ProjectCommand::Open(dir)));
                Ok(())
            }
            Ok(Outcome::NoDialog) => {
                self.say_no_dialog();
                Ok(())
            }
            Err(error) => {
                self.fail(&job, asked, &error);
                Ok(())
            }
        };
        if let Err(error) = done {
            self.say_error(&job.title, &error);
        }
    }
}

impl App {
    /// Carries out the keys of this frame one after the other: each may change what the next one is for.
    fn take_keys(&mut self, ctx: &egui::Context) {
        // A dialog over the view has the keys to itself, but those for the size of everything.
        if self.model.overlay.is_some() || self.states.ask_path.is_some() {
            let sizes = |info: &Info| ["window.larger", "window.smaller", "window.normal"].contains(&info.id);
            for info in self.model.keys.pressed(ctx, sizes) {
                self.apply((info.command)());
            }
            return;
        }
        // Elsewhere arrows, Escape and the like are not for patches that nobody sees.
        let gallery = self.model.tab == Tab::Gallery;
        let meant = |info: &Info| gallery || !matches!(info.needs, Needs::Gallery | Needs::Patches);
        for info in self.model.keys.pressed(ctx, meant) {
            // What came after a key that opened a dialog was meant for the dialog.
            if self.model.overlay.is_some() {
                return;
            }
            // The import page covers everything: nobody labels or runs what is not seen.
            if self.model.import.is_some() && !matches!(info.area, Area::Project | Area::Window) {
                continue;
            }
            match self.model.allows(info.needs) {
                Ok(()) => self.apply((info.command)()),
                Err(why) if self.model.project.is_some() => self.model.notices.warning(why),
                Err(_) => {}
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        for finished in self.jobs.drain() {
            // The last events come before the end.
            self.hear_training();
            self.finish(finished);
        }
        self.hear_training();
        self.model.jobs = self.jobs.states();
        if let Some(text) = self.model.graphics.take_trouble() {
            self.model.notices.error(text);
        }
        if self.model.graphics.is_lost() && !self.reopens {
            self.reopens = true;
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.watch_disk();
        self.take_picture(ctx);
        self.take_drops(ctx);
        self.remember_view();
        self.keep_window(ctx);
        match self.keep_places(false) {
            Ok(Some(wait)) => ctx.request_repaint_after(wait),
            Ok(None) => {}
            Err(error) => self.say_error("Keeping the place in the queue", &error),
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.take_keys(ui.ctx());
        let mut out = Vec::new();
        if let Some(open) = &mut self.model.project {
            open.count_hidden();
        }
        views::ui(ui, &self.model, &mut self.states, &mut out);
        for command in out {
            self.apply(command);
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Nobody can read a notice any more; the file simply stays as it was.
        let _ = self.settings_file.keep(&self.model.settings, true);
        let _ = self.keep_places(true);
    }
}

/// Whether files dropped onto the window arrive: from Wayland the window system library does not take them.
fn takes_drops(cc: &eframe::CreationContext<'_>) -> bool {
    use eframe::wgpu::rwh::{HasWindowHandle as _, RawWindowHandle};
    !cc.window_handle().is_ok_and(|window| matches!(window.as_raw(), RawWindowHandle::Wayland(_)))
}
