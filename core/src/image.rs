//! A greyscale image in memory, as `f32` pixels.

/// One plane of `f32` pixels, row-major. Row 0 is the first row stored in the file; coordinates
/// count from it downwards, in px.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Columns, px.
    pub width: usize,
    /// Rows, px.
    pub height: usize,
    /// `width × height` values, row by row.
    pub data: Vec<f32>,
}

impl Image {
    /// An image of zeros.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// The value at column `x`, row `y`.
    ///
    /// # Panics
    /// When the position lies outside.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        assert!(x < self.width, "column outside the image");
        self.data[y * self.width + x]
    }

    /// Row `y`.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }
}
