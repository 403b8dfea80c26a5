//! Writes particle tables as RELION 3.1 does: a table of optics groups and one of particles with
//! coordinates, stack images, or both.
//!
//! A table has one set of columns for all rows. A column that some particles lack would have to
//! be filled with invented values, so it is left out, and the names of what was left out are given
//! back for the export's manifest. Only where RELION itself marks a value that was not given (the
//! figure of merit, class and angle of a picker) the mark is written.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::numbers::decimal;
use super::relion_columns::{LABEL, MARKED, NOT_GIVEN, SCORE, number_in};
use super::star::StarWriter;
use super::{OpticsGroup, PatchInfo};
use crate::error::{Error, Result};

/// For whom the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// RELION 3.1 and later, with `vitrineLabel` and `vitrineScore` where known; RELION keeps
    /// columns it does not know.
    #[default]
    Relion31,
    /// cryoSPARC's *Import Particles*: the same table without columns cryoSPARC does not know.
    CryoSparc,
}

/// One particle to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Particle {
    /// Label, position, optics group (an index into the table given to [`write_star`]) and columns.
    pub info: PatchInfo,
    /// Score of a run.
    pub score: Option<f64>,
    /// Stack as it is to be named in the table, and section from 0.
    pub image: Option<(String, usize)>,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StarOptions {
    /// For whom.
    pub flavour: Flavour,
    /// Å per px of the stack written beside the table; replaces what the optics groups say.
    pub image_pixel_size: Option<f64>,
    /// Side of the images of that stack, px.
    pub image_size: Option<usize>,
    /// Å per px of the micrographs; replaces what the optics groups say.
    pub micrograph_pixel_size: Option<f64>,
}

/// Why a column is left out of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// So many particles have no value for it.
    Particles(usize),
    /// So many optics groups have no value for it.
    OpticsGroups(usize),
    /// The table's reader knows no such column.
    NoCounterpart,
}

/// A column that is left out of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DroppedColumn {
    /// Name of the column.
    pub column: String,
    /// Why it is left out.
    pub reason: DropReason,
}

/// What was written, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Particles.
    pub rows: usize,
    /// Columns that not every particle or not every optics group had, and columns of other
    /// programs without a counterpart; by name, each once.
    pub left_out: Vec<DroppedColumn>,
}

/// How often something occurs among the particles.
#[derive(Default)]
struct Census {
    columns: BTreeMap<String, usize>,
    unknown: Vec<String>,
    micrographs: usize,
    positions: usize,
    images: usize,
    labels: usize,
    scores: usize,
    /// Number of every optics group in the new table, from 1; groups in order of appearance.
    groups: Vec<Option<usize>>,
}

/// The columns of a table, settled from all particles before the first is written.
struct Layout {
    images: bool,
    micrographs: bool,
    positions: bool,
    labels: bool,
    scores: bool,
    keep: Vec<String>,
    optics: Optics,
    left_out: Vec<DroppedColumn>,
}

/// The optics table: names and cells of the groups that occur, renumbered from 1.
struct Optics {
    names: Vec<String>,
    groups: Vec<BTreeMap<String, String>>,
    keep: Vec<String>,
}

