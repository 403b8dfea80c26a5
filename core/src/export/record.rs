//! Writes the manifest of an export that is complete, with checksums of everything in it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::job::{Job, Phase};
use super::manifest::{
    FOLDER_MANIFEST, FileEntry, Manifest, ManifestProject, ManifestSelection, ManifestSplit, VERSION,
};
use super::request::manifest_beside;
use super::rows::{common, used_sources};
use super::staging::Staging;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::project::Side;

/// Computes checksums of everything staged, brings it to the disk and writes the manifest, after `amend` had a look at it.
pub(super) fn write_manifest(
    mut job: Job<'_>,
    staging: &Staging,
    amend: &dyn Fn(&mut Manifest),
) -> Result<Manifest> {
    let request = job.request;
    let staged = staging.path(&request.out);
    // Of a folder everything in it, else the files beside one another in the staging folder.
    let (root, manifest) = if request.format.extension().is_some() {
        (staged.parent().unwrap_or(Path::new(".")).to_owned(), staging.path(&manifest_beside(&request.out)))
    } else {
        (staged.clone(), staged.join(FOLDER_MANIFEST))
    };
    let paths = list(&root)?;
    let mut files = Vec::with_capacity(paths.len());
    for (done, path) in paths.iter().enumerate() {
        job.report(Phase::Checksums, done, paths.len())?;
        files.push(entry(&root, path)?);
    }
    job.report(Phase::Checksums, paths.len(), paths.len())?;

    let selection = job.selection;
    let sources = used_sources(job.project, &selection.ids)?;
    let mut written = Manifest {
        manifest: VERSION,
        program: concat!("vitrine ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: jiff::Timestamp::now()
            .round(jiff::Unit::Second)
            .map_or_else(|_| String::new(), |t| t.to_string()),
        project: ManifestProject::of(job.project),
        format: request.format,
        what: request.format.is_star().then_some(request.what),
        selection: ManifestSelection {
            labels: if request.labels.is_empty() { Label::ALL.to_vec() } else { request.labels.clone() },
            run: selection.run.as_ref().map(|run| run.name.clone()),
            threshold: request.threshold,
            below: request.below,
            left_out_without_coordinates: selection.left_out,
            left_out_without_record: selection.without_record,
            without_score: selection.without_score,
            outside_threshold: selection.outside,
            kept_for_label: selection.kept,
        },
        counts: selection.counts,
        total: selection.counts.total(),
        journal_position: selection.position.0,
        split: split(&job)?,
        patch_size: job.size,
        pixel_size: common(&sources, |s| s.info.pixel_size),
        micrograph_pixel_size: common(&sources, |s| s.info.micrograph_pixel_size),
        box_size: common(&sources, |s| s.info.box_size),
        coordinates: job.frame.coordinates(),
        left_out_columns: std::mem::take(&mut job.left_out_columns),
        files,
        warnings: std::mem::take(&mut job.warnings),
    };
    amend(&mut written);
    let mut text = serde_json::to_string_pretty(&written)
        .map_err(|e| Error::io("write", &manifest, std::io::Error::other(e)))?;
    text.push('\n');
    File::create_new(&manifest)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|e| Error::io("write", &manifest, e))?;
    Ok(written)
}

fn split(job: &Job<'_>) -> Result<Option<ManifestSplit>> {
    let Some(id) = job.selection.run.as_ref().and_then(|run| run.split) else { return Ok(None) };
    let Some(split) = job.project.splits()?.into_iter().find(|split| split.id == id) else { return Ok(None) };
    let sides = job.project.split_sides(id)?;
    let count = |wanted: Side| {
        let side = |patch: &u32| sides.get(*patch as usize).copied().unwrap_or(Side::Unused);
        job.selection.ids.iter().filter(|patch| side(patch) == wanted).count() as u64
    };
    Ok(Some(ManifestSplit {
        name: split.name,
        train: count(Side::Train),
        validation: count(Side::Validation),
        test: count(Side::Test),
        unused: count(Side::Unused),
    }))
}

/// All files below a folder, sorted.
fn list(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))? {
            let path = entry.map_err(|e| Error::io("read", &folder, e))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file back for its checksum, and has the system bring it to the disk.
fn entry(root: &Path, path: &Path) -> Result<FileEntry> {
    let read = |e: std::io::Error| Error::io("read", path, e);
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).map_err(read)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let n = file.read(&mut buffer).map_err(read)?;
        let Some(part) = buffer.get(..n).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += n as u64;
    }
    file.sync_all().map_err(|e| Error::io("write", path, e))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileEntry { path: parts.join("/"), bytes, sha256 })
}
