//! A micrograph of an import with the picks and the unlabeled places on it, to look at before anything is cut: a person
//! sees whether the picks lie on particles and how large a box should be.

use super::pool_places::PoolPlaces;
use super::progress::Phase;
use super::request::IngestRequest;
use super::{boxes, look, planning};
use crate::error::Result;
use crate::image::Image;
use crate::imaging::bin;
use crate::progress::{ProgressSink, report};

/// A micrograph on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct MicrographSight {
    /// Its name.
    pub name: String,
    /// Columns and rows, px.
    pub size: (usize, usize),
    /// The picture, averaged down.
    pub picture: Image,
    /// Px of the micrograph a side that became one of the picture.
    pub shrunk: usize,
    /// Centres of the picks that lie on it, px of the micrograph, first stored row = 0.
    pub picks: Vec<(f64, f64)>,
    /// Centres of the unlabeled patches that the pool would take from it, likewise; none until the box is known.
    pub pool: Vec<(f64, f64)>,
    /// Its place among those that can be looked at: the ones with picks, or all where none has any.
    pub at: usize,
    /// How many can be looked at.
    pub of: usize,
}

/// The part of a request on which a [`sight`] depends: where picks lie, and with a pool how patches are cut.
pub fn sight_request(request: &IngestRequest) -> IngestRequest {
    let places = IngestRequest { min_score: None, label: None, pixel_size: None, ..request.clone() };
    match (request.pool, request.box_size) {
        (Some(_), Some(_)) => places,
        // Every pick inside the micrograph, whatever the box will be.
        _ => IngestRequest { box_size: Some(SMALLEST_BOX), bin: 1, margin: 0, pool: None, ..places },
    }
}

/// The smallest box that can be cut, px.
const SMALLEST_BOX: usize = 2;

/// Reads the micrograph at `at`, counted from 0 and from the beginning again after the last one, with at most `side` px
/// a side. `None` where the request names no micrograph that can be read.
///
/// # Errors
/// As [`super::inspect`], and when this micrograph cannot be read.
pub fn sight(
    request: &IngestRequest,
    at: usize,
    side: usize,
    progress: ProgressSink<'_>,
) -> Result<Option<MicrographSight>> {
    let request = &sight_request(request);
    let (mut plan, _) = planning::places(request, None, progress)?;
    if request.pool.is_some() {
        // Whether particles are dark or light.
        look::look(&mut plan, request, progress)?;
    }
    let with_picks: Vec<usize> = (0..plan.mics.len())
        .filter(|&mic| plan.mics.get(mic).is_some_and(|mic| !mic.picks.is_empty()))
        .collect();
    let shown = if with_picks.is_empty() { (0..plan.mics.len()).collect() } else { with_picks };
    let Some(at) = at.checked_rem(shown.len()) else { return Ok(None) };
    let Some((number, mic)) = shown.get(at).and_then(|&number| Some((number, plan.mics.get(number)?))) else {
        return Ok(None);
    };
    report(progress, Phase::Looking, 0, 1)?;
    let image = boxes::read(mic)?;
    let pool = match PoolPlaces::of(request, &plan) {
        Some(mut places) => places.find(&plan, number, &image)?,
        None => Vec::new(),
    };
    let shrunk = mic.width.max(mic.height).div_ceil(side.max(1)).max(1);
    let picture = if shrunk > 1 { bin(&image, shrunk)? } else { image };
    Ok(Some(MicrographSight {
        name: mic.name.clone(),
        size: (mic.width, mic.height),
        picture,
        shrunk,
        picks: mic.picks.iter().map(|pick| pick.xy).collect(),
        pool,
        at,
        of: shown.len(),
    }))
}
