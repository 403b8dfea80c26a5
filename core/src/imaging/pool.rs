//! Chooses the places of a micrograph where unlabeled patches are cut.

use std::collections::HashMap;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::check;
use super::cut::{CutSettings, origin};
use super::response::{Contrast, ContrastEstimate, ResponseMap};
use crate::error::{Error, Result};
use crate::image::Image;

/// How places are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum PoolKind {
    /// A square grid, centred in the allowed area.
    Grid {
        /// Distance of neighbours, px, 1 or more.
        spacing: f64,
    },
    /// Uniformly random places; needs [`PoolSettings::count`].
    Random,
    /// Places around each positive, off its centre. A network that picks on whole micrographs learns from these where
    /// the centre of a particle is.
    Around {
        /// Particle diameter, px of the unbinned micrograph.
        diameter: f64,
        /// Places around each positive.
        each: usize,
    },
    /// Peaks of a difference of Gaussians at the particle diameter: what an automatic picker that picks too
    /// much would give.
    Blobs {
        /// Particle diameter, px of the unbinned micrograph.
        diameter: f64,
        /// Sign of the peaks; `None` takes it from the positives where they show it, else both.
        contrast: Option<Contrast>,
        /// Weakest peak taken, in robust standard deviations of the response (1.4826 × the median
        /// absolute deviation); 0 takes every peak on the right side of the median.
        min_score: f64,
    },
}

/// Where the pool of one micrograph comes from and how large it may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoolSettings {
    /// How places are chosen.
    pub kind: PoolKind,
    /// The boxes that will be cut: each lies inside the image less the margin.
    pub cut: CutSettings,
    /// Smallest distance from a labelled positive, px; 0 for none.
    pub from_positives: f64,
    /// Smallest distance between two places, px; 0 for none.
    pub between: f64,
    /// Maximum number of places, chosen at random. Not the strongest blobs: these are the particles with the
    /// most contrast, a classifier tells them from the picks by their strength, and finds none of them.
    pub count: Option<usize>,
    /// Seed of every random choice; see [`seed_for`] for one seed a micrograph.
    pub seed: u64,
}

/// A place of the pool, px of the unbinned micrograph, at whole px.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Strength of a blob in robust standard deviations; `None` for grid and random.
    pub score: Option<f64>,
}

