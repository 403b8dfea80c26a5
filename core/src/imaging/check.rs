//! Checks that an image can be used in a computation.

use crate::error::{Error, Result};
use crate::image::Image;

/// Refuses an image without pixels, or whose pixel count is not `width × height`.
pub(crate) fn check(image: &Image) -> Result<()> {
    let expected = image.width.checked_mul(image.height);
    if image.data.is_empty() || expected != Some(image.data.len()) {
        return Err(Error::request(
            format!(
                "the image says {} × {} px and holds {} values",
                image.width,
                image.height,
                image.data.len()
            ),
            "read the micrograph again, or leave it out",
        ));
    }
    Ok(())
}

/// Refuses an image that holds a value that is no finite number, and names the first such pixel.
pub(crate) fn check_finite(image: &Image) -> Result<()> {
    check(image)?;
    match image.data.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::request(
            format!(
                "the pixel at column {}, row {} of the image is {}",
                at % image.width,
                at / image.width,
                image.data[at]
            ),
            "replace values that are not finite numbers, or leave the micrograph out",
        )),
    }
}