impl Layout {
    fn of(census: &Census, optics: &[OpticsGroup], count: usize, options: StarOptions) -> Self {
        let own = options.flavour == Flavour::Relion31;
        let mut left_out: Vec<DroppedColumn> = census
            .unknown
            .iter()
            .map(|column| DroppedColumn { column: column.clone(), reason: DropReason::NoCounterpart })
            .collect();
        let mut keep = Vec::new();
        for (name, &n) in &census.columns {
            let reason = if !own && !name.starts_with("rln") {
                DropReason::NoCounterpart
            } else if n < count && !(own && MARKED.contains(&name.as_str())) {
                DropReason::Particles(count - n)
            } else {
                keep.push(name.clone());
                continue;
            };
            left_out.push(DroppedColumn { column: name.clone(), reason });
        }
        let mut all = |n: usize, names: &[&str]| {
            if n > 0 && n < count {
                let reason = DropReason::Particles(count - n);
                left_out
                    .extend(names.iter().map(|name| DroppedColumn { column: (*name).to_owned(), reason }));
            }
            n == count
        };
        let images = census.images == count;
        let micrographs = all(census.micrographs, &["rlnMicrographName"]);
        let positions = all(census.positions, &["rlnCoordinateX", "rlnCoordinateY"]);
        let labels = own && all(census.labels, &[LABEL]);
        let scores = own && all(census.scores, &[SCORE]);
        let optics = Optics::of(census, optics, images, options, &mut left_out);
        left_out.sort();
        left_out.dedup_by(|a, b| a.column == b.column);
        Self { images, micrographs, positions, labels, scores, keep, optics, left_out }
    }

    fn columns(&self) -> Vec<String> {
        let mut columns: Vec<&str> = Vec::new();
        columns.extend(self.micrographs.then_some("rlnMicrographName"));
        if self.positions {
            columns.extend(["rlnCoordinateX", "rlnCoordinateY"]);
        }
        columns.extend(self.images.then_some("rlnImageName"));
        columns.push("rlnOpticsGroup");
        columns.extend(self.labels.then_some(LABEL));
        columns.extend(self.scores.then_some(SCORE));
        columns.into_iter().map(str::to_owned).chain(self.keep.iter().cloned()).collect()
    }
}

/// What [`write_star`] would write, without writing: how many rows, and what is left out.
///
/// # Errors
/// As [`write_star`], the disk aside.
pub fn survey(
    path: &Path,
    optics: &[OpticsGroup],
    count: usize,
    particle: &mut dyn FnMut(usize) -> Result<Particle>,
    options: StarOptions,
) -> Result<Written> {
    let census = take_census(path, optics, count, particle)?;
    Ok(Written { rows: count, left_out: Layout::of(&census, optics, count, options).left_out })
}

/// Writes `count` particles to `out`, called `path` in error messages. `particle` gives them by
/// index and is asked for each twice: once to see which columns all have, once to write.
///
/// # Errors
/// When there are no particles, some have neither image nor position, only some have an image, an
/// optics group does not exist, a value cannot stand in a STAR file, or the disk refuses.
pub fn write_star<W: Write>(
    out: W,
    path: &Path,
    optics: &[OpticsGroup],
    count: usize,
    particle: &mut dyn FnMut(usize) -> Result<Particle>,
    options: StarOptions,
) -> Result<Written> {
    let census = take_census(path, optics, count, particle)?;
    let layout = Layout::of(&census, optics, count, options);
    let mut star = StarWriter::new(out, path);
    write_optics(&mut star, &layout.optics)?;
    let columns = layout.columns();
    star.table("particles", &columns)?;
    for index in 0..count {
        let particle = particle(index)?;
        let translated = translate(&particle, optics).0;
        let Particle { info, score, image } = particle;
        let mut cells: Vec<String> = Vec::with_capacity(columns.len());
        if layout.micrographs {
            cells.extend(info.micrograph);
        }
        if layout.positions
            && let Some((x, y)) = info.xy
        {
            cells.extend([x.to_string(), y.to_string()]);
        }
        if layout.images
            && let Some((stack, section)) = image
        {
            cells.push(format!("{:06}@{stack}", section + 1));
        }
        cells.push(group_number(&census.groups, info.optics).to_string());
        if layout.labels
            && let Some(label) = info.label
        {
            cells.push(label.to_string());
        }
        if layout.scores
            && let Some(score) = score
        {
            cells.push(score.to_string());
        }
        let kept = |name| translated.get(name).cloned().unwrap_or_else(|| NOT_GIVEN.to_owned());
        cells.extend(layout.keep.iter().map(kept));
        star.row(cells.iter().map(String::as_str))?;
    }
    star.finish()?;
    Ok(Written { rows: count, left_out: layout.left_out })
}

