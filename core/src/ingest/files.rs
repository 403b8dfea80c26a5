//! Sorts the files of a request into ready patches, micrographs, tables of micrographs and picks.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::formats::detect::{self, Kind, Recognised};
use crate::formats::{LeftOut, cryosparc};
use crate::remedy::{Remedy, Warning};

/// The request's files by what they are.
#[derive(Default)]
pub(super) struct Sorted {
    pub patches: Vec<PathBuf>,
    pub micrographs: Vec<PathBuf>,
    /// Tables that list micrographs.
    pub tables: Vec<PathBuf>,
    pub picks: Vec<PathBuf>,
    /// Files that list the same particles as another one, by that one.
    pub further: HashMap<PathBuf, Vec<PathBuf>>,
    /// Files of the folders that are no micrographs.
    pub left_out: Vec<LeftOut>,
    pub warnings: Vec<Warning>,
}

impl Sorted {
    /// Adds the micrographs of an input, and the table that says which are meant.
    fn take_micrographs(&mut self, found: Recognised) {
        self.micrographs.extend(found.micrographs);
        self.tables.extend(found.tables);
        self.left_out.extend(found.left_out);
    }
}

/// Tells the request's files apart.
pub(super) fn sort(request: &IngestRequest) -> Result<Sorted> {
    let mut sorted = Sorted { further: joined(request)?, ..Sorted::default() };
    let is_further = |path: &PathBuf, sorted: &Sorted| sorted.further.values().flatten().any(|f| f == path);
    for path in &request.inputs {
        if is_further(path, &sorted) {
            continue;
        }
        let found = detect::detect(path)?;
        if matches!(found.kind, Kind::Patches | Kind::PatchesAndPicks) {
            sorted.patches.push(path.clone());
        }
        sorted.picks.extend(found.picks.iter().cloned());
        sorted.take_micrographs(found);
    }
    for path in &request.micrographs {
        // A file is taken at its word, so that what is wrong with it is said of a micrograph.
        if !path.is_dir() && !matches!(extension(path).as_str(), "star" | "cs") {
            sorted.micrographs.push(path.clone());
            continue;
        }
        let found = detect::detect(path)?;
        if found.micrographs.is_empty() && found.tables.is_empty() {
            let what = if path.is_dir() { "the folder" } else { "the file" };
            return Err(Error::request(
                format!("{what} {} holds no micrographs", path.display()),
                "name the folder with the MRC, TIFF, PNG or JPEG files, or a table of micrographs",
            ));
        }
        if !found.picks.is_empty() && request.picks.is_empty() && sorted.picks.is_empty() {
            sorted.warnings.push(Warning::new(
                format!("{} holds files named like pick files too, which are not read", path.display()),
                Remedy::NamePicks,
            ));
        }
        sorted.take_micrographs(found);
    }
    let picks = request.picks.iter().filter(|path| !is_further(path, &sorted)).cloned().collect::<Vec<_>>();
    sorted.picks.extend(picks);
    for files in [&mut sorted.patches, &mut sorted.micrographs, &mut sorted.tables, &mut sorted.picks] {
        let mut seen = HashSet::new();
        files.retain(|path| seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    }
    let none = [&sorted.patches, &sorted.micrographs, &sorted.tables, &sorted.picks];
    if none.iter().all(|files| files.is_empty()) {
        return Err(Error::request(
            "no file was named to import",
            "name patch files, or micrographs with picks or a pool",
        ));
    }
    Ok(sorted)
}

/// Which `.cs` files of the request list the same particles, such as the two files of one cryoSPARC job.
fn joined(request: &IngestRequest) -> Result<HashMap<PathBuf, Vec<PathBuf>>> {
    let mut further = HashMap::new();
    for files in [&request.inputs, &request.picks] {
        let tables: Vec<PathBuf> =
            files.iter().filter(|path| extension(path) == "cs" && path.is_file()).cloned().collect();
        if tables.len() > 1 {
            let groups = cryosparc::join_by_uid(&tables)?;
            further.extend(groups.into_iter().filter(|(_, files)| !files.is_empty()));
        }
    }
    Ok(further)
}

/// Lower-case extension of a path; empty without one.
fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}
