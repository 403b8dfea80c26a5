//! The window.
//!
//! Data moves one way round: [`views`] read the [`model::Model`] and push [`command::Command`]s,
//! [`App::apply`] carries them out, [`jobs`] bring back what takes longer than a frame. Every number
//! shown is computed in `vitrine_core`.

pub mod app;
pub mod command;
mod command_table;
pub mod jobs;
pub mod keys;
pub mod model;
pub mod settings;
pub mod theme;
pub mod training;
pub mod undo;
pub mod views;
pub mod widgets;

use std::path::PathBuf;

use eframe::egui;

pub use app::App;

/// How the window begins.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The project to open.
    pub project: Option<PathBuf>,
    /// The folder of the sample, to be made or opened.
    pub sample: Option<PathBuf>,
    /// The settings file; `None` keeps settings only as long as the window.
    pub settings: Option<PathBuf>,
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// When there is no display or no graphics device that can draw, as a sentence that says what to do.
pub fn run(start: Start) -> anyhow::Result<()> {
    let (file, settings, said) = settings::SettingsFile::load(start.settings.clone());
    let size = settings.window.unwrap_or([1280.0, 820.0]);
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Vitrine")
        .with_app_id("vitrine")
        .with_inner_size(size)
        .with_min_inner_size([640.0, 420.0]);
    if let Ok(icon) = eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icon.png")) {
        viewport = viewport.with_icon(icon);
    }
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Wgpu,
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let mut app = App::with_settings(cc, start.project, file, settings, said);
        if let Some(dir) = start.sample {
            app.open_sample(dir);
        }
        Ok(Box::new(app))
    });
    eframe::run_native("vitrine", options, create).map_err(in_words)
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
