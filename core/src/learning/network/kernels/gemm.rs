//! Two small matrix products over scattered rows, the heart of the convolutions.
//!
//! A convolution of channel-last images is, for each tap of the kernel, a matrix product between the
//! pixels that the tap reads and the tap's weights. [`Pair`]s say which row of the one image belongs to
//! which row of the other; rows at the border that would read padding are not in the list, so nothing
//! is multiplied by zeros and nothing is copied.

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512, Avx512And256};
use super::simd::{Isa, Lanes8, Simd};

/// Which row of the input belongs to which row of the output, as row numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Row (pixel) of the input image.
    pub input: u32,
    /// Row (pixel) of the output image.
    pub output: u32,
}

/// How a product is cut into register tiles: rows × (lanes · vectors) columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// 4 rows × 8 columns of plain Rust.
    Portable,
    /// 8 × 8.
    #[cfg(target_arch = "x86_64")]
    Avx2Narrow,
    /// 6 × 16.
    #[cfg(target_arch = "x86_64")]
    Avx2Wide,
    /// 4 × 24.
    #[cfg(target_arch = "x86_64")]
    Avx2Odd,
    /// 8 × 16.
    #[cfg(target_arch = "x86_64")]
    Avx512Narrow,
    /// 12 × 32.
    #[cfg(target_arch = "x86_64")]
    Avx512Wide,
    /// 12 × 24.
    #[cfg(target_arch = "x86_64")]
    Avx512Odd,
    /// 8 × 48.
    #[cfg(target_arch = "x86_64")]
    Avx512Third,
}

impl Tile {
    /// The tile for a product with this many columns, a multiple of 8.
    pub fn of(isa: Isa, columns: usize) -> Self {
        match isa {
            Isa::Portable => Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if columns.is_multiple_of(32) => Self::Avx512Wide,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if columns.is_multiple_of(48) => Self::Avx512Third,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if columns.is_multiple_of(16) => Self::Avx512Narrow,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if columns.is_multiple_of(24) => Self::Avx512Odd,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 if columns.is_multiple_of(16) => Self::Avx2Wide,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 if columns.is_multiple_of(24) => Self::Avx2Odd,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => Self::Avx2Narrow,
        }
    }

    /// Columns of a tile.
    pub fn columns(self) -> usize {
        match self {
            Self::Portable => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Narrow => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Wide | Self::Avx512Narrow => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Odd | Self::Avx512Odd => 24,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Wide => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Third => 48,
        }
    }
}

/// Rows of equal length in memory.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// First value of row 0.
    pub start: *mut f32,
    /// Values from a row to the next.
    pub stride: usize,
}

impl Rows {
    /// First value of a row.
    ///
    /// # Safety
    /// The row must lie inside the image.
    #[inline(always)]
    pub unsafe fn row(self, row: u32) -> *mut f32 {
        // SAFETY: callers name rows inside the image.
        unsafe { self.start.add(row as usize * self.stride) }
    }
}

