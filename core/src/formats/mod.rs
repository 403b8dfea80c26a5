//! Files of other programs: one file per format, each a reader and, where Vitrine writes the
//! format, a writer. Nothing here knows of projects.
//!
//! Two shapes come out of a file: **patches** (a [`PatchReader`]: boxes already cut) and **picks**
//! (a [`PickTable`]: where particles are on micrographs, to be cut by [`crate::imaging`]).

mod arrays;
pub mod cbox;
pub mod cryosparc;
mod cs_records;
pub mod detect;
pub mod eman_box;
mod eman_json;
pub(crate) mod folder;
mod form;
mod format;
mod hdf5;
pub mod image_folder;
mod mapped_table;
pub mod memory;
pub mod micrograph;
pub mod micrograph_table;
pub mod mrc;
mod mrc_header;
mod mrc_writer;
mod names;
pub mod npy;
mod numbers;
pub mod pick_csv;
mod pick_files;
mod plain_coordinates;
pub mod pytorch;
pub mod relion;
mod relion_columns;
pub mod relion_coordinates;
mod relion_project;
mod relion_writer;
mod repeated_picks;
mod stack_set;
pub mod star;
pub mod star_subset;
mod text;
mod text_table;
mod via;
mod whole;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use format::{Format, RecordsOf};
pub use mapped_table::{Column, PickColumns, TableStart, table_start};

use crate::error::Result;
use crate::label::Label;
use crate::remedy::Warning;

/// What a file says of one patch beside its pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PatchInfo {
    /// The label the file gives; `None` where the format has no labels.
    pub label: Option<Label>,
    /// Name of the micrograph as written in the file.
    pub micrograph: Option<String>,
    /// Centre on the micrograph, px of the unbinned micrograph, first stored row = 0.
    pub xy: Option<(f64, f64)>,
    /// Index in [`Dataset::optics`] of the optics group the patch belongs to.
    pub optics: Option<usize>,
    /// Score that the picker gave to the place, where the file has one.
    pub pick_score: Option<f64>,
    /// Every other column of the table the patch came from, under its name there
    /// (`rlnDefocusU` → "12345.6"), so that an export can give it back.
    pub columns: BTreeMap<String, String>,
}

/// Patches of one file, or of one table and its stacks. All are square, of one size.
pub trait PatchReader: Send {
    /// Side of a patch, px.
    fn size(&self) -> usize;
    /// How many patches there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// What is known of patch `index` beside its pixels.
    fn info(&self, index: usize) -> PatchInfo;
    /// Fills `out` (`size × size`, row-major) with the pixels of patch `index`.
    ///
    /// # Errors
    /// When the file cannot be read to the end, or holds a value that is no finite number.
    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()>;
}

/// Optics of a group of particles, as RELION 3.1 tables carry it.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OpticsGroup {
    /// Å per px of the patches, where known.
    pub pixel_size: Option<f64>,
    /// All columns of the optics table under their names (`rlnVoltage` → "300.0").
    pub columns: BTreeMap<String, String>,
}

/// Patches recognised in one input, with what concerns all of them.
pub struct Dataset {
    /// What the file is.
    pub kind: Format,
    /// Reads the pixels, one patch at a time.
    pub reader: Box<dyn PatchReader>,
    /// Å per px of the patches, where the file says so and all agree.
    pub pixel_size: Option<f64>,
    /// Å per px of the micrographs the coordinates count in, where known.
    pub micrograph_pixel_size: Option<f64>,
    /// Optics groups, empty where the format has none.
    pub optics: Vec<OpticsGroup>,
    /// Sentences a person should read before going on.
    pub warnings: Vec<Warning>,
}

/// One particle position on a micrograph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pick {
    /// Name of the micrograph as written in the file; `None` where the file itself stands for one
    /// micrograph (`.box`, `.cbox`), whose name is then that of the file.
    pub micrograph: Option<String>,
    /// Centre, px of the unbinned micrograph, counted from the left.
    pub x: f64,
    /// Centre, px of the unbinned micrograph, counted from row 0 as the file counts it.
    pub y: f64,
    /// Box side as the file gives it, px.
    pub box_size: Option<f64>,
    /// Diameter of the particle as the file gives it, px. It is no box: a box is 1.5 to 2 times as wide.
    pub diameter: Option<f64>,
    /// Columns and rows (px) of the image in which x and y count, where the file says so. A micrograph
    /// of another size has the pick at the same fraction of its width and height.
    pub counted_on: Option<(f64, f64)>,
    /// Score or confidence as the file gives it.
    pub score: Option<f64>,
    /// Label where the file has one.
    pub label: Option<Label>,
    /// Every other column of the row under its name, to be given back by an export.
    pub columns: BTreeMap<String, String>,
}

/// A file that was not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// The reason, as a clause: "it is a power spectrum".
    pub reason: String,
}

/// All picks of one file, or of a folder of such files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PickTable {
    /// The file or folder.
    pub path: PathBuf,
    /// What the file is.
    pub kind: Format,
    /// The picks in file order. There may be none: a picker that finds nothing on a micrograph writes
    /// a file without rows.
    pub picks: Vec<Pick>,
    /// Micrographs that were searched and have no pick.
    pub without_picks: Vec<String>,
    /// Optics table of a RELION file, else empty.
    pub optics: Vec<OpticsGroup>,
    /// Å per px of the micrographs, where the file says so.
    pub pixel_size: Option<f64>,
    /// Whether files of this format often count y from the last row of MRC micrographs.
    pub often_upside_down: bool,
    /// Files that hold no picks or could not be read.
    pub left_out: Vec<LeftOut>,
    /// Sentences a person should read before going on.
    pub warnings: Vec<Warning>,
}

/// A micrograph of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MicrographEntry {
    /// Its name as the table has it.
    pub name: String,
    /// The file, where it is found as the table's paths are: from the table's folder, or one above it.
    pub path: Option<PathBuf>,
    /// Å per px of the micrograph itself, which is not that of its movie.
    pub pixel_size: Option<f64>,
    /// Index of its group in [`MicrographTable::optics`].
    pub optics: Option<usize>,
    /// Every other column of its row (`rlnDefocusU`, `ctf/df1_A`), to be given to its particles.
    pub columns: BTreeMap<String, String>,
}

/// A table of micrographs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MicrographTable {
    /// The file.
    pub path: PathBuf,
    /// Format in the words of its users.
    pub kind: String,
    /// Its micrographs, in its order.
    pub entries: Vec<MicrographEntry>,
    /// Its optics groups; of RELION 3.0, where every row carries them, those made of the rows.
    pub optics: Vec<OpticsGroup>,
}
