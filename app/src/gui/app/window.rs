//! Settings, and the window itself: size, title, dropped files, closing.

use eframe::egui;
use egui::ViewportCommand;

use super::outcome::{Outcome, WindowOutcome};
use super::state::App;
use crate::gui::command::{Command, ProjectCommand, SettingsCommand, WindowCommand};
use crate::gui::jobs::{JobKind, Scope};
use crate::gui::keys::KeyMap;
use crate::gui::model::NoticeKind;
use crate::gui::settings::ROAD;
use crate::gui::theme;
use crate::gui::values::{Load, Overlay};
use crate::gui::views::notifications;

impl App {
    /// Asks the desktop whether it is dark or light, now and whenever the person comes back to the window:
    /// on Linux the window system library does not know. Not for tests, which look the same everywhere.
    pub fn follow_desktop(&mut self) {
        self.desktop.follows = cfg!(target_os = "linux");
        self.ask_desktop();
    }

    /// A window left on a screen that is no longer there comes onto one that is.
    pub fn stay_on_screen(&self, cc: &eframe::CreationContext<'_>) {
        let Some(window) = cc.winit_window() else { return };
        // Wayland places windows by itself and does not tell where.
        let Ok(corner) = window.outer_position() else { return };
        // A piece of the title bar that a hand can take hold of.
        let (x, y) = (f64::from(corner.x) + 60.0, f64::from(corner.y) + 12.0);
        let screens: Vec<_> = window.available_monitors().map(|s| (s.position(), s.size())).collect();
        let within = |place: f64, from: i32, length: u32| {
            (f64::from(from)..f64::from(from) + f64::from(length)).contains(&place)
        };
        let seen =
            screens.iter().any(|(at, size)| within(x, at.x, size.width) && within(y, at.y, size.height));
        if !screens.is_empty() && !seen {
            self.ctx.send_viewport_cmd(ViewportCommand::OuterPosition(egui::pos2(40.0, 40.0)));
        }
    }

    /// Without an answer all stays as it is.
    fn ask_desktop(&mut self) {
        if !self.desktop.follows || self.jobs.has(JobKind::DesktopTheme) {
            return;
        }
        let title = "Asking the desktop for its theme";
        let asked = self.jobs.spawn(JobKind::DesktopTheme, Scope::Window, title, |_| {
            Ok(Outcome::Window(WindowOutcome::DesktopTheme(crate::gui::desktop::theme())))
        });
        // No theme is worth a sentence.
        self.desktop.follows = asked.is_ok();
    }

