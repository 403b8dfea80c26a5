//! RELION particle tables: STAR files of RELION 3.0 (one table), 3.1 and 5 (a table of optics
//! groups beside it), read as patches with their stacks or as picks on micrographs.
//!
//! Positions are `rlnCoordinateX/Y`, the centre in px of the unbinned micrograph. The refinement
//! shifts `rlnOriginXAngst`, `rlnOriginYAngst` (3.0: `rlnOriginX`, `rlnOriginY`) are **not**
//! applied: the patch lies in the stack as it was extracted. They stay among the columns, like
//! everything else that has no field of its own.
//!
//! Tables of RELION 3.0 carry optics in every row; particles that agree in them become one group.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::relion_columns::{
    BEAM_TILT_CLASS, FIGURE_OF_MERIT, GROUP, IMAGE, LABEL, MICROGRAPH, OPTICS_30, SCORE, StarContents, X, Y,
    pixel_size_30,
};
use super::stack_set::{References, StackSet, list};
use super::star::{StarFile, Table};
use super::{Dataset, Format, OpticsGroup, PatchInfo, PatchReader, Pick, PickTable};
use crate::error::{Error, Result};
use crate::label::Label;

pub(crate) use super::numbers::decimal;
pub(crate) use super::relion_columns::number_in;
pub use super::relion_writer::{
    DropReason, DroppedColumn, Flavour, Particle, StarOptions, Written, survey, write_star,
};

/// Columns that have fields of their own in [`PatchInfo`] and [`Pick`].
const OWN: [&str; 5] = [MICROGRAPH, X, Y, GROUP, LABEL];

/// What RELION (manual picks) and crYOLO write where there is no score.
const UNSET: [f64; 2] = [-999.0, -9999.0];

/// Opens a particle table with its stacks.
///
/// # Errors
/// When the STAR file or a stack cannot be read, a needed column or a stack is missing, or a
/// value is not what its column holds; the sentence names line and column.
pub fn open(path: &Path) -> Result<Dataset> {
    let star = StarFile::read(path)?;
    let particles = Particles::find(&star, IMAGE)?;
    if particles.table.is_empty() {
        return Err(Error::format(
            path,
            "its particle table has no rows",
            "check that it is the table you meant",
        ));
    }
    let mut references = References::default();
    for row in 0..particles.table.len() {
        let cells = particles.table.row(row);
        let name = cells[particles.needed];
        let (section, stack) = image_name(name).ok_or_else(|| {
            let line = particles.table.line(row);
            Error::format(
                path,
                format!("line {line} has the image name '{name}', which is no number@stack"),
                "correct the line; images count from 1",
            )
        })?;
        references.push(stack, section);
        particles.check(path, row, &cells)?;
    }
    let stacks = references.open(path)?;
    let mut warnings = Vec::new();
    let (mut optics, groups) = particles.optics(path)?;
    for group in &mut optics {
        group.pixel_size = group.pixel_size.or(stacks.pixel_size);
    }
    let pixel_size =
        match optics.first() {
            None => stacks.pixel_size,
            Some(first) if optics.iter().all(|g| g.pixel_size == first.pixel_size) => first.pixel_size,
            Some(_) => {
                warnings.push(format!(
                "{}: its optics groups differ in pixel size ({}); patches keep the one of their group",
                path.display(),
                list(
                    &optics
                        .iter()
                        .map(|g| g.pixel_size.map_or("?".into(), |p| p.to_string()))
                        .collect::<Vec<_>>()
                )
            ).into());
                None
            }
        };
    if particles.micrograph.is_none() {
        warnings.push(
            format!(
                "{}: it has no column rlnMicrographName, so a split by micrograph is not possible",
                path.display()
            )
            .into(),
        );
    }
    Ok(Dataset {
        kind: Format::RelionParticles(particles.generation.to_owned()),
        pixel_size,
        micrograph_pixel_size: common(&optics, micrograph_pixel_size),
        optics,
        warnings,
        reader: Box::new(ParticleReader { particles, groups, stacks }),
    })
}

