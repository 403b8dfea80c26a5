//! What the gallery remembers between frames.

use std::collections::HashSet;
use std::sync::Arc;

use eframe::egui;
use vitrine_core::project::PatchId;

use super::filter;
use super::geometry::Geometry;
use crate::gpu::cell::Scales;
use crate::gpu::pages::Pages;
use crate::gui::widgets::PatchPicture;

/// What the gallery remembers.
#[derive(Default)]
pub struct State {
    /// Ends of the contrast window for all patches, once measured.
    pub window: Option<(f32, f32)>,
    /// Where the grid is and where patches are in it, as drawn last.
    pub geometry: Geometry,
    /// How many patches on the screen still lack their pixels.
    pub coming: usize,
    /// Points scrolled from the top.
    pub(super) scroll: f64,
    /// The patches on the graphics device.
    pub(super) pages: Option<Pages>,
    /// Why there are none, once tried.
    pub(super) no_pages: Option<String>,
    /// What the grid was drawn with last, to see what has changed.
    pub(super) last: LastGrid,
    pub(super) pointer: PointerState,
    pub(super) large_picture: PatchPicture,
    pub(super) filter: filter::State,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.pages = None;
        self.no_pages = None;
        self.large_picture = PatchPicture::default();
    }
}

/// What the grid was drawn with last.
#[derive(Default)]
pub struct LastGrid {
    /// The patches shown.
    pub ids: Option<Arc<Vec<PatchId>>>,
    /// The place of the current patch.
    pub cursor: usize,
    /// Patches in a row.
    pub columns: usize,
    /// From one patch to the next, points.
    pub pitch: f32,
    /// Points scrolled in the frame before, for the direction.
    pub scroll: f64,
    /// Å per px of all patches, and of which project.
    pub scales: Option<(u64, Arc<Scales>)>,
}

/// What the pointer is in the middle of.
#[derive(Default)]
pub struct PointerState {
    /// Where a range begins.
    pub anchor: usize,
    /// Where a band began and is now, in points of everything.
    pub band: Option<((f32, f64), (f32, f64))>,
    /// Painted so far, in order.
    pub painted: Vec<PatchId>,
    /// The same, to look up.
    pub painted_set: HashSet<PatchId>,
    /// Where the brush was.
    pub brush_at: Option<egui::Pos2>,
}