    /// Takes up what a job for the window itself hands back.
    pub(super) fn take_window_outcome(&mut self, outcome: WindowOutcome) {
        match outcome {
            WindowOutcome::Path(path) => self.path_named(path),
            WindowOutcome::Saved(path) => {
                let text = format!("Saved {}.", path.display());
                let reveal = Command::Window(WindowCommand::Reveal(path));
                self.model.notices.push(NoticeKind::Done, text, Some(("Show in folder".to_owned(), reveal)));
            }
            WindowOutcome::NoDialog(question, take) => self.browse_instead(*question, take),
            WindowOutcome::Listed(folder, listing) => self.take_listing(&folder, listing),
            WindowOutcome::SavedBeforeClosing(Ok(())) => {
                self.ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            WindowOutcome::SavedBeforeClosing(Err(_)) => {
                self.watch_disk();
                self.model.overlay = Some(Overlay::ConfirmClose);
            }
            WindowOutcome::SavedAfterClosing(saved) => {
                if let Err(error) = saved {
                    self.notify_error("Closing the project", &error);
                }
            }
            WindowOutcome::Devices(devices) => {
                let devices = self.notify_unless_cancelled("Looking for devices", "this", devices);
                self.model.devices = devices.into();
            }
            WindowOutcome::DesktopTheme(theme) => {
                self.desktop.said = theme.or(self.desktop.said);
                self.show_desktop_theme();
            }
        }
    }

    /// What the desktop says holds where the window system library says nothing.
    pub(super) fn show_desktop_theme(&self) {
        if let Some(theme) = self.desktop.said {
            self.ctx.options_mut(|options| options.fallback_theme = theme);
        }
    }

    pub(super) fn apply_settings(&mut self, command: SettingsCommand) {
        let settings = &mut self.model.settings;
        let before = settings.clone();
        let looks = matches!(
            command,
            SettingsCommand::Theme(_)
                | SettingsCommand::Scale(_)
                | SettingsCommand::ScaleBy(_)
                | SettingsCommand::Reset
                | SettingsCommand::Restore(_)
        );
        match command {
            SettingsCommand::Theme(theme) => settings.theme = theme,
            SettingsCommand::Scale(scale) => settings.scale = scale.clamp(0.5, 3.0),
            SettingsCommand::ScaleBy(by) => {
                settings.scale = ((settings.scale + by) * 20.0).round().clamp(10.0, 60.0) / 20.0;
            }
            SettingsCommand::Key { id, key } => {
                settings.keys.insert(id.to_owned(), key.unwrap_or_default());
            }
            SettingsCommand::DefaultKey(id) => {
                settings.keys.remove(id);
            }
            SettingsCommand::Panel { name, size } => {
                settings.panels.insert(name.to_owned(), size);
            }
            SettingsCommand::TogglePanel(panel) => {
                if !settings.hidden.remove(panel.key()) {
                    settings.hidden.insert(panel.key().to_owned());
                }
            }
            SettingsCommand::ToggleRoad => {
                if !settings.hidden.remove(ROAD) {
                    settings.hidden.insert(ROAD.to_owned());
                }
            }
            SettingsCommand::SwapPanels => settings.swap_sides(),
            SettingsCommand::Dock { panel, edge } => {
                settings.hidden.remove(panel.key());
                settings.docks.insert(panel.key().to_owned(), edge);
            }
            SettingsCommand::Fold { part, open } => {
                settings.folds.insert(part, open);
            }
            SettingsCommand::PatchSide(side) => settings.patch_side = side.clamp(24.0, 512.0),
            SettingsCommand::Look(look) => settings.look = look.made_sane(),
            SettingsCommand::AutoAdvance(on) => settings.auto_advance = on,
            SettingsCommand::OwnBrowser(on) => settings.own_browser = on,
            SettingsCommand::Reset => {
                settings.reset();
                let undo = Command::Settings(SettingsCommand::Restore(Box::new(before.clone())));
                self.model.notices.push(
                    NoticeKind::Warning,
                    "All settings were reset, including keys.".to_owned(),
                    Some(("Undo".to_owned(), undo)),
                );
            }
            SettingsCommand::Restore(old) => settings.restore(*old),
        }
        let settings = &self.model.settings;
        if looks {
            theme::apply(&self.ctx, settings.theme, settings.scale);
        }
        if settings.keys != before.keys {
            let said = KeyMap::new(&before.keys).1;
            let (keys, complaints) = KeyMap::new(&settings.keys);
            self.model.keys = keys;
            for sentence in complaints.into_iter().filter(|sentence| !said.contains(sentence)) {
                self.model.notices.warning(sentence);
            }
        }
    }

    pub(super) fn apply_window(&mut self, command: WindowCommand) -> anyhow::Result<()> {
        match command {
            WindowCommand::Reveal(path) => {
                let title = format!("Showing {}", path.display());
                self.jobs.spawn(JobKind::Reveal, Scope::Window, title, move |_| {
                    crate::words::reveal(&path)?;
                    Ok(Outcome::Nothing)
                })?;
            }
            WindowCommand::ReadDevices => {
                if self.model.devices.is_not_asked() {
                    self.model.devices = Load::Loading;
                    self.jobs.ask(
                        JobKind::Devices,
                        Scope::Window,
                        "Looking for devices",
                        |_| Ok(vitrine_core::device::list()),
                        |devices| Outcome::Window(WindowOutcome::Devices(devices)),
                    );
                }
            }
            WindowCommand::Cancel(id) => {
                self.stop_job(id);
                self.jobs.cancel(id);
            }
            WindowCommand::Dismiss(id) => self.model.notices.dismiss(id),
            WindowCommand::Close => self.ctx.send_viewport_cmd(ViewportCommand::Close),
            WindowCommand::CloseAnyway => {
                // A cancelled run stops after its batch and keeps its best epoch.
                self.model.overlay = None;
                self.model.closing = true;
                self.leaves = true;
                self.model.analysis.queue.hold();
                if let Some(job) = self.model.live.as_ref().map(|live| live.job) {
                    self.stop_job(job);
                }
                self.jobs.cancel_all();
                if self.model.is_busy() {
                    self.model.notices.warning("The window closes as soon as the running work has stopped.");
                }
            }
        }
        Ok(())
    }

    pub(super) fn take_drops(&mut self, ctx: &egui::Context) {
        let dropped: Vec<_> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            self.apply(Command::Project(ProjectCommand::Dropped(dropped)));
        }
    }

