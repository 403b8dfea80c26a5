//! Whether the desktop is dark or light.

use eframe::egui;

/// Dark or light, as the desktop has said.
#[derive(Default)]
pub struct DesktopTheme {
    /// Whether it is asked at all.
    pub follows: bool,
    /// What it has said.
    pub said: Option<egui::Theme>,
}
