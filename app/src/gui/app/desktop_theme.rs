//! Whether the desktop is dark or light.

use eframe::egui;

/// Dark or light, as the desktop has said.
#[derive(Default)]
pub struct DesktopTheme {
    /// Whether the program asks the desktop.
    pub follows: bool,
    /// The last answer.
    pub said: Option<egui::Theme>,
}
