//! Commands that change settings.

use crate::gpu::look::Look;
use crate::gui::settings::Settings;
use crate::gui::values::{Edge, SidePanel, Theme};

/// Settings.
#[derive(Debug, Clone)]
pub enum SettingsCommand {
    /// Light or dark.
    Theme(Theme),
    /// Size of everything.
    Scale(f32),
    /// Everything this much larger (negative: smaller).
    ScaleBy(f32),
    /// The key of a command; `None` for none.
    Key {
        /// Id of the command.
        id: &'static str,
        /// "Ctrl+Shift+Z".
        key: Option<String>,
    },
    /// A command gets its default key back.
    DefaultKey(&'static str),
    /// A panel was resized.
    Panel {
        /// The panel's name.
        name: &'static str,
        /// Points.
        size: f32,
    },
    /// A panel beside the gallery is shown or hidden.
    TogglePanel(SidePanel),
    /// The rail of steps is shown or hidden.
    ToggleRoad,
    /// The panels beside the gallery change sides.
    SwapPanels,
    /// A panel beside the gallery goes to this edge, and is shown.
    Dock {
        /// The panel.
        panel: SidePanel,
        /// The edge.
        edge: Edge,
    },
    /// A part of a view was folded or opened.
    Fold {
        /// Its name in the settings.
        part: String,
        /// Whether it is open.
        open: bool,
    },
    /// Patches of this side in the gallery, points.
    PatchSide(f32),
    /// How patches are shown.
    Look(Look),
    /// Whether labelling goes on to the next patch.
    AutoAdvance(bool),
    /// Whether files are always chosen in the window's own file browser.
    OwnBrowser(bool),
    /// All defaults, but the recent projects stay.
    Reset,
    /// Take a reset back: these settings again.
    Restore(Box<Settings>),
}
