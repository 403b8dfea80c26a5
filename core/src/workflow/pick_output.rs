//! The picks of a run as files: a RELION coordinate file a micrograph, and one table of all.

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
/// Folder of the coordinate files: beside the table, so that neither is read twice where a folder of picks is asked
/// for.
const COORDINATES: &str = "coordinates";
/// Name of the table of all picks.
const TABLE: &str = "picks.csv";

/// A folder being filled with picks.
pub(super) struct Output {
    coordinates: PathBuf,
    table: BufWriter<File>,
    table_path: PathBuf,
    /// How often a name of a micrograph was written: equal names of two folders must not replace each other.
    names: HashMap<String, usize>,
}

impl Output {
    /// Makes the folder and begins its table anew; STAR files are replaced one by one.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        let coordinates = dir.join(COORDINATES);
        std::fs::create_dir_all(&coordinates).map_err(|e| Error::io("create", &coordinates, e))?;
        let table_path = dir.join(TABLE);
        let file = File::create(&table_path).map_err(|e| Error::io("create", &table_path, e))?;
        let mut output = Self { coordinates, table: BufWriter::new(file), table_path, names: HashMap::new() };
        output.line("image_name,x_coord,y_coord,score,logit")?;
        output.flush()?;
        Ok(output)
    }

    fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.table, "{text}").map_err(|e| Error::io("write", &self.table_path, e))
    }

    fn flush(&mut self) -> Result<()> {
        self.table.flush().map_err(|e| Error::io("write", &self.table_path, e))
    }

    /// Writes the places at or above a logit. A micrograph without any gets a file with a header alone.
    pub(super) fn add(&mut self, micrograph: &Path, places: &[Candidate], logit: f64) -> Result<()> {
        let name = micrograph.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = micrograph.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let number = self.names.entry(stem.clone()).or_default();
        *number += 1;
        let stem = if *number > 1 { format!("{stem}_{number}") } else { stem };
        let path = self.coordinates.join(format!("{stem}{SUFFIX}"));
        let mut star = StarWriter::new(Vec::new(), &path);
        let columns = ["rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"].map(str::to_owned);
        star.table("", &columns)?;
        let quoted =
            if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        for place in places.iter().filter(|place| f64::from(place.logit) >= logit) {
            let (x, y) = (format!("{:.1}", place.x), format!("{:.1}", place.y));
            let score = format!("{:.6}", score_of(f64::from(place.logit)));
            star.row([x.as_str(), y.as_str(), score.as_str()])?;
            self.line(&format!("{quoted},{x},{y},{score},{:.3}", place.logit))?;
        }
        write_atomically(&path, &star.finish()?)?;
        self.flush()
    }
}
