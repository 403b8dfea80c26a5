//! Opens the window with its icon, and opens it again when the graphics device is lost. Says why, when there
//! is no window.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use eframe::egui;

use super::app::App;
use super::settings::{Settings, SettingsFile};
use super::values::Start;

/// A device lost so soon after the window was opened counts as lost again.
const LOST_AGAIN_WITHIN: Duration = Duration::from_secs(20);
/// So often in a row the window is opened anew.
const MAX_LOSSES: u32 = 3;

/// Opens the window and returns when it is closed. When its graphics device is lost it is opened anew,
/// with the same application behind it: runs and jobs notice nothing.
///
/// # Errors
/// When there is no display or no graphics device that can draw, as a sentence that says what to do.
pub fn run(start: Start) -> anyhow::Result<()> {
    run_watched(start, |_| {})
}

/// As [`run`]; `each_frame` sees the application before every frame. For tests of the real window.
///
/// # Errors
/// As [`run`].
pub fn run_watched(start: Start, each_frame: impl FnMut(&mut App) + 'static) -> anyhow::Result<()> {
    let app: Rc<RefCell<Option<App>>> = Rc::default();
    let each_frame: EachFrame = Rc::new(RefCell::new(each_frame));
    let (file, settings, said) = SettingsFile::load(start.settings.clone());
    let mut place = WindowPlace::of(&settings);
    let mut begin = Some((start, file, settings, said));
    let mut losses = 0;
    loop {
        let window = Window { app: Rc::clone(&app), each_frame: Rc::clone(&each_frame) };
        let begin = begin.take();
        let create: eframe::AppCreator<'_> = Box::new(move |cc| {
            let mut kept = window.app.borrow_mut();
            match (&mut *kept, begin) {
                (Some(app), _) => app.renew(cc),
                (none, Some((start, file, settings, said))) => {
                    let mut app = App::with_settings(cc, start.project, file, settings, said);
                    if let Some(dir) = start.sample {
                        app.open_sample(dir);
                    }
                    app.follow_desktop();
                    app.stay_on_screen(cc);
                    *none = Some(app);
                }
                (None, None) => return Err("there is nothing to show".into()),
            }
            drop(kept);
            Ok(Box::new(window))
        });
        let opened = Instant::now();
        // egui panics when the device it writes to is gone.
        let ran = catch_unwind(AssertUnwindSafe(|| eframe::run_native("vitrine", options(place), create)));
        match ran {
            Ok(ended) => ended.map_err(in_words)?,
            Err(_) if app.borrow_mut().as_mut().is_some_and(App::lost_its_device) => {}
            Err(panic) => resume_unwind(panic),
        }
        match app.borrow().as_ref() {
            Some(app) if app.reopens() => place = WindowPlace::of(&app.model.settings),
            _ => return Ok(()),
        }
        losses = if opened.elapsed() < LOST_AGAIN_WITHIN { losses + 1 } else { 1 };
        if losses > MAX_LOSSES {
            anyhow::bail!(
                "the graphics device was lost {losses} times within moments. Labels and runs are safe on the disk. Update \
                 the driver of your graphics card, or use the command line: see `vitrine --help`"
            );
        }
    }
}

/// Where a window is opened, and how large.
#[derive(Clone, Copy)]
struct WindowPlace {
    size: Option<[f32; 2]>,
    position: Option<[f32; 2]>,
    maximised: bool,
}

impl WindowPlace {
    /// As the window was left.
    fn of(settings: &Settings) -> Self {
        Self { size: settings.window, position: settings.position, maximised: settings.maximised }
    }
}

/// How a window is opened.
fn options(place: WindowPlace) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Vitrine")
        .with_app_id("vitrine")
        .with_inner_size(place.size.unwrap_or([1280.0, 820.0]))
        .with_min_inner_size([640.0, 420.0])
        .with_maximized(place.maximised);
    if let Some(position) = place.position {
        viewport = viewport.with_position(position);
    }
    if let Ok(icon) = eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icon.png")) {
        viewport = viewport.with_icon(icon);
    }
    eframe::NativeOptions { viewport, renderer: eframe::Renderer::Wgpu, ..eframe::NativeOptions::default() }
}

/// What sees the application before every frame.
type EachFrame = Rc<RefCell<dyn FnMut(&mut App)>>;

/// A window on an application that outlives it.
struct Window {
    app: Rc<RefCell<Option<App>>>,
    each_frame: EachFrame,
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if let Some(app) = &mut *self.app.borrow_mut() {
            (self.each_frame.borrow_mut())(app);
            app.logic(ctx, frame);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        if let Some(app) = &mut *self.app.borrow_mut() {
            app.ui(ui, frame);
        }
    }
}

/// Why there is no window, and the way out.
fn in_words(error: eframe::Error) -> anyhow::Error {
    let way_out = "The command line works without a window: see `vitrine --help`";
    match error {
        eframe::Error::Wgpu(why) => anyhow::anyhow!(
            "no graphics device was found that can draw a window ({why}). Install the driver of your graphics card, \
             or Mesa's software one (on Debian and Ubuntu: apt install mesa-vulkan-drivers). {way_out}"
        ),
        eframe::Error::Winit(why) => anyhow::anyhow!("the window could not be opened ({why}). {way_out}"),
        eframe::Error::WinitEventLoop(why) => anyhow::anyhow!(
            "there is no display to open a window on ({}). Log in to a desktop, or forward one (ssh -X). {way_out}",
            without_source(&why.to_string())
        ),
        other => anyhow::anyhow!("the window could not be opened ({other}). {way_out}"),
    }
}

/// winit says in which of its source files an error arose: "os error at …/mod.rs:765: the reason".
fn without_source(why: &str) -> &str {
    why.split_once(".rs:")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map_or(why, |(_, reason)| reason)
        .trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    #[test]
    fn places_in_the_source_of_a_library_are_left_out() {
        assert_eq!(
            super::without_source("os error at /x/linux/mod.rs:765: DISPLAY is not set."),
            "DISPLAY is not set"
        );
        assert_eq!(super::without_source("nothing to leave out"), "nothing to leave out");
    }
}
