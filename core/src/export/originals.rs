//! The originals that converted pictures were made from: `--micrograph-names`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::relion_names::{absolute, root_above, within};
use crate::error::{Error, Result};
use crate::formats::micrograph::{self, Match, Names};
use crate::formats::star::StarFile;
use crate::project::Micrograph;

/// Endings of files that are micrographs.
const ENDINGS: [&str; 5] = ["mrc", "mrcs", "map", "tif", "tiff"];
/// Endings of pictures and micrographs, which give way to another.
const REPLACED: [&str; 11] = ["mrc", "mrcs", "map", "tif", "tiff", "png", "jpg", "jpeg", "eer", "gz", "bz2"];

/// Names for the micrographs of an export.
pub(super) enum Originals {
    /// The same name with another ending, such as `.mrc`.
    Ending(String),
    /// Names of the originals, found by the name of the picture.
    Listed {
        /// Where they were read.
        from: PathBuf,
        /// What the picture is called: the original's own name, or a name of its own.
        pictures: Box<Names>,
        /// The original of each, and its file where there is one.
        originals: Vec<(String, Option<PathBuf>)>,
    },
}

impl Originals {
    /// Reads what was given: an ending, a folder of originals, a STAR file with
    /// `rlnMicrographName`, or a list with one original a line or picture and original in two columns.
    ///
    /// # Errors
    /// When it is none of these or holds no name.
    pub fn read(given: &Path, out: &Path) -> Result<Self> {
        let text = given.to_string_lossy();
        if let Some(ending) = text.strip_prefix('.')
            && !ending.is_empty()
            && !ending.contains(['/', '\\', '.'])
        {
            return Ok(Self::Ending(ending.to_owned()));
        }
        if given.is_dir() {
            return Self::of_folder(given, out);
        }
        let pairs = if given.extension().is_some_and(|e| e.eq_ignore_ascii_case("star")) {
            names_in_star(given)?
        } else {
            names_in_list(given)?
        };
        if pairs.is_empty() {
            return Err(Error::format(given, "it names no micrograph", "give one original a line"));
        }
        let pictures: Vec<String> = pairs.iter().map(|(picture, _)| picture.clone()).collect();
        let root = given.parent().map(absolute).unwrap_or_default();
        let file_of = |name: &str| {
            // As tables of RELION name files: from their own folder, or from one above it.
            root.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
        };
        let originals = pairs.iter().map(|(_, name)| (name.clone(), file_of(name))).collect();
        Ok(Self::Listed { from: given.to_owned(), pictures: Box::new(Names::new(&pictures)), originals })
    }

    fn of_folder(folder: &Path, out: &Path) -> Result<Self> {
        let fail = |e| Error::io("read", folder, e);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
            if ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) && path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(Error::request(
                format!("the folder {} holds no MRC or TIFF file", folder.display()),
                "name the folder with the originals",
            ));
        }
        // RELION names files from the folder of its project.
        let root = root_above(out).or_else(|| root_above(folder));
        let name = |path: &Path| {
            root.as_deref()
                .and_then(|root| within(root, path))
                .unwrap_or_else(|| path.to_string_lossy().into_owned())
        };
        let names: Vec<String> = files.iter().map(|path| name(path)).collect();
        Ok(Self::Listed {
            from: folder.to_owned(),
            pictures: Box::new(Names::new(&names)),
            originals: names.into_iter().zip(files.into_iter().map(Some)).collect(),
        })
    }

    /// The name of the original of `micrograph`, whose own name is `own`.
    ///
    /// # Errors
    /// When there is none, there are several, or it has another size.
    pub fn name_of(&self, micrograph: &Micrograph, own: &str) -> Result<String> {
        let Self::Listed { from, pictures, originals } = self else {
            let Self::Ending(ending) = self else { return Ok(own.to_owned()) };
            return Ok(format!("{}.{ending}", without_endings(own)));
        };
        let refuse = |what: &str| {
            Err(Error::format(
                from,
                format!("it names {what} for the micrograph {own}"),
                "name one original for every micrograph",
            ))
        };
        let (name, file) = match pictures.find(own) {
            Match::Found(at) => match originals.get(at) {
                Some(original) => original,
                None => return refuse("no original"),
            },
            Match::Nothing => return refuse("no original"),
            Match::Ambiguous(_) => return refuse("several originals"),
        };
        if let (Some(file), Some((width, height))) = (file, micrograph.dimensions)
            && let Ok((w, h)) = micrograph::dimensions(file)
            && (w, h) != (width, height)
        {
            return Err(Error::format(
                file,
                format!(
                    "it has {w} × {h} px, the picture {own} {width} × {height}: coordinates do not fit it"
                ),
                "name the originals of the same size",
            ));
        }
        Ok(name.clone())
    }
}

/// Picture and original of every row of a STAR file; both are the name there.
fn names_in_star(path: &Path) -> Result<Vec<(String, String)>> {
    let star = StarFile::read(path)?;
    let table = star.blocks.iter().filter_map(|b| b.table.as_ref());
    let mut found = table.filter_map(|t| t.column("rlnMicrographName").map(|c| (t, c)));
    let Some((table, column)) = found.next() else {
        return Err(Error::format(
            path,
            format!("no table has the column rlnMicrographName: {}", star.outline()),
            "give a STAR file of micrographs",
        ));
    };
    let mut seen = HashMap::new();
    let mut names = Vec::new();
    for row in 0..table.len() {
        if let Some(name) = table.row(row).get(column)
            && seen.insert((*name).to_owned(), ()).is_none()
        {
            names.push(((*name).to_owned(), (*name).to_owned()));
        }
    }
    Ok(names)
}

/// Picture and original of every line: one column names the original, two name both.
fn names_in_list(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = if line.contains([',', '\t']) {
            line.split([',', '\t']).map(str::trim).collect()
        } else {
            line.split_whitespace().collect()
        };
        match cells.as_slice() {
            [original] => pairs.push(((*original).to_owned(), (*original).to_owned())),
            [picture, original] => pairs.push(((*picture).to_owned(), (*original).to_owned())),
            _ => {
                return Err(Error::format(
                    path,
                    format!("line {} has {} columns", number + 1, cells.len()),
                    "write the original, or picture and original separated by a comma",
                ));
            }
        }
    }
    Ok(pairs)
}

/// A name without the endings of pictures (`mics/a.mrc.gz` → `mics/a`).
pub(super) fn without_endings(name: &str) -> &str {
    let mut stem = name;
    while let Some((head, tail)) = stem.rsplit_once('.') {
        if head.is_empty() || !REPLACED.iter().any(|e| e.eq_ignore_ascii_case(tail)) {
            break;
        }
        stem = head;
    }
    stem
}
