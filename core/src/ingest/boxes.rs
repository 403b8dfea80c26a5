//! Reads one micrograph of an import and cuts boxes from it.

use super::mic::Mic;
use crate::error::{Error, Result};
use crate::formats::micrograph;
use crate::image::Image;
use crate::imaging::{self, CutSettings};
use crate::project::{Importer, MicrographId};

/// Patches cut at a time.
pub(super) const CHUNK: usize = 256;

/// Reads a micrograph and makes sure that it is the one the plan was made for.
pub(super) fn read(mic: &Mic) -> Result<Image> {
    let image = micrograph::open(&mic.path)?.image;
    if (image.width, image.height) != (mic.width, mic.height) {
        return Err(Error::format(
            &mic.path,
            format!(
                "it has {} × {} px where its header said {} × {}",
                image.width, image.height, mic.width, mic.height
            ),
            "copy the file again",
        ));
    }
    Ok(image)
}

/// Cuts around all centres and hands each patch over; all of them are known to fit.
pub(super) fn cut_all(
    mic: &Mic,
    image: &Image,
    centres: &[(f64, f64)],
    cut: &CutSettings,
    mut take: impl FnMut(usize, &[f32]) -> Result<()>,
) -> Result<()> {
    for (chunk, centres) in centres.chunks(CHUNK).enumerate() {
        let patches = imaging::cut(image, centres, cut)?;
        if patches.kept.len() != centres.len() {
            return Err(Error::format(&mic.path, "it changed while it was read", "import it again"));
        }
        for (index, pixels) in patches.pixels.chunks_exact(patches.size * patches.size).enumerate() {
            take(chunk * CHUNK + index, pixels)?;
        }
    }
    Ok(())
}

/// The numbers that the micrographs of an import have in the project; each gets one when its first patch comes.
pub(super) struct MicrographIds {
    known: Vec<Option<MicrographId>>,
}

impl MicrographIds {
    /// For an import of `micrographs` micrographs.
    pub fn new(micrographs: usize) -> Self {
        Self { known: vec![None; micrographs] }
    }

    /// The number of the micrograph at `at`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn get(&mut self, at: usize, mic: &Mic, importer: &mut Importer<'_>) -> Result<MicrographId> {
        if let Some(id) = self.known.get(at).copied().flatten() {
            return Ok(id);
        }
        let id = importer.micrograph(&mic.for_project())?;
        if let Some(slot) = self.known.get_mut(at) {
            *slot = Some(id);
        }
        Ok(id)
    }
}

/// The value all agree on.
pub(super) fn common(mut values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let first = values.next().flatten()?;
    values.all(|v| v == Some(first)).then_some(first)
}
