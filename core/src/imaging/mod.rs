//! Micrographs to patches: binning, cutting, the unlabeled pool, filters, the one normaliser, and
//! the simulated sample. Everything works on [`crate::Image`] and plain coordinates; nothing here
//! knows a file format or a project.
//!
//! Coordinates are px of the unbinned micrograph; pixel `i` has its centre at coordinate `i`, and
//! `y` counts downwards from row 0.

pub mod bin;
pub mod border;
pub mod cut;
pub mod filters;
pub mod fourier;
pub mod mirror;
pub mod normalise;
pub mod pool;
pub mod response;
pub mod simulate;
mod simulate_model;

pub use bin::bin;
pub use border::{Border, replicated_border};
pub use cut::{CutPlan, CutResult, CutSettings, cut, cut_patch};
pub use mirror::{MirrorCheck, MirrorVerdict};
pub use normalise::{Normaliser, NormaliserKind};
pub use pool::{Candidate, PoolKind, PoolSettings, pool, seed_for};
pub use response::{Contrast, ContrastEstimate};
pub use simulate::{PickBias, SampleSettings, SimulatedMicrograph, sample_micrograph};
pub use simulate_model::ParticleShape;

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
