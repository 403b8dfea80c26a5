//! What the gallery remembers between frames.

use std::sync::Arc;

use vitrine_core::project::PatchId;

use super::filter;
use super::geometry::Geometry;
use crate::gpu::cell::Scales;
use crate::gpu::pages::Pages;
use crate::gui::widgets::{Brush, PatchPicture};

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
    /// Patches painted so far.
    pub brush: Brush<PatchId>,
}

impl PointerState {
    /// Whether something is painted that has no label yet.
    pub fn is_painting(&self) -> bool {
        !self.brush.is_empty()
    }
}