/// Reads the positions of a STAR file: particles, or picks of one micrograph, for which the file then
/// stands. Where the table has optics, every pick keeps the number of its group in the column
/// `rlnOpticsGroup`. A table without rows is one without picks.
///
/// # Errors
/// As [`open`]; no stack is needed.
pub(crate) fn picks_of(star: &StarFile) -> Result<PickTable> {
    let path = star.path.as_path();
    let particles = Particles::find(star, X)?;
    let Some((x, y)) = particles.xy else {
        return Err(missing_column(path, star, Y));
    };
    let (optics, groups) = particles.optics(path)?;
    let mut picks = Vec::with_capacity(particles.table.len());
    for row in 0..particles.table.len() {
        let cells = particles.table.row(row);
        particles.check(path, row, &cells)?;
        let mut columns = particles.columns(&cells);
        // A pick has no field for its group, so it keeps the number, also where we made the group.
        if let Some(number) = groups.get(row).and_then(|&g| optics.get(g as usize)?.columns.get(GROUP)) {
            columns.insert(GROUP.to_owned(), number.clone());
        }
        picks.push(Pick {
            micrograph: particles.micrograph.map(|c| cells[c].to_owned()),
            // Both are numbers: `check` has seen to it.
            x: cells[x].parse().unwrap_or_default(),
            y: cells[y].parse().unwrap_or_default(),
            score: particles.score(&cells),
            label: particles.label.and_then(|c| cells[c].parse().ok()),
            columns,
            ..Pick::default()
        });
    }
    Ok(PickTable {
        path: path.to_owned(),
        kind: Format::RelionCoordinates(particles.generation.to_owned()),
        picks,
        pixel_size: common(&optics, micrograph_pixel_size),
        optics,
        ..PickTable::default()
    })
}

/// The particle table of a STAR file with its columns found.
struct Particles {
    table: Table,
    optics_table: Option<Table>,
    generation: &'static str,
    /// Index of the column the caller cannot do without.
    needed: usize,
    micrograph: Option<usize>,
    xy: Option<(usize, usize)>,
    group: Option<usize>,
    /// Our own score, else the picker's.
    score: Option<usize>,
    label: Option<usize>,
}

impl Particles {
    /// Finds the table that has the column `needed`.
    fn find(star: &StarFile, needed: &str) -> Result<Self> {
        let named = ["particles", "images", ""].iter().filter_map(|name| star.table(name));
        let all = star
            .blocks
            .iter()
            .filter(|b| !b.name.eq_ignore_ascii_case("optics"))
            .filter_map(|b| b.as_table());
        let Some((table, needed)) = named.chain(all).find_map(|t| t.column(needed).map(|c| (t, c))) else {
            return Err(missing_column(&star.path, star, needed));
        };
        let optics_table = star.table("optics");
        let generation = match (&optics_table, star.version) {
            (Some(_), Some(50_000..)) => "5",
            (Some(_), _) => "3.1",
            (None, _) => "3.0",
        };
        Ok(Self {
            needed,
            micrograph: table.column(MICROGRAPH),
            xy: table.column(X).zip(table.column(Y)),
            group: table.column(GROUP),
            score: [SCORE, FIGURE_OF_MERIT].iter().find_map(|name| table.column(name)),
            label: table.column(LABEL),
            optics_table,
            generation,
            table,
        })
    }

    /// Checks the positions and the label of a row.
    fn check(&self, path: &Path, row: usize, cells: &[&str]) -> Result<()> {
        let wrong = |column: &str, value: &str, is: &str| {
            Err(Error::format(
                path,
                format!("line {} has '{value}' for {column}, which is {is}", self.table.line(row)),
                "correct the line",
            ))
        };
        if let Some((x, y)) = self.xy {
            for (column, name) in [(x, X), (y, Y)] {
                if !cells[column].parse::<f64>().is_ok_and(f64::is_finite) {
                    return wrong(name, cells[column], "no finite number");
                }
            }
        }
        match self.label {
            Some(column) if cells[column].parse::<Label>().is_err() => {
                wrong(LABEL, cells[column], "not positive, negative or unlabeled")
            }
            _ => Ok(()),
        }
    }

