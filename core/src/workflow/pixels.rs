//! Reads the pixels of a run: fits the normaliser, then holds the patches or reads them anew for every batch.

use std::sync::Arc;

use half::f16;

use crate::error::{Error, Result};
use crate::imaging::normalise::{Affine, Normaliser, NormaliserKind};
use crate::learning::data::patch_store::{HalfPatches, PatchSource, PatchStore};
use crate::progress::{ProgressSink, report};
use crate::project::{PatchId, PixelFile, PixelType};

/// The most a run holds in memory, bytes of pixels. A larger pool is read from the project for every
/// batch: that gives the same numbers, and a machine of 8 GB stays usable with a million patches.
pub(super) const MAX_BYTES_IN_MEMORY: usize = 1 << 30;

/// Patches between two reports of progress.
const PATCHES_PER_REPORT: usize = 4096;

/// Fits the normaliser to the first `fit` of the patches and makes all of them ready, in memory where they take
/// at most `held` bytes. Every patch is looked at once in any case, so that a bad one is found before the run.
///
/// # Errors
/// When a patch holds a value that is no finite number or cannot be normalised, as [`Normaliser::fit`], or
/// [`Error::Cancelled`].
pub(super) fn read(
    pixels: Arc<PixelFile>,
    patches: Vec<PatchId>,
    fit: usize,
    kind: NormaliserKind,
    held: usize,
    progress: ProgressSink<'_>,
) -> Result<(PatchStore, Normaliser)> {
    let bytes = patches.len().saturating_mul(pixels.size() * pixels.size() * pixels.pixel_type().bytes());
    if bytes > held {
        return stream(pixels, patches, fit, kind, progress);
    }
    match pixels.pixel_type() {
        PixelType::F32 => hold(&pixels, &patches, fit, kind, progress),
        PixelType::F16 => hold_half(&pixels, &patches, fit, kind, progress),
    }
}

fn bad(id: PatchId, error: &Error) -> Error {
    Error::request(format!("patch {id}: {error}"), "remove the patch or repair its file")
}

/// Hands every patch to `take`, in order, and tells progress.
fn read_each(
    pixels: &PixelFile,
    patches: &[PatchId],
    progress: ProgressSink<'_>,
    mut take: impl FnMut(&[f32]),
) -> Result<()> {
    let mut patch = vec![0.0; pixels.size() * pixels.size()];
    for (index, &id) in patches.iter().enumerate() {
        pixels.get(id, &mut patch)?;
        take(&patch);
        if (index + 1) % PATCHES_PER_REPORT == 0 {
            report(progress, "Reading patches", index + 1, patches.len())?;
        }
    }
    Ok(())
}

fn hold(
    pixels: &PixelFile,
    patches: &[PatchId],
    fit: usize,
    kind: NormaliserKind,
    progress: ProgressSink<'_>,
) -> Result<(PatchStore, Normaliser)> {
    let size = pixels.size();
    let area = size * size;
    let mut buffer = Vec::with_capacity(patches.len() * area);
    read_each(pixels, patches, progress, |patch| buffer.extend_from_slice(patch))?;
    let normaliser = Normaliser::fit(kind, size, buffer[..fit * area].chunks_exact(area))?;
    for (patch, &id) in buffer.chunks_exact_mut(area).zip(patches) {
        normaliser.apply(patch).map_err(|e| bad(id, &e))?;
    }
    Ok((buffer.into(), normaliser))
}

/// As [`hold`], in the 16 bits of the project.
fn hold_half(
    pixels: &PixelFile,
    patches: &[PatchId],
    fit: usize,
    kind: NormaliserKind,
    progress: ProgressSink<'_>,
) -> Result<(PatchStore, Normaliser)> {
    let area = pixels.size() * pixels.size();
    let mut raw = Vec::with_capacity(patches.len() * area);
    read_each(pixels, patches, progress, |patch| {
        raw.extend(patch.iter().map(|&value| f16::from_f32(value)))
    })?;
    let wide = |raw: &[f16]| raw.iter().map(|value| value.to_f32()).collect::<Vec<f32>>();
    let normaliser = Normaliser::fit(kind, pixels.size(), raw[..fit * area].chunks_exact(area).map(wide))?;
    let maps: Result<Vec<Affine>> = raw
        .chunks_exact(area)
        .zip(patches)
        .map(|(raw, &id)| normaliser.affine(&wide(raw)).map_err(|e| bad(id, &e)))
        .collect();
    Ok((HalfPatches { raw, maps: maps? }.into(), normaliser))
}