    /// What the window does by itself every frame.
    pub(super) fn update_window(&mut self, ctx: &egui::Context) {
        let came_back = egui::Event::WindowFocused(true);
        if ctx.input(|input| input.events.contains(&came_back)) {
            self.ask_desktop();
        }
        self.remember_place(ctx);
        self.handle_closing(ctx);
        self.update_title(ctx);
        match self.settings_file.keep(&self.model.settings, false) {
            Ok(Some(wait)) => ctx.request_repaint_after(wait),
            Ok(None) => {}
            Err(sentence) => self.model.notices.warning(sentence),
        }
        if ctx.input(|input| !input.events.is_empty()) {
            self.model.notices.seen();
        }
        let any = !self.model.notices.shown().is_empty();
        if any
            && !notifications::are_pointed_at(ctx)
            && let Some(wait) = self.model.notices.expire()
        {
            ctx.request_repaint_after(wait);
        }
    }

    /// Keeps size and place of the window in the settings, for the next start.
    fn remember_place(&mut self, ctx: &egui::Context) {
        let (maximised, size, position) = ctx.input(|input| {
            let viewport = input.viewport();
            let usual = viewport.maximized != Some(true)
                && viewport.fullscreen != Some(true)
                && viewport.minimized != Some(true);
            (
                viewport.maximized,
                viewport.inner_rect.filter(|_| usual).map(|rect| rect.size()),
                viewport.outer_rect.filter(|_| usual).map(|rect| rect.min),
            )
        });
        let zoom = ctx.zoom_factor();
        let settings = &mut self.model.settings;
        settings.maximised = maximised.unwrap_or(settings.maximised);
        if let Some(at) = position {
            settings.position = Some([(at.x * zoom).round(), (at.y * zoom).round()]);
        }
        if let Some(size) = size.filter(|size| size.x > 200.0 && size.y > 200.0) {
            // Kept without the zoom, which applies to them again at the next start.
            settings.window = Some([(size.x * zoom).round(), (size.y * zoom).round()]);
        }
    }

    /// Asks before the window closes, where work is under way or labels are not safe; closes it once that is
    /// over.
    fn handle_closing(&mut self, ctx: &egui::Context) {
        let asked = ctx.input(|input| input.viewport().close_requested()) && !self.reopens;
        let unsafe_labels = || {
            let store = self.store.as_ref().filter(|_| !self.leaves);
            store.is_some_and(|store| store.disk_state().waiting > 0)
        };
        if asked && self.model.is_busy() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            if !self.model.closing {
                self.model.overlay = Some(Overlay::ConfirmClose);
            }
        } else if asked && unsafe_labels() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.flush_then_close();
        }
        let reads = self.jobs.has(JobKind::Open) || self.jobs.has(JobKind::Reload);
        if self.model.closing && !self.model.is_busy() && !reads {
            self.model.closing = false;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Brings the labels onto the disk, on a job; then the window closes.
    fn flush_then_close(&mut self) {
        if self.jobs.has(JobKind::Flush) {
            return;
        }
        let store = self.handle();
        self.jobs.ask(
            JobKind::Flush,
            Scope::Window,
            "Saving the labels",
            move |_| Ok(store?.flush()?),
            |saved| Outcome::Window(WindowOutcome::SavedBeforeClosing(saved)),
        );
    }

    fn update_title(&mut self, ctx: &egui::Context) {
        let title = match &self.model.project {
            Some(open) => format!("{} — Vitrine", open.name),
            None => "Vitrine".to_owned(),
        };
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}
