//! Tells what an input is — by its content, its name only where content leaves a choice — and
//! opens it with the reader that belongs to it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::micrograph::{Format, first_bytes};
use super::names::extension;
use super::stack_set::list;
use super::star::StarFile;
use super::{
    Dataset, PickTable, cbox, cryosparc, eman_box, image_folder, mrc, npy, pick_csv, pytorch, relion,
};
use crate::error::{Error, Result};

/// Bytes from which a file is recognised.
const START: u64 = 64 << 10;
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
    /// A folder of micrographs.
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
}

/// Formats as the dispatcher sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    PyTorch,
    Npy,
    CryoSparc,
    MrcStack,
    Picture(Format),
    Star,
    Cbox,
    EmanBox,
    Table,
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
    let plain = |kind, format| Ok(Recognised { kind, format, micrographs: Vec::new() });
    match form(path)? {
        Form::PyTorch => plain(Kind::Patches, "PyTorch patches"),
        Form::Npy => plain(Kind::Patches, "NumPy patches"),
        Form::MrcStack => plain(Kind::Patches, "MRC stack"),
        Form::Picture(format) => Ok(Recognised {
            kind: Kind::Micrograph,
            format: format.as_str(),
            micrographs: vec![path.to_owned()],
        }),
        Form::Cbox => plain(Kind::Picks, "crYOLO cbox file"),
        Form::EmanBox => plain(Kind::Picks, "EMAN box file"),
        Form::Table => plain(Kind::Picks, "table of picks"),
        Form::CryoSparc => plain(both(path, cryosparc::contents(path)?)?, "cryoSPARC particles"),
        Form::Star => plain(both(path, star_contents(&StarFile::read(path)?))?, "RELION STAR file"),
    }
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

/// Whether a STAR file names particle images, and whether positions.
fn star_contents(star: &StarFile) -> (bool, bool) {
    let tables: Vec<_> = star.blocks.iter().filter_map(|b| b.as_table()).collect();
    let has = |name: &str| tables.iter().any(|t| t.column(name).is_some());
    (has("rlnImageName"), has("rlnCoordinateX") || tables.iter().any(relion::is_coordinate_list))
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
        Form::Cbox | Form::EmanBox | Form::Table => Err(Error::format(
            path,
            "it holds positions, no patches",
            "import it together with its micrographs",
        )),
    }
}

/// Opens picks of whatever format; of a folder all pick files in it, whose names then stand for
/// the micrographs.
///
/// # Errors
/// When the input cannot be read, holds no picks, or is not as its format wants it.
pub fn open_picks(path: &Path) -> Result<PickTable> {
    if path.is_dir() { open_pick_folder(path) } else { open_pick_file(path, true) }
}

/// Opens one pick file; `lists` says whether it may be RELION's list of others.
pub(crate) fn open_pick_file(path: &Path, lists: bool) -> Result<PickTable> {
    match form(path)? {
        Form::Star => {
            let nested = !lists
                && StarFile::read(path)?
                    .blocks
                    .iter()
                    .filter_map(|b| b.table.as_ref())
                    .any(relion::is_coordinate_list);
            if nested {
                return Err(Error::format(
                    path,
                    "it is a list of coordinate files within such a list",
                    "name the coordinate files themselves",
                ));
            }
            relion::open_picks(path)
        }
        Form::CryoSparc => cryosparc::open_picks(path),
        Form::Cbox => cbox::open(path),
        Form::EmanBox => eman_box::open(path),
        Form::Table => pick_csv::open(path),
        Form::PyTorch | Form::Npy | Form::MrcStack | Form::Picture(_) => Err(Error::format(
            path,
            "it holds pixels, no positions",
            "give a STAR, box, cbox, CSV or TSV file with positions",
        )),
    }
}

