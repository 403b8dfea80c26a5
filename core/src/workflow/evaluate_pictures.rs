//! The pictures of a report on picks: micrographs with hits, misses and false picks drawn in, and places.

use std::collections::HashMap;
use std::path::Path;

use super::evaluate::{Evaluated, Input};
use crate::error::Result;
use crate::formats::micrograph;
use crate::grayscale::to_grayscale;
use crate::image::Image;
use crate::imaging::bin;
use crate::imaging::filters::gaussian_blur;
use crate::picking::evaluate::{Evaluation, hits};
use crate::progress::{ProgressSink, report};
use crate::report::PatchPicture;
use crate::report::picks::{MarkKind, MarkedMicrograph, PicksReport, write};
use crate::report::picture::grey_png;

/// Longest side of a micrograph's picture, px.
const LONGEST: usize = 1100;
/// Places in a montage.
const PLACES: usize = 48;
/// Places beside each other.
const COLUMNS: usize = 12;
/// Side of the picture of a place, px.
const SIDE: usize = 64;
/// Side of a place on the micrograph in diameters.
const DIAMETERS: f64 = 1.8;
/// The blur of pictures in diameters: noise of single pixels goes, a particle's edge stays.
const BLUR: f64 = 0.03;

/// A place to be pictured.
#[derive(Debug, Clone, Copy)]
struct Place {
    micrograph: usize,
    xy: (f64, f64),
    score: f64,
}

/// Kind and position of everything there is to draw on one micrograph.
type Marks = Vec<(MarkKind, (f64, f64), f64)>;

/// Writes the HTML report of an evaluation, with pictures where the micrographs were named.
///
/// # Errors
/// When a micrograph cannot be read, drawing fails, the disk refuses, or [`crate::Error::Cancelled`].
pub fn write_report(done: &Evaluated, path: &Path, progress: ProgressSink<'_>) -> Result<()> {
    let Evaluated { evaluation, notes, input } = done;
    let mut notes = notes.clone();
    let (micrographs, places) = pictures(evaluation, input, progress)?;
    if input.files.iter().all(Option::is_none) {
        notes.push("there are no pictures, for the micrographs were not named".to_owned());
    }
    let names: Vec<&str> = evaluation.sets.iter().map(|set| set.name.as_str()).collect();
    let report = PicksReport {
        title: format!("Picks judged: {}", names.join(", ")),
        made: format!(
            "Vitrine {}, {}",
            env!("CARGO_PKG_VERSION"),
            jiff::Zoned::now().strftime("%Y-%m-%d %H:%M")
        ),
        notes,
        evaluation,
        micrographs,
        places,
    };
    write(&report, path)
}

/// What a picker's accepted picks are, and what they missed, by micrograph.
fn marks_of(evaluation: &Evaluation, input: &Input, set: usize) -> Vec<Marks> {
    let picks = &input.sets[set];
    let threshold = evaluation.sets[set].shown_threshold;
    let radius = evaluation.diameter / 2.0;
    let matched = hits(picks, &input.centres, radius);
    picks
        .micrographs
        .iter()
        .zip(matched)
        .zip(&input.centres)
        .map(|((here, hits), centres)| {
            let mut found = vec![false; centres.len()];
            let mut marks = Marks::new();
            for (at, (&place, hit)) in here.places.iter().zip(hits).enumerate() {
                let score = here.scores.get(at).copied().unwrap_or(0.0);
                if threshold.is_some_and(|least| score < least) {
                    continue;
                }
                if let Some(hit) = hit {
                    found[hit.centre] = true;
                }
                let kind = if hit.is_some() { MarkKind::Hit } else { MarkKind::False };
                marks.push((kind, place, score));
            }
            let missed = centres.iter().zip(found).filter(|(_, found)| !found);
            marks.extend(missed.map(|(&centre, _)| (MarkKind::Miss, centre, 0.0)));
            marks
        })
        .collect()
}

/// The micrographs with the best, the middle and the worst F1 of a picker that have a picture.
fn chosen(evaluation: &Evaluation, input: &Input, set: usize) -> Vec<(usize, &'static str)> {
    let mut ranked: Vec<(f64, usize)> = evaluation.sets[set]
        .micrographs
        .iter()
        .enumerate()
        .filter(|(at, _)| input.files[*at].is_some())
        .filter_map(|(at, here)| Some((here.f1?, at)))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    match ranked.as_slice() {
        [] => Vec::new(),
        [(_, only)] => vec![(*only, "the only one judged")],
        [(_, best), (_, worst)] => vec![(*best, "the better F1"), (*worst, "the worse F1")],
        [(_, best), middle @ .., (_, worst)] => {
            vec![
                (*best, "the best F1"),
                (middle[middle.len() / 2].1, "a middle F1"),
                (*worst, "the worst F1"),
            ]
        }
    }
}

/// Places spread evenly over all, or the first by an order.
fn some(mut places: Vec<Place>, order: Option<bool>) -> Vec<Place> {
    match order {
        Some(highest_first) => {
            places.sort_by(|a, b| a.score.total_cmp(&b.score));
            if highest_first {
                places.reverse();
            }
            places.truncate(PLACES);
            places
        }
        None => {
            let step = places.len().div_ceil(PLACES).max(1);
            places.into_iter().step_by(step).collect()
        }
    }
}

type Pictures = (Vec<MarkedMicrograph>, Vec<PatchPicture>);

