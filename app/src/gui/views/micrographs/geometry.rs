//! Where a micrograph is on the screen. Plain arithmetic: points of the screen, px of the micrograph.

use eframe::egui;
use egui::{Pos2, Rect, Vec2};

/// Most points a px of the micrograph takes.
const MAX_ZOOM: f32 = 24.0;
/// Space around a micrograph that fits, points.
const MARGIN: f32 = 8.0;
/// Points from the edge of the canvas at which something of the micrograph is always seen.
const KEPT: f32 = 60.0;

/// How the canvas shows a micrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// The canvas.
    pub rect: Rect,
    /// Columns and rows of the micrograph, px.
    pub size: [f32; 2],
    /// Place in the middle of the canvas; px *i* goes from *i* to *i* + 1 here.
    pub centre: [f32; 2],
    /// Points a px takes.
    pub zoom: f32,
    /// All of it is to be seen, however large the canvas becomes.
    pub fits: bool,
}

impl Default for Geometry {
    fn default() -> Self {
        Self { rect: Rect::ZERO, size: [1.0; 2], centre: [0.5; 2], zoom: 1.0, fits: true }
    }
}

impl Geometry {
    /// The canvas is this rectangle now, and the micrograph so large.
    pub fn place(&mut self, rect: Rect, size: (usize, usize)) {
        self.rect = rect;
        self.size = [size.0.max(1) as f32, size.1.max(1) as f32];
        if self.fits {
            self.fit();
        }
        self.keep_in_sight();
    }

    /// Shows all of the micrograph.
    pub fn fit(&mut self) {
        let room = (self.rect.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(16.0));
        self.zoom = (room.x / self.size[0]).min(room.y / self.size[1]);
        self.centre = self.size.map(|side| side / 2.0);
        self.fits = true;
    }

    /// Sets the number of points that a px takes; what is in the middle stays there.
    pub fn set_zoom(&mut self, zoom: f32) {
        self.zoom = zoom.clamp(self.least_zoom(), MAX_ZOOM);
        self.fits = false;
        self.keep_in_sight();
    }

    /// A place of the micrograph (the centre of a px is a whole number) comes into the middle.
    pub fn go_to(&mut self, [x, y]: [f32; 2]) {
        self.centre = [x + 0.5, y + 0.5];
        self.fits = false;
        self.keep_in_sight();
    }

    fn least_zoom(&self) -> f32 {
        let room = self.rect.size().max(Vec2::splat(16.0));
        0.5 * (room.x / self.size[0]).min(room.y / self.size[1]).min(1.0)
    }

    /// Larger by `factor`; what is under the pointer stays there.
    pub fn zoom_about(&mut self, at: Pos2, factor: f32) {
        let before = self.edge_place(at);
        self.zoom = (self.zoom * factor).clamp(self.least_zoom(), MAX_ZOOM);
        self.fits = false;
        let offset = (at - self.rect.center()) / self.zoom;
        self.centre = [before[0] - offset.x, before[1] - offset.y];
        self.keep_in_sight();
    }

    /// Moves the micrograph by `by`, points.
    pub fn pan(&mut self, by: Vec2) {
        self.centre = [self.centre[0] - by.x / self.zoom, self.centre[1] - by.y / self.zoom];
        self.fits = false;
        self.keep_in_sight();
    }

    fn keep_in_sight(&mut self) {
        let half = self.rect.size() * 0.5;
        for (axis, half) in [half.x, half.y].into_iter().enumerate() {
            let reach = (half - KEPT).max(0.0) / self.zoom;
            self.centre[axis] = self.centre[axis].clamp(-reach, self.size[axis] + reach);
        }
    }

    /// Where a point of the screen is, counted from the corner of the micrograph.
    fn edge_place(&self, at: Pos2) -> [f32; 2] {
        let offset = (at - self.rect.center()) / self.zoom;
        [self.centre[0] + offset.x, self.centre[1] + offset.y]
    }

    /// The place of the micrograph under a point of the screen, px; the centre of a px is a whole number.
    pub fn to_micrograph(&self, at: Pos2) -> [f32; 2] {
        self.edge_place(at).map(|v| v - 0.5)
    }

    /// The point of the screen at a place of the micrograph, px.
    pub fn to_screen(&self, [x, y]: [f32; 2]) -> Pos2 {
        self.corner_to_screen(x + 0.5, y + 0.5)
    }

    fn corner_to_screen(&self, x: f32, y: f32) -> Pos2 {
        self.rect.center() + Vec2::new(x - self.centre[0], y - self.centre[1]) * self.zoom
    }

    /// The rectangle of the screen that a part of the micrograph takes, in px from its corner.
    pub fn part(&self, left: f32, top: f32, right: f32, bottom: f32) -> Rect {
        Rect::from_min_max(self.corner_to_screen(left, top), self.corner_to_screen(right, bottom))
    }

