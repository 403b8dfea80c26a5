//! The picture of a micrograph on the graphics device: a coarse one of all of it, and fine tiles of what is seen.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui;
use egui::{Color32, ColorImage, Context, Rect, TextureFilter, TextureHandle, TextureOptions, Ui};
use vitrine_core::grayscale::share;
use vitrine_core::imaging::pyramid::Level;

use super::geometry::Geometry;
use crate::gpu::colour_map::{ColourMap, STEPS};
use crate::gpu::look::{Contrast, Look};
use crate::gui::model::MicrographPicture;

/// Side of a tile, px of its level.
const SIDE: usize = 512;
/// Longest side of the coarse picture, px.
const COARSE: usize = 1024;
/// Tiles coloured in one frame; until the others follow, the coarse picture shows through.
const MAX_PER_FRAME: usize = 12;
/// Tiles kept that are no longer seen.
const MAX_UNSEEN: usize = 96;
/// Entries of the table from values to colours.
const TABLE: usize = 1 << 12;

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colouring {
    ends: (f32, f32),
    invert: bool,
    colours: ColourMap,
}

impl Colouring {
    /// As patches of the gallery are coloured: the contrast of each patch by itself is that of each micrograph.
    pub fn new(look: &Look, picture: &MicrographPicture) -> Self {
        let ends = match look.contrast {
            // A band takes the mean away: other values than those that were set by hand.
            Contrast::Manual if !look.band => (look.manual[0], look.manual[1]),
            Contrast::Patch | Contrast::All | Contrast::Manual => picture.pyramid.range(look.cut),
        };
        Self { ends, invert: look.invert, colours: look.colours }
    }

    /// The colour of each value of a level, for 4,096 of its steps.
    fn table(&self, picture: &MicrographPicture) -> Vec<Color32> {
        let steps = self.colours.steps();
        let step = u16::MAX as usize / TABLE + 1;
        (0..TABLE)
            .map(|at| {
                let value = picture.pyramid.value((at * step + step / 2) as u16);
                let share = share(value, self.ends.0, self.ends.1) as f32;
                let share = if self.invert { 1.0 - share } else { share };
                steps.get((share * (STEPS - 1) as f32).round() as usize).copied().unwrap_or_default()
            })
            .collect()
    }
}

/// What the tiles are of.
struct Of {
    picture: Arc<MicrographPicture>,
    colouring: Colouring,
    table: Vec<Color32>,
    /// Level of the coarse picture.
    coarse_level: usize,
}

/// Level, column and row of a tile.
type Place = (usize, usize, usize);

/// The tiles on the graphics device.
#[derive(Default)]
pub struct Tiles {
    of: Option<Of>,
    coarse: Option<TextureHandle>,
    tiles: HashMap<Place, (TextureHandle, u64)>,
    /// Tiles seen that are still to be coloured.
    pub missing: usize,
    /// The level that is drawn.
    pub level: usize,
}

impl Tiles {
    /// Draws the micrograph; `least` is the finest level that is drawn.
    pub fn draw(
        &mut self,
        ui: &Ui,
        geometry: &Geometry,
        picture: &Arc<MicrographPicture>,
        look: &Look,
        least: usize,
    ) {
        let colouring = Colouring::new(look, picture);
        let levels = &picture.pyramid.levels;
        let small = levels.iter().position(|level| level.width.max(level.height) <= COARSE);
        let coarse_level = small.unwrap_or(0).max(least).min(levels.len().saturating_sub(1));
        let same = self.of.as_ref().is_some_and(|of| {
            Arc::ptr_eq(&of.picture, picture) && of.colouring == colouring && of.coarse_level == coarse_level
        });
        if !same {
            self.tiles.clear();
            let table = colouring.table(picture);
            self.coarse = levels
                .get(coarse_level)
                .map(|level| load(ui.ctx(), "micrograph", part(level, &table, 0, 0, COARSE)));
            self.of = Some(Of { picture: Arc::clone(picture), colouring, table, coarse_level });
        }
        let painter = ui.painter_at(geometry.rect);
        let all = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
        if let Some(coarse) = &self.coarse {
            painter.image(coarse.id(), geometry.whole(), all, Color32::WHITE);
        }
        let Some(of) = &self.of else { return };
        let at = geometry.level(levels.len(), picture.bin, ui.ctx().pixels_per_point(), least);
        (self.level, self.missing) = (at, 0);
        let Some(level) = levels.get(at) else { return };
        if at >= of.coarse_level {
            // The coarse picture is as fine.
            return;
        }
        let scale = (picture.bin << at) as f32;
        let (columns, rows) = geometry.tiles(level.width, level.height, scale, SIDE);
        let frame = ui.ctx().cumulative_frame_nr();
        let mut made = 0;
        for row in rows {
            for column in columns.clone() {
                let place = (at, column, row);
                if !self.tiles.contains_key(&place) {
                    if made >= MAX_PER_FRAME {
                        self.missing += 1;
                        continue;
                    }
                    made += 1;
                    let image = part(level, &of.table, column * SIDE, row * SIDE, SIDE);
                    self.tiles.insert(place, (load(ui.ctx(), "tile", image), frame));
                }
                if let Some((tile, seen)) = self.tiles.get_mut(&place) {
                    *seen = frame;
                    let edge = |at: usize, length: usize, whole: f32| {
                        // The last px of a level may reach beyond the micrograph.
                        ((at * SIDE).min(length) as f32 * scale).min(whole)
                    };
                    let rect = geometry.part(
                        edge(column, level.width, geometry.size[0]),
                        edge(row, level.height, geometry.size[1]),
                        edge(column + 1, level.width, geometry.size[0]),
                        edge(row + 1, level.height, geometry.size[1]),
                    );
                    painter.image(tile.id(), rect, all, Color32::WHITE);
                }
            }
        }
        if self.missing > 0 {
            ui.ctx().request_repaint();
        }
        let unseen = self.tiles.values().filter(|(_, seen)| *seen != frame).count();
        if unseen > MAX_UNSEEN {
            self.tiles.retain(|_, (_, seen)| *seen == frame);
        }
    }
}

/// A part of a level, coloured.
fn part(level: &Level, table: &[Color32], left: usize, top: usize, side: usize) -> ColorImage {
    let (right, bottom) = ((left + side).min(level.width), (top + side).min(level.height));
    let mut pixels = Vec::with_capacity((right - left) * (bottom - top));
    for y in top..bottom {
        let row = level.row(y).get(left..right).unwrap_or_default();
        pixels.extend(row.iter().map(|&v| table.get(usize::from(v >> 4)).copied().unwrap_or_default()));
    }
    ColorImage::new([right - left, bottom - top], pixels)
}

fn load(ctx: &Context, name: &str, image: ColorImage) -> TextureHandle {
    let options = TextureOptions {
        // Px of the micrograph are seen as such when it is enlarged.
        magnification: TextureFilter::Nearest,
        minification: TextureFilter::Linear,
        ..TextureOptions::LINEAR
    };
    ctx.load_texture(name, image, options)
}