/// Recognises a file by its content.
fn form(path: &Path) -> Result<Form> {
    let start = first_bytes(path, START)?;
    let ext = extension(path);
    if start.is_empty() {
        return Err(Error::format(path, "it is empty", "copy the file again"));
    }
    match start.as_slice() {
        [b'P', b'K', 3, 4, ..] => return Ok(zip_form(path, &ext)),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
            let table = ext == "cs" || cryosparc::looks_like(&start);
            return Ok(if table { Form::CryoSparc } else { Form::Npy });
        }
        [0x89, b'H', b'D', b'F', ..] => {
            return Err(Error::format(
                path,
                "it is an HDF5 file, which is not read",
                "export it as MRCS or NPZ",
            ));
        }
        // A pickle of protocol 2 to 5.
        [0x80, 2..=5, ..] => return Ok(Form::PyTorch),
        _ => {}
    }
    match Format::of(&start) {
        Some(Format::Mrc) => return mrc_form(path),
        Some(format) => return Ok(Form::Picture(format)),
        None => {}
    }
    if !start.contains(&0)
        && let Some(form) = text_form(path, &String::from_utf8_lossy(&start), &ext)?
    {
        return Ok(form);
    }
    // Nothing recognised: the name decides which reader says what is wrong.
    match ext.as_str() {
        "mrc" | "mrcs" | "map" => mrc_form(path),
        "pt" | "pth" => Ok(Form::PyTorch),
        "npy" | "npz" => Ok(Form::Npy),
        "cs" => Ok(Form::CryoSparc),
        "star" => Ok(Form::Star),
        "cbox" => Ok(Form::Cbox),
        "box" => Ok(Form::EmanBox),
        "csv" | "tsv" => Ok(Form::Table),
        _ => Err(Error::format(
            path,
            "its content is none of the formats that are read",
            "give patches (PyTorch, NPZ, MRCS, STAR, cs), picks (STAR, box, cbox, CSV, TSV) or a micrograph (MRC, TIFF, PNG, JPEG)",
        )),
    }
}

/// NumPy's and PyTorch's archives are both ZIP; the names inside tell.
fn zip_form(path: &Path, ext: &str) -> Form {
    let names = File::open(path).ok().and_then(|f| zip::ZipArchive::new(f).ok());
    let holds =
        |end: &str| names.as_ref().is_some_and(|z| z.file_names().flatten().any(|n| n.ends_with(end)));
    if holds("data.pkl") {
        Form::PyTorch
    } else if holds(".npy") || ext == "npz" {
        Form::Npy
    } else {
        Form::PyTorch
    }
}

fn mrc_form(path: &Path) -> Result<Form> {
    let header = mrc::read_header(path)?;
    let named = path.to_string_lossy().to_lowercase();
    let stack = header.sections > 1 || named.contains(".mrcs");
    Ok(if stack && header.width == header.height { Form::MrcStack } else { Form::Picture(Format::Mrc) })
}

fn text_form(path: &Path, text: &str, ext: &str) -> Result<Option<Form>> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    if first.is_some_and(|l| l.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("data_"))) {
        return Ok(Some(if cbox::looks_like(&StarFile::read(path)?) { Form::Cbox } else { Form::Star }));
    }
    Ok(if eman_box::looks_like(text) {
        Some(if ext == "cbox" { Form::Cbox } else { Form::EmanBox })
    } else if pick_csv::looks_like(text) {
        Some(Form::Table)
    } else {
        None
    })
}

/// Files and folders in a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::io("read", folder, e);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        if !hidden {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

/// Whether a file's name is one pick files have.
fn named_like_picks(path: &Path) -> bool {
    matches!(extension(path).as_str(), "star" | "box" | "cbox" | "csv" | "tsv" | "txt" | "cs")
}

/// The micrographs in a folder, sorted: every file that begins like MRC, TIFF, PNG or JPEG.
///
/// # Errors
/// When the folder or a file in it cannot be read.
fn micrographs_in(folder: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if !go_on() {
            return Err(Error::Cancelled);
        }
        if path.is_file() && !named_like_picks(&path) && Format::of(&first_bytes(&path, 1024)?).is_some() {
            found.push(path);
        }
    }
    Ok(found)
}

