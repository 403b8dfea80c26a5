//! Reads the next patches while the device works on the last ones.

use rayon::prelude::*;

use crate::error::Result;
use crate::imaging::normalise::Normaliser;
use crate::project::{PatchId, PixelFile};

/// Gives `total` patches of `area` px each to `work` in order, a part of `at_once` (N×S×S) at a time. `read` fills a part with
/// the patches from the one it is told on; it works on a thread of its own, one part ahead, so that a device
/// does not wait for the disk.
///
/// # Errors
/// The first one of `read` or `work`, which ends both.
pub(crate) fn in_parts(
    total: usize,
    area: usize,
    at_once: usize,
    mut read: impl FnMut(usize, &mut [f32]) -> Result<()> + Send,
    mut work: impl FnMut(Vec<f32>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, parts) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || {
            for from in (0..total).step_by(at_once.max(1)) {
                let mut part = vec![0.0; at_once.max(1).min(total - from) * area];
                let part = read(from, &mut part).map(|()| part);
                let last = part.is_err();
                // Nobody listens any more after an error of `work`.
                if send.send(part).is_err() || last {
                    return;
                }
            }
        });
        parts.into_iter().try_for_each(|part| work(part?))
    })
}

/// Fills a part (N×S×S) with the patches of a project from the one numbered `from` on, normalised.
///
/// # Errors
/// When there is no such patch, or its pixels cannot be normalised.
pub(crate) fn read_normalised(
    pixels: &PixelFile,
    normaliser: &Normaliser,
    from: usize,
    part: &mut [f32],
) -> Result<()> {
    let area = normaliser.size() * normaliser.size();
    part.par_chunks_exact_mut(area).enumerate().try_for_each(|(offset, patch)| {
        pixels.get(PatchId::try_from(from + offset).unwrap_or(PatchId::MAX), patch)?;
        normaliser.apply(patch)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::Error;

    const PART: usize = 16;

    fn fill(from: usize, part: &mut [f32]) -> Result<()> {
        part.iter_mut().enumerate().for_each(|(at, value)| *value = (from * 2 + at) as f32);
        Ok(())
    }

    #[test]
    fn every_patch_comes_once_and_in_order() {
        for total in [0, 1, PART, PART + 1, 3 * PART] {
            let mut seen = Vec::new();
            in_parts(total, 2, PART, fill, |part| {
                seen.extend(part);
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, (0..2 * total).map(|value| value as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_ends_both_sides() {
        let error = || Error::request("the disk is gone", "plug it in");
        let mut parts = 0;
        let torn = |from, part: &mut [f32]| if from > 0 { Err(error()) } else { fill(from, part) };
        let count = |_| {
            parts += 1;
            Ok(())
        };
        assert!(in_parts(3 * PART, 2, PART, torn, count).is_err());
        assert_eq!(parts, 1);
        assert!(in_parts(100 * PART, 2, PART, fill, |_| Err(error())).is_err());
    }
}
