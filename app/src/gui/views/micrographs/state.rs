//! What the view of micrographs remembers between frames.

use std::collections::HashMap;

use eframe::egui;
use egui::TextureHandle;
use vitrine_core::project::MicrographId;

use super::geometry::Geometry;
use super::marks::Mark;
use super::score_layer::Layer;
use super::tiles::Tiles;
use crate::gui::widgets::Brush;

/// What the pointer does on a micrograph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tool {
    /// Chooses and marks particles.
    #[default]
    Particles,
    /// Draws a polygon around a bad region.
    Polygon,
    /// Passes over a bad region.
    Brush,
}

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// Where the micrograph is on the screen.
    pub geometry: Geometry,
    /// Its picture on the graphics device.
    pub tiles: Tiles,
    /// Finest level that is drawn: 0 for every px.
    pub(super) least_level: usize,
    /// Whether a click on an empty place marks a particle.
    pub(super) no_marking: bool,
    /// Whether unlabeled patches are shown where they are many.
    pub(super) show_unlabeled: bool,
    /// What the pointer does.
    pub(super) tool: Tool,
    /// Radius of the brush that masks, points.
    pub(super) brush: f32,
    /// The next drag measures a particle, from its centre outwards.
    pub(super) measuring: bool,
    /// The last order to move the view that was carried out.
    pub(super) gone: u64,
    /// The score map on the graphics device.
    pub(super) layer: Option<Layer>,
    pub(super) pointer: PointerState,
    /// A diameter that is being set.
    pub(super) diameter: Option<f64>,
    /// The row of the list that was scrolled to.
    pub(super) listed: Option<(MicrographId, usize)>,
    pub(super) thumbnails: HashMap<MicrographId, TextureHandle>,
}

impl State {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        self.tiles = Tiles::default();
        self.layer = None;
        self.thumbnails.clear();
    }
}

/// What the pointer is in the middle of.
#[derive(Default)]
pub struct PointerState {
    /// Where a band began and is now, px of the micrograph.
    pub band: Option<([f32; 2], [f32; 2])>,
    /// A region that is being drawn, px of the micrograph.
    pub drawing: Vec<[f32; 2]>,
    /// Centre of a particle that is being measured, px of the micrograph.
    pub measured: Option<[f32; 2]>,
    /// Painted so far.
    pub brush: Brush<Mark>,
}