/// Goes through all particles once.
fn take_census(
    path: &Path,
    optics: &[OpticsGroup],
    count: usize,
    particle: &mut dyn FnMut(usize) -> Result<Particle>,
) -> Result<Census> {
    let refuse = |problem: String, remedy: &str| Err(Error::format(path, problem, remedy));
    if count == 0 {
        return refuse(
            "there are no particles to write".into(),
            "choose a label or threshold that selects some",
        );
    }
    let mut census = Census::default();
    for index in 0..count {
        let particle = particle(index)?;
        let (translated, unknown) = translate(&particle, optics);
        let Particle { info, score, image } = particle;
        if image.is_none() && (info.micrograph.is_none() || info.xy.is_none()) {
            return refuse(
                format!("particle {} has neither an image nor a position on a named micrograph", index + 1),
                "export the pixels too, or another format (NPZ, MRCS, PNG)",
            );
        }
        if let Some((x, y)) = info.xy
            && !(x.is_finite() && y.is_finite())
        {
            return refuse(format!("particle {} has no finite position", index + 1), "leave it out");
        }
        if info.optics.is_some_and(|g| g >= optics.len()) {
            return refuse(
                format!("particle {} belongs to an optics group that is not there", index + 1),
                "give the optics groups of its source",
            );
        }
        for name in translated.into_keys() {
            *census.columns.entry(name).or_default() += 1;
        }
        for name in unknown {
            if !census.unknown.contains(&name) {
                census.unknown.push(name);
            }
        }
        census.micrographs += usize::from(info.micrograph.is_some());
        census.positions += usize::from(info.xy.is_some());
        census.images += usize::from(image.is_some());
        census.labels += usize::from(info.label.is_some());
        census.scores += usize::from(score.is_some_and(f64::is_finite));
        if !census.groups.contains(&info.optics) {
            census.groups.push(info.optics);
        }
    }
    if census.images > 0 && census.images < count {
        return refuse(
            format!("{} of {count} particles have no image", count - census.images),
            "write all particles of a table with images, or none",
        );
    }
    Ok(census)
}

/// Number of a group in the new table, from 1.
fn group_number(groups: &[Option<usize>], group: Option<usize>) -> usize {
    groups.iter().position(|g| *g == group).map_or(1, |at| at + 1)
}

/// Columns of a particle under RELION's names, and the names of those without a counterpart.
/// Columns that the writer fills itself are not among them.
fn translate(particle: &Particle, optics: &[OpticsGroup]) -> (BTreeMap<String, String>, Vec<String>) {
    let source = &particle.info.columns;
    let mut columns = BTreeMap::new();
    let mut unknown = Vec::new();
    // cryoSPARC counts angles in radians.
    let radians = |value: &str| value.parse::<f64>().ok().map(|v| v.to_degrees().to_string());
    // RELION 3.0 counts shifts in px of the images, 3.1 in Å.
    let pixel = particle
        .info
        .optics
        .and_then(|g| optics.get(g))
        .and_then(|g| g.pixel_size.or_else(|| number_in(&g.columns, "rlnImagePixelSize")));
    let shift = |value: &str| value.parse::<f64>().ok().zip(pixel).map(|(v, p)| (v * p).to_string());
    for (name, value) in source {
        let (new, value) = match name.as_str() {
            "rlnImageName" if particle.image.is_some() => continue,
            // Together they are an image name, which comes below.
            "blob/path" | "blob/idx" => continue,
            LABEL | SCORE | "rlnMicrographName" | "rlnCoordinateX" | "rlnCoordinateY" | "rlnOpticsGroup" => {
                continue;
            }
            "ctf/df1_A" => ("rlnDefocusU", Some(value.clone())),
            "ctf/df2_A" => ("rlnDefocusV", Some(value.clone())),
            "ctf/df_angle_rad" => ("rlnDefocusAngle", radians(value)),
            "ctf/phase_shift_rad" => ("rlnPhaseShift", radians(value)),
            "rlnOriginX" => ("rlnOriginXAngst", shift(value)),
            "rlnOriginY" => ("rlnOriginYAngst", shift(value)),
            other if other.contains('/') || other.contains(char::is_whitespace) => (other, None),
            other => (other, Some(value.clone())),
        };
        match value {
            // A column under its own name wins over a translated one.
            Some(value) if new == name => {
                columns.insert(new.to_owned(), value);
            }
            Some(value) => {
                columns.entry(new.to_owned()).or_insert(value);
            }
            None => unknown.push(name.clone()),
        }
    }
    if particle.image.is_none()
        && let Some(image) = cryosparc_image(source)
    {
        columns.entry("rlnImageName".to_owned()).or_insert(image);
    }
    (columns, unknown)
}

