//! What the views remember between frames.

use super::{compare, diagnosis, gallery, import, live, palette, patch_panel, queues, settings, start};

/// What views remember from frame to frame.
#[derive(Default)]
pub struct States {
    /// First screen.
    pub start: start::State,
    /// Import.
    pub import: import::State,
    /// Gallery.
    pub gallery: gallery::State,
    /// Side panel for one patch.
    pub patch_panel: patch_panel::State,
    /// Review queues.
    pub queues: queues::State,
    /// Live curves.
    pub live: live::State,
    /// Compare.
    pub compare: compare::State,
    /// Diagnosis.
    pub diagnosis: diagnosis::State,
    /// Command palette.
    pub palette: palette::State,
    /// Settings.
    pub settings: settings::State,
}

impl States {
    /// Another project was opened: what belongs to the old one goes, what is only looks may stay.
    pub fn forget_project(&mut self) {
        let start = std::mem::take(&mut self.start);
        *self = Self { start, ..Self::default() };
    }

    /// The window has another graphics device: pictures of the old one go, what was typed and chosen stays.
    pub fn forget_drawn(&mut self) {
        self.gallery.forget_drawn();
        self.patch_panel.forget_drawn();
        self.compare.forget_drawn();
        self.import.forget_drawn();
    }
}