fn pictures(evaluation: &Evaluation, input: &Input, progress: ProgressSink<'_>) -> Result<Pictures> {
    // What is wanted is settled first, so that each micrograph is read once and one is in memory.
    let mut wanted_marks: Vec<(usize, String, Marks)> = Vec::new();
    let mut montages: Vec<(String, Vec<Place>)> = Vec::new();
    for (at, set) in evaluation.sets.iter().enumerate() {
        let marks = marks_of(evaluation, input, at);
        for (micrograph, which) in chosen(evaluation, input, at) {
            let caption = format!("{}, {}: {which}", set.name, input.names[micrograph]);
            wanted_marks.push((micrograph, caption, marks[micrograph].clone()));
        }
        let of_kind = |kind: MarkKind| -> Vec<Place> {
            marks
                .iter()
                .enumerate()
                .filter(|(micrograph, _)| input.files[*micrograph].is_some())
                .flat_map(|(micrograph, marks)| {
                    let of_kind = marks.iter().filter(move |mark| mark.0 == kind);
                    of_kind.map(move |&(_, xy, score)| Place { micrograph, xy, score })
                })
                .collect()
        };
        let sure = set.scored.then_some(true);
        let unsure = set.scored.then_some(false);
        let sets = [
            ("hits", MarkKind::Hit, unsure, "the lowest scores first"),
            ("centres missed", MarkKind::Miss, None, ""),
            ("false picks", MarkKind::False, sure, "the highest scores first"),
        ];
        for (what, kind, order, how) in sets {
            let all = of_kind(kind);
            let total = all.len();
            let places = some(all, order);
            if !places.is_empty() {
                let how = if order.is_some() { format!(", {how}") } else { String::new() };
                montages.push((format!("{}: {} of {total} {what}{how}", set.name, places.len()), places));
            }
        }
    }
    let mut needed: Vec<usize> = wanted_marks
        .iter()
        .map(|(micrograph, _, _)| *micrograph)
        .chain(montages.iter().flat_map(|(_, places)| places.iter().map(|p| p.micrograph)))
        .collect();
    needed.sort_unstable();
    needed.dedup();
    let mut marked: Vec<(usize, MarkedMicrograph)> = Vec::new();
    let mut cut: HashMap<(usize, usize), Vec<u8>> = HashMap::new();
    for (done, &micrograph) in needed.iter().enumerate() {
        report(progress, "Drawing micrographs", done, needed.len())?;
        let Some(file) = &input.files[micrograph] else { continue };
        let image = micrograph::open(file)?.image;
        let mut picture = None;
        for (at, (here, caption, marks)) in wanted_marks.iter().enumerate() {
            if *here != micrograph {
                continue;
            }
            let png = match &picture {
                Some(png) => png,
                None => picture.insert(overview(&image, evaluation.diameter)?),
            };
            marked.push((
                at,
                MarkedMicrograph {
                    caption: caption.clone(),
                    width: image.width,
                    height: image.height,
                    png: png.clone(),
                    marks: marks.iter().map(|(kind, xy, _)| (*kind, *xy)).collect(),
                },
            ));
        }
        for (montage, (_, places)) in montages.iter().enumerate() {
            for (at, place) in places.iter().enumerate().filter(|(_, p)| p.micrograph == micrograph) {
                cut.insert((montage, at), place_picture(&image, place.xy, evaluation.diameter)?);
            }
        }
    }
    marked.sort_by_key(|(at, _)| *at);
    let mut pictured = Vec::new();
    for (montage, (caption, places)) in montages.into_iter().enumerate() {
        let tiles: Vec<Vec<u8>> = (0..places.len()).filter_map(|at| cut.remove(&(montage, at))).collect();
        pictured.push(PatchPicture { caption, png: mosaic(&tiles)? });
    }
    Ok((marked.into_iter().map(|(_, micrograph)| micrograph).collect(), pictured))
}

/// The whole micrograph, binned and smoothed.
fn overview(image: &Image, diameter: f64) -> Result<Vec<u8>> {
    let factor = image.width.max(image.height).div_ceil(LONGEST).min(image.width.min(image.height)).max(1);
    let small = bin(image, factor)?;
    let smooth = gaussian_blur(&small, BLUR * diameter / factor as f64)?;
    grey_png(smooth.width, smooth.height, to_grayscale(&smooth.data))
}

/// A square around a position as [`SIDE`]² grey values; what lies outside repeats the edge.
fn place_picture(image: &Image, (x, y): (f64, f64), diameter: f64) -> Result<Vec<u8>> {
    let factor = ((DIAMETERS * diameter / SIDE as f64).ceil() as usize).max(1);
    let side = SIDE * factor;
    let inside = |from: f64, offset: usize, length: usize| {
        ((from + offset as f64).round().max(0.0) as usize).min(length.saturating_sub(1))
    };
    let (left, top) = (x - side as f64 / 2.0, y - side as f64 / 2.0);
    let mut square = Image::zeros(side, side);
    for (row, to) in square.data.chunks_exact_mut(side).enumerate() {
        let from = image.row(inside(top, row, image.height));
        for (column, to) in to.iter_mut().enumerate() {
            *to = from[inside(left, column, image.width)];
        }
    }
    let small = bin(&square, factor)?;
    Ok(to_grayscale(&gaussian_blur(&small, BLUR * diameter / factor as f64)?.data))
}

/// Pictures of places side by side.
fn mosaic(tiles: &[Vec<u8>]) -> Result<Vec<u8>> {
    const GAP: usize = 2;
    let columns = COLUMNS.min(tiles.len()).max(1);
    let rows = tiles.len().div_ceil(columns).max(1);
    let (width, height) = (columns * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP);
    let mut canvas = vec![255u8; width * height];
    for (place, tile) in tiles.iter().enumerate() {
        let (left, top) = ((place % columns) * (SIDE + GAP), (place / columns) * (SIDE + GAP));
        for (y, row) in tile.chunks_exact(SIDE).enumerate() {
            let from = (top + y) * width + left;
            canvas[from..from + SIDE].copy_from_slice(row);
        }
    }
    grey_png(width, height, canvas)
}
