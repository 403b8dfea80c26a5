//! cryoSPARC `.cs` files: NumPy structured arrays, one record per particle, read as patches with
//! their stacks or as picks on micrographs.
//!
//! Fields are named by group: `blob/*` says which image of which stack, `location/*` where on
//! which micrograph (as fractions of its shape, rows first), `ctf/*` the optics. Stacks are looked
//! for as RELION's are; a leading `>` in a path marks it as relative to the project. Fractions are
//! multiplied with the micrograph's shape as they are: y counts from the first stored row.
//!
//! A job of cryoSPARC often writes two files: one with what it changed and a passthrough file with
//! what it took over. Both list the same particles, in any order, and are joined by `uid`.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::cs_records::{Field, Records};
use super::stack_set::{References, StackSet, resolve};
use super::{
    Dataset, Format, MicrographEntry, MicrographTable, OpticsGroup, PatchInfo, PatchReader, Pick, PickTable,
};
use crate::error::{Error, Result};

/// Fields that [`PatchInfo`], [`Pick`] or [`Dataset`] have a place for. The image (`blob/path`,
/// `blob/idx`) is kept, so that an export can name it again.
const OWN: [&str; 3] = ["location/micrograph_path", "location/center_x_frac", "location/center_y_frac"];

/// Fields in which picking jobs keep a score.
const PICK_SCORES: [&str; 2] = ["pick_stats/ncc_score", "pick_stats/score"];

/// Optics fields, and the columns RELION calls them.
const OPTICS: [(&str, &str); 3] = [
    ("ctf/accel_kv", "rlnVoltage"),
    ("ctf/cs_mm", "rlnSphericalAberration"),
    ("ctf/amp_contrast", "rlnAmplitudeContrast"),
];

/// Opens a particle file with its stacks.
///
/// # Errors
/// When the file or a stack cannot be read, a needed field or a stack is missing.
pub fn open(path: &Path) -> Result<Dataset> {
    open_joined(path, &[])
}

/// Opens a particle file with its stacks; fields that it lacks come from `further` files that list
/// the same particles.
///
/// # Errors
/// As [`open`], and when a further file has no record of a particle.
pub fn open_joined(path: &Path, further: &[PathBuf]) -> Result<Dataset> {
    let table = Records::joined(path, further)?;
    let (stack, image) = (table.need(path, "blob/path")?, table.need(path, "blob/idx")?);
    let mut references = References::default();
    for row in 0..table.len {
        let name = table.text(row, stack);
        let section = table.number(row, image).filter(|n| (0.0..=f64::from(u32::MAX)).contains(n));
        let Some(section) = section else {
            return Err(Error::format(
                path,
                format!("particle {} has no image number in blob/idx", row + 1),
                "export the particles again from cryoSPARC",
            ));
        };
        references.push(project_path(&name), section as u32);
    }
    let location = Location::find(&table);
    if let Some(location) = &location {
        for row in 0..table.len {
            location.check(path, &table, row)?;
        }
    }
    let stacks = references.open(path)?;
    let (optics, groups) = optics(&table);
    let sizes: Vec<Option<f64>> = optics.iter().map(|g| g.pixel_size).collect();
    let pixel_size = match sizes.first() {
        Some(first) if sizes.iter().all(|s| s == first) => first.or(stacks.pixel_size),
        Some(_) => None,
        None => stacks.pixel_size,
    };
    let mut warnings = Vec::new();
    if location.is_none() {
        warnings.push(format!(
            "{}: it says nothing of micrographs; cryoSPARC keeps them in the passthrough file of the same job",
            path.display()
        ).into());
    }
    Ok(Dataset {
        kind: Format::CryosparcParticles,
        pixel_size,
        micrograph_pixel_size: location.as_ref().and_then(|l| l.pixel_size(&table)),
        optics,
        warnings,
        reader: Box::new(CsReader { table, location, groups, stacks }),
    })
}

/// Reads the positions of a particle file.
///
/// # Errors
/// When the file cannot be read or has no `location/*` fields.
pub fn open_picks(path: &Path) -> Result<PickTable> {
    open_picks_joined(path, &[])
}

