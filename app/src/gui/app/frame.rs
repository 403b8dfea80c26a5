//! One frame: take up what jobs and keys bring, then draw the views and apply their commands.

use std::time::{Duration, Instant};

use eframe::egui;

use super::state::App;
use crate::gui::command_table::{Area, Info, Needs};
use crate::gui::values::Tab;
use crate::gui::views;

/// A frame that takes longer is logged: at 20 frames a second movement stops looking fluid.
const SLOW_FRAME: Duration = Duration::from_millis(50);

impl App {
    /// Carries out the keys of this frame one after the other: each may change what the next one is for.
    fn take_keys(&mut self, ctx: &egui::Context) {
        // A dialog over the view has the keys to itself, but those for the size of everything.
        if self.model.overlay.is_some() || self.model.ask_path.is_some() {
            let sizes = |info: &Info| ["window.larger", "window.smaller", "window.normal"].contains(&info.id);
            for info in self.model.keys.pressed(ctx, sizes) {
                self.apply((info.command)());
            }
            return;
        }
        if self.model.tour.is_some()
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape))
        {
            self.model.tour = None;
        }
        // Elsewhere arrows, Escape and the like are not for patches that nobody sees.
        let gallery = self.model.tab == Tab::Gallery;
        let micrographs = self.model.tab == Tab::Micrographs;
        let meant = |info: &Info| match info.needs {
            Needs::Gallery | Needs::Patches => gallery,
            Needs::Micrograph => micrographs,
            _ => true,
        };
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
            self.take_run_events();
            self.finish(finished);
        }
        self.take_run_events();
        self.watch_queue();
        self.model.jobs = self.jobs.states();
        self.watch_picking();
        self.watch_audit();
        if let Some(text) = self.model.graphics.take_trouble() {
            self.model.notices.error(text);
        }
        if self.model.graphics.is_lost() && !self.reopens {
            self.reopens = true;
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.watch_disk();
        self.follow_jobs(ctx);
        self.take_screenshot(ctx);
        self.take_drops(ctx);
        self.remember_view();
        self.update_window(ctx);
        match self.write_places(false) {
            Ok(Some(wait)) => ctx.request_repaint_after(wait),
            Ok(None) => {}
            Err(error) => self.notify_error("Saving the place in the queue", &error),
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let began = Instant::now();
        self.take_keys(ui.ctx());
        let mut out = Vec::new();
        if let Some(open) = &mut self.model.project {
            open.count_hidden();
        }
        views::ui(ui, &self.model, &mut self.states, &mut out);
        for command in out {
            self.apply(command);
        }
        let took = began.elapsed();
        if took > SLOW_FRAME {
            tracing::debug!(ms = took.as_millis(), tab = self.model.tab.as_str(), "a slow frame");
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Nobody can read a notice any more; the file simply stays as it was.
        let _ = self.settings_file.keep(&self.model.settings, true);
        let _ = self.write_places(true);
    }
}
