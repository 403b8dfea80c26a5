//! Writing plots and configurations to files, and reading configurations.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui;
use vitrine_core::atomic::write_atomically;
use vitrine_core::report::picture;
use vitrine_core::workflow::compare::{summaries, write_report};

use super::dialog::FileQuestion;
use super::outcome::{Outcome, WindowOutcome};
use super::screenshot::WantedScreenshot;
use super::state::App;
use crate::gui::command::{PickCommand, SaveCommand};
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::remedy;
use crate::gui::values::{PathPurpose, PathQuestion, Tab};
use crate::gui::views::charts::{PlotPlaces, plot_places};

/// Frames to wait until the dialog is gone from the window.
const DIALOG_FRAMES: u32 = 3;
/// Frames a plot has to come onto the screen: scrolling there takes half a second.
const SCROLL_FRAMES: u32 = 240;

impl App {
    pub(super) fn apply_save(&mut self, command: SaveCommand) -> anyhow::Result<()> {
        match command {
            SaveCommand::Ask(ask) => self.ask_path(*ask),
            SaveCommand::AskConfig => {
                // Nothing says what it is called: the last one, or the folder alone, for the name to be typed.
                let folder = self.open()?.dir.join("");
                let path = self.model.drafts.train.opened.clone().unwrap_or(folder);
                self.model.tab = Tab::Train;
                self.ask_path(PathQuestion::new("Open a configuration", path, PathPurpose::OpenConfig));
            }
            SaveCommand::Answer(None) => {
                self.model.ask_path = None;
                self.take_files = None;
            }
            SaveCommand::List(folder) => self.list_folder(folder),
            SaveCommand::Answer(Some(path)) => self.path_named(path),
            SaveCommand::Choose => {
                let Some(ask) = self.model.ask_path.clone() else { return Ok(()) };
                let (wanted, kinds) = (ask.wanted(), ask.kinds());
                let (folder, name) = if ask.path.is_dir() {
                    (Some(ask.path), None)
                } else {
                    let name = ask.path.file_name().map(|name| name.to_string_lossy().into_owned());
                    (ask.path.parent().map(Into::into), name)
                };
                let question = FileQuestion { wanted, title: ask.title, folder, name, kinds };
                self.choose_files(question, |mut paths| {
                    Outcome::Window(WindowOutcome::Path(paths.swap_remove(0)))
                })?;
            }
            SaveCommand::Go(path) => {
                let Some(mut ask) = self.model.ask_path.take() else { return Ok(()) };
                let wanted = ask.wanted();
                if !wanted.is_folder() && path.is_dir() {
                    // A folder is no answer to a question for a file: it is entered.
                    ask.path = path.join("");
                    self.model.ask_path = Some(ask);
                    return Ok(());
                }
                let folder = if wanted.is_folder() { Some(path.as_path()) } else { path.parent() };
                if let Some(folder) = folder {
                    self.model.settings.chose_in(folder);
                }
                match ask.purpose {
                    PathPurpose::Text(text) => self.write(path, move || Ok(text.into_bytes()))?,
                    PathPurpose::Picture(plot) => {
                        let places = PlotPlaces { wanted: Some(plot), found: None };
                        self.ctx.data_mut(|data| data.insert_temp(plot_places(), places));
                        self.screenshot.wanted =
                            Some(WantedScreenshot { file: path, before: None, frames: 0 });
                    }
                    PathPurpose::OpenConfig => match self.model.drafts.train.open_file(&path) {
                        Ok(()) => self.model.tab = Tab::Train,
                        // The question stays, for the path to be mended.
                        Err(error) => {
                            ask.wrong = Some(remedy::sentence(&error));
                            ask.path = path;
                            self.model.ask_path = Some(ask);
                        }
                    },
                    PathPurpose::Picks => self.apply_pick(PickCommand::Export(path))?,
                    PathPurpose::Report(runs) => self.write_report(path, runs)?,
                    PathPurpose::PretrainedWeights => self.model.drafts.train.begin_with(&path),
                    PathPurpose::Asked { wanted, .. } => self.chosen(wanted, vec![path])?,
                }
            }
            SaveCommand::GoMany(paths) => {
                let Some(ask) = self.model.ask_path.take() else { return Ok(()) };
                if let Some(folder) = paths.first().and_then(|path| path.parent()) {
                    self.model.settings.chose_in(folder);
                }
                self.chosen(ask.wanted(), paths)?;
            }
        }
        Ok(())
    }