/// Reads the positions of a particle file; fields that it lacks come from `further` files that list
/// the same particles.
///
/// # Errors
/// As [`open_picks`], and when a further file has no record of a particle.
pub fn open_picks_joined(path: &Path, further: &[PathBuf]) -> Result<PickTable> {
    let table = Records::joined(path, further)?;
    for name in [
        "location/micrograph_path",
        "location/micrograph_shape",
        "location/center_x_frac",
        "location/center_y_frac",
    ] {
        table.need(path, name)?;
    }
    let Some(location) = Location::find(&table) else {
        return Err(Error::format(
            path,
            "its location/* fields hold no numbers",
            "export the particles again",
        ));
    };
    let (optics, groups) = optics(&table);
    let mut picks = Vec::with_capacity(table.len);
    for row in 0..table.len {
        location.check(path, &table, row)?;
        let Some((x, y)) = location.xy(&table, row) else { continue };
        let score = PICK_SCORES.iter().find_map(|name| table.number(row, table.find(name)?));
        let mut columns = columns(&table, row);
        // As in RELION's tables: a pick has no field for its group, so it keeps the number.
        if let Some(group) = groups.get(row) {
            columns.insert("rlnOpticsGroup".to_owned(), (group + 1).to_string());
        }
        picks.push(Pick {
            micrograph: location.micrograph(&table, row),
            x,
            y,
            counted_on: location.shape(&table, row),
            score: score.filter(|s| s.is_finite()),
            columns,
            ..Pick::default()
        });
    }
    Ok(PickTable {
        path: path.to_owned(),
        kind: Format::CryosparcLocations,
        picks,
        pixel_size: location.pixel_size(&table),
        optics,
        ..PickTable::default()
    })
}

/// Whether `bytes`, the beginning of a file, are a NumPy header of a structured array.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let header = String::from_utf8_lossy(bytes.get(8..4096.min(bytes.len())).unwrap_or_default());
    bytes.starts_with(b"\x93NUMPY")
        && header
            .split_once("'descr'")
            .is_some_and(|(_, rest)| rest.trim_start_matches([':', ' ']).starts_with('['))
}

/// Whether the file names images, and whether positions.
pub(crate) fn contents(path: &Path) -> Result<(bool, bool)> {
    let table = Records::read(path)?;
    Ok((table.find("blob/path").is_some(), Location::find(&table).is_some()))
}

/// Which of several `.cs` files list the same particles: for each file to be read the further ones
/// that are joined to it. The first file with images is the one that is read, else the first with
/// positions, else the first.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn join_by_uid(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Vec<PathBuf>)>> {
    /// Files of one set of particles, each with its rank; the lowest is read.
    type Ranked = Vec<(u8, PathBuf)>;
    let mut groups: Vec<(std::collections::HashSet<u64>, Ranked)> = Vec::new();
    for path in paths {
        let table = Records::read(path)?;
        let rank = match (table.find("blob/path").is_some(), Location::find(&table).is_some()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        let uids: std::collections::HashSet<u64> = table.uids().into_iter().flatten().collect();
        let same = groups
            .iter_mut()
            .find(|(known, _)| !uids.is_empty() && (uids.is_subset(known) || known.is_subset(&uids)));
        match same {
            Some((known, files)) => {
                // The fewest particles are those that all files have.
                if uids.len() < known.len() {
                    *known = uids;
                }
                files.push((rank, path.clone()));
            }
            None => groups.push((uids, vec![(rank, path.clone())])),
        }
    }
    let settled = groups.into_iter().map(|(_, mut files)| {
        // Stable: files of the same rank stay in the order in which they were named.
        files.sort_by_key(|(rank, _)| *rank);
        let mut paths = files.into_iter().map(|(_, path)| path);
        (paths.next().unwrap_or_default(), paths.collect())
    });
    Ok(settled.collect())
}

/// Particles of a `.cs` file, to be written again as they are.
pub struct CsTable {
    records: Records,
}

impl CsTable {
    /// Reads the file; fields that it lacks come from `further` files that list the same particles.
    ///
    /// # Errors
    /// When a file cannot be read or has no record of a particle.
    pub fn open(path: &Path, further: &[PathBuf]) -> Result<Self> {
        Ok(Self { records: Records::joined(path, further)? })
    }

