//! The state of the gallery that keys depend on.

use vitrine_core::Label;

/// The gallery as keys move in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GalleryGrid {
    /// Patches in a row, as drawn last, at least 1; the keys for up and down go by it.
    pub columns: usize,
    /// Rows wholly on the screen, as drawn last, at least 1; the keys for a screen go by it.
    pub rows: usize,
    /// Whether the current patch is shown as large as fits.
    pub large: bool,
    /// The label that is painted while its key is held.
    pub brush: Option<Label>,
}

impl Default for GalleryGrid {
    fn default() -> Self {
        Self { columns: 1, rows: 1, large: false, brush: None }
    }
}
