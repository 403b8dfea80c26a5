//! Tells the files of a request apart: ready patches, micrographs, picks.

use std::collections::HashSet;
use std::path::PathBuf;

use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::formats::detect::{self, Kind};

/// The request's files by what they are.
#[derive(Default)]
pub(super) struct Sorted {
    pub patches: Vec<PathBuf>,
    pub micrographs: Vec<PathBuf>,
    pub picks: Vec<PathBuf>,
    pub warnings: Vec<String>,
}

/// Tells the request's files apart.
pub(super) fn sort(request: &IngestRequest) -> Result<Sorted> {
    let mut sorted = Sorted::default();
    for path in &request.inputs {
        let found = detect::detect(path)?;
        match found.kind {
            Kind::Patches | Kind::PatchesAndPicks => sorted.patches.push(path.clone()),
            Kind::Picks => sorted.picks.push(path.clone()),
            Kind::Micrograph | Kind::Micrographs => sorted.micrographs.extend(found.micrographs),
            Kind::MicrographsAndPicks => {
                sorted.micrographs.extend(found.micrographs);
                sorted.picks.push(path.clone());
            }
        }
    }
    for path in &request.micrographs {
        if !path.is_dir() {
            sorted.micrographs.push(path.clone());
            continue;
        }
        let found = detect::detect(path)?;
        if found.micrographs.is_empty() {
            return Err(Error::request(
                format!("the folder {} holds no micrographs", path.display()),
                "name the folder with the MRC, TIFF, PNG or JPEG files",
            ));
        }
        if found.kind == Kind::MicrographsAndPicks && request.picks.is_empty() && sorted.picks.is_empty() {
            sorted.warnings.push(format!(
                "{} holds pick files too, which are not read: name them with --picks",
                path.display()
            ));
        }
        sorted.micrographs.extend(found.micrographs);
    }
    sorted.picks.extend(request.picks.iter().cloned());
    for files in [&mut sorted.patches, &mut sorted.micrographs, &mut sorted.picks] {
        let mut seen = HashSet::new();
        files.retain(|path| seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    }
    if sorted.patches.is_empty() && sorted.micrographs.is_empty() && sorted.picks.is_empty() {
        return Err(Error::request(
            "no file was named to import",
            "name patch files, or micrographs with picks or a pool",
        ));
    }
    Ok(sorted)
}
