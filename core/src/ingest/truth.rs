//! True labels of a benchmark, for evaluation only: they never enter training, the choice of a
//! model, or the project.
//!
//! Two layouts are read: **centres** of the true particles, as any table of picks (a column
//! `particle` with 0, or the label negative, marks places that are none), compared with the places
//! of patches; and **NPZ** arrays of 0 and 1, one value a patch. The array's name says which
//! patches: `unlabeled_is_particle`, `unlabeled_is_positive` and the like are for those imported
//! with that label, in the order of import; `is_particle`, `is_positive` and `truth` for all.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use npyz::NpyFile;

use crate::error::{Error, Result};
use crate::formats::detect;
use crate::formats::micrograph::{Match, Names, first_bytes};
use crate::label::Label;
use crate::project::{EntryId, EntryKind, Project};

/// Endings of array names that say "1 means particle".
const ENDINGS: [&str; 2] = ["is_particle", "is_positive"];
/// Journal entries read at a time.
const PAGE: usize = 1000;
/// More brackets than this no header of a plain array has; the parser would go as deep as they do.
const BRACKETS: usize = 12;

/// Whether each patch of the project is a particle, in the order of ids; `None` where the truth
/// does not say. With centres a patch is one when its own centre lies within `radius` px (of the
/// unbinned micrograph) of a true one, and nothing is said of micrographs without any.
///
/// # Errors
/// When the file cannot be read, is neither of the two layouts, does not fit the patches, or
/// centres are given without a radius.
pub fn read(project: &Project, path: &Path, radius: Option<f64>) -> Result<Vec<Option<bool>>> {
    let zip = path.is_file() && first_bytes(path, 4)?.starts_with(b"PK\x03\x04");
    let truth = if zip { from_arrays(project, path)? } else { from_centres(project, path, radius)? };
    if truth.iter().all(Option::is_none) {
        return Err(Error::format(
            path,
            "it says nothing of any patch of this project",
            "give the truth that belongs to these micrographs or patches",
        ));
    }
    Ok(truth)
}

fn from_centres(project: &Project, path: &Path, radius: Option<f64>) -> Result<Vec<Option<bool>>> {
    let radius = radius.filter(|r| r.is_finite() && *r > 0.0).ok_or_else(|| {
        Error::request(
            "true centres are compared with patches within a radius, and none was given",
            "give the radius, px of the unbinned micrograph: half the particle is usual",
        )
    })?;
    let table = detect::open_picks(path)?;
    let micrographs = project.micrographs()?;
    let known: Vec<&str> = micrographs.iter().map(|m| m.name.as_str()).collect();
    let names = Names::new(&known);
    let of_file = table.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut found: HashMap<&str, Option<usize>> = HashMap::new();
    let mut centres: HashMap<usize, Vec<(f64, f64)>> = HashMap::new();
    for pick in &table.picks {
        let name = pick.micrograph.as_deref().unwrap_or(&of_file);
        let at = *found.entry(name).or_insert_with(|| match names.find(name) {
            Match::Found(at) => Some(at),
            Match::Nothing | Match::Ambiguous(_) => None,
        });
        let Some(at) = at else { continue };
        let list = centres.entry(at).or_default();
        let none = pick.label == Some(Label::Negative)
            || pick.columns.get("particle").is_some_and(|v| v.trim().parse::<f64>().is_ok_and(|v| v == 0.0));
        if !none {
            list.push((pick.x, pick.y));
        }
    }
    let at: HashMap<_, usize> = micrographs.iter().enumerate().map(|(at, m)| (m.id, at)).collect();
    let places = project.places()?;
    Ok(places
        .iter()
        .map(|place| {
            let (x, y) = place.xy?;
            let centres = centres.get(at.get(&place.micrograph?)?)?;
            Some(centres.iter().any(|c| (c.0 - x).hypot(c.1 - y) <= radius))
        })
        .collect())
}

/// The label every patch had when it was imported.
///
/// # Errors
/// When the journal cannot be read.
pub fn imported_labels(project: &Project) -> Result<Vec<Label>> {
    let mut labels = vec![Label::Unlabeled; project.len()];
    let mut after = EntryId(0);
    loop {
        let page = project.journal(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(labels) };
        after = last.id;
        // What an import had brought goes when it is taken back, and others get its numbers.
        let brought = |kind| matches!(kind, EntryKind::Import | EntryKind::TakeBack);
        for entry in page.iter().filter(|e| brought(e.kind)) {
            for change in project.journal_changes(entry.id)? {
                if let Some(label) = labels.get_mut(change.patch as usize) {
                    *label = change.after;
                }
            }
        }
    }
}