fn detect_folder(folder: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<Recognised> {
    let entries = entries(folder)?;
    let label = |p: &PathBuf| {
        p.is_dir()
            && p.file_name()
                .is_some_and(|n| LABEL_FOLDERS.contains(&n.to_string_lossy().to_lowercase().as_str()))
    };
    if entries.iter().any(label) {
        return Ok(Recognised { kind: Kind::Patches, format: "image folder", micrographs: Vec::new() });
    }
    let micrographs = micrographs_in(folder, go_on)?;
    let picks = entries.iter().any(|p| p.is_file() && named_like_picks(p));
    let (kind, format) = match (micrographs.is_empty(), picks) {
        (false, false) => (Kind::Micrographs, "folder of micrographs"),
        (false, true) => (Kind::MicrographsAndPicks, "folder of micrographs with picks"),
        (true, true) => (Kind::Picks, "folder of pick files"),
        (true, false) => {
            return Err(Error::format(
                folder,
                "the folder holds neither micrographs, nor pick files, nor the folders positive, unlabeled and negative",
                "give the folder that holds the files themselves",
            ));
        }
    };
    Ok(Recognised { kind, format, micrographs })
}

/// All pick files of a folder as one table.
fn open_pick_folder(folder: &Path) -> Result<PickTable> {
    let mut table = PickTable {
        path: folder.to_owned(),
        kind: "folder of pick files".to_owned(),
        picks: Vec::new(),
        optics: Vec::new(),
        pixel_size: None,
        warnings: Vec::new(),
    };
    let mut sizes: Vec<Option<f64>> = Vec::new();
    let mut seen: Vec<(String, PathBuf)> = Vec::new();
    let mut skipped = Vec::new();
    for path in entries(folder)? {
        if !path.is_file() || !named_like_picks(&path) {
            continue;
        }
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // A text file that is no table of picks (a log, a summary) may lie beside them.
        if matches!(extension(&path).as_str(), "csv" | "tsv" | "txt")
            && form(&path).ok().is_none_or(|f| !holds_picks(f, &path))
        {
            skipped.push(name);
            continue;
        }
        let inner = open_pick_file(&path, true)?;
        let stands_for_one = inner.picks.iter().any(|p| p.micrograph.is_none());
        let stem = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if stands_for_one {
            if let Some((_, other)) = seen.iter().find(|(s, _)| *s == stem) {
                return Err(Error::format(
                    folder,
                    format!("{} and {name} hold picks of the same micrograph", other.display()),
                    "keep one of the two in the folder",
                ));
            }
            seen.push((stem.clone(), PathBuf::from(&name)));
        }
        let first = table.optics.len();
        if !inner.optics.is_empty() && first > 0 && inner.optics != table.optics {
            table.warnings.push(format!("{}: its optics table is not carried over", path.display()));
        } else if first == 0 {
            table.optics = inner.optics;
        }
        sizes.push(inner.pixel_size);
        table.warnings.extend(inner.warnings);
        table.picks.extend(inner.picks.into_iter().map(|mut pick| {
            pick.micrograph.get_or_insert_with(|| stem.clone());
            pick
        }));
    }
    if table.picks.is_empty() {
        return Err(Error::format(
            folder,
            "the folder holds no pick files",
            "give a folder with STAR, box, cbox, CSV or TSV files; where they lie in a folder inside, name that one",
        ));
    }
    if !skipped.is_empty() {
        table.warnings.push(format!(
            "{}: not read, for they hold no picks: {}",
            folder.display(),
            list(&skipped)
        ));
    }
    table.pixel_size = sizes.first().copied().flatten().filter(|s| sizes.iter().all(|o| *o == Some(*s)));
    Ok(table)
}

/// Whether a recognised file holds positions.
fn holds_picks(form: Form, path: &Path) -> bool {
    match form {
        Form::Cbox | Form::EmanBox => true,
        // The name alone makes a CSV file a table; its header must bear it out.
        Form::Table => {
            first_bytes(path, START).is_ok_and(|start| pick_csv::looks_like(&String::from_utf8_lossy(&start)))
        }
        Form::Star => StarFile::read(path).is_ok_and(|star| star_contents(&star).1),
        _ => false,
    }
}
