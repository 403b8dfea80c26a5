//! Where patches are in the grid. Plain arithmetic on places, the same for two patches and two million.

use std::ops::Range;

use eframe::egui;
use egui::{Pos2, Rect, Vec2};

/// A grid on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// What of the screen it takes, without the scroll bar.
    pub rect: Rect,
    /// Side of a patch, points.
    pub side: f32,
    /// From one patch to the next, points.
    pub pitch: f32,
    /// Patches in a row.
    pub columns: usize,
    /// Patches in all.
    pub count: usize,
    /// Points scrolled from the top.
    pub scroll: f64,
    /// From the left edge to the first patch, points.
    pub left: f32,
}

impl Default for Geometry {
    fn default() -> Self {
        Self { rect: Rect::ZERO, side: 1.0, pitch: 1.0, columns: 1, count: 0, scroll: 0.0, left: 0.0 }
    }
}

impl Geometry {
    /// A grid of `count` patches of about `side` points in `rect`, on whole px of the display.
    pub fn new(rect: Rect, side: f32, count: usize, scale: f32) -> Self {
        let side = (side * scale).round().max(1.0) / scale;
        let gap = (if side < 48.0 { 4.0 } else { 6.0 } * scale).round() / scale;
        let pitch = side + gap;
        let columns = (((rect.width() - gap) / pitch).floor() as usize).max(1);
        let spare = (rect.width() - columns as f32 * pitch + gap).max(0.0);
        let left = (spare * 0.5 * scale).floor() / scale;
        Self { rect, side, pitch, columns, count, scroll: 0.0, left }
    }

    /// Room between two patches, points.
    pub fn gap(&self) -> f32 {
        self.pitch - self.side
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.count.div_ceil(self.columns)
    }

    /// Rows wholly on the screen, at least one.
    pub fn rows_shown(&self) -> usize {
        ((self.rect.height() / self.pitch).floor() as usize).max(1)
    }

    /// Height of everything, points.
    pub fn height(&self) -> f64 {
        self.rows() as f64 * f64::from(self.pitch) + f64::from(self.gap())
    }

    /// The furthest that can be scrolled, points.
    pub fn furthest(&self) -> f64 {
        (self.height() - f64::from(self.rect.height())).max(0.0)
    }

    /// Top of a row from the top of everything, points.
    fn top_of(&self, row: usize) -> f64 {
        row as f64 * f64::from(self.pitch) + f64::from(self.gap())
    }

    /// Places on the screen, wholly or in part.
    pub fn visible(&self) -> Range<usize> {
        let pitch = f64::from(self.pitch);
        let first = (self.scroll / pitch).floor().max(0.0) as usize;
        let last = ((self.scroll + f64::from(self.rect.height())) / pitch).ceil().max(0.0) as usize;
        (first * self.columns).min(self.count)..(last * self.columns).min(self.count)
    }

    /// Where a place is on the screen; outside of `rect` when it is scrolled away.
    pub fn rect_of(&self, place: usize) -> Rect {
        let (row, column) = (place / self.columns, place % self.columns);
        let x = self.rect.left() + self.left + column as f32 * self.pitch;
        let y = f64::from(self.rect.top()) + self.top_of(row) - self.scroll;
        Rect::from_min_size(Pos2::new(x, y as f32), Vec2::splat(self.side))
    }

    /// The place at a point of the screen; the gap around a patch counts as the patch.
    pub fn place_at(&self, at: Pos2) -> Option<usize> {
        if !self.rect.contains(at) {
            return None;
        }
        let half = self.gap() * 0.5;
        let x = at.x - self.rect.left() - self.left + half;
        let y = f64::from(at.y - self.rect.top()) + self.scroll - f64::from(self.gap() - half);
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let column = (x / self.pitch) as usize;
        let row = (y / f64::from(self.pitch)) as usize;
        let place = row.checked_mul(self.columns)?.checked_add(column)?;
        (column < self.columns && place < self.count).then_some(place)
    }

    /// A point of the screen as a point of everything: points from the left edge and the top.
    pub fn to_content(&self, at: Pos2) -> (f32, f64) {
        (at.x - self.rect.left(), f64::from(at.y - self.rect.top()) + self.scroll)
    }

