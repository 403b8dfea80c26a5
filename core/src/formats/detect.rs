//! Recognises the format of an input by its content, and by its name where the content leaves a choice.
//! Opens the input with the reader of that format.

use std::path::{Path, PathBuf};

use super::form::{Form, form};
use super::micrograph::Format;
use super::relion_columns::StarContents;
use super::star::StarFile;
use super::{
    Dataset, LeftOut, cryosparc, folder, image_folder, micrograph_table, mrc, npy, pick_files, pytorch,
    relion, relion_project,
};
use crate::error::{Error, Result};

pub use super::pick_files::{open_picks, open_picks_by};

/// Names of the folders of an image folder.
const LABEL_FOLDERS: [&str; 4] = ["positive", "unlabeled", "negative", "false_positive"];

/// What an input can be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Patches already cut: [`open_patches`].
    Patches,
    /// Positions on micrographs: [`open_picks`].
    Picks,
    /// A particle table with stacks and positions: patches by default, picks on request.
    PatchesAndPicks,
    /// One micrograph: [`super::micrograph::open`].
    Micrograph,
    /// A folder of micrographs, or a table that lists some.
    Micrographs,
    /// A folder of micrographs with pick files beside them.
    MicrographsAndPicks,
}

/// A recognised input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// What it can be used as.
    pub kind: Kind,
    /// Format in the words of its users.
    pub format: &'static str,
    /// The micrographs: those of a folder, sorted, or the file itself.
    pub micrographs: Vec<PathBuf>,
    /// Tables that list micrographs ([`micrograph_table::open`]): the file itself, or that of a RELION job.
    pub tables: Vec<PathBuf>,
    /// What [`open_picks`] is to be called with: the input itself, or files in it.
    pub picks: Vec<PathBuf>,
    /// Images in a folder that are not among the micrographs.
    pub left_out: Vec<LeftOut>,
}