macro_rules! dispatch {
    ($name:ident, $avx2:ident, $avx512:ident, ($($arg:ident : $type:ty),*)) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn $avx2<const R: usize, const V: usize>($($arg: $type),*) {
            // SAFETY: passed on to the caller.
            unsafe { $name::<Avx2, R, V>($($arg),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
        unsafe fn $avx512<S: Simd, const R: usize, const V: usize>($($arg: $type),*) {
            // SAFETY: passed on to the caller.
            unsafe { $name::<S, R, V>($($arg),*) }
        }
    };
}

/// For each pair: out\[to\] += in\[from\] · weights. `in` rows have `depth` values, `weights` is depth ×
/// the tile's columns. With `reversed` the roles of input and output are exchanged. With `fresh` the rows written hold
/// nothing yet: sums begin at 0.
///
/// # Safety
/// The processor must have the tile's instructions; every row of `pairs` must lie inside the images,
/// with `depth` values to read and the tile's columns to write; no other thread may touch the rows
/// written.
pub unsafe fn accumulate_rows(
    tile: Tile,
    [reversed, fresh]: [bool; 2],
    pairs: &[Pair],
    from: Rows,
    depth: usize,
    weights: *const f32,
    to: Rows,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        match tile {
            Tile::Portable => rows_body::<Lanes8, 4, 1>([reversed, fresh], pairs, from, depth, weights, to),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Narrow => rows_avx2::<8, 1>([reversed, fresh], pairs, from, depth, weights, to),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Wide => rows_avx2::<6, 2>([reversed, fresh], pairs, from, depth, weights, to),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Odd => rows_avx2::<4, 3>([reversed, fresh], pairs, from, depth, weights, to),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Narrow => {
                rows_avx512::<Avx512, 8, 1>([reversed, fresh], pairs, from, depth, weights, to)
            }
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Wide => {
                rows_avx512::<Avx512, 12, 2>([reversed, fresh], pairs, from, depth, weights, to)
            }
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Odd => {
                rows_avx512::<Avx512And256, 12, 1>([reversed, fresh], pairs, from, depth, weights, to)
            }
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Third => {
                rows_avx512::<Avx512, 8, 3>([reversed, fresh], pairs, from, depth, weights, to)
            }
        }
    }
}

dispatch!(rows_body, rows_avx2, rows_avx512,
    (how: [bool; 2], pairs: &[Pair], from: Rows, depth: usize, weights: *const f32, to: Rows));

#[inline(always)]
unsafe fn rows_body<S: Simd, const R: usize, const V: usize>(
    [reversed, fresh]: [bool; 2],
    pairs: &[Pair],
    from: Rows,
    depth: usize,
    weights: *const f32,
    to: Rows,
) {
    // SAFETY: rows of the pairs are good by the caller's promise; the spare rows of the last tile
    // read the last pair's row and write into `spare`.
    unsafe {
        let mut spare = [0.0f32; 64];
        let mut start = 0;
        while start < pairs.len() {
            let mut inputs = [core::ptr::null::<f32>(); R];
            let mut outputs = [spare.as_mut_ptr(); R];
            for r in 0..R {
                let at = start + r;
                let inside = at < pairs.len();
                let pair = *pairs.get_unchecked(if inside { at } else { pairs.len() - 1 });
                let (a, b) = if reversed { (pair.output, pair.input) } else { (pair.input, pair.output) };
                inputs[r] = from.row(a).cast_const();
                if inside {
                    outputs[r] = to.row(b);
                }
            }
            let mut sums = [[S::zero(); V]; R];
            if !fresh {
                for r in 0..R {
                    for v in 0..V {
                        sums[r][v] = S::load(outputs[r].add(v * S::LANES));
                    }
                }
            }
            let mut w = weights;
            for i in 0..depth {
                let mut b = [S::zero(); V];
                for v in 0..V {
                    b[v] = S::load(w.add(v * S::LANES));
                }
                for r in 0..R {
                    let a = S::splat(*inputs[r].add(i));
                    for v in 0..V {
                        sums[r][v] = sums[r][v].fma(a, b[v]);
                    }
                }
                w = w.add(V * S::LANES);
            }
            for r in 0..R {
                for v in 0..V {
                    sums[r][v].store(outputs[r].add(v * S::LANES));
                }
            }
            start += R;
        }
    }
}

/// sums\[r\]\[c\] += Σ over pairs of in\[pair.input\]\[r\] · out\[pair.output\]\[c\] for `rows` values of the
/// input and the tile's columns of the output.
///
/// # Safety
/// As [`accumulate_rows`]; `sums` must have `rows` rows of the tile's columns.
pub unsafe fn accumulate_outer(
    tile: Tile,
    pairs: &[Pair],
    input: Rows,
    rows: usize,
    output: Rows,
    sums: Rows,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        match tile {
            Tile::Portable => outer_body::<Lanes8, 4, 1>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Narrow => outer_avx2::<8, 1>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Wide => outer_avx2::<4, 2>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2Odd => outer_avx2::<4, 3>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Narrow => outer_avx512::<Avx512, 8, 1>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Wide => outer_avx512::<Avx512, 8, 2>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Odd => outer_avx512::<Avx512And256, 8, 1>(pairs, input, rows, output, sums),
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512Third => outer_avx512::<Avx512, 8, 3>(pairs, input, rows, output, sums),
        }
    }
}

dispatch!(outer_body, outer_avx2, outer_avx512,
    (pairs: &[Pair], input: Rows, rows: usize, output: Rows, sums: Rows));

/// Pairs that stay in the nearest cache while the rows of the input go by.
const OUTER_BLOCK: usize = 256;

#[inline(always)]
unsafe fn outer_body<S: Simd, const R: usize, const V: usize>(
    pairs: &[Pair],
    input: Rows,
    rows: usize,
    output: Rows,
    sums: Rows,
) {
    // SAFETY: by the caller's promise.
    unsafe {
        for block in pairs.chunks(OUTER_BLOCK) {
            let mut row = 0;
            while row + R <= rows {
                outer_tile::<S, R, V>(block, input, row, output, sums);
                row += R;
            }
            while row < rows {
                outer_tile::<S, 1, V>(block, input, row, output, sums);
                row += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn outer_tile<S: Simd, const R: usize, const V: usize>(
    pairs: &[Pair],
    input: Rows,
    row: usize,
    output: Rows,
    sums: Rows,
) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut held = [[S::zero(); V]; R];
        for r in 0..R {
            for v in 0..V {
                held[r][v] = S::load(sums.row((row + r) as u32).add(v * S::LANES));
            }
        }
        for pair in pairs {
            let x = input.row(pair.input).add(row);
            let d = output.row(pair.output);
            let mut b = [S::zero(); V];
            for v in 0..V {
                b[v] = S::load(d.add(v * S::LANES));
            }
            for r in 0..R {
                let a = S::splat(*x.add(r));
                for v in 0..V {
                    held[r][v] = held[r][v].fma(a, b[v]);
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                held[r][v].store(sums.row((row + r) as u32).add(v * S::LANES));
            }
        }
    }
}
