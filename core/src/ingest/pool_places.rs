//! Where the patches of the unlabeled pool are cut.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::mic::pixel;
use super::plan::Plan;
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use crate::error::Result;
use crate::image::Image;
use crate::imaging::{self, CutSettings, PoolKind, PoolSettings, seed_for};

/// Places around each pick in a pool for picking; at most half of the pool.
const AROUND_PICK: usize = 5;

/// The places of a pool, micrograph by micrograph.
pub(super) struct PoolPlaces<'a> {
    pub wanted: &'a PoolRequest,
    /// Seed, and from which row y of the picks counts.
    pub import: &'a IngestRequest,
    pub cut: CutSettings,
    /// Places found so far.
    taken: usize,
    /// Micrographs that have not been asked for.
    left: usize,
}

impl<'a> PoolPlaces<'a> {
    /// The places that an import asks for; `None` where it asks for no pool.
    pub fn of(import: &'a IngestRequest, plan: &Plan) -> Option<Self> {
        let (Some(wanted), Some(cut)) = (&import.pool, plan.cut) else { return None };
        Some(Self { wanted, import, cut, taken: 0, left: plan.mics.len() })
    }

    /// How many patches a micrograph gives at most; `None` for every place found.
    fn limit(&self) -> Option<usize> {
        match self.wanted.wanted() {
            None => None,
            Some(PoolCount::PerMicrograph(count)) => Some(count),
            Some(PoolCount::Total(total)) => {
                Some(total.saturating_sub(self.taken).div_ceil(self.left.max(1)))
            }
        }
    }

    /// Where the pool of the micrograph at `at` is cut, centres in px of the micrograph. Each micrograph is asked for once.
    ///
    /// # Errors
    /// When the particle or the box does not fit.
    pub fn find(&mut self, plan: &Plan, at: usize, image: &Image) -> Result<Vec<(f64, f64)>> {
        let places = self.on(plan, at, image)?;
        self.taken += places.len();
        self.left = self.left.saturating_sub(1);
        Ok(places)
    }

    fn on(&self, plan: &Plan, at: usize, image: &Image) -> Result<Vec<(f64, f64)>> {
        let (wanted, cut) = (self.wanted, &self.cut);
        let limit = self.limit();
        let diameter = wanted.diameter(cut);
        match wanted.from {
            PoolFrom::Grid => {
                let spacing = wanted.spacing.unwrap_or(cut.box_size as f64);
                self.places_of(PoolKind::Grid { spacing }, limit, plan, at, image)
            }
            PoolFrom::Random => self.places_of(PoolKind::Random, limit, plan, at, image),
            PoolFrom::Picking => {
                let around = PoolKind::Around { diameter, each: AROUND_PICK };
                let mut places = self.places_of(around, limit.map(|limit| limit / 2), plan, at, image)?;
                let limit = limit.map(|limit| limit.saturating_sub(places.len()));
                places.extend(self.places_of(PoolKind::Random, limit, plan, at, image)?);
                in_reading_order(&mut places);
                Ok(places)
            }
            PoolFrom::Blobs => {
                let contrast = wanted.contrast.or(plan.contrast);
                let blobs = PoolKind::Blobs { diameter, contrast, min_score: wanted.min_score };
                self.places_of(blobs, limit, plan, at, image)
            }
        }
    }

    /// At most `limit` places of a kind where a patch may be cut.
    fn places_of(
        &self,
        kind: PoolKind,
        limit: Option<usize>,
        plan: &Plan,
        at: usize,
        image: &Image,
    ) -> Result<Vec<(f64, f64)>> {
        let Some(mic) = plan.mics.get(at) else { return Ok(Vec::new()) };
        let (wanted, cut) = (self.wanted, &self.cut);
        // Places too near known patches are taken out below, so more are asked for.
        let mask = plan.existing.mask(&mic.name);
        if mask.is_some_and(|mask| mask.excluded) {
            return Ok(Vec::new());
        }
        let spare = mic.others.len();
        // Places around a pick say where its centre is, and may lie as near each other as they like.
        let between = if matches!(kind, PoolKind::Around { .. }) { 0.0 } else { wanted.between(cut) };
        let seed = seed_for(self.import.seed, &mic.name);
        let found = imaging::pool(
            image,
            &mic.positives,
            &PoolSettings {
                kind,
                cut: *cut,
                from_positives: wanted.away_from_positives(cut),
                between,
                count: match (mask, kind) {
                    (None, _) => limit.map(|n| n.saturating_add(spare)),
                    // Places under the mask go; how many these are nobody knows yet.
                    (Some(_), PoolKind::Random) => limit.map(|n| n.saturating_mul(8).saturating_add(spare)),
                    (Some(_), _) => None,
                },
                seed,
            },
        )?;
        let known: HashSet<(i64, i64)> =
            mic.positives.iter().chain(&mic.others).map(|&xy| pixel(xy)).collect();
        let free = |&(x, y): &(f64, f64)| {
            mask.is_none_or(|mask| !mask.covers(x, y))
                && !known.contains(&pixel((x, y)))
                && mic.others.iter().all(|o| (o.0 - x).hypot(o.1 - y) >= between)
        };
        let mut places: Vec<(f64, f64)> = found.into_iter().map(|c| (c.x, c.y)).filter(free).collect();
        if let Some(limit) = limit.filter(|limit| *limit < places.len()) {
            // A random choice, in reading order.
            places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            places.truncate(limit);
            in_reading_order(&mut places);
        }
        Ok(places)
    }
}

/// Row by row.
fn in_reading_order(places: &mut [(f64, f64)]) {
    places.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)));
}
