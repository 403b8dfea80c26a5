//! The manifest beside every export: what was written, from where, and checksums.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::export::rows::used_sources;
use crate::export::staging::Staging;
use crate::export::{ExportFormat, ExportProgress, ExportWhat, Job, manifest_path};
use crate::label::{Label, LabelCounts};
use crate::project::{Side, Source};
use crate::remedy::Warning;

/// Name of the manifest inside an exported folder.
pub(super) const FOLDER_MANIFEST: &str = "manifest.json";

/// What the coordinates of an export are.
const COORDINATES: &str = "centre of the patch, px of the unbinned micrograph, y from the first stored row";

/// Version of the manifest's shape.
const VERSION: u32 = 1;

/// The manifest of an export, as written in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this shape, 1.
    pub manifest: u32,
    /// Program and version that wrote the export.
    pub program: String,
    /// When it was written, RFC 3339, UTC.
    pub created: String,
    /// The project it came from.
    pub project: ManifestProject,
    /// The format.
    pub format: ExportFormat,
    /// What a STAR file names; `None` for other formats.
    pub what: Option<ExportWhat>,
    /// How patches were chosen.
    pub selection: ManifestSelection,
    /// Patches written, by label.
    pub counts: LabelCounts,
    /// Patches written.
    pub total: u64,
    /// The entry of the label journal up to which the labels count.
    pub journal_position: i64,
    /// The split the run learned from; scores on its training side are better than on new data.
    pub split: Option<ManifestSplit>,
    /// Side of a patch, px.
    pub patch_size: usize,
    /// Å per px of the patches, where all agree.
    pub pixel_size: Option<f64>,
    /// Å per px of the micrographs, where all agree.
    pub micrograph_pixel_size: Option<f64>,
    /// Side of the box on the micrograph, px, where all agree.
    pub box_size: Option<f64>,
    /// What the coordinates count in.
    pub coordinates: String,
    /// Columns of the sources that not all patches have or the format cannot hold.
    pub left_out_columns: Vec<String>,
    /// The files written, without the manifest itself.
    pub files: Vec<FileEntry>,
    /// What a person should know of this export.
    pub warnings: Vec<Warning>,
}

/// The project of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestProject {
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub path: String,
}

/// How the patches of an export were chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestSelection {
    /// Labels wanted.
    pub labels: Vec<Label>,
    /// The run whose scores were used.
    pub run: Option<String>,
    /// Least score.
    pub threshold: Option<f32>,
    /// Scores are below this.
    pub below: Option<f32>,
    /// Selected, but left out because the format needs a position they lack.
    pub left_out_without_coordinates: u64,
    /// With a wanted label, but not scored by the run.
    pub without_score: u64,
    /// With a wanted label, but a score outside the bounds.
    pub outside_threshold: u64,
}

/// On which sides of the run's split the written patches lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSplit {
    /// Its name.
    pub name: String,
    /// Written patches the run learned from.
    pub train: u64,
    /// Written patches that chose its best epoch.
    pub validation: u64,
    /// Written patches it was tested on.
    pub test: u64,
    /// Written patches imported after the split was made.
    pub unused: u64,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path from the manifest's folder, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

/// Computes checksums of everything staged, brings it to the disk and writes the manifest.
pub(super) fn write(mut job: Job<'_>, staging: &Staging) -> Result<Manifest> {
    let request = job.request;
    let staged = staging.path(&request.out);
    // Of a folder everything in it, else the files beside one another in the staging folder.
    let (root, manifest) = if request.format.extension().is_some() {
        (staged.parent().unwrap_or(Path::new(".")).to_owned(), staging.path(&manifest_path(&request.out)))
    } else {
        (staged.clone(), staged.join(FOLDER_MANIFEST))
    };
    let paths = list(&root)?;
    let mut files = Vec::with_capacity(paths.len());
    for (done, path) in paths.iter().enumerate() {
        (job.progress)(ExportProgress { phase: "checksums", done, total: paths.len() })?;
        files.push(entry(&root, path)?);
    }
    (job.progress)(ExportProgress { phase: "checksums", done: paths.len(), total: paths.len() })?;

    let selection = job.selection;
    let sources = used_sources(job.project, &selection.ids)?;
    let dir = job.project.dir().canonicalize().unwrap_or_else(|_| job.project.dir().to_owned());
    let written = Manifest {
        manifest: VERSION,
        program: concat!("vitrine ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: jiff::Timestamp::now()
            .round(jiff::Unit::Second)
            .map_or_else(|_| String::new(), |t| t.to_string()),
        project: ManifestProject {
            name: dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            path: dir.display().to_string(),
        },
        format: request.format,
        what: request.format.is_star().then_some(request.what),
        selection: ManifestSelection {
            labels: if request.labels.is_empty() { Label::ALL.to_vec() } else { request.labels.clone() },
            run: selection.run.as_ref().map(|run| run.name.clone()),
            threshold: request.threshold,
            below: request.below,
            left_out_without_coordinates: selection.left_out,
            without_score: selection.without_score,
            outside_threshold: selection.outside,
        },
        counts: selection.counts,
        total: selection.counts.total(),
        journal_position: selection.position.0,
        split: split(&job)?,
        patch_size: job.size,
        pixel_size: common(&sources, |s| s.info.pixel_size),
        micrograph_pixel_size: common(&sources, |s| s.info.micrograph_pixel_size),
        box_size: common(&sources, |s| s.info.box_size),
        coordinates: COORDINATES.to_owned(),
        left_out_columns: std::mem::take(&mut job.left_out_columns),
        files,
        warnings: std::mem::take(&mut job.warnings),
    };
    let mut text = serde_json::to_string_pretty(&written)
        .map_err(|e| Error::io("write", &manifest, std::io::Error::other(e)))?;
    text.push('\n');
    File::create_new(&manifest)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|e| Error::io("write", &manifest, e))?;
    Ok(written)
}

/// What all sources agree on.
pub(super) fn common(sources: &[Source], of: impl Fn(&Source) -> Option<f64>) -> Option<f64> {
    let first = of(sources.first()?)?;
    sources.iter().all(|source| of(source) == Some(first)).then_some(first)
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
