//! What the views remember between frames.

use super::{
    ask_path, compare, diagnosis, export, gallery, import, live_curves, micrographs, palette, patch_panel,
    queues, settings, start, train_runs,
};

/// What views remember from frame to frame.
#[derive(Default)]
pub struct States {
    /// First screen.
    pub start: start::State,
    /// Import.
    pub import: import::State,
    /// Gallery.
    pub gallery: gallery::State,
    /// Whole micrographs.
    pub micrographs: micrographs::State,
    /// Side panel for one patch.
    pub patch_panel: patch_panel::State,
    /// Review queues.
    pub queues: queues::State,
    /// Live curves.
    pub live: live_curves::State,
    /// The table of runs.
    pub runs: train_runs::State,
    /// Compare.
    pub compare: compare::State,
    /// Export.
    pub export: export::State,
    /// Diagnosis.
    pub diagnosis: diagnosis::State,
    /// The question for a file.
    pub ask_path: ask_path::State,
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
        self.start.forget_drawn();
        self.gallery.forget_drawn();
        self.micrographs.forget_drawn();
        self.patch_panel.forget_drawn();
        self.compare.forget_drawn();
        self.diagnosis.forget_drawn();
        self.export.forget_drawn();
        self.import.forget_drawn();
    }
}
