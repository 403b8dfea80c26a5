//! Measuring runs, scoring with them, and writing plots and configurations to files.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use vitrine_core::atomic::write_atomically;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::report::picture;
use vitrine_core::workflow::compare::is_baseline;
use vitrine_core::workflow::comparison::Comparison;
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose, history};
use vitrine_core::workflow::score::{score_project, scorer};

use super::asked::Asked;
use super::dialog::{FileQuestion, Wanted};
use super::{App, Outcome};
use crate::gui::command::{
    AskPath, Command, CompareCommand, DiagnoseStart, Purpose, SaveCommand, ViewCommand, WindowCommand,
};
use crate::gui::jobs::{JobKind, Slot};
use crate::gui::model::{Compared, Disagreements, NoticeKind, RunCurves, Tab};
use crate::gui::remedy;
use crate::gui::views::charts::{PlotPlaces, plot_places};

/// Patches shown of a disagreement.
const DISAGREEING: usize = 24;

/// A picture of part of the window on its way to a file: asked for, then taken, then written.
#[derive(Default)]
pub struct Picture {
    wanted: Option<WantedPicture>,
    taken: Slot<(PathBuf, egui::ColorImage)>,
    /// Frames in which the plot goes on hiding its buttons, because the picture is not there yet.
    coming: u32,
}

struct WantedPicture {
    file: PathBuf,
    /// Where the plot was in the frame before.
    before: Option<egui::Rect>,
    /// Frames since it was asked for.
    frames: u32,
}

/// Frames to wait until the dialog is gone from the window.
const DIALOG_GONE: u32 = 3;
/// Frames a plot has to come onto the screen: scrolling there takes half a second.
const ON_SCREEN: u32 = 240;

impl App {
    pub(super) fn read_curves(&mut self, names: Vec<String>) -> anyhow::Result<()> {
        let generation = self.open()?.generation;
        self.model.analysis.reading.extend(names.iter().cloned());
        self.ask(Asked::Curves(names.clone()), |app| {
            let store = app.store()?.reopen()?;
            app.jobs.spawn(JobKind::Read, "Reading the epochs of runs", move |_| {
                let read = |name: String| {
                    let run = store.run(&name)?;
                    Ok(RunCurves::new(name, is_baseline(&run), history(&store, &run)?))
                };
                let curves = names.into_iter().map(read).collect::<anyhow::Result<_>>()?;
                Ok(Outcome::Curves { generation, curves })
            })
        })
    }

    pub(super) fn score(&mut self, name: String, device: DeviceChoice) -> anyhow::Result<()> {
        if !self.store()?.is_writable() {
            anyhow::bail!("the project is open for reading only, so no scores can be stored in it");
        }
        let generation = self.open()?.generation;
        let mut store = self.store()?.reopen()?;
        self.jobs.spawn(JobKind::Score, format!("Scoring with {name}"), move |job| {
            let scorer = scorer(&store, &name, ComputeDevice::open(device)?)?;
            let scores = score_project(&store, &scorer, &mut |step| job.tell(step))?;
            let run = store.run(&name)?.id;
            store.set_scores(run, vitrine_core::project::ScoreKind::Teacher, &scores)?;
            Ok(Outcome::Scored { generation, run, name })
        })?;
        Ok(())
    }

