//! Logits of every place of a whole picture: the network slid over it, tile by tile.

use std::slice::from_ref;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::learning::network::weights::to_vec;
use crate::learning::network::{Network, SlidingCnn};

/// Pixels along a side that a place sees.
pub const FIELD: usize = SlidingCnn::FIELD;
/// Pixels from a place to the next.
pub const STRIDE: usize = SlidingCnn::SLIDE_STRIDE;
/// Places along a side of a tile, at most. Tiles share what lies at their edges, so small ones cost more, and large
/// ones more memory.
const TILE: usize = 64;
/// Tiles per forward pass on a GPU.
const TILES_PER_PASS: usize = 8;

/// Logits over a picture, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitMap {
    /// Places along a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// `columns × rows` logits.
    pub values: Vec<f32>,
}

impl LogitMap {
    /// The logit at a place.
    pub fn at(&self, column: usize, row: usize) -> f32 {
        self.values[row * self.columns + column]
    }

    /// The pixel of the picture in the middle of what a column or a row sees; it is the centre pixel `size/2` of the
    /// patch that has the same logit.
    pub const fn centre(place: usize) -> usize {
        place * STRIDE + FIELD / 2
    }
}

/// Places along `length` pixels.
pub const fn places(length: usize) -> usize {
    if length < FIELD { 0 } else { (length - FIELD) / STRIDE + 1 }
}

/// The first place of each tile along a side with this many places, and the places of a tile. All tiles are equal, so
/// the last ones may overlap.
fn tiles(places: usize) -> (Vec<usize>, usize) {
    let number = places.div_ceil(TILE).max(1);
    let side = places.div_ceil(number);
    ((0..number).map(|at| (at * side).min(places - side)).collect(), side)
}

/// Logits of a normalised picture (rows of `width` pixels); `None` for networks that judge patches only. A picture
/// smaller than [`FIELD`] has no places. The network must be in validation form.
pub fn logit_map(network: &Network, picture: &[f32], width: usize, device: &Device) -> Option<LogitMap> {
    let height = picture.len().checked_div(width).unwrap_or(0);
    let (columns, rows) = (places(width), places(height));
    let mut map = LogitMap { columns, rows, values: vec![0.0; columns * rows] };
    let Network::SlidingCnn(network) = network else { return None };
    if map.values.is_empty() {
        return Some(map);
    }
    let ((lefts, across), (tops, down)) = (tiles(columns), tiles(rows));
    let side = |places: usize| (places - 1) * STRIDE + FIELD;
    let (tile_width, tile_height) = (side(across), side(down));
    let all: Vec<(usize, usize)> =
        tops.iter().flat_map(|&top| lefts.iter().map(move |&left| (left, top))).collect();
    let scored = |group: &[(usize, usize)]| {
        let mut pixels = Vec::with_capacity(group.len() * tile_width * tile_height);
        for &(left, top) in group {
            for y in 0..tile_height {
                let from = (top * STRIDE + y) * width + left * STRIDE;
                pixels.extend_from_slice(&picture[from..from + tile_width]);
            }
        }
        let shape = [group.len(), 1, tile_height, tile_width];
        network.slide(Tensor::from_data(TensorData::new(pixels, shape), device))
    };
    let mut take = |group: &[(usize, usize)], quarters: [Tensor<3>; 4]| {
        for (quarter, logits) in quarters.into_iter().enumerate() {
            let (dy, dx) = (quarter / 2, quarter % 2);
            let [_, height, width] = logits.dims();
            let values = to_vec(logits);
            for (&(left, top), values) in group.iter().zip(values.chunks_exact(height * width)) {
                for (y, row) in values.chunks_exact(width).enumerate() {
                    let line = &mut map.values[(top + 2 * y + dy) * columns..][..columns];
                    for (x, &logit) in row.iter().enumerate() {
                        line[left + 2 * x + dx] = logit;
                    }
                }
            }
        }
    };
    if *device == Device::flex() {
        // Each core takes a tile at a time, whose layers stay in the cache.
        let quarters: Vec<_> = all.par_iter().map(|tile| scored(from_ref(tile))).collect();
        all.iter().zip(quarters).for_each(|(tile, quarters)| take(from_ref(tile), quarters));
    } else {
        all.chunks(TILES_PER_PASS).for_each(|group| take(group, scored(group)));
    }
    Some(map)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::module::Module as _;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::config::Backbone;
    use crate::learning::infer::predict::{TestTimeAugmentation, host_logits};

    fn picture(width: usize, height: usize) -> Vec<f32> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        (0..width * height).map(|_| random.random_range(-1.7..1.7)).collect()
    }

    fn patch(picture: &[f32], width: usize, left: usize, top: usize, size: usize) -> Vec<f32> {
        (0..size * size).map(|at| picture[(top + at / size) * width + left + at % size]).collect()
    }

    #[test]
    fn tiles_cover_every_place() {
        assert_eq!(tiles(64), (vec![0], 64));
        assert_eq!(tiles(65), (vec![0, 32], 33));
        assert_eq!(tiles(1), (vec![0], 1));
        assert_eq!(tiles(130), (vec![0, 44, 86], 44));
        assert_eq!((places(56), places(57), places(60), places(61)), (0, 1, 1, 2));
    }

    /// The promise of the network: a place of the map has the logit of the patch around it, for patches of several
    /// sizes, in every tile and at every edge. Sums in another order leave 1e-4 of the spread of the logits.
    #[test]
    fn a_place_has_the_logit_of_the_patch_around_it() {
        let device = ComputeDevice::cpu().inner;
        let network = Network::new(Backbone::SlidingCnn, 3, &device).valid();
        // 70 × 4 places: two tiles along a row, one down.
        let (width, height) = (57 + 69 * STRIDE + 2, 57 + 3 * STRIDE + 1);
        let picture = picture(width, height);
        let map = logit_map(&network, &picture, width, &device).unwrap();
        assert_eq!((map.columns, map.rows), (70, 4));
        let spread = map.values.iter().fold(f32::MIN, |a, b| a.max(*b))
            - map.values.iter().fold(f32::MAX, |a, b| a.min(*b));
        assert!(spread > 0.01, "the places differ: {spread}");
        for size in [57, 58, 64] {
            for (column, row) in [(0, 0), (1, 0), (2, 3), (34, 1), (35, 2), (36, 3), (69, 0), (68, 3)] {
                let (x, y) = (LogitMap::centre(column), LogitMap::centre(row));
                let (Some(left), Some(top)) = (x.checked_sub(size / 2), y.checked_sub(size / 2)) else {
                    continue;
                };
                if left + size > width || top + size > height {
                    continue;
                }
                let patch = patch(&picture, width, left, top, size);
                let wanted = host_logits(&network, &patch, size, TestTimeAugmentation::None, &device)[0];
                let found = map.at(column, row);
                assert!(
                    (found - wanted).abs() < 1e-4 * spread,
                    "{size} px at {column}, {row}: {found} for {wanted}"
                );
            }
        }
    }

    #[test]
    fn small_pictures_have_no_places_and_other_networks_no_map() {
        let device = ComputeDevice::cpu().inner;
        let network = Network::new(Backbone::SlidingCnn, 3, &device).valid();
        assert!(logit_map(&network, &[0.0; 56 * 80], 80, &device).unwrap().values.is_empty());
        assert!(logit_map(&network, &[], 0, &device).unwrap().values.is_empty());
        for backbone in [Backbone::SmallCnn, Backbone::Resnet18] {
            let network = Network::new(backbone, 3, &device).valid();
            assert!(logit_map(&network, &picture(80, 80), 80, &device).is_none());
        }
    }
}