    /// The places a rectangle between two points of everything touches, row by row.
    pub fn between(&self, a: (f32, f64), b: (f32, f64)) -> Vec<usize> {
        let pitch = f64::from(self.pitch);
        // The first and last row and column whose patch, without the gap, is touched.
        let span = |low: f64, high: f64, lead: f64, end: usize| -> Range<usize> {
            let first = ((low - lead - f64::from(self.side)) / pitch).ceil().max(0.0) as usize;
            let last = ((high - lead) / pitch).floor();
            if last < 0.0 { 0..0 } else { first.min(end)..(last as usize + 1).min(end) }
        };
        let (x0, x1) = (f64::from(a.0.min(b.0)), f64::from(a.0.max(b.0)));
        let columns = span(x0, x1, f64::from(self.left), self.columns);
        let rows = span(a.1.min(b.1), a.1.max(b.1), f64::from(self.gap()), self.rows());
        rows.flat_map(|row| columns.clone().map(move |column| row * self.columns + column))
            .filter(|&place| place < self.count)
            .collect()
    }

    /// How far to scroll so that a row is on the screen, moving as little as needed.
    pub fn scroll_to(&self, row: usize) -> f64 {
        let gap = f64::from(self.gap());
        let top = self.top_of(row) - gap;
        let bottom = self.top_of(row) + f64::from(self.side) + gap - f64::from(self.rect.height());
        if self.scroll > top { top } else { self.scroll.max(bottom.min(top)) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn grid() -> Geometry {
        // 10 columns of 94 + 6 points, 25 patches.
        Geometry::new(Rect::from_min_size(Pos2::new(50.0, 20.0), Vec2::new(1010.0, 250.0)), 94.0, 25, 1.0)
    }

    #[test]
    fn places_are_found_where_they_are_drawn() {
        let mut grid = grid();
        assert_eq!((grid.columns, grid.rows(), grid.pitch), (10, 3, 100.0));
        for scroll in [0.0, 37.0, grid.furthest()] {
            grid.scroll = scroll;
            for place in 0..25 {
                let centre = grid.rect_of(place).center();
                let found = grid.place_at(centre);
                assert_eq!(found, grid.rect.contains(centre).then_some(place), "{place} at {scroll}");
            }
        }
        assert_eq!(grid.place_at(Pos2::new(0.0, 0.0)), None);
    }

    #[test]
    fn scrolling_shows_a_row_and_moves_no_further_than_needed() {
        let mut grid = grid();
        assert_eq!(grid.scroll_to(0), 0.0);
        assert_eq!(grid.scroll_to(1), 0.0, "it is there already");
        grid.scroll = grid.scroll_to(2);
        assert!(grid.rect.contains_rect(grid.rect_of(20)), "{:?}", grid.rect_of(20));
        grid.scroll = grid.scroll_to(0);
        assert!(grid.rect.contains_rect(grid.rect_of(0)));
    }

    #[test]
    fn two_million_patches_keep_their_places() {
        let rect = Rect::from_min_size(Pos2::ZERO, Vec2::new(520.0, 900.0));
        let mut grid = Geometry::new(rect, 512.0, 2_000_000, 1.0);
        assert_eq!(grid.columns, 1);
        grid.scroll = grid.furthest();
        let visible = grid.visible();
        assert_eq!(visible.end, 2_000_000);
        assert!(visible.len() <= 3);
        let last = grid.rect_of(1_999_999);
        assert!((last.bottom() - (rect.bottom() - grid.gap())).abs() < 0.01, "{last:?}");
        assert_eq!(grid.place_at(last.center()), Some(1_999_999));
    }

    #[test]
    fn a_band_takes_what_it_touches() {
        let grid = grid();
        let at = |place: usize| grid.to_content(grid.rect_of(place).center());
        assert_eq!(grid.between(at(1), at(12)), [1, 2, 11, 12]);
        assert_eq!(grid.between(at(12), at(1)), [1, 2, 11, 12], "from any corner");
        assert_eq!(grid.between(at(3), at(3)), [3]);
        let gap = (grid.left + 94.0 + 3.0, 50.0);
        assert_eq!(grid.between(gap, gap), [] as [usize; 0], "in a gap is nothing");
        assert_eq!(grid.between((0.0, 0.0), (2000.0, 2000.0)).len(), 25);
    }
}
