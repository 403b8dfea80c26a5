//! Prepares the pixels of a patch for the GPU: averages them down to the size on the screen, measures the
//! contrast, and band-passes them where the GPU cannot do that itself.

use half::f16;
use vitrine_core::Image;
use vitrine_core::grayscale::clipped_range;
use vitrine_core::project::{PatchId, PixelFile};

use super::band::band_passed;

/// How cells are prepared. A cell is a patch as the GPU stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preparation {
    /// Pixels are averaged in blocks of `bin × bin` px.
    pub bin: usize,
    /// Shortest and longest period kept, in the unit of [`Scales`].
    pub band: Option<[f32; 2]>,
    /// Share of pixels clipped at each end of the contrast range, percent.
    pub cut: f32,
}

impl Preparation {
    /// Side of a cell for patches of `size` px.
    pub fn side(&self, size: usize) -> usize {
        size.div_ceil(self.bin.max(1))
    }
}

/// Pixel sizes by source: number of the first patch of each source and its Å per px, or 1 where periods are
/// counted in px. Sorted by patch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scales(pub Vec<(PatchId, f32)>);

impl Scales {
    /// The pixel size of a patch, Å per px, or 1.
    pub fn of(&self, patch: PatchId) -> f32 {
        let after = self.0.partition_point(|(first, _)| *first <= patch);
        after.checked_sub(1).and_then(|at| self.0.get(at)).map_or(1.0, |(_, scale)| *scale)
    }
}

/// Statistics of the pixels of a patch, in the unit of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Mean. A cell stores (value − mean) / deviation.
    pub mean: f32,
    /// Standard deviation; 1 where all pixels are equal.
    pub deviation: f32,
    /// The value drawn black.
    pub low: f32,
    /// The value drawn white.
    pub high: f32,
}

impl Range {
    /// Converts a value to the unit of the cell.
    pub fn in_cell(&self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}

/// A patch that is ready for the GPU.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Number of the patch.
    pub patch: PatchId,
    /// `side × side` values as bits of an f16, row by row: (value − mean) / deviation.
    pub values: Vec<u16>,
    /// Statistics of its pixels.
    pub range: Range,
    /// Whether all its values are finite. Only such a patch can be band-passed.
    pub finite: bool,
}

/// Reads a patch; `None` when there is no patch of this number.
pub fn read(pixels: &PixelFile, patch: PatchId) -> Option<Image> {
    let size = pixels.size();
    let mut image = Image::zeros(size, size);
    pixels.get(patch, &mut image.data).ok()?;
    Some(image)
}

/// Reads a patch and band-passes it where a band is given; `None` when there is no patch of this number.
pub fn filtered(pixels: &PixelFile, patch: PatchId, band: Option<[f32; 2]>, scale: f32) -> Option<Image> {
    let image = read(pixels, patch)?;
    Some(match band {
        Some(band) => band_passed(image, band, scale),
        None => image,
    })
}

/// Mean, standard deviation and clipped range of values.
pub fn measure(values: &[f32], cut: f32) -> Range {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    let (low, high) = clipped_range(values, cut);
    Range { mean: mean as f32, deviation: if deviation > 0.0 { deviation as f32 } else { 1.0 }, low, high }
}

/// Reads and prepares a patch; `None` when there is no patch of this number. With a band it averages first, then
/// filters, then measures the contrast, in the same order as the GPU.
pub fn prepare(pixels: &PixelFile, patch: PatchId, how: Preparation, scale: f32) -> Option<Cell> {
    let image = read(pixels, patch)?;
    let finite = image.data.iter().all(|value| value.is_finite());
    let (image, range) = match how.band {
        Some(band) => {
            let image = band_passed(averaged(image, how.bin), band, scale * how.bin.max(1) as f32);
            let range = measure(&image.data, how.cut);
            (image, range)
        }
        None => {
            let range = measure(&image.data, how.cut);
            (averaged(image, how.bin), range)
        }
    };
    let values = image.data.iter().map(|&value| f16::from_f32(range.in_cell(value)).to_bits()).collect();
    Some(Cell { patch, values, range, finite })
}

/// Averages blocks of `bin × bin` px. Blocks at the right and lower edge may be smaller.
pub fn averaged(image: Image, bin: usize) -> Image {
    if bin <= 1 {
        return image;
    }
    let (width, height) = (image.width.div_ceil(bin), image.height.div_ceil(bin));
    let blocks = (0..height).flat_map(|y| (0..width).map(move |x| (x * bin, y * bin)));
    let data = blocks.map(|(x, y)| mean_of_block(&image, x, y, bin)).collect();
    Image { width, height, data }
}

fn mean_of_block(image: &Image, x0: usize, y0: usize, bin: usize) -> f32 {
    let (x1, y1) = ((x0 + bin).min(image.width), (y0 + bin).min(image.height));
    let mut sum = 0.0;
    for y in y0..y1 {
        sum += image.data[y * image.width + x0..y * image.width + x1].iter().sum::<f32>();
    }
    sum / ((x1 - x0) * (y1 - y0)).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_measured_for_its_cell() {
        let values: Vec<f32> = (0..=1000).map(|v| v as f32).collect();
        let range = measure(&values, 1.0);
        assert_eq!((range.low, range.high, range.mean), (10.0, 990.0, 500.0));
        // Population deviation of 0..=1000: √((1001² − 1)/12).
        assert!((range.deviation - 288.964).abs() < 0.01, "{}", range.deviation);
        assert_eq!(measure(&[7.0; 9], 1.0).deviation, 1.0, "a flat patch divides by nothing");
    }

    #[test]
    fn blocks_are_averaged_and_scales_looked_up() {
        let image = Image { width: 3, height: 3, data: (1..=9).map(|v| v as f32).collect() };
        assert_eq!(mean_of_block(&image, 0, 0, 2), 3.0);
        assert_eq!(mean_of_block(&image, 2, 2, 2), 9.0, "what juts out is left out");
        let scales = Scales(vec![(0, 1.5), (100, 3.0)]);
        assert_eq!([0, 99, 100, 5000].map(|p| scales.of(p)), [1.5, 1.5, 3.0, 3.0]);
        assert_eq!(Scales::default().of(3), 1.0);
    }
}