fn stream(
    pixels: Arc<PixelFile>,
    patches: Vec<PatchId>,
    fit: usize,
    kind: NormaliserKind,
    progress: ProgressSink<'_>,
) -> Result<(PatchStore, Normaliser)> {
    let (size, total) = (pixels.size(), fit + patches.len());
    let mut done = 0;
    // Memory of what was read goes back now and then.
    let mut count = || {
        done += 1;
        if done % PATCHES_PER_REPORT > 0 {
            return Ok(());
        }
        pixels.release();
        report(progress, "Reading patches", done, total)
    };
    let mut failed = None;
    let to_fit = patches[..fit].iter().map_while(|&id| {
        let mut patch = vec![0.0; size * size];
        let outcome = count().and_then(|()| pixels.get(id, &mut patch));
        outcome.map_err(|error| failed = Some(error)).ok().map(|()| patch)
    });
    let fitted = Normaliser::fit(kind, size, to_fit);
    if let Some(error) = failed {
        return Err(error);
    }
    let normaliser = fitted?;
    let mut patch = vec![0.0; size * size];
    for &id in &patches {
        pixels.get(id, &mut patch)?;
        normaliser.apply(&mut patch).map_err(|e| bad(id, &e))?;
        count()?;
    }
    Ok((PatchStore::Streamed(Arc::new(FromProject { pixels, patches, normaliser })), normaliser))
}

/// Patches of a project, normalised as they are read.
struct FromProject {
    pixels: Arc<PixelFile>,
    patches: Vec<PatchId>,
    normaliser: Normaliser,
}

impl PatchSource for FromProject {
    fn count(&self) -> usize {
        self.patches.len()
    }

    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let id = self.patches.get(index).copied().unwrap_or(PatchId::MAX);
        self.pixels.get(id, out)?;
        self.normaliser.apply(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::formats::PatchInfo;
    use crate::formats::npy::{NpzGroup, NpzOptions, write_npz};
    use crate::ingest::{IngestRequest, ingest};
    use crate::project::{PixelType, Project};

    /// A project of `values` as patches of 4×4 px.
    fn project(dir: &std::path::Path, values: &[f32], pixels: PixelType) -> Project {
        let path = dir.join("patches.npz");
        let info = vec![PatchInfo::default(); values.len() / 16];
        let groups = [NpzGroup { label: None, info: &info }];
        let file = std::fs::File::create(&path).unwrap();
        write_npz(file, &path, 4, &groups, NpzOptions::default(), |_, index, out| {
            out.copy_from_slice(&values[16 * index..16 * (index + 1)]);
            Ok(())
        })
        .unwrap();
        let mut project = Project::create(&dir.join("project"), None, pixels).unwrap();
        let request = IngestRequest { inputs: vec![path], ..IngestRequest::default() };
        ingest(&mut project, &request, &mut |_| true).unwrap();
        project
    }

    #[test]
    fn streamed_patches_are_those_that_are_held() {
        let dir = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..5 * 16).map(|i| ((i * 37) % 101) as f32).collect();
        let patches: Vec<PatchId> = vec![3, 0, 4, 1];
        let all = |store: &PatchStore| -> Vec<f32> {
            (0..store.count(16).unwrap())
                .flat_map(|index| {
                    let mut patch = [0.0; 16];
                    store.read(index, &mut patch).unwrap();
                    patch
                })
                .collect()
        };
        let mut found = Vec::new();
        for (type_, bytes) in [(PixelType::F32, 4), (PixelType::F16, 2)] {
            let dir = dir.path().join(type_.as_str());
            std::fs::create_dir(&dir).unwrap();
            let project = project(&dir, &values, type_);
            for kind in [NormaliserKind::GlobalMeanStd, NormaliserKind::PerPatchZScore] {
                let read =
                    |held| read(project.pixels(), patches.clone(), 3, kind, held, &mut |_| true).unwrap();
                let (held, normaliser) = read(4 * 16 * bytes);
                let (streamed, same) = read(4 * 16 * bytes - 1);
                assert_eq!(matches!(held, PatchStore::Half(_)), type_ == PixelType::F16);
                assert!(!matches!(held, PatchStore::Streamed(_)));
                assert!(matches!(streamed, PatchStore::Streamed(_)));
                assert_eq!(normaliser, same);
                assert_eq!(all(&held), all(&streamed));
                assert_eq!(all(&held).len(), 4 * 16);
                found.push(all(&held));
            }
        }
        assert_eq!(found[..2], found[2..], "these values lose nothing in 16 bits");
    }

    #[test]
    fn reading_can_be_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), &vec![0.5; (PATCHES_PER_REPORT + 1) * 16], PixelType::F16);
        let patches: Vec<PatchId> = (0..=PATCHES_PER_REPORT as u32).collect();
        for held in [0, usize::MAX] {
            let kind = NormaliserKind::PerPatchZScore;
            let outcome = read(project.pixels(), patches.clone(), 1, kind, held, &mut |_| false);
            assert!(matches!(outcome, Err(Error::Cancelled)));
        }
    }
}
