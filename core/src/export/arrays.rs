//! Exports of pixels: NPZ archives and MRC stacks.

use std::io::BufWriter;
use std::path::Path;

use super::finish::Finish;
use super::format::ExportFormat;
use super::job::{Job, Phase};
use super::rows::{common, used_sources};
use super::staging::Staging;
use crate::error::Result;
use crate::formats::PatchInfo;
use crate::formats::mrc::{Writer, WriterMode};
use crate::formats::npy::{self, NpzGroup, NpzOptions};
use crate::label::Label;
use crate::project::PatchId;

/// Å per px of the patches, where all sources agree.
fn pixel_size(job: &Job<'_>) -> Result<Option<f64>> {
    Ok(common(&used_sources(job.project, &job.selection.ids)?, |source| source.info.pixel_size))
}

/// Writes the patches as one stack of 32-bit floats, in the order of the selection.
pub(super) fn write_mrcs(job: &mut Job<'_>, staging: &Staging, target: &Path) -> Result<()> {
    let pixel_size = pixel_size(job)?;
    let file = BufWriter::new(staging.create(target)?);
    let mut stack = Writer::new(file, target, job.size, job.size, pixel_size, WriterMode::Float32)?;
    let pixels = job.project.pixels();
    let mut patch = vec![0.0; job.size * job.size];
    let selection = job.selection;
    let relion = job.request.format == ExportFormat::RelionStar;
    let finish = Finish::new(job.size, relion && job.request.normalise, relion && job.request.invert);
    for (at, &id) in selection.ids.iter().enumerate() {
        pixels.get(id, &mut patch)?;
        job.frame.orient(job.rows.get(id)?.place.micrograph, &mut patch, job.size);
        finish.apply(&mut patch);
        stack.push(&patch)?;
        job.tick(Phase::Pixels, at + 1)?;
    }
    stack.finish()?;
    Ok(())
}

/// Writes the patches as arrays named after their labels.
pub(super) fn write_npz(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let selection = job.selection;
    let mut ids: Vec<Vec<PatchId>> = Vec::new();
    let mut infos: Vec<(Label, Vec<PatchInfo>)> = Vec::new();
    for label in Label::ALL {
        let of_label: Vec<PatchId> = selection
            .ids
            .iter()
            .zip(&selection.labels)
            .filter(|(_, l)| **l == label)
            .map(|(id, _)| *id)
            .collect();
        let mut info = Vec::with_capacity(of_label.len());
        for &id in &of_label {
            info.push(job.rows.info(job.frame, id, label)?);
        }
        ids.push(of_label);
        infos.push((label, info));
    }
    let groups: Vec<NpzGroup<'_>> =
        infos.iter().map(|(label, info)| NpzGroup { label: Some(*label), info }).collect();
    let options = NpzOptions { pixel_size: pixel_size(job)?, compress: false };
    let pixels = job.project.pixels();
    let total = selection.ids.len();
    let (frame, size) = (job.frame, job.size);
    let places = job.project.places()?;
    let mut done = 0;
    let out = &job.request.out;
    let file = BufWriter::new(staging.create(out)?);
    npy::write_npz(file, out, job.size, &groups, options, |group, index, patch| {
        if let Some(&id) = ids.get(group).and_then(|ids| ids.get(index)) {
            pixels.get(id, patch)?;
            frame.orient(places.get(id as usize).and_then(|place| place.micrograph), patch, size);
        }
        done += 1;
        if done % 256 == 0 || done == total {
            job.report(Phase::Pixels, done, total)?;
        }
        Ok(())
    })?;
    Ok(())
}