    /// The score of a row, where it is a finite number and not the one that stands for none.
    fn score(&self, cells: &[&str]) -> Option<f64> {
        let score: f64 = cells.get(self.score?)?.parse().ok()?;
        (score.is_finite() && !UNSET.contains(&score)).then_some(score)
    }

    /// Columns of a row that have no field of their own.
    fn columns(&self, cells: &[&str]) -> BTreeMap<String, String> {
        let moved = |name: &str| self.optics_table.is_none() && OPTICS_30.contains(&name);
        self.table
            .columns
            .iter()
            .zip(cells)
            .filter(|(name, _)| !OWN.contains(&name.as_str()) && !moved(name))
            .map(|(name, value)| (name.clone(), (*value).to_owned()))
            .collect()
    }

    /// The optics groups and, for every particle, the index of its own.
    fn optics(&self, path: &Path) -> Result<(Vec<OpticsGroup>, Vec<u32>)> {
        match &self.optics_table {
            Some(table) => self.optics_31(path, table),
            None => Ok(self.optics_30()),
        }
    }

    /// Groups of the optics table of RELION 3.1 and later.
    fn optics_31(&self, path: &Path, table: &Table) -> Result<(Vec<OpticsGroup>, Vec<u32>)> {
        let mut groups = Vec::with_capacity(table.len());
        let mut numbers = HashMap::new();
        let number = table.column("rlnOpticsGroup");
        for row in 0..table.len() {
            let cells = table.row(row);
            if let Some(column) = number
                && numbers.insert(cells[column].to_owned(), row as u32).is_some()
            {
                return Err(Error::format(
                    path,
                    format!("line {} defines optics group {} a second time", table.line(row), cells[column]),
                    "give every optics group its own number",
                ));
            }
            let columns: BTreeMap<String, String> =
                table.columns.iter().cloned().zip(cells.iter().map(|c| (*c).to_owned())).collect();
            groups.push(OpticsGroup { pixel_size: number_in(&columns, "rlnImagePixelSize"), columns });
        }
        let mut of_particle = Vec::with_capacity(self.table.len());
        for row in 0..self.table.len() {
            let group = match self.group {
                Some(column) => {
                    let cells = self.table.row(row);
                    *numbers.get(cells[column]).ok_or_else(|| {
                        Error::format(
                            path,
                            format!(
                                "line {} belongs to optics group {}, which data_optics does not define",
                                self.table.line(row),
                                cells[column]
                            ),
                            "add the group to data_optics",
                        )
                    })?
                }
                None if groups.len() == 1 => 0,
                None => {
                    return Err(Error::format(
                        path,
                        format!(
                            "data_optics has {} groups and the particles have no rlnOpticsGroup",
                            groups.len()
                        ),
                        "add the column rlnOpticsGroup to the particles",
                    ));
                }
            };
            of_particle.push(group);
        }
        Ok((groups, of_particle))
    }

