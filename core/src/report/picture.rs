//! Writes pixels as a PNG file.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, RgbaImage};

use crate::error::{Error, Result};

/// A picture as PNG; `rgba` holds four bytes a pixel, row by row from the top.
///
/// # Errors
/// When there are not four bytes for each pixel, or memory does not suffice.
pub fn png(width: usize, height: usize, rgba: Vec<u8>) -> Result<Vec<u8>> {
    encode(width, height, |width, height| RgbaImage::from_raw(width, height, rgba).map(DynamicImage::from))
}

/// A picture as PNG; `grey` holds one byte a pixel, row by row from the top.
///
/// # Errors
/// As [`png`].
pub fn grey_png(width: usize, height: usize, grey: Vec<u8>) -> Result<Vec<u8>> {
    encode(width, height, |width, height| GrayImage::from_raw(width, height, grey).map(DynamicImage::from))
}

fn encode(
    width: usize,
    height: usize,
    picture: impl FnOnce(u32, u32) -> Option<DynamicImage>,
) -> Result<Vec<u8>> {
    let failed = |what: &str| Error::defect(format!("a picture of {width}×{height} px {what}"));
    let (Ok(wide), Ok(high)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(failed("is too large"));
    };
    let picture = picture(wide, high).ok_or_else(|| failed("does not have its pixels"))?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|e| failed(&format!("could not be made: {e}")))?;
    Ok(bytes.into_inner())
}
