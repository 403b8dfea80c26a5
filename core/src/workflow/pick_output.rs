//! The picks of a run as files: a RELION coordinate file a micrograph, and one table of all. They go to different places,
//! so that a program that reads a folder of picks does not read each twice.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::formats::star::StarWriter;
use crate::picking::choose::score_of;
use crate::picking::picker::Candidate;

/// What is put behind the name of a micrograph.
const SUFFIX: &str = "_vitrine.star";

/// Where picks are written.
pub(super) struct Output {
    coordinates: Option<PathBuf>,
    table: Option<(BufWriter<File>, PathBuf)>,
    /// How often a name of a micrograph was written: equal names of two folders must not replace each other.
    names: HashMap<String, usize>,
}

impl Output {
    /// Makes the folder of coordinate files and begins the table anew; coordinate files are replaced one by one.
    pub(super) fn create(coordinates: Option<&Path>, table: Option<&Path>) -> Result<Self> {
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
        let mut output = Self { coordinates: coordinates.map(Path::to_owned), table, names: HashMap::new() };
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

    /// Writes the places at or above a logit. A micrograph without any gets a coordinate file with a header alone.
    pub(super) fn add(&mut self, micrograph: &Path, places: &[Candidate], logit: f64) -> Result<()> {
        let name = micrograph.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = micrograph.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let number = self.names.entry(stem.clone()).or_default();
        *number += 1;
        let stem = if *number > 1 { format!("{stem}_{number}") } else { stem };
        let path = self.coordinates.as_ref().map(|dir| dir.join(format!("{stem}{SUFFIX}")));
        let mut star = StarWriter::new(Vec::new(), path.as_deref().unwrap_or(micrograph));
        star.table("", &["rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"].map(str::to_owned))?;
        let quoted =
            if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        let mut rows = String::new();
        for place in places.iter().filter(|place| f64::from(place.logit) >= logit) {
            let (x, y) = (format!("{:.1}", place.x), format!("{:.1}", place.y));
            let score = format!("{:.6}", score_of(f64::from(place.logit)));
            star.row([x.as_str(), y.as_str(), score.as_str()])?;
            rows += &format!("{quoted},{x},{y},{score},{:.3}\n", place.logit);
        }
        if let Some(path) = &path {
            write_atomically(path, &star.finish()?)?;
        }
        self.rows(&rows)
    }
}