fn from_arrays(project: &Project, path: &Path) -> Result<Vec<Option<bool>>> {
    let damaged = |e: &dyn std::fmt::Display| {
        Error::format(path, format!("the zip file cannot be read: {e}"), "copy the file again")
    };
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let mut zip = zip::ZipArchive::new(file).map_err(|e| damaged(&e))?;
    let mut members: Vec<(usize, String)> = Vec::new();
    for at in 0..zip.len() {
        let member = zip.by_index(at).map_err(|e| damaged(&e))?;
        let Ok(name) = member.name() else { continue };
        if let Some(name) = name.strip_suffix(".npy") {
            members.push((at, name.to_owned()));
        }
    }
    let imported = imported_labels(project)?;
    let mut truth = vec![None; project.len()];
    let mut used = false;
    for (at, name) in &members {
        let Some(label) = meant(name) else { continue };
        let mut bytes = Vec::new();
        // Eight bytes a patch and a header: more belongs to other patches.
        let limit = (project.len() as u64).saturating_mul(8).saturating_add(1 << 16);
        let member = zip.by_index(*at).map_err(|e| damaged(&e))?;
        member.take(limit + 1).read_to_end(&mut bytes).map_err(|e| damaged(&e))?;
        let wrong = |problem: String| {
            Error::format(
                path,
                format!("the array {name} {problem}"),
                "give one 0 or 1 for every patch it is meant for, in the order of import",
            )
        };
        if bytes.len() as u64 > limit {
            return Err(wrong(format!("is longer than the {} patches of the project", project.len())));
        }
        let values = flags(&bytes).map_err(wrong)?;
        let ids = patches_for(project, &imported, label, values.len())?.ok_or_else(|| {
            let of = label.map_or(String::new(), |l| format!("{l} "));
            wrong(format!("has {} values, and no source has so many {of}patches", values.len()))
        })?;
        for (id, value) in ids.into_iter().zip(values) {
            if let Some(slot) = truth.get_mut(id) {
                *slot = Some(value);
            }
        }
        used = true;
    }
    if !used {
        let names: Vec<&str> = members.iter().take(12).map(|(_, n)| n.as_str()).collect();
        return Err(Error::format(
            path,
            format!("it has no array of true labels; it holds {}", names.join(", ")),
            "name the array unlabeled_is_particle, or is_particle for all patches",
        ));
    }
    Ok(truth)
}

/// What an array's name says: `None` when it is no truth, else the label of the patches it is for,
/// or all.
fn meant(name: &str) -> Option<Option<Label>> {
    if name == "truth" || ENDINGS.contains(&name) {
        return Some(None);
    }
    let prefix = ENDINGS.iter().find_map(|end| name.strip_suffix(end)?.strip_suffix('_'))?;
    prefix.parse::<Label>().ok().map(Some)
}

/// Ids of `count` patches imported with `label`: those of the whole project, or of the one source
/// that has so many.
fn patches_for(
    project: &Project,
    imported: &[Label],
    label: Option<Label>,
    count: usize,
) -> Result<Option<Vec<usize>>> {
    let of = |range: std::ops::Range<usize>| -> Vec<usize> {
        range.filter(|&id| label.is_none() || imported.get(id).copied() == label).collect()
    };
    let all = of(0..imported.len());
    if all.len() == count {
        return Ok(Some(all));
    }
    let sources = project.sources()?;
    let mut fitting = sources
        .iter()
        .map(|s| of(s.first as usize..(s.first as usize).saturating_add(s.count)))
        .filter(|ids| ids.len() == count);
    let first = fitting.next();
    if first.is_some() && fitting.next().is_some() {
        return Err(Error::request(
            format!(
                "several sources of the project have {count} such patches, so it is open which the truth is for"
            ),
            "import them into projects of their own",
        ));
    }
    Ok(first)
}

/// The values of a one-dimensional array of 0 and 1, of whatever number type. The error is a
/// predicate.
fn flags(bytes: &[u8]) -> Result<Vec<bool>, String> {
    let header = bytes.get(..bytes.len().min(1 << 12)).unwrap_or_default();
    let header = header.split(|&b| b == b'\n').next().unwrap_or_default();
    if header.iter().filter(|b| b"([{".contains(b)).count() > BRACKETS {
        return Err("has a header that is none of a plain array".to_owned());
    }
    let broken = |e: std::io::Error| format!("cannot be read ({e})");
    let array = NpyFile::new(bytes).map_err(broken)?;
    let [count] = array.shape() else {
        return Err(format!("has {} dimensions, not one", array.shape().len()));
    };
    if *count > bytes.len() as u64 {
        return Err("is shorter than its header declares".to_owned());
    }
    macro_rules! read_as {
        ($array:ident, $($type:ty),+) => {
            $(let $array = match $array.try_data::<$type>() {
                Ok(values) => {
                    return values
                        .map(|value| {
                            let value = f64::from(value.map_err(broken)?);
                            if value == 0.0 { Ok(false) } else if value == 1.0 { Ok(true) } else {
                                Err(format!("holds {value}, neither 0 nor 1"))
                            }
                        })
                        .collect();
                }
                Err(array) => array,
            };)+
        };
    }
    let array = match array.try_data::<bool>() {
        Ok(values) => return values.map(|value| value.map_err(broken)).collect(),
        Err(array) => array,
    };
    // Eight-byte integers of 0 and 1 are read as such and narrowed.
    let array = match array.try_data::<i64>() {
        Ok(values) => {
            return values
                .map(|value| match value.map_err(broken)? {
                    0 => Ok(false),
                    1 => Ok(true),
                    other => Err(format!("holds {other}, neither 0 nor 1")),
                })
                .collect();
        }
        Err(array) => array,
    };
    read_as!(array, u8, i8, u16, i16, u32, i32, f32, f64);
    Err(format!("is of the type {}, no number", array.dtype().descr()))
}
