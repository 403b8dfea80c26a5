//! The picks of a run as files: a RELION coordinate file a micrograph, and one table of all. They go to different places,
//! so that a program that reads a folder of picks does not read each twice.
//!
//! The coordinate files count y as RELION reads the micrograph: MRC as stored, TIFF turned over, as in exports. The
//! table counts from the first stored row.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::export::relion_turns_over;
use crate::formats::star::StarWriter;
use crate::picking::census::score_of;
use crate::picking::picker::Candidate;

/// What is put behind the name of a micrograph.
const SUFFIX: &str = "_vitrine.star";

/// The name of a micrograph without its ending; `.mrc.gz` is one ending.
fn stem_of(name: &str) -> &str {
    let packed = [".gz", ".bz2"].iter().find_map(|ending| name.strip_suffix(ending));
    let name = packed.unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The picks on one micrograph.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PicksOn {
    /// The file.
    pub(super) file: PathBuf,
    /// Its columns and rows, px.
    pub(super) size: (usize, usize),
    /// The picks, the highest score first.
    pub(super) picks: Vec<Candidate>,
}

/// Where picks are written.
pub(super) struct Output {
    coordinates: Option<PathBuf>,
    /// Where in the folder of coordinate files that of a micrograph lies; one that is not listed has its own name.
    files: HashMap<PathBuf, PathBuf>,
    table: Option<(BufWriter<File>, PathBuf)>,
    /// The picks themselves, for an export at the end; `None` where there is none.
    gathered: Option<Vec<PicksOn>>,
    /// How often a name of a micrograph was written: equal names of two folders must not replace each other.
    names: HashMap<String, usize>,
}

impl Output {
    /// Makes the folder of coordinate files and begins the table anew; coordinate files are replaced one by one. `gathers`
    /// says that all picks are wanted at the end.
    pub(super) fn create(
        coordinates: Option<&Path>,
        files: &HashMap<PathBuf, PathBuf>,
        table: Option<&Path>,
        gathers: bool,
    ) -> Result<Self> {
        if let Some(dir) = coordinates {
            std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        }
        let table = match table {
            Some(path) => {
                let file = File::create(path).map_err(|e| Error::io("create", path, e))?;
                Some((BufWriter::new(file), path.to_owned()))
            }
            None => None,
        };
        let mut output = Self {
            coordinates: coordinates.map(Path::to_owned),
            files: files.clone(),
            table,
            gathered: gathers.then(Vec::new),
            names: HashMap::new(),
        };
        output.rows("image_name,x_coord,y_coord,score,logit\n")?;
        Ok(output)
    }

    /// Adds lines to the table, and brings them to the disk, so that they can be read while picking goes on.
    fn rows(&mut self, text: &str) -> Result<()> {
        match &mut self.table {
            Some((table, path)) => table
                .write_all(text.as_bytes())
                .and_then(|()| table.flush())
                .map_err(|e| Error::io("write", path, e)),
            None => Ok(()),
        }
    }

    /// The picks of all micrographs, where they were wanted.
    pub(super) fn gathered(self) -> Vec<PicksOn> {
        self.gathered.unwrap_or_default()
    }

    /// Writes picks. A micrograph without any gets a coordinate file with a header alone. `size` is that of the micrograph,
    /// columns and rows, px.
    pub(super) fn add(&mut self, micrograph: &Path, size: (usize, usize), picks: &[Candidate]) -> Result<()> {
        if let Some(gathered) = &mut self.gathered {
            gathered.push(PicksOn { file: micrograph.to_owned(), size, picks: picks.to_vec() });
        }
        let name = micrograph.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = stem_of(&name).to_owned();
        let inside = match self.files.get(micrograph) {
            Some(inside) => inside.clone(),
            None => {
                let number = self.names.entry(stem.clone()).or_default();
                *number += 1;
                let stem = if *number > 1 { format!("{stem}_{number}") } else { stem };
                PathBuf::from(format!("{stem}{SUFFIX}"))
            }
        };
        let path = self.coordinates.as_ref().map(|dir| dir.join(inside));
        let mut star = StarWriter::new(Vec::new(), path.as_deref().unwrap_or(micrograph));
        star.table("", &["rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"].map(str::to_owned))?;
        let turned = relion_turns_over(micrograph).then_some(size.1 as f64);
        let quoted =
            if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        let mut rows = String::new();
        for place in picks {
            let (x, y) = (format!("{:.1}", place.x), format!("{:.1}", place.y));
            let score = format!("{:.6}", score_of(f64::from(place.logit)));
            let for_relion = turned.map(|height| format!("{:.1}", height - 1.0 - place.y));
            star.row([x.as_str(), for_relion.as_deref().unwrap_or(&y), score.as_str()])?;
            rows += &format!("{quoted},{x},{y},{score},{:.3}\n", place.logit);
        }
        if let Some(path) = &path {
            let folder = path.parent().unwrap_or(path);
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
            write_atomically(path, &star.finish()?)?;
        }
        self.rows(&rows)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::formats::detect::open_picks;

    /// RELION reads TIFF from the last stored row (`rwTIFF.h`; tried with RELION 3.1.3), MRC from the first.
    #[test]
    fn coordinates_count_as_relion_reads_the_micrograph() {
        let dir = tempfile::tempdir().unwrap();
        let (out, table) = (dir.path().join("out"), dir.path().join("all.csv"));
        assert_eq!(["a.mrc", "a.mrc.gz", "a.tif.mrc", "a"].map(stem_of), ["a", "a", "a.tif", "a"]);
        let names = [(PathBuf::from("mics/c.mrc"), PathBuf::from("deep/in/c_x.star"))].into();
        let mut output = Output::create(Some(&out), &names, Some(&table), true).unwrap();
        let places = [Candidate { x: 20.5, y: 30.25, logit: 2.0 }];
        for file in ["mics/a.mrc", "mics/b.tif", "mics/c.mrc"] {
            output.add(Path::new(file), (90, 100), &places).unwrap();
        }
        let centre = |name: &str| {
            let picks = open_picks(&out.join(name)).unwrap().picks;
            assert_eq!(picks.len(), 1);
            (picks[0].x, picks[0].y)
        };
        assert_eq!(centre("a_vitrine.star"), (20.5, 30.2));
        assert_eq!(centre("b_vitrine.star"), (20.5, 68.8));
        assert_eq!(centre("deep/in/c_x.star"), (20.5, 30.2));
        let rows = std::fs::read_to_string(&table).unwrap();
        assert!(rows.contains("a.mrc,20.5,30.2,") && rows.contains("b.tif,20.5,30.2,"), "{rows}");
    }
}
