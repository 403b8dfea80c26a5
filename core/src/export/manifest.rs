//! The manifest beside every export: what was written, from where, and checksums.

use serde::{Deserialize, Serialize};

use super::format::{ExportFormat, ExportWhat};
use crate::label::{Label, LabelCounts};
use crate::project::Project;
use crate::remedy::Warning;

/// Name of the manifest inside an exported folder.
pub(super) const FOLDER_MANIFEST: &str = "manifest.json";

/// Version of the manifest's shape.
pub(super) const VERSION: u32 = 1;

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
    /// Folder of the project.
    pub path: String,
}

impl ManifestProject {
    /// Names a project.
    pub(crate) fn of(project: &Project) -> Self {
        let dir = project.dir().canonicalize().unwrap_or_else(|_| project.dir().to_owned());
        Self {
            name: dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            path: dir.display().to_string(),
        }
    }
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
    /// Selected, but left out because they did not come from the kind of file whose records the
    /// format hands back.
    #[serde(default)]
    pub left_out_without_record: u64,
    /// With a wanted label, but not scored by the run.
    pub without_score: u64,
    /// With a wanted label, but a score outside the bounds.
    pub outside_threshold: u64,
    /// Written because they are labelled, though their score lies below the threshold or is missing.
    #[serde(default)]
    pub kept_for_label: u64,
}

/// On which sides of the run's split the written patches lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestSplit {
    /// Name of the run.
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
    /// Length of the file, bytes.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}
