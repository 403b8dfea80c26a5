//! A picture of part of the window on its way to a file.

use std::path::PathBuf;

use eframe::egui;

use crate::gui::jobs::Latest;

/// A picture of part of the window on its way to a file: asked for, then taken, then written.
#[derive(Default)]
pub struct Screenshot {
    /// The plot to wait for.
    pub wanted: Option<WantedScreenshot>,
    /// The picture, with the file it goes into.
    pub taken: Latest<(PathBuf, egui::ColorImage)>,
    /// Frames in which the plot goes on hiding its buttons, because the picture is not there yet.
    pub coming: u32,
}

/// A picture of a plot that the person wants.
pub struct WantedScreenshot {
    /// Where it goes.
    pub file: PathBuf,
    /// Where the plot was in the frame before.
    pub before: Option<egui::Rect>,
    /// Frames since it was asked for.
    pub frames: u32,
}
