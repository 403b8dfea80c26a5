//! Holds patches in memory: those of formats that must be decoded as a whole, and those just cut from
//! micrographs.

use std::path::{Path, PathBuf};

use super::{PatchInfo, PatchReader};
use crate::error::{Error, Result};

/// Square patches of one size in memory, in the order in which they were pushed.
#[derive(Debug, Clone)]
pub struct MemoryPatches {
    path: PathBuf,
    size: usize,
    pixels: Vec<f32>,
    info: Vec<PatchInfo>,
}

impl MemoryPatches {
    /// An empty set of patches of `size` px a side. `path` is the file named in errors.
    pub fn new(path: impl AsRef<Path>, size: usize) -> Self {
        Self { path: path.as_ref().to_owned(), size, pixels: Vec::new(), info: Vec::new() }
    }

    /// Adds one patch: `size × size` values, row by row.
    ///
    /// # Errors
    /// When the number of values is another.
    pub fn push(&mut self, pixels: &[f32], info: PatchInfo) -> Result<()> {
        let wanted = self.size.saturating_mul(self.size);
        if wanted == 0 || pixels.len() != wanted {
            return Err(Error::format(
                &self.path,
                format!(
                    "patch {} has {} values where {side}×{side} px need {wanted}",
                    self.info.len(),
                    pixels.len(),
                    side = self.size
                ),
                "make all patches square and of one size",
            ));
        }
        self.pixels.extend_from_slice(pixels);
        self.info.push(info);
        Ok(())
    }

    /// All pixels, patch after patch, N × H × W.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }
}

impl PatchReader for MemoryPatches {
    fn size(&self) -> usize {
        self.size
    }

    fn len(&self) -> usize {
        self.info.len()
    }

    fn info(&self, index: usize) -> PatchInfo {
        self.info.get(index).cloned().unwrap_or_default()
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let place = format!("patch {index}");
        let patch = self.pixels.chunks_exact(self.size.saturating_mul(self.size).max(1)).nth(index);
        let Some(patch) = patch.filter(|patch| patch.len() == out.len()) else {
            return Err(wrong_request(&self.path, index, self.info.len(), self.size, out.len()));
        };
        out.copy_from_slice(patch);
        check_finite(&self.path, &place, self.size, out)
    }
}

/// The error of a call for a patch that is not there, or into a buffer of another size.
pub(crate) fn wrong_request(path: &Path, index: usize, len: usize, size: usize, buffer: usize) -> Error {
    Error::request(
        format!(
            "patch {index} of {} ({len} patches of {size}×{size} px) was asked for with room for {buffer} values",
            path.display()
        ),
        "ask for a patch that exists, with room for all its pixels",
    )
}

/// Refuses pixels that are no finite numbers, naming the first one's row and column.
pub(crate) fn check_finite(path: &Path, place: &str, size: usize, pixels: &[f32]) -> Result<()> {
    let Some(at) = pixels.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let bad = pixels.iter().filter(|value| !value.is_finite()).count();
    Err(Error::format(
        path,
        format!(
            "{place} holds {bad} values that are no finite numbers (NaN, infinite or beyond 3.4e38), the first \
             at row {}, column {}",
            at / size.max(1),
            at % size.max(1)
        ),
        "leave that patch out or replace these values, then read the file again",
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn gives_back_what_was_pushed_and_refuses_the_rest() {
        let mut patches = MemoryPatches::new("made.up", 2);
        let info = PatchInfo { micrograph: Some("m1".into()), ..PatchInfo::default() };
        patches.push(&[1.0, 2.0, 3.0, 4.0], info.clone()).unwrap();
        patches.push(&[1.0, f32::NAN, 3.0, 4.0], PatchInfo::default()).unwrap();
        assert!(patches.push(&[1.0], PatchInfo::default()).is_err());
        let mut out = [0.0; 4];
        patches.read(0, &mut out).unwrap();
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(patches.info(0), info);
        let message = patches.read(1, &mut out).unwrap_err().to_string();
        assert!(message.contains("patch 1") && message.contains("row 0, column 1"), "{message}");
        assert!(patches.read(2, &mut out).is_err());
        assert!(patches.read(0, &mut [0.0; 3]).is_err());
    }
}
