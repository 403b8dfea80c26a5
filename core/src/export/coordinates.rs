//! RELION's coordinate set: one STAR file with positions for each micrograph, and the list
//! `data_coordinate_files` that RELION 4 and later hand from picking to extraction. RELION 3.1 finds the
//! same files by folder and suffix (`--coord_dir`, `--coord_suffix _autopick.star`).

use std::collections::HashMap;
use std::fs;
use std::io::BufWriter;
use std::path::Path;

use super::job::{Job, Phase};
use super::originals::without_endings;
use super::relion_names::{absolute, root_of, within, without_job};
use super::rows::pick_score;
use super::staging::Staging;
use crate::error::{Error, Result};
use crate::formats::relion_coordinates::{Coordinate, write_coordinates, write_list};
use crate::project::MicrographId;

/// Name of the list in the exported folder.
const LIST: &str = "autopick.star";
/// What the files of micrographs end in.
const SUFFIX: &str = "_autopick.star";

/// Writes the folder.
pub(super) fn write(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let (out, selection) = (&job.request.out, job.selection);
    let folder = staging.path(out);
    fs::create_dir(&folder).map_err(|e| Error::io("create", &folder, e))?;
    let root = root_of(out, &job.project.micrographs()?);
    let mut of_micrograph: HashMap<MicrographId, usize> = HashMap::new();
    let mut sets: Vec<(MicrographId, Vec<Coordinate>)> = Vec::new();
    for (at, &id) in selection.ids.iter().enumerate() {
        job.tick(Phase::Table, at)?;
        let row = job.rows.get(id)?;
        let (Some(micrograph), Some((x, y))) = (row.place.micrograph, job.frame.xy(&row.place)) else {
            continue;
        };
        let cell = |name: &str| row.columns.get(name);
        let coordinate = Coordinate {
            x,
            y,
            score: selection.score(at).or_else(|| pick_score(row)),
            class: cell("rlnClassNumber").and_then(|value| value.parse().ok()),
            psi: cell("rlnAnglePsi").and_then(|value| value.parse().ok()),
        };
        let set = *of_micrograph.entry(micrograph).or_insert_with(|| {
            sets.push((micrograph, Vec::new()));
            sets.len() - 1
        });
        if let Some((_, set)) = sets.get_mut(set) {
            set.push(coordinate);
        }
    }
    let mut taken: HashMap<String, String> = HashMap::new();
    let mut list: Vec<(String, String)> = Vec::new();
    for (micrograph, set) in &sets {
        let name = job.frame.name(Some(*micrograph)).unwrap_or_default().to_owned();
        let inside = relion_coordinate_file(&name, SUFFIX)?;
        if let Some(other) = taken.insert(inside.to_lowercase(), name.clone()) {
            return Err(Error::request(
                format!("RELION would look for the picks of {other} and {name} in the same file {inside}"),
                "export as relion-star, which keeps whole names",
            ));
        }
        let path = folder.join(&inside);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        }
        let file = fs::File::create_new(&path).map_err(|e| Error::io("create", &path, e))?;
        write_coordinates(BufWriter::new(file), &path, set)?;
        // The name as seen from RELION's project, or from anywhere.
        let target = out.join(&inside);
        let named = root.as_deref().and_then(|root| within(root, &target));
        list.push((name, named.unwrap_or_else(|| absolute(&target).to_string_lossy().into_owned())));
    }
    let path = folder.join(LIST);
    let file = fs::File::create_new(&path).map_err(|e| Error::io("create", &path, e))?;
    write_list(BufWriter::new(file), &path, &list)?;
    job.tick(Phase::Table, selection.ids.len())?;
    if root.is_none() {
        job.warnings.push(
            "the list names its files from the root of the disk, for no RELION project was found around the export"
                .into(),
        );
    }
    Ok(())
}

/// The file of a micrograph within the folder, where RELION looks for it: the micrograph's name
/// without its job and ending, and the suffix.
///
/// # Errors
/// When the name is no name of a file.
pub(crate) fn relion_coordinate_file(name: &str, suffix: &str) -> Result<String> {
    let stem = without_endings(without_job(name)).replace('\\', "/");
    let parts: Vec<&str> =
        stem.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    match parts.last() {
        Some(_) if !Path::new(name).ends_with("..") => Ok(format!("{}{suffix}", parts.join("/"))),
        _ => Err(Error::request(
            format!("the micrograph '{name}' gives no file name"),
            "export as relion-star or csv, which keep whole names",
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{SUFFIX, relion_coordinate_file};

    #[test]
    fn files_lie_where_relion_looks_for_them() {
        let file_of = |name| relion_coordinate_file(name, SUFFIX);
        assert_eq!(file_of("MotionCorr/job002/mics/a.mrc").unwrap(), "mics/a_autopick.star");
        assert_eq!(file_of("mics/a.b.tiff").unwrap(), "mics/a.b_autopick.star");
        assert_eq!(file_of("/data/a.mrc").unwrap(), "data/a_autopick.star");
        assert_eq!(file_of("../a.mrc").unwrap(), "a_autopick.star");
        assert!(file_of("..").is_err());
        assert!(file_of("").is_err());
    }
}
