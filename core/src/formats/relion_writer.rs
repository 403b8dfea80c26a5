//! Writes particle tables as RELION 3.1 does: a table of optics groups and one of particles with
//! coordinates, stack images, or both.
//!
//! A table has one set of columns for all rows. A column that some particles lack would have to
//! be filled with invented values, so it is left out, and the names of what was left out are given
//! back for the export's manifest.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::relion_columns::{LABEL, SCORE, number_in};
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

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Particles.
    pub rows: usize,
    /// Columns that not every particle or not every optics group had, and columns of other
    /// programs without a counterpart.
    pub left_out: Vec<String>,
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
    let mut left_out = census.unknown.clone();
    let keep: Vec<&String> = census
        .columns
        .iter()
        .filter(|(name, n)| {
            let known = options.flavour == Flavour::Relion31 || name.starts_with("rln");
            if **n < count || !known {
                left_out.push((*name).clone());
            }
            **n == count && known
        })
        .map(|(name, _)| name)
        .collect();
    let has = |n: usize, name: &str, left_out: &mut Vec<String>| {
        if n > 0 && n < count {
            left_out.push(name.to_owned());
        }
        n == count
    };
    let images = census.images == count;
    let micrographs = has(census.micrographs, "rlnMicrographName", &mut left_out);
    let positions = has(census.positions, "rlnCoordinateX, rlnCoordinateY", &mut left_out);
    let own = options.flavour == Flavour::Relion31;
    let labels = own && has(census.labels, LABEL, &mut left_out);
    let scores = own && has(census.scores, SCORE, &mut left_out);

    let mut star = StarWriter::new(out, path);
    write_optics(&mut star, optics, &census, images, options, &mut left_out)?;
    let mut columns: Vec<String> = Vec::new();
    columns.extend(micrographs.then(|| "rlnMicrographName".to_owned()));
    if positions {
        columns.extend(["rlnCoordinateX".to_owned(), "rlnCoordinateY".to_owned()]);
    }
    columns.extend(images.then(|| "rlnImageName".to_owned()));
    columns.push("rlnOpticsGroup".to_owned());
    columns.extend(labels.then(|| LABEL.to_owned()));
    columns.extend(scores.then(|| SCORE.to_owned()));
    columns.extend(keep.iter().map(|name| (*name).clone()));
    star.table("particles", &columns)?;
    for index in 0..count {
        let particle = particle(index)?;
        let translated = translate(&particle, optics).0;
        let Particle { info, score, image } = particle;
        let mut cells: Vec<String> = Vec::with_capacity(columns.len());
        if micrographs {
            cells.extend(info.micrograph);
        }
        if positions && let Some((x, y)) = info.xy {
            cells.extend([x.to_string(), y.to_string()]);
        }
        if images && let Some((stack, section)) = image {
            cells.push(format!("{:06}@{stack}", section + 1));
        }
        cells.push(group_number(&census.groups, info.optics).to_string());
        if labels && let Some(label) = info.label {
            cells.push(label.to_string());
        }
        if scores && let Some(score) = score {
            cells.push(score.to_string());
        }
        cells.extend(keep.iter().filter_map(|name| translated.get(*name).cloned()));
        star.row(cells.iter().map(String::as_str))?;
    }
    star.finish()?;
    left_out.sort();
    left_out.dedup();
    Ok(Written { rows: count, left_out })
}

/// Goes through all particles once.
fn take_census(
    path: &Path,
    optics: &[OpticsGroup],
    count: usize,
    particle: &mut dyn FnMut(usize) -> Result<Particle>,
) -> Result<Census> {
    let refuse = |problem: String, mend: &str| Err(Error::format(path, problem, mend));
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
    (columns, unknown)
}

/// Writes `data_optics`: the groups that occur, renumbered from 1.
fn write_optics<W: Write>(
    star: &mut StarWriter<W>,
    optics: &[OpticsGroup],
    census: &Census,
    images: bool,
    options: StarOptions,
    left_out: &mut Vec<String>,
) -> Result<()> {
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
            columns.entry("rlnImagePixelSize".to_owned()).or_insert_with(|| size.to_string());
        }
        if let Some(size) = options.micrograph_pixel_size {
            // Both names are in use: RELION 3.1 writes the second into particle tables.
            columns.insert("rlnMicrographPixelSize".to_owned(), size.to_string());
            columns.insert("rlnMicrographOriginalPixelSize".to_owned(), size.to_string());
        }
        if images {
            if let Some(size) = options.image_pixel_size {
                columns.insert("rlnImagePixelSize".to_owned(), size.to_string());
            }
            if let Some(size) = options.image_size {
                columns.insert("rlnImageSize".to_owned(), size.to_string());
            }
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
        if n == groups.len() { keep.push(name.clone()) } else { left_out.push(name.clone()) }
    }
    let mut header = vec!["rlnOpticsGroup".to_owned(), "rlnOpticsGroupName".to_owned()];
    header.extend(keep.iter().cloned());
    star.table("optics", &header)?;
    for (at, (name, columns)) in names.iter().zip(&groups).enumerate() {
        let number = (at + 1).to_string();
        let rest = keep.iter().filter_map(|c| columns.get(c)).map(String::as_str);
        star.row([number.as_str(), name.as_str()].into_iter().chain(rest))?;
    }
    Ok(())
}