    /// The identifier of a particle, as [`PatchInfo::columns`] keeps it under `uid`.
    pub fn uid(&self, row: usize) -> Option<String> {
        let field = self.records.find("uid")?;
        (row < self.records.len).then(|| self.records.show(row, field)).flatten()
    }
}

/// Writes the chosen rows of tables into one `.cs` file, field by field as they are; `path` is the
/// name of `out` in error messages.
///
/// # Errors
/// When the tables have different fields, or the disk refuses.
pub fn write_records(out: impl Write, path: &Path, parts: &[(&CsTable, &[usize])]) -> Result<()> {
    let parts: Vec<(&Records, &[usize])> =
        parts.iter().map(|(table, rows)| (&table.records, *rows)).collect();
    super::cs_records::write(out, path, &parts)
}

/// Everything of a record that has no place of its own.
fn columns(table: &Records, row: usize) -> BTreeMap<String, String> {
    let fields = table.fields().iter().filter(|f| !OWN.contains(&f.name.as_str()));
    fields.filter_map(|f| table.show(row, f).map(|value| (f.name.clone(), value))).collect()
}

/// Fields of the micrographs of an exposure, the dose-weighted ones first.
const EXPOSURE: [&str; 2] = ["micrograph_blob", "micrograph_blob_non_dw"];

/// Whether the file lists exposures.
///
/// # Errors
/// When it is no cryoSPARC table.
pub(crate) fn has_exposures(path: &Path) -> Result<bool> {
    let table = Records::read(path)?;
    Ok(EXPOSURE.iter().any(|blob| table.find(&format!("{blob}/path")).is_some()))
}

/// Reads a list of exposures as micrographs.
///
/// # Errors
/// When it is no cryoSPARC table or names no micrographs.
pub(crate) fn exposures(path: &Path) -> Result<MicrographTable> {
    let table = Records::read(path)?;
    let blob = EXPOSURE.into_iter().find(|blob| table.find(&format!("{blob}/path")).is_some());
    let Some(blob) = blob else {
        return table.need(path, "micrograph_blob/path").map(|_| MicrographTable::default());
    };
    let file = table.need(path, &format!("{blob}/path"))?;
    let pixel = table.find(&format!("{blob}/psize_A"));
    let (optics, groups) = optics(&table);
    let entries = (0..table.len)
        .map(|row| {
            let name = project_path(&table.text(row, file)).to_owned();
            let pixel_size = pixel.and_then(|f| table.show(row, f)).and_then(|v| v.parse().ok());
            let mut columns = columns(&table, row);
            // Defocus and identity belong to the particles too, paths and shapes do not.
            columns.retain(|field, _| field.starts_with("ctf/") || field == "uid");
            if let Some(uid) = columns.remove("uid") {
                columns.insert("location/micrograph_uid".to_owned(), uid);
            }
            MicrographEntry {
                path: resolve(path, &name),
                name,
                pixel_size: pixel_size.filter(|size: &f64| size.is_finite() && *size > 0.0),
                optics: groups.get(row).map(|&group| group as usize),
                columns,
            }
        })
        .collect();
    Ok(MicrographTable { path: path.to_owned(), kind: "cryoSPARC exposures".to_owned(), entries, optics })
}

/// A path without cryoSPARC's mark for the project folder.
fn project_path(name: &str) -> &str {
    name.strip_prefix('>').unwrap_or(name)
}

