//! The contrast window: which pixel values are drawn black and white.

use crate::gpu::cell::Range;
use crate::gpu::look::{Contrast, Look};

/// The ends of the contrast window of a patch, in the values of its pixels.
pub fn contrast_ends(look: &Look, range: &Range, all: Option<(f32, f32)>) -> (f32, f32) {
    common_contrast_ends(look, all).unwrap_or((range.low, range.high))
}

/// The ends where they are the same for all patches; `None` where each patch has its own.
pub fn common_contrast_ends(look: &Look, all: Option<(f32, f32)>) -> Option<(f32, f32)> {
    match look.contrast {
        Contrast::Manual => Some((look.manual[0], look.manual[1])),
        Contrast::All => all,
        Contrast::Patch => None,
    }
}