/// The seed of one micrograph, from the seed of the whole and the micrograph's name (FNV-1a), so
/// that it does not depend on the order of files.
pub fn seed_for(seed: u64, micrograph: &str) -> u64 {
    let bytes = seed.to_le_bytes();
    bytes.iter().chain(micrograph.as_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Chooses the places. Same image, positives, settings and seed: same places. Fewer than `count`
/// come back when the micrograph has no room for more. Blobs come strongest first, other places row by row.
///
/// # Errors
/// When settings are out of range, or (blobs) the image holds a value that is no finite number.
pub fn pool(image: &Image, positives: &[(f64, f64)], settings: &PoolSettings) -> Result<Vec<Candidate>> {
    check(image)?;
    for (name, distance) in
        [("from positives", settings.from_positives), ("between places", settings.between)]
    {
        if !(0.0..=1e9).contains(&distance) {
            return Err(Error::request(
                format!("the minimum distance {name} is {distance} px"),
                "give 0 or more px",
            ));
        }
    }
    let Some(area) = Area::of(image, &settings.cut)? else { return Ok(Vec::new()) };
    let mut taken = Taken {
        positives: Near::new(settings.from_positives, positives),
        others: Near::new(settings.between, &[]),
    };
    let limit = settings.count.unwrap_or(usize::MAX);
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut found = match settings.kind {
        PoolKind::Grid { spacing } => {
            let mut places = area.grid(spacing)?;
            if limit < places.len() || settings.between > spacing {
                places.shuffle(&mut random);
            }
            choose(places.into_iter().map(|(x, y)| Candidate { x, y, score: None }), &mut taken, limit)
        }
        PoolKind::Random => {
            let Some(count) = settings.count else {
                return Err(Error::request("random places have no number by themselves", "give a count"));
            };
            // Dart throwing: where the area is nearly full most darts miss, so there is an end to it.
            let darts = count.min(area.places()).saturating_mul(50).min(20_000_000);
            let throw = || {
                (
                    area.x.0 + random.random_range(0..=area.x.1 - area.x.0),
                    area.y.0 + random.random_range(0..=area.y.1 - area.y.0),
                )
            };
            let places = std::iter::repeat_with(throw).take(darts);
            choose(
                places.map(|(x, y)| Candidate { x: x as f64, y: y as f64, score: None }),
                &mut taken,
                limit,
            )
        }
        PoolKind::Around { diameter, each } => {
            let places = places_around(positives, &area, diameter, each, &mut random)?;
            let mut places = choose(places.into_iter(), &mut taken, usize::MAX);
            if limit < places.len() {
                places.shuffle(&mut random);
                places.truncate(limit);
            }
            places
        }
        PoolKind::Blobs { diameter, contrast, min_score } => {
            let peaks = blobs(image, positives, &area, diameter, contrast, min_score, settings.cut.margin)?;
            // Of peaks too near each other the stronger stays, whatever the choice afterwards.
            let mut peaks = choose(peaks.into_iter(), &mut taken, usize::MAX);
            if limit < peaks.len() {
                peaks.shuffle(&mut random);
                peaks.truncate(limit);
                peaks.sort_by(stronger_first);
            }
            peaks
        }
    };
    if !matches!(settings.kind, PoolKind::Blobs { .. }) {
        found.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    }
    Ok(found)
}

/// Distances of [`places_around`] from a positive, in particle diameters: from where a box is no longer centred on the
/// particle to where the particle leaves its middle.
const AROUND: std::ops::Range<f64> = 0.4..0.8;

/// `each` places around every positive, none nearer to any positive than the smallest distance of [`AROUND`]. Fewer
/// where other positives or the border leave no room.
fn places_around(
    positives: &[(f64, f64)],
    area: &Area,
    diameter: f64,
    each: usize,
    random: &mut ChaCha8Rng,
) -> Result<Vec<Candidate>> {
    if !(1.0..=1e6).contains(&diameter) {
        return Err(Error::request(
            format!("a particle diameter of {diameter} px"),
            "give the diameter in px of the micrograph, 1 or more",
        ));
    }
    // Rounding to whole px may bring a place nearer.
    let near = Near::new(AROUND.start * diameter - 1.0, positives);
    let mut found = Vec::new();
    for &(x, y) in positives {
        let throw = || {
            let distance = diameter * random.random_range(AROUND);
            let (sin, cos) = random.random_range(0.0..std::f64::consts::TAU).sin_cos();
            ((x + distance * cos).round(), (y + distance * sin).round())
        };
        let darts = std::iter::repeat_with(throw).take(each.saturating_mul(10));
        let free = darts.filter(|&place| area.holds(place) && !near.any(place)).take(each);
        found.extend(free.map(|(x, y)| Candidate { x, y, score: None }));
    }
    Ok(found)
}

/// Takes candidates in order as long as they keep their distances.
fn choose(candidates: impl Iterator<Item = Candidate>, taken: &mut Taken, limit: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    for candidate in candidates {
        if found.len() >= limit {
            break;
        }
        let place = (candidate.x, candidate.y);
        if !taken.positives.any(place) && !taken.others.any(place) {
            taken.others.insert(place);
            found.push(candidate);
        }
    }
    found
}

/// Peaks of the response on the sides asked for, strongest first.
fn blobs(
    image: &Image,
    positives: &[(f64, f64)],
    area: &Area,
    diameter: f64,
    contrast: Option<Contrast>,
    min_score: f64,
    margin: usize,
) -> Result<Vec<Candidate>> {
    if !min_score.is_finite() {
        return Err(Error::request(format!("a weakest blob of {min_score} is no number"), "give 0 or more"));
    }
    let response = ResponseMap::new(image, diameter)?;
    let contrast = contrast.unwrap_or_else(|| {
        let mut estimate = ContrastEstimate::default();
        estimate.add_map(&response, positives, margin);
        estimate.contrast()
    });
    let sides: &[f32] = match contrast {
        Contrast::Dark => &[-1.0],
        Contrast::Light => &[1.0],
        Contrast::Both => &[-1.0, 1.0],
    };
    let sorted = response.sorted_values(margin);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let mut deviations: Vec<f32> = sorted.iter().map(|v| (v - median).abs()).collect();
    deviations.sort_by(f32::total_cmp);
    let spread = 1.4826 * f64::from(deviations.get(deviations.len() / 2).copied().unwrap_or(0.0));
    // A flat micrograph has no blobs.
    if spread <= 0.0 {
        return Ok(Vec::new());
    }

    let map = response.map();
    let mut peaks = Vec::new();
    for y in 1..map.height.saturating_sub(1) {
        for x in 1..map.width.saturating_sub(1) {
            for &side in sides {
                let value = side * map.at(x, y);
                let score = f64::from(value - side * median) / spread;
                if score <= 0.0 || score < min_score || !is_peak(map, x, y, side) {
                    continue;
                }
                // Parabola through the peak and its neighbours: a tenth of a binned px or so.
                let shift = |before: f32, after: f32| {
                    let (before, after) = (side * before, side * after);
                    let bend = before - 2.0 * value + after;
                    if bend < 0.0 { f64::from((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
                };
                let fine_x = x as f64 + shift(map.at(x - 1, y), map.at(x + 1, y));
                let fine_y = y as f64 + shift(map.at(x, y - 1), map.at(x, y + 1));
                let place = (response.unbinned(fine_x).round(), response.unbinned(fine_y).round());
                if area.holds(place) {
                    peaks.push(Candidate { x: place.0, y: place.1, score: Some(score) });
                }
            }
        }
    }
    peaks.sort_by(stronger_first);
    Ok(peaks)
}

/// The stronger blob first; of equal ones the first in reading order.
fn stronger_first(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    let strength = |of: &Candidate| of.score.unwrap_or(0.0);
    strength(b).total_cmp(&strength(a)).then(a.y.total_cmp(&b.y)).then(a.x.total_cmp(&b.x))
}

/// Whether no neighbour is higher; of equal neighbours the first in reading order is the peak.
fn is_peak(map: &Image, x: usize, y: usize, side: f32) -> bool {
    let value = side * map.at(x, y);
    (y - 1..=y + 1).all(|ny| {
        (x - 1..=x + 1).all(|nx| {
            let other = side * map.at(nx, ny);
            let earlier = (ny, nx) < (y, x);
            (nx, ny) == (x, y) || other < value || (other == value && !earlier)
        })
    })
}

/// Centres (first and last, inclusive) whose box lies inside.
struct Area {
    x: (usize, usize),
    y: (usize, usize),
    width: usize,
    height: usize,
    box_size: usize,
    margin: usize,
}

impl Area {
    /// `None` when no box fits.
    fn of(image: &Image, cut: &CutSettings) -> Result<Option<Self>> {
        let box_size = cut.effective_box()?;
        let half = box_size / 2;
        let range = |length: usize| {
            let first = cut.margin.checked_add(half)?;
            let last = length.checked_sub(cut.margin)?.checked_sub(box_size)?.checked_add(half)?;
            (first <= last).then_some((first, last))
        };
        let (Some(x), Some(y)) = (range(image.width), range(image.height)) else { return Ok(None) };
        Ok(Some(Self { x, y, width: image.width, height: image.height, box_size, margin: cut.margin }))
    }

    fn holds(&self, place: (f64, f64)) -> bool {
        origin(self.width, self.height, place, self.box_size, self.margin).is_some()
    }

    fn places(&self) -> usize {
        (self.x.1 - self.x.0 + 1).saturating_mul(self.y.1 - self.y.0 + 1)
    }

    fn grid(&self, spacing: f64) -> Result<Vec<(f64, f64)>> {
        if !(1.0..=1e9).contains(&spacing) {
            return Err(Error::request(format!("a grid spacing of {spacing} px"), "give 1 px or more"));
        }
        let along = |(first, last): (usize, usize)| {
            let steps = ((last - first) as f64 / spacing).floor();
            let start = first as f64 + ((last - first) as f64 - steps * spacing) / 2.0;
            (0..=steps as usize)
                .map(|i| (start + i as f64 * spacing).round().min(last as f64))
                .collect::<Vec<_>>()
        };
        let columns = along(self.x);
        Ok(along(self.y).into_iter().flat_map(|y| columns.iter().map(move |&x| (x, y))).collect())
    }
}

struct Taken {
    positives: Near,
    others: Near,
}

/// Points in square cells of the distance asked about, so that only nine cells need a look.
struct Near {
    distance: f64,
    cells: HashMap<(i64, i64), Vec<(f64, f64)>>,
}

impl Near {
    fn new(distance: f64, points: &[(f64, f64)]) -> Self {
        let mut near = Self { distance, cells: HashMap::new() };
        points.iter().for_each(|&point| near.insert(point));
        near
    }

    fn cell(&self, (x, y): (f64, f64)) -> (i64, i64) {
        // Saturating casts; the halves keep neighbours of the outermost cell inside i64.
        let index = |v: f64| ((v / self.distance).floor() as i64).clamp(i64::MIN / 2, i64::MAX / 2);
        (index(x), index(y))
    }

    fn insert(&mut self, point: (f64, f64)) {
        if self.distance > 0.0 && point.0.is_finite() && point.1.is_finite() {
            self.cells.entry(self.cell(point)).or_default().push(point);
        }
    }

    /// Whether a point lies nearer than the distance.
    fn any(&self, place: (f64, f64)) -> bool {
        if self.distance <= 0.0 {
            return false;
        }
        let (cx, cy) = self.cell(place);
        (cx - 1..=cx + 1).any(|x| {
            (cy - 1..=cy + 1).any(|y| {
                let points = self.cells.get(&(x, y)).map_or(&[][..], Vec::as_slice);
                points.iter().any(|p| (p.0 - place.0).hypot(p.1 - place.1) < self.distance)
            })
        })
    }
}