    /// The whole micrograph on the screen.
    pub fn whole(&self) -> Rect {
        self.part(0.0, 0.0, self.size[0], self.size[1])
    }

    /// Whether a place is inside the micrograph.
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        (-0.5..self.size[0] - 0.5).contains(&x) && (-0.5..self.size[1] - 0.5).contains(&y)
    }

    /// The coarsest of `levels` whose px are no larger than one of the screen, but none finer than `least`. Level *k*
    /// has `bin`·2ᵏ px of the micrograph in one.
    pub fn level(&self, levels: usize, bin: usize, pixels_per_point: f32, least: usize) -> usize {
        let on_screen = self.zoom * pixels_per_point * bin.max(1) as f32;
        let fitting = (1.0 / on_screen.max(1e-6)).log2().floor().max(0.0) as usize;
        fitting.max(least).min(levels.saturating_sub(1))
    }

    /// Columns and rows of the tiles of `side` px that are seen, of a level of `width` × `height` px with
    /// `scale` px of the micrograph in one.
    pub fn tiles(
        &self,
        width: usize,
        height: usize,
        scale: f32,
        side: usize,
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let (first, last) = (self.edge_place(self.rect.min), self.edge_place(self.rect.max));
        let along = |from: f32, to: f32, length: usize| {
            let tile = |v: f32| (v / scale / side as f32).floor().max(0.0) as usize;
            let count = length.div_ceil(side);
            if to <= 0.0 { 0..0 } else { tile(from).min(count)..(tile(to) + 1).min(count) }
        };
        (along(first[0], last[0], width), along(first[1], last[1], height))
    }
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    fn canvas() -> Geometry {
        let mut geometry = Geometry::default();
        let rect = Rect::from_min_size(pos2(100.0, 50.0), egui::vec2(416.0, 216.0));
        geometry.place(rect, (2000, 1000));
        geometry
    }

    #[test]
    fn a_micrograph_fits_and_goes_on_fitting() {
        let mut geometry = canvas();
        assert_eq!(geometry.zoom, 0.2);
        assert_eq!(geometry.to_screen([-0.5, -0.5]), pos2(108.0, 58.0));
        assert_eq!(geometry.to_micrograph(pos2(508.0, 258.0)), [1999.5, 999.5]);
        geometry.place(Rect::from_min_size(pos2(0.0, 0.0), egui::vec2(816.0, 416.0)), (2000, 1000));
        assert_eq!(geometry.zoom, 0.4);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut geometry = canvas();
        let at = pos2(333.0, 111.0);
        let before = geometry.to_micrograph(at);
        geometry.zoom_about(at, 3.0);
        let after = geometry.to_micrograph(at);
        assert!((before[0] - after[0]).abs() < 0.01 && (before[1] - after[1]).abs() < 0.01);
        assert!((geometry.zoom - 0.6).abs() < 1e-6 && !geometry.fits);
        geometry.zoom_about(at, 1e9);
        assert_eq!(geometry.zoom, MAX_ZOOM);
        geometry.zoom_about(at, 1e-9);
        assert!(geometry.zoom > 0.0 && geometry.whole().width() > 150.0);
    }

    #[test]
    fn panning_leaves_something_in_sight() {
        let mut geometry = canvas();
        geometry.set_zoom(1.0);
        geometry.pan(Vec2::new(40.0, -10.0));
        assert_eq!(geometry.centre, [960.0, 510.0]);
        geometry.pan(Vec2::new(1e6, 1e6));
        assert!(geometry.whole().intersects(geometry.rect.shrink(KEPT * 0.9)));
    }

    #[test]
    fn the_level_has_px_no_larger_than_those_of_the_screen() {
        let mut geometry = canvas();
        // 0.2 points a px: five px of the micrograph a point, so four in one on a plain screen, two on a dense one.
        assert_eq!(geometry.level(5, 1, 1.0, 0), 2);
        assert_eq!(geometry.level(5, 1, 2.0, 0), 1);
        assert_eq!(geometry.level(5, 2, 1.0, 0), 1);
        assert_eq!((geometry.level(2, 1, 1.0, 0), geometry.level(5, 1, 1.0, 3)), (1, 3));
        geometry.set_zoom(3.0);
        assert_eq!(geometry.level(5, 1, 1.0, 0), 0);
    }

    #[test]
    fn only_tiles_that_are_seen_are_drawn() {
        let mut geometry = canvas();
        assert_eq!(geometry.tiles(2000, 1000, 1.0, 512), (0..4, 0..2));
        geometry.set_zoom(1.0);
        geometry.go_to([1024.0, 512.0]);
        // 416 × 216 px around it.
        assert_eq!(geometry.tiles(2000, 1000, 1.0, 512), (1..3, 0..2));
        assert_eq!(geometry.tiles(500, 250, 4.0, 512), (0..1, 0..1));
    }
}
