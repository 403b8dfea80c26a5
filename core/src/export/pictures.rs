//! Exports as folders of pictures, to look at.

use super::job::{Job, Phase};
use super::staging::Staging;
use crate::error::Result;
use crate::formats::image_folder::{FolderWriter, PngDepth};

/// Writes `LABEL/LABEL_000001.png` and so on, and the table `patches.csv`.
pub(super) fn write(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let mut folder = FolderWriter::create(&staging.path(&job.request.out), job.size, PngDepth::Eight)?;
    let pixels = job.project.pixels();
    let mut patch = vec![0.0; job.size * job.size];
    let selection = job.selection;
    for (at, (&id, &label)) in selection.ids.iter().zip(&selection.labels).enumerate() {
        pixels.get(id, &mut patch)?;
        job.frame.orient(job.rows.get(id)?.place.micrograph, &mut patch, job.size);
        let info = job.rows.info(job.frame, id, label)?;
        folder.add(label, &patch, &info)?;
        job.tick(Phase::Pixels, at + 1)?;
    }
    folder.finish()?;
    job.warnings.push(
        "the contrast of every picture is scaled by itself; use npz or mrcs for the pixels themselves".into(),
    );
    Ok(())
}
