//! Recognises the format of one file by its content, and by its name where the content leaves a choice.

use std::fs::File;
use std::path::Path;

use super::micrograph::{Format, first_bytes};
use super::names::extension;
use super::star::StarFile;
use super::{cbox, cryosparc, eman_box, eman_json, mrc, pick_csv, plain_coordinates, text_table, via};
use crate::error::{Error, Result};

/// Bytes from which a file is recognised.
pub(crate) const START: u64 = 64 << 10;

/// Formats as the dispatcher sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    PyTorch,
    Npy,
    CryoSparc,
    MrcStack,
    Hdf5,
    Picture(Format),
    Star,
    Cbox,
    EmanBox,
    EmanJson,
    Via,
    Table,
    PlainCoordinates,
    /// A file without a byte whose name is that of a pick file: a micrograph without picks.
    NoPicks,
}

/// Whether a file's name is one that pick files have.
pub(crate) fn named_like_picks(path: &Path) -> bool {
    matches!(
        extension(path).as_str(),
        "star" | "box" | "cbox" | "csv" | "tsv" | "txt" | "cs" | "json" | "coord" | "coords" | "xy"
    )
}

/// Whether files of this name often hold something else than picks: logs, summaries, settings.
pub(crate) fn named_like_any_text(path: &Path) -> bool {
    matches!(extension(path).as_str(), "csv" | "tsv" | "txt" | "json" | "xy")
}

/// Recognises a file by its content.
///
/// # Errors
/// When it cannot be read, or its content is none of the formats known.
pub(crate) fn form(path: &Path) -> Result<Form> {
    let start = first_bytes(path, START)?;
    let ext = extension(path);
    if start.is_empty() {
        // RELION and other pickers write such a file for a micrograph on which they found nothing.
        if named_like_picks(path) && ext != "cs" {
            return Ok(Form::NoPicks);
        }
        return Err(Error::format(path, "it is empty", "copy the file again"));
    }
    match start.as_slice() {
        [b'P', b'K', 3, 4, ..] => return Ok(zip_form(path, &ext)),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
            let table = ext == "cs" || cryosparc::looks_like(&start);
            return Ok(if table { Form::CryoSparc } else { Form::Npy });
        }
        [0x95, b'C', b'S', b'D', b'A', b'T', ..] => {
            return Err(Error::format(
                path,
                "it is in cryoSPARC's compressed form (CSDAT), which is not read",
                "load it with cryosparc-tools and save it as NumPy: Dataset.load(path).save(path)",
            ));
        }
        [0x89, b'H', b'D', b'F', ..] => return Ok(Form::Hdf5),
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
        "coord" | "coords" | "xy" => Ok(Form::PlainCoordinates),
        // Whoever knows its columns can name them.
        _ if !start.contains(&0) && text_table::looks_like(&String::from_utf8_lossy(&start)) => {
            Ok(Form::Table)
        }
        _ => Err(Error::format(
            path,
            "its content is none of the formats that are read",
            "give patches (PyTorch, NPZ, MRCS, HDF5, STAR, cs), picks (STAR, box, cbox, json, CSV, TSV, coord) or a micrograph (MRC, TIFF, PNG, JPEG)",
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
    // Comments and blank lines alone: a pick file without picks.
    let Some(first) = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')) else {
        // A STAR file has at least a block; one without is torn.
        let star = matches!(ext, "star" | "cbox") && !text.trim().is_empty();
        let whole = (text.len() as u64) < START && named_like_picks(path);
        return Ok((whole && !star).then_some(Form::NoPicks));
    };
    if first.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("data_")) {
        return Ok(Some(if cbox::looks_like(&StarFile::read(path)?) { Form::Cbox } else { Form::Star }));
    }
    Ok(if eman_box::looks_like(text) {
        Some(if ext == "cbox" { Form::Cbox } else { Form::EmanBox })
    } else if eman_json::looks_like(text) {
        Some(Form::EmanJson)
    } else if via::looks_like(text) {
        Some(Form::Via)
    } else if pick_csv::looks_like(text) {
        Some(Form::Table)
    } else if plain_coordinates::looks_like(text) {
        Some(Form::PlainCoordinates)
    } else {
        None
    })
}