impl Recognised {
    fn new(kind: Kind, format: &'static str) -> Self {
        Self {
            kind,
            format,
            micrographs: Vec::new(),
            tables: Vec::new(),
            picks: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

/// Recognises a file or folder.
///
/// # Errors
/// When it cannot be read or is none of the formats known.
pub fn detect(path: &Path) -> Result<Recognised> {
    detect_while(path, &mut || true)
}

/// As [`detect`]; a folder is left at the next file once `go_on` says no.
///
/// # Errors
/// As [`detect`], and [`Error::Cancelled`].
pub fn detect_while(path: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<Recognised> {
    if path.is_dir() {
        return detect_folder(path, go_on);
    }
    let plain = |kind, format| {
        let picks = if matches!(kind, Kind::Picks) { vec![path.to_owned()] } else { Vec::new() };
        Ok(Recognised { picks, ..Recognised::new(kind, format) })
    };
    match form(path)? {
        Form::PyTorch => plain(Kind::Patches, "PyTorch patches"),
        Form::Npy => plain(Kind::Patches, "NumPy patches"),
        Form::MrcStack => plain(Kind::Patches, "MRC stack"),
        Form::Hdf5 => plain(Kind::Patches, "HDF5 stack"),
        Form::Picture(format) => Ok(Recognised {
            micrographs: vec![path.to_owned()],
            ..Recognised::new(Kind::Micrograph, format.as_str())
        }),
        Form::NoPicks => plain(Kind::Picks, "pick file without picks"),
        Form::Cbox => plain(Kind::Picks, "crYOLO cbox file"),
        Form::EmanBox => plain(Kind::Picks, "EMAN box file"),
        Form::EmanJson => plain(Kind::Picks, "EMAN2 boxes"),
        Form::Via => plain(Kind::Picks, "VIA table of regions"),
        Form::PlainCoordinates => plain(Kind::Picks, "plain coordinates"),
        Form::Table => plain(Kind::Picks, "table of picks"),
        Form::CryoSparc => {
            let contents = cryosparc::contents(path)?;
            if contents == (false, false) && micrograph_table::lists_exposures(path) {
                return listed(path, "cryoSPARC exposures");
            }
            plain(both(path, contents)?, "cryoSPARC particles")
        }
        Form::Star => {
            let contents = StarContents::of(&StarFile::read(path)?);
            if contents.micrographs || contents.movies {
                return listed(path, "RELION table of micrographs");
            }
            plain(both(path, (contents.images, contents.positions))?, "RELION STAR file")
        }
    }
}

/// A table of micrographs.
fn listed(path: &Path, format: &'static str) -> Result<Recognised> {
    let table = micrograph_table::open(path)?;
    let micrographs = table.entries.iter().filter_map(|entry| entry.path.clone()).collect();
    Ok(Recognised {
        micrographs,
        tables: vec![path.to_owned()],
        ..Recognised::new(Kind::Micrographs, format)
    })
}

/// The kind of a table that may name images, positions, or both.
fn both(path: &Path, (images, positions): (bool, bool)) -> Result<Kind> {
    match (images, positions) {
        (true, true) => Ok(Kind::PatchesAndPicks),
        (true, false) => Ok(Kind::Patches),
        (false, true) => Ok(Kind::Picks),
        (false, false) => Err(Error::format(
            path,
            "it names neither particle images nor positions",
            "give the particles file of a picking or extraction job",
        )),
    }
}

/// Opens patches of whatever format.
///
/// # Errors
/// When the input cannot be read, is no set of patches, or is not as its format wants it.
pub fn open_patches(path: &Path) -> Result<Dataset> {
    if path.is_dir() {
        return image_folder::open(path);
    }
    match form(path)? {
        Form::PyTorch => pytorch::open(path),
        Form::Npy => npy::open(path),
        Form::CryoSparc => cryosparc::open(path),
        // One section may well be a stack of one.
        Form::MrcStack | Form::Picture(Format::Mrc) => mrc::open_stack(path),
        Form::Star => relion::open(path),
        Form::Picture(format) => Err(Error::format(
            path,
            format!("it is one {} picture, no set of patches", format.as_str()),
            "give the folder with the folders positive, unlabeled and negative, or import it as a micrograph",
        )),
        Form::Hdf5 => super::hdf5::open(path),
        Form::NoPicks
        | Form::Cbox
        | Form::EmanBox
        | Form::EmanJson
        | Form::Via
        | Form::PlainCoordinates
        | Form::Table => Err(Error::format(
            path,
            "it holds positions, no patches",
            "import it together with its micrographs",
        )),
    }
}

fn detect_folder(path: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<Recognised> {
    let label = |p: &PathBuf| {
        p.is_dir()
            && p.file_name()
                .is_some_and(|n| LABEL_FOLDERS.contains(&n.to_string_lossy().to_lowercase().as_str()))
    };
    let entries = folder::entries(path)?;
    if entries.iter().any(label) {
        return Ok(Recognised::new(Kind::Patches, "image folder"));
    }
    if relion_project::is_project(path) {
        return detect_project(path);
    }
    let contents = folder::contents(path, go_on)?;
    // A job of RELION says in a table of its own which micrographs are meant.
    let table = TABLES.iter().map(|name| path.join(name)).find(|table| table.is_file());
    let named: Vec<&PathBuf> = contents.picks.iter().filter(|file| Some(*file) != table.as_ref()).collect();
    // Beside micrographs lie other tables too (one of each movie, say), so some are looked into.
    let alone = contents.micrographs.is_empty() && table.is_none();
    let picks = match alone {
        true => !named.is_empty(),
        false => sample(&named).any(|file| pick_files::no_picks(file).is_none()),
    };
    let (kind, format) = match (contents.micrographs.is_empty() && table.is_none(), picks) {
        (false, false) => (Kind::Micrographs, "folder of micrographs"),
        (false, true) => (Kind::MicrographsAndPicks, "folder of micrographs with picks"),
        (true, true) => (Kind::Picks, "folder of pick files"),
        (true, false) => {
            let (problem, remedy) = match contents.left_out.first() {
                Some(first) => (
                    format!(
                        "the folder holds no micrographs: {} images are left out, the first ({}) because {}",
                        contents.left_out.len(),
                        first.path.display(),
                        first.reason
                    ),
                    "give the folder with the micrographs, or the table that belongs to the stacks",
                ),
                None => (
                    "the folder holds neither micrographs, nor pick files, nor the folders positive, unlabeled and negative"
                        .to_owned(),
                    "give the folder that holds the files themselves",
                ),
            };
            return Err(Error::format(path, problem, remedy));
        }
    };
    Ok(Recognised {
        micrographs: contents.micrographs,
        tables: table.into_iter().collect(),
        picks: if picks { vec![path.to_owned()] } else { Vec::new() },
        left_out: contents.left_out,
        ..Recognised::new(kind, format)
    })
}

/// Some files of a list, evenly from its beginning to its end.
fn sample<'a>(files: &[&'a PathBuf]) -> impl Iterator<Item = &'a PathBuf> {
    const MAX_SAMPLE: usize = 24;
    files.iter().step_by(files.len().div_ceil(MAX_SAMPLE).max(1)).copied()
}

/// Names of RELION's tables of micrographs, the one that says most first.
const TABLES: [&str; 3] = ["micrographs_ctf.star", "corrected_micrographs.star", "micrographs.star"];

/// The folder of a RELION project.
fn detect_project(path: &Path) -> Result<Recognised> {
    let project = relion_project::read(path);
    if project.picks.len() > 1 {
        let jobs: Vec<String> = project
            .picks
            .iter()
            .map(|pick| pick.strip_prefix(path).unwrap_or(pick).display().to_string())
            .collect();
        return Err(Error::format(
            path,
            format!("it is a RELION project with {} picking jobs: {}", jobs.len(), jobs.join(", ")),
            "name the one you mean, together with the table of micrographs",
        ));
    }
    let Some(table) = project.micrographs else {
        return Err(Error::format(
            path,
            "it is a RELION project without a table of micrographs (micrographs_ctf.star, corrected_micrographs.star or micrographs.star)",
            "name the folder with the micrographs and the pick files",
        ));
    };
    let kind = if project.picks.is_empty() { Kind::Micrographs } else { Kind::MicrographsAndPicks };
    let listed = listed(&table, "RELION project")?;
    Ok(Recognised { kind, picks: project.picks, ..listed })
}