    /// Asks for a file. What had the focus, the palette's field or a button, gives it up, for the next key is
    /// meant for the name.
    pub(super) fn ask_path(&mut self, ask: PathQuestion) {
        self.model.ask_path = Some(ask);
        self.model.listing.forget();
        self.ctx.memory_mut(|memory| {
            if let Some(id) = memory.focused() {
                memory.surrender_focus(id);
            }
        });
    }

    /// The person has named another path.
    pub(super) fn path_named(&mut self, path: PathBuf) {
        if let Some(ask) = &mut self.model.ask_path {
            (ask.path, ask.wrong) = (path, None);
        }
    }

    /// Writes the report on runs, a page by itself.
    fn write_report(&mut self, path: PathBuf, runs: Vec<String>) -> anyhow::Result<()> {
        let (project, scope) = (self.handle()?, self.scope());
        let title = format!("Writing {}", path.display());
        self.jobs.spawn_uncancellable(JobKind::Export, scope, title, move |_| {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|e| vitrine_core::Error::io("create", folder, e))?;
            }
            write_report(&project, summaries(&project, &runs, None)?, &path)?;
            Ok(Outcome::Window(WindowOutcome::Saved(path)))
        })?;
        Ok(())
    }

    fn write(
        &mut self,
        path: PathBuf,
        bytes: impl FnOnce() -> anyhow::Result<Vec<u8>> + Send + 'static,
    ) -> anyhow::Result<()> {
        let title = format!("Writing {}", path.display());
        self.jobs.spawn_uncancellable(JobKind::Export, Scope::Window, title, move |_| {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(|e| vitrine_core::Error::io("create", folder, e))?;
            }
            write_atomically(&path, &bytes()?)?;
            Ok(Outcome::Window(WindowOutcome::Saved(path)))
        })?;
        Ok(())
    }

    /// Asks for a picture of a part of the window.
    fn request_screenshot(&self, ctx: &egui::Context, file: PathBuf, area: egui::Rect) {
        let (slot, scale, again) = (self.screenshot.taken.clone(), ctx.pixels_per_point(), ctx.clone());
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
    pub(super) fn take_screenshot(&mut self, ctx: &egui::Context) {
        if let Some(mut wanted) = self.screenshot.wanted.take() {
            ctx.request_repaint();
            let found = ctx.data(|data| data.get_temp::<PlotPlaces>(plot_places())).and_then(|p| p.found);
            let at = found.map(|(area, _)| area);
            let whole = found.is_some_and(|(area, clip)| clip.contains_rect(area));
            let resting = at.is_some() && at == wanted.before;
            (wanted.before, wanted.frames) = (at, wanted.frames + 1);
            match found {
                _ if wanted.frames <= DIALOG_FRAMES => self.screenshot.wanted = Some(wanted),
                Some((area, _)) if whole && (resting || wanted.frames >= SCROLL_FRAMES) => {
                    self.request_screenshot(ctx, wanted.file, area)
                }
                _ if wanted.frames < SCROLL_FRAMES => self.screenshot.wanted = Some(wanted),
                Some((area, clip)) => {
                    self.model.notices.warning(
                        "The window is too small to show all of the plot, so the picture shows only the \
                         visible part. Enlarge the window, or save the plot as SVG.",
                    );
                    self.request_screenshot(ctx, wanted.file, area.intersect(clip));
                }
                None => {
                    self.model.notices.warning("The plot is no longer on the screen. No picture was saved.")
                }
            }
            if self.screenshot.wanted.is_none() {
                self.screenshot.coming = SCROLL_FRAMES;
            }
        } else if self.screenshot.coming > 0 {
            ctx.request_repaint();
            self.screenshot.coming -= 1;
            if self.screenshot.coming == 0 {
                ctx.data_mut(|data| data.insert_temp(plot_places(), PlotPlaces::default()));
            }
        }
        if let Some((path, image)) = self.screenshot.taken.take() {
            self.screenshot.coming = self.screenshot.coming.min(1);
            let [width, height] = image.size;
            let rgba: Vec<u8> = image.pixels.iter().flat_map(|pixel| pixel.to_array()).collect();
            let written = self.write(path, move || Ok(picture::png(width, height, rgba)?));
            if let Err(error) = written {
                self.notify_error("Saving the picture", &error);
            }
        }
    }
}