/// Groups of particles that agree in exposure group, optics and pixel size.
fn optics(table: &Records) -> (Vec<OpticsGroup>, Vec<u32>) {
    let pixel = table.find("blob/psize_A");
    let number = ["ctf/exp_group_id", "location/exp_group_id"].iter().find_map(|name| table.find(name));
    let present: Vec<(&Field, &str)> =
        OPTICS.iter().filter_map(|(name, relion)| table.find(name).map(|f| (f, *relion))).collect();
    if pixel.is_none() && present.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut groups = Vec::new();
    let mut known: HashMap<Vec<String>, u32> = HashMap::new();
    let mut of_particle = Vec::with_capacity(table.len);
    for row in 0..table.len {
        let all = number.into_iter().chain(pixel).chain(present.iter().map(|(f, _)| *f));
        let key: Vec<String> = all.map(|f| table.show(row, f).unwrap_or_default()).collect();
        let group = *known.entry(key).or_insert_with(|| {
            let mut columns: BTreeMap<String, String> = present
                .iter()
                .filter_map(|(f, relion)| table.show(row, f).map(|v| ((*relion).to_owned(), v)))
                .collect();
            let pixel_size = pixel
                .and_then(|f| table.show(row, f))
                .and_then(|v| v.parse().ok())
                .filter(|p: &f64| p.is_finite() && *p > 0.0);
            let at = groups.len() as u32;
            columns.insert("rlnOpticsGroup".to_owned(), (at + 1).to_string());
            columns.insert("rlnOpticsGroupName".to_owned(), format!("opticsGroup{}", at + 1));
            groups.push(OpticsGroup { pixel_size, columns });
            at
        });
        of_particle.push(group);
    }
    (groups, of_particle)
}

/// The fields of a position.
struct Location {
    path: Field,
    shape: Field,
    x: Field,
    y: Field,
    pixel: Option<Field>,
}

impl Location {
    fn find(table: &Records) -> Option<Self> {
        Some(Self {
            path: table.find("location/micrograph_path")?.clone(),
            shape: table.find("location/micrograph_shape").filter(|f| f.count == 2)?.clone(),
            x: table.find("location/center_x_frac")?.clone(),
            y: table.find("location/center_y_frac")?.clone(),
            pixel: table.find("location/micrograph_psize_A").cloned(),
        })
    }

    fn micrograph(&self, table: &Records, row: usize) -> Option<String> {
        Some(project_path(&table.text(row, &self.path)).to_owned()).filter(|name| !name.is_empty())
    }

    /// Centre in px; the shape is (rows, columns).
    fn xy(&self, table: &Records, row: usize) -> Option<(f64, f64)> {
        let side = |at| table.element(row, &self.shape, at);
        Some((table.number(row, &self.x)? * side(1)?, table.number(row, &self.y)? * side(0)?))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    /// Columns and rows of the image that the fractions are of.
    fn shape(&self, table: &Records, row: usize) -> Option<(f64, f64)> {
        let side = |at| table.element(row, &self.shape, at).filter(|n| *n > 0.0);
        side(1).zip(side(0))
    }

    fn check(&self, path: &Path, table: &Records, row: usize) -> Result<()> {
        match self.xy(table, row) {
            Some(_) => Ok(()),
            None => Err(Error::format(
                path,
                format!("particle {} has no finite position in its location/* fields", row + 1),
                "export the particles again from cryoSPARC",
            )),
        }
    }

    /// Å per px of the micrographs, where all agree.
    fn pixel_size(&self, table: &Records) -> Option<f64> {
        let field = self.pixel.as_ref()?;
        let first: f64 = (table.len > 0).then(|| table.show(0, field)).flatten()?.parse().ok()?;
        let same = |row| table.show(row, field).and_then(|v| v.parse::<f64>().ok()) == Some(first);
        (first.is_finite() && first > 0.0 && (1..table.len).all(same)).then_some(first)
    }
}

/// Particles of a `.cs` file with the pixels in their stacks.
struct CsReader {
    table: Records,
    location: Option<Location>,
    groups: Vec<u32>,
    stacks: StackSet,
}

impl PatchReader for CsReader {
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
        PatchInfo {
            label: None,
            micrograph: self.location.as_ref().and_then(|l| l.micrograph(&self.table, index)),
            xy: self.location.as_ref().and_then(|l| l.xy(&self.table, index)),
            optics: self.groups.get(index).map(|&g| g as usize),
            pick_score: PICK_SCORES
                .iter()
                .find_map(|name| self.table.number(index, self.table.find(name)?))
                .filter(|score| score.is_finite()),
            columns: columns(&self.table, index),
        }
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        self.stacks.read(index, out)
    }
}