    pub(super) fn apply_compare(&mut self, command: CompareCommand) -> anyhow::Result<()> {
        match command {
            CompareCommand::Read(names) => {
                let open = self.open()?;
                let (generation, journal) = (open.generation, open.journal);
                self.model.analysis.comparing = Some(names.clone());
                self.model.analysis.not_compared = None;
                self.ask(Asked::Compared(names.clone()), |app| {
                    let store = app.store()?.reopen()?;
                    app.jobs.spawn(JobKind::Compare, "Comparing runs", move |job| {
                        let comparison = Comparison::read(&store, &names, &mut |step| job.tell(step))?;
                        let compared = Compared { names, comparison: Arc::new(comparison), journal };
                        Ok(Outcome::Compared { generation, compared })
                    })
                })?;
            }
            CompareCommand::Disagree(runs) => {
                let Some(compared) = &self.model.analysis.compared else { return Ok(()) };
                let comparison = Arc::clone(&compared.comparison);
                let place = |name: &String| comparison.runs.iter().position(|run| run.name == *name);
                let (Some(a), Some(b)) = (place(&runs[0]), place(&runs[1])) else { return Ok(()) };
                let generation = self.open()?.generation;
                self.ask(Asked::Disagreement(runs.clone()), |app| {
                    app.jobs.spawn(JobKind::Read, "Looking for disagreement", move |_| {
                        let patches = comparison.disagreements(a, b, DISAGREEING);
                        let disagreements = Disagreements { runs, patches };
                        Ok(Outcome::Disagreed { generation, disagreements })
                    })
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn diagnose(&mut self, start: DiagnoseStart) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Diagnose) {
            anyhow::bail!("an examination is under way already; wait for it or cancel it");
        }
        let generation = self.open()?.generation;
        let store = self.store()?.reopen()?;
        let what = start.run.clone().unwrap_or_else(|| start.config_name.clone());
        self.jobs.spawn(JobKind::Diagnose, format!("Examining {what}"), move |job| {
            let DiagnoseStart { config, config_name, run, depth, device } = start;
            let device = ComputeDevice::open(device)?;
            let request = DiagnoseRequest { config, config_name, run, depth, device, truth: None };
            let report = diagnose(&store, &request, &mut |progress| {
                let left = progress
                    .seconds_left
                    .map_or_else(String::new, |left| format!(", about {left:.0} s to go"));
                let phase = format!("{}{left}", progress.examination.title());
                job.progress(&phase, (progress.done * 1000.0) as u64, 1000)
            })?;
            Ok(Outcome::Diagnosed { generation, report: Box::new(report) })
        })?;
        Ok(())
    }

    pub(super) fn apply_save(&mut self, command: SaveCommand) -> anyhow::Result<()> {
        match command {
            SaveCommand::Ask(ask) => self.ask_path(*ask),
            SaveCommand::AskConfig => {
                // Nothing says what it is called: the last one, or the folder alone, for the name to be typed.
                let folder = self.open()?.dir.join("");
                let path = self.states.train.opened.clone().unwrap_or(folder);
                self.model.tab = Tab::Train;
                self.ask_path(AskPath::new("Open a configuration", path, Purpose::OpenConfig));
            }
            SaveCommand::Answer(None) => self.states.ask_path = None,
            SaveCommand::Answer(Some(path)) => self.path_named(path),
            SaveCommand::Choose => {
                let Some(ask) = self.states.ask_path.clone() else { return Ok(()) };
                let reads = matches!(ask.purpose, Purpose::OpenConfig | Purpose::PretrainedWeights);
                let (folder, name) = if ask.path.is_dir() {
                    (Some(ask.path), None)
                } else {
                    let name = ask.path.file_name().map(|name| name.to_string_lossy().into_owned());
                    (ask.path.parent().map(Into::into), name)
                };
                let wanted = if reads { Wanted::File } else { Wanted::Save };
                let question = FileQuestion { wanted, title: ask.title, folder, name };
                self.choose_files(question, |mut paths| Outcome::Path(paths.swap_remove(0)))?;
            }
            SaveCommand::Go(path) => {
                let Some(mut ask) = self.states.ask_path.take() else { return Ok(()) };
                match ask.purpose {
                    Purpose::Text(text) => self.write(path, move || Ok(text.into_bytes()))?,
                    Purpose::Picture(plot) => {
                        let places = PlotPlaces { wanted: Some(plot), found: None };
                        self.ctx.data_mut(|data| data.insert_temp(plot_places(), places));
                        self.picture.wanted = Some(WantedPicture { file: path, before: None, frames: 0 });
                    }
                    Purpose::OpenConfig => match self.states.train.open_file(&path) {
                        Ok(()) => self.model.tab = Tab::Train,
                        // The question stays, for the path to be mended.
                        Err(error) => {
                            ask.wrong = Some(remedy::sentence(&error));
                            ask.path = path;
                            self.states.ask_path = Some(ask);
                        }
                    },
                    Purpose::PretrainedWeights => self.states.train.begin_with(&path),
                }
            }
        }
        Ok(())
    }

    /// Asks for a file. What had the focus, the palette's field or a button, gives it up, for the next key is
    /// meant for the name.
    fn ask_path(&mut self, ask: AskPath) {
        self.states.ask_path = Some(ask);
        self.ctx.memory_mut(|memory| {
            if let Some(id) = memory.focused() {
                memory.surrender_focus(id);
            }
        });
    }

    /// The person has named another path.
    fn path_named(&mut self, path: PathBuf) {
        if let Some(ask) = &mut self.states.ask_path {
            (ask.path, ask.wrong) = (path, None);
        }
    }

    fn write(
        &mut self,
        path: PathBuf,
        bytes: impl FnOnce() -> anyhow::Result<Vec<u8>> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.jobs.spawn_whole(JobKind::Export, format!("Writing {}", path.display()), move |_| {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|e| vitrine_core::Error::io("create", folder, e))?;
            }
            write_atomically(&path, &bytes()?)?;
            Ok(Outcome::Saved(path))
        })?;
        Ok(())
    }

    /// Asks for a picture of a part of the window.
    fn photograph(&self, ctx: &egui::Context, file: PathBuf, area: egui::Rect) {
        let (slot, scale, again) = (self.picture.taken.clone(), ctx.pixels_per_point(), ctx.clone());
        let callback = egui::ScreenshotCallback::new(move |image: Arc<egui::ColorImage>| {
            let size = egui::vec2(image.width() as f32, image.height() as f32) / scale;
            let whole = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
            slot.put((file, image.region(&area.intersect(whole), Some(scale))));
            again.request_repaint();
        });
        ctx.send_viewport_cmd(egui::ViewportCommand::Screenshot(callback));
    }

    /// Takes a picture that was asked for, as soon as the dialog is gone and the whole plot is on the
    /// screen, and writes it.
    pub(super) fn take_picture(&mut self, ctx: &egui::Context) {
        if let Some(mut wanted) = self.picture.wanted.take() {
            ctx.request_repaint();
            let found = ctx.data(|data| data.get_temp::<PlotPlaces>(plot_places())).and_then(|p| p.found);
            let at = found.map(|(area, _)| area);
            let whole = found.is_some_and(|(area, clip)| clip.contains_rect(area));
            let resting = at.is_some() && at == wanted.before;
            (wanted.before, wanted.frames) = (at, wanted.frames + 1);
            match found {
                _ if wanted.frames <= DIALOG_GONE => self.picture.wanted = Some(wanted),
                Some((area, _)) if whole && (resting || wanted.frames >= ON_SCREEN) => {
                    self.photograph(ctx, wanted.file, area)
                }
                _ if wanted.frames < ON_SCREEN => self.picture.wanted = Some(wanted),
                Some((area, clip)) => {
                    self.model.notices.warning(
                        "The window is too small to show all of the plot, so the picture has only what is seen of it. \
                         Enlarge the window, or save the plot as SVG.",
                    );
                    self.photograph(ctx, wanted.file, area.intersect(clip));
                }
                None => {
                    self.model.notices.warning("The plot is no longer on the screen; no picture was saved.")
                }
            }
            if self.picture.wanted.is_none() {
                self.picture.coming = ON_SCREEN;
            }
        } else if self.picture.coming > 0 {
            ctx.request_repaint();
            self.picture.coming -= 1;
            if self.picture.coming == 0 {
                ctx.data_mut(|data| data.insert_temp(plot_places(), PlotPlaces::default()));
            }
        }
        if let Some((path, image)) = self.picture.taken.take() {
            self.picture.coming = self.picture.coming.min(1);
            let [width, height] = image.size;
            let rgba: Vec<u8> = image.pixels.iter().flat_map(|pixel| pixel.to_array()).collect();
            let written = self.write(path, move || Ok(picture::png(width, height, rgba)?));
            if let Err(error) = written {
                self.say_error("Saving the picture", &error);
            }
        }
    }

    pub(super) fn take_analysis(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        let now = self.model.project.as_ref().map(|open| open.generation);
        let analysis = &mut self.model.analysis;
        match outcome {
            Outcome::Curves { generation, curves } if now == Some(generation) => {
                for curves in curves {
                    analysis.reading.retain(|name| *name != curves.name);
                    analysis.curves.insert(curves.name.clone(), Arc::new(curves));
                }
            }
            // What was asked for last is what counts.
            Outcome::Compared { generation, compared }
                if now == Some(generation) && analysis.comparing.as_ref() == Some(&compared.names) =>
            {
                analysis.comparing = None;
                analysis.disagreements = None;
                analysis.compared = Some(compared);
            }
            Outcome::Diagnosed { generation, report } if now == Some(generation) => {
                analysis.report = Some(Arc::from(report));
            }
            Outcome::Disagreed { generation, disagreements } if now == Some(generation) => {
                analysis.disagreements = Some(disagreements);
            }
            // Another project is open: there the scores are of no run.
            Outcome::Scored { generation, name, .. } if now != Some(generation) => {
                self.model.notices.done(format!("{name} has scored every patch of its project."));
            }
            Outcome::Scored { run, name, .. } => {
                self.model.notices.push(
                    NoticeKind::Done,
                    format!("{name} has scored every patch."),
                    Some(("Compare".to_owned(), Command::View(ViewCommand::Tab(Tab::Compare)))),
                );
                self.model.analysis.compared = None;
                self.apply_view(ViewCommand::Scores(run))?;
            }
            Outcome::Path(path) => self.path_named(path),
            Outcome::Saved(path) => {
                let text = format!("Saved {}.", path.display());
                let reveal = Command::Window(WindowCommand::Reveal(path));
                self.model.notices.push(NoticeKind::Done, text, Some(("Show in folder".to_owned(), reveal)));
            }
            _ => {}
        }
        Ok(())
    }
}
