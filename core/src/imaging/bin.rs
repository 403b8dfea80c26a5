//! Binning: each output pixel is the mean of a square of input pixels.

use rayon::prelude::*;

use super::check;
use crate::error::{Error, Result};
use crate::image::Image;

/// Averages squares of `factor × factor` px. Output is `⌊width/factor⌋ × ⌊height/factor⌋`; columns
/// and rows that do not fill a square at the right and lower edge are left out.
///
/// The centre of output pixel `i` lies at input coordinate `i·factor + (factor − 1)/2`.
///
/// # Errors
/// When the factor is 0 or larger than the image.
pub fn bin(image: &Image, factor: usize) -> Result<Image> {
    check(image)?;
    if factor == 0 || factor > image.width || factor > image.height {
        return Err(Error::request(
            format!("an image of {} × {} px cannot be binned by {factor}", image.width, image.height),
            "choose a bin factor from 1 to the shorter side",
        ));
    }
    if factor == 1 {
        return Ok(image.clone());
    }
    let mut out = Image::zeros(image.width / factor, image.height / factor);
    let width = out.width;
    let share = 1.0 / (factor as f64 * factor as f64);
    out.data.par_chunks_mut(width).enumerate().for_each_init(
        || vec![0.0_f64; width],
        |sums, (y, target)| {
            sums.fill(0.0);
            for dy in 0..factor {
                let row = image.row(y * factor + dy);
                for (sum, block) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += block.iter().map(|&v| f64::from(v)).sum::<f64>();
                }
            }
            for (value, sum) in target.iter_mut().zip(sums.iter()) {
                *value = (sum * share) as f32;
            }
        },
    );
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_drops_the_ragged_edge() {
        let image = Image { width: 5, height: 3, data: (0..15).map(|v| v as f32).collect() };
        let half = bin(&image, 2).unwrap();
        assert_eq!((half.width, half.height), (2, 1));
        // Squares 0 1 5 6 and 2 3 7 8.
        assert_eq!(half.data, vec![3.0, 5.0]);
        assert!(bin(&image, 0).is_err());
        assert!(bin(&image, 4).is_err());
        assert_eq!(bin(&image, 1).unwrap(), image);
    }
}
