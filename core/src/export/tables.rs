//! Exports as plain tables: CSV, and EMAN box files.

use std::collections::HashMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::job::{Job, Phase};
use super::originals::without_endings;
use super::rows::{pick_score, used_sources};
use super::staging::Staging;
use crate::error::{Error, Result};
use crate::formats::{Pick, eman_box};
use crate::project::{MicrographId, SourceId};

/// The columns of a CSV export. A cell is empty where nothing is known.
const HEADER: [&str; 7] = ["id", "micrograph", "x", "y", "label", "score", "source"];

/// Writes one row per patch, in the order of the selection.
pub(super) fn write_csv(job: &mut Job<'_>, staging: &Staging, target: &Path) -> Result<()> {
    let refused = |e: csv::Error| Error::io("write", target, std::io::Error::other(e));
    let mut table = csv::Writer::from_writer(staging.create(target)?);
    table.write_record(HEADER).map_err(refused)?;
    let selection = job.selection;
    for (at, (&id, &label)) in selection.ids.iter().zip(&selection.labels).enumerate() {
        let row = job.rows.get(id)?;
        let (place, picked) = (row.place, pick_score(row));
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let xy = job.frame.xy(&place);
        // Without a run the score is the picker's.
        let score = if selection.run.is_some() { selection.score(at) } else { picked };
        let row = [
            &id.to_string(),
            job.frame.name(place.micrograph).unwrap_or_default(),
            &number(xy.map(|xy| xy.0)),
            &number(xy.map(|xy| xy.1)),
            label.as_str(),
            &number(score),
            job.rows.source(place.source),
        ];
        table.write_record(row).map_err(refused)?;
        job.tick(Phase::Table, at + 1)?;
    }
    table.flush().map_err(|e| Error::io("write", target, e))
}

/// Writes one box file per micrograph into a folder.
pub(super) fn write_boxes(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let out = &job.request.out;
    let folder = staging.path(out);
    fs::create_dir(&folder).map_err(|e| Error::io("create", &folder, e))?;
    let mut boxes: HashMap<SourceId, f64> = HashMap::new();
    let mut guessed = 0;
    for source in used_sources(job.project, &job.selection.ids)? {
        let info = &source.info;
        let bin = info.bin.or_else(|| Some(info.pixel_size? / info.micrograph_pixel_size?));
        let side = info.box_size.unwrap_or_else(|| {
            guessed += usize::from(bin.is_none());
            job.size as f64 * bin.unwrap_or(1.0)
        });
        boxes.insert(source.id, side);
    }
    let mut uneven: Vec<f64> =
        boxes.values().copied().filter(|&side| eman_box::whole_side(side) != side).collect();
    uneven.sort_by(f64::total_cmp);
    uneven.dedup();
    for side in uneven {
        job.warnings.push(format!(
            "boxes of {side} px are written as {} px around the same centre: box files hold whole numbers, and \
             RELION and EMAN work with even boxes",
            eman_box::whole_side(side)
        ).into());
    }
    if guessed > 0 {
        job.warnings.push(format!(
            "{guessed} sources do not say how large their boxes are on the micrograph; the side of a patch, {} px, \
             is written",
            job.size
        ).into());
    }
    let places = job.project.places()?;
    let selection = job.selection;
    // By micrograph, then by box size, which an EMAN row gives; ids stay in order within.
    let mut order: Vec<(MicrographId, f64, usize)> = Vec::with_capacity(selection.ids.len());
    for (at, &id) in selection.ids.iter().enumerate() {
        if let Some(place) = places.get(id as usize)
            && let Some(micrograph) = place.micrograph
        {
            order.push((micrograph, boxes.get(&place.source).copied().unwrap_or(job.size as f64), at));
        }
    }
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut written: HashMap<String, String> = HashMap::new();
    let mut done = 0;
    for of_micrograph in order.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(micrograph, ..)) = of_micrograph.first() else { continue };
        let name = job.frame.name(Some(micrograph)).unwrap_or_default().to_owned();
        let file_name = format!("{}.box", file_stem(&name)?);
        if let Some(other) = written.insert(file_name.to_lowercase(), name.clone()) {
            return Err(Error::request(
                format!("the micrographs {other} and {name} would both be written as {file_name}"),
                "export as relion-star or csv, which keep whole names",
            ));
        }
        let path = folder.join(&file_name);
        let file = fs::File::create_new(&path).map_err(|e| Error::io("create", &path, e))?;
        let mut file = BufWriter::new(file);
        for of_size in of_micrograph.chunk_by(|a, b| a.1 == b.1) {
            let Some(&(_, side, _)) = of_size.first() else { continue };
            let picks: Vec<Pick> = of_size
                .iter()
                .filter_map(|&(_, _, at)| {
                    let id = *selection.ids.get(at)?;
                    let (x, y) = job.frame.xy(places.get(id as usize)?)?;
                    Some(Pick {
                        x,
                        y,
                        box_size: Some(side),
                        score: selection.score(at),
                        label: selection.labels.get(at).copied(),
                        ..Pick::default()
                    })
                })
                .collect();
            eman_box::write(&mut file, &path, &picks, side)?;
        }
        file.flush().map_err(|e| Error::io("write", &path, e))?;
        done += of_micrograph.len();
        job.tick(Phase::Table, done)?;
    }
    Ok(())
}

/// Name of a micrograph without folders and ending.
fn file_stem(name: &str) -> Result<&str> {
    let stem = without_endings(name.rsplit(['/', '\\']).next().unwrap_or(name));
    if stem.is_empty() || stem.starts_with('.') {
        return Err(Error::request(
            format!("the micrograph '{name}' gives no file name"),
            "export as relion-star or csv, which keep whole names",
        ));
    }
    Ok(stem)
}
