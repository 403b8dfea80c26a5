//! Images of another size, by averaging over areas.

use std::ops::Range;

use rayon::prelude::*;

use crate::image::Image;

/// An image in which one px stands for `factor` px of the given one. Each px is the mean of what it covers; where it
/// covers part of a px, that counts in part. What is left at the last row and column is dropped.
///
/// A factor below 1 enlarges; a factor that is no positive number gives an empty image.
pub fn resample(image: &Image, factor: f64) -> Image {
    let side =
        |length: usize| if factor > 0.0 { (length as f64 / factor + 1e-9).floor() as usize } else { 0 };
    let (width, height) = (side(image.width), side(image.height));
    let mut out = Image::zeros(width, height);
    if out.data.is_empty() {
        return out;
    }
    let columns: Vec<Cover> = (0..width).map(|x| Cover::new(x, factor, image.width)).collect();
    out.data.par_chunks_exact_mut(width).enumerate().for_each(|(y, row)| {
        let rows = Cover::new(y, factor, image.height);
        for (value, columns) in row.iter_mut().zip(&columns) {
            let mut sum = 0.0;
            for (at, weight) in rows.weights() {
                let line = image.row(at);
                sum += weight * columns.weights().map(|(x, w)| w * f64::from(line[x])).sum::<f64>();
            }
            *value = (sum / (rows.total * columns.total)) as f32;
        }
    });
    out
}

/// The px that one px of the new image covers along a side.
struct Cover {
    from: f64,
    to: f64,
    px: Range<usize>,
    total: f64,
}

impl Cover {
    fn new(at: usize, factor: f64, length: usize) -> Self {
        let (from, to) = (at as f64 * factor, ((at + 1) as f64 * factor).min(length as f64));
        let px = (from.floor() as usize).min(length - 1)..(to.ceil() as usize).clamp(1, length);
        Self { from, to, px, total: to - from }
    }

    fn weights(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.px.clone().map(|at| {
            let (from, to) = (self.from.max(at as f64), self.to.min((at + 1) as f64));
            (at, (to - from).max(0.0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_by_area() {
        let image = Image { width: 3, height: 1, data: vec![1.0, 4.0, 7.0] };
        // 1.5 px: (1 + 4/2)/1.5 and (4/2 + 7)/1.5; of one row nothing is left.
        assert!(resample(&image, 1.5).data.is_empty());
        let image = Image { width: 3, height: 3, data: [1.0, 4.0, 7.0].repeat(3) };
        let small = resample(&image, 1.5);
        assert_eq!((small.width, small.height), (2, 2));
        for row in 0..2 {
            assert!((small.at(0, row) - 2.0).abs() < 1e-6 && (small.at(1, row) - 6.0).abs() < 1e-6);
        }
        assert_eq!(resample(&image, 1.0), image);
        assert_eq!(resample(&image, 3.0).data, vec![4.0]);
        let large = resample(&image, 0.5);
        assert_eq!((large.width, large.at(0, 0), large.at(1, 0), large.at(2, 5)), (6, 1.0, 1.0, 4.0));
        assert!(resample(&image, f64::NAN).data.is_empty());
    }
}