    /// Groups of particles of RELION 3.0 that agree in voltage, aberration, contrast, magnification,
    /// detector pixel, beam tilt and class of beam tilt. None where the table has none of these.
    fn optics_30(&self) -> (Vec<OpticsGroup>, Vec<u32>) {
        let present: Vec<(usize, &str)> =
            OPTICS_30.iter().filter_map(|name| self.table.column(name).map(|c| (c, *name))).collect();
        let tilt_class = self.table.column(BEAM_TILT_CLASS);
        if present.is_empty() && tilt_class.is_none() {
            return (Vec::new(), Vec::new());
        }
        let mut groups: Vec<OpticsGroup> = Vec::new();
        let mut known: HashMap<Vec<String>, u32> = HashMap::new();
        let mut of_particle = Vec::with_capacity(self.table.len());
        for row in 0..self.table.len() {
            let cells = self.table.row(row);
            let of_key = present.iter().map(|(column, _)| *column).chain(tilt_class);
            let key: Vec<String> = of_key.map(|column| cells[column].to_owned()).collect();
            let group = match known.get(&key) {
                Some(&group) => group,
                None => {
                    let mut columns: BTreeMap<String, String> = present
                        .iter()
                        .zip(&key)
                        .map(|((_, name), value)| ((*name).to_owned(), value.clone()))
                        .collect();
                    let pixel_size = pixel_size_30(&columns);
                    let group = groups.len() as u32;
                    columns.insert(GROUP.to_owned(), (group + 1).to_string());
                    columns.insert("rlnOpticsGroupName".to_owned(), format!("opticsGroup{}", group + 1));
                    groups.push(OpticsGroup { pixel_size, columns });
                    known.insert(key, group);
                    group
                }
            };
            of_particle.push(group);
        }
        (groups, of_particle)
    }
}

/// Particles of a table with the pixels in its stacks.
struct ParticleReader {
    particles: Particles,
    groups: Vec<u32>,
    stacks: StackSet,
}

impl PatchReader for ParticleReader {
    fn size(&self) -> usize {
        self.stacks.size()
    }

    fn len(&self) -> usize {
        self.stacks.len()
    }

    fn info(&self, index: usize) -> PatchInfo {
        if index >= self.len() {
            return PatchInfo::default();
        }
        let particles = &self.particles;
        let cells = particles.table.row(index);
        let number = |column: usize| cells[column].parse::<f64>().ok();
        PatchInfo {
            label: particles.label.and_then(|c| cells[c].parse().ok()),
            micrograph: particles.micrograph.map(|c| cells[c].to_owned()),
            xy: particles.xy.and_then(|(x, y)| number(x).zip(number(y))),
            optics: self.groups.get(index).map(|&g| g as usize),
            pick_score: particles.score(&cells),
            columns: particles.columns(&cells),
        }
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        self.stacks.read(index, out)
    }
}

/// Takes `000012@stack.mrcs` apart into the section from 0 and the stack; a name without number
/// is an image of its own.
fn image_name(name: &str) -> Option<(u32, &str)> {
    match name.split_once('@') {
        Some((number, stack)) => Some((number.trim().parse::<u32>().ok()?.checked_sub(1)?, stack)),
        None => Some((0, name)),
    }
    .filter(|(_, stack)| !stack.is_empty())
}

/// Å per px of the micrographs a group was picked on. `rlnMicrographOriginalPixelSize` is that of the
/// movie before binning, so it says nothing of the micrograph.
fn micrograph_pixel_size(group: &OpticsGroup) -> Option<f64> {
    number_in(&group.columns, "rlnMicrographPixelSize")
}

/// What all groups agree on.
fn common(optics: &[OpticsGroup], of: impl Fn(&OpticsGroup) -> Option<f64>) -> Option<f64> {
    let first = of(optics.first()?)?;
    optics.iter().all(|g| of(g) == Some(first)).then_some(first)
}

/// The error of a STAR file without a needed column.
fn missing_column(path: &Path, star: &StarFile, column: &str) -> Error {
    let contents = StarContents::of(star);
    if column != IMAGE && (contents.movies || contents.micrographs) {
        let what = if contents.movies { "it describes movies" } else { "it is a table of micrographs" };
        return Error::format(
            path,
            format!("{what} and holds no positions: {}", star.outline()),
            "give it as micrographs, and the coordinates of a picking or extraction job as picks",
        );
    }
    let remedy = if column == IMAGE {
        "give the particles file of an extraction job, or import the file as picks on micrographs"
    } else {
        "give a STAR file with coordinates, as picking and extraction jobs write it"
    };
    Error::format(path, format!("no table has the column {column}: {}", star.outline()), remedy)
}