/// The image of a cryoSPARC particle as RELION names it: sections count from 1, and the mark `>`
/// for the project folder goes.
fn cryosparc_image(columns: &BTreeMap<String, String>) -> Option<String> {
    let stack = columns.get("blob/path")?.trim_start_matches('>');
    let section = columns.get("blob/idx")?.parse::<u64>().ok()?.checked_add(1)?;
    (!stack.is_empty()).then(|| format!("{section:06}@{stack}"))
}

impl Optics {
    fn of(
        census: &Census,
        optics: &[OpticsGroup],
        images: bool,
        options: StarOptions,
        left_out: &mut Vec<DroppedColumn>,
    ) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut groups: Vec<BTreeMap<String, String>> = Vec::new();
        for (at, group) in census.groups.iter().enumerate() {
            let known = group.and_then(|g| optics.get(g));
            let mut columns = known.map(|g| g.columns.clone()).unwrap_or_default();
            columns.remove("rlnOpticsGroup");
            let mut name =
                columns.remove("rlnOpticsGroupName").unwrap_or_else(|| format!("opticsGroup{}", at + 1));
            // RELION tells groups apart by name when it joins tables.
            while names.contains(&name) {
                name = format!("{name}_{}", at + 1);
            }
            names.push(name);
            if let Some(size) = known.and_then(|g| g.pixel_size) {
                columns.entry("rlnImagePixelSize".to_owned()).or_insert_with(|| decimal(size));
            }
            if let Some(size) = options.micrograph_pixel_size {
                columns.insert("rlnMicrographPixelSize".to_owned(), decimal(size));
            }
            if images && let Some(size) = options.image_pixel_size {
                columns.insert("rlnImagePixelSize".to_owned(), decimal(size));
            }
            // Images of the source keep their own size; the option knows those of the new stack.
            if let Some(size) = options.image_size {
                columns.insert("rlnImageSize".to_owned(), size.to_string());
            }
            if images || options.image_size.is_some() {
                columns.insert("rlnImageDimensionality".to_owned(), "2".to_owned());
            }
            groups.push(columns);
        }
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for name in groups.iter().flat_map(BTreeMap::keys) {
            *counts.entry(name).or_default() += 1;
        }
        let mut keep = Vec::new();
        for (name, n) in counts {
            if n == groups.len() {
                keep.push(name.clone());
            } else {
                let reason = DropReason::OpticsGroups(groups.len() - n);
                left_out.push(DroppedColumn { column: name.clone(), reason });
            }
        }
        Self { names, groups, keep }
    }
}

/// Writes `data_optics`.
fn write_optics<W: Write>(star: &mut StarWriter<W>, optics: &Optics) -> Result<()> {
    let mut header = vec!["rlnOpticsGroup".to_owned(), "rlnOpticsGroupName".to_owned()];
    header.extend(optics.keep.iter().cloned());
    star.table("optics", &header)?;
    for (at, (name, columns)) in optics.names.iter().zip(&optics.groups).enumerate() {
        let number = (at + 1).to_string();
        let rest = optics.keep.iter().filter_map(|c| columns.get(c)).map(String::as_str);
        star.row([number.as_str(), name.as_str()].into_iter().chain(rest))?;
    }
    Ok(())
}
