//! The unlabeled pool of an import: where its patches are cut, and how they come into the project. The patches of a
//! source must follow one another, so the pool waits in an unnamed temporary file until the picks of all tables are in.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::boxes::{CHUNK, MicrographIds, common, cut_all};
use super::mic::pixel;
use super::optics::PoolOptics;
use super::plan::Plan;
use super::progress::Phase;
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::imaging::{self, CutSettings, PoolKind, PoolSettings, seed_for};
use crate::label::Label;
use crate::progress::{ProgressSink, report};
use crate::project::{Importer, NewPatch, SourceInfo, SourceKind};

/// Places around each pick in a pool for picking; at most half of the pool.
const AROUND_PICK: usize = 5;

/// The pool while it is cut, micrograph by micrograph.
pub(super) struct Pool<'a> {
    wanted: &'a PoolRequest,
    /// Seed, and from which row y of the picks counts.
    import: &'a IngestRequest,
    cut: CutSettings,
    spool: Spool,
    /// Micrographs that have not been cut from.
    left: usize,
}

impl<'a> Pool<'a> {
    /// A pool that waits in `dir`; `None` where the import asks for none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(import: &'a IngestRequest, plan: &Plan, dir: &Path) -> Result<Option<Self>> {
        let (Some(wanted), Some(cut), Some(size)) = (&import.pool, plan.cut, plan.size) else {
            return Ok(None);
        };
        Ok(Some(Self { wanted, import, cut, spool: Spool::new(dir, size)?, left: plan.mics.len() }))
    }

    /// Cuts the pool's patches of the micrograph at `at`.
    ///
    /// # Errors
    /// When a box does not fit or the disk refuses.
    pub fn cut_from(&mut self, plan: &mut Plan, at: usize, image: &Image) -> Result<()> {
        let places = self.places(plan, at, image)?;
        self.left = self.left.saturating_sub(1);
        let Some(mic) = plan.mics.get_mut(at) else { return Ok(()) };
        let spool = &mut self.spool;
        cut_all(mic, image, &places, &self.cut, |index, pixels| {
            places.get(index).map_or(Ok(()), |xy| spool.push(at, *xy, pixels))
        })?;
        mic.pool = places.len();
        Ok(())
    }

    /// How many patches a micrograph gives at most; `None` for every place found.
    fn limit(&self) -> Option<usize> {
        match self.wanted.wanted() {
            None => None,
            Some(PoolCount::PerMicrograph(count)) => Some(count),
            Some(PoolCount::Total(total)) => {
                Some(total.saturating_sub(self.spool.len()).div_ceil(self.left.max(1)))
            }
        }
    }

    /// Where the pool of the micrograph at `at` is cut.
    fn places(&self, plan: &Plan, at: usize, image: &Image) -> Result<Vec<(f64, f64)>> {
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

    /// Brings the patches into the project as a source of its own, once all picks are in; how many they are.
    ///
    /// # Errors
    /// When the database cannot be written or the disk refuses.
    pub fn bring_in(
        self,
        plan: &mut Plan,
        optics: &PoolOptics,
        ids: &mut MicrographIds,
        importer: &mut Importer<'_>,
        progress: ProgressSink<'_>,
    ) -> Result<usize> {
        let total = self.spool.len();
        if let Some(PoolCount::Total(asked)) = self.wanted.count
            && total < asked
        {
            plan.warnings.push(format!(
                "the micrographs had room for {total} of the {asked} pool patches asked for; with a smaller distance \
                 from positives or spacing there is more"
            ).into());
        } else if total == 0 {
            plan.warnings.push("no place was found for a pool patch".into());
        }
        if total == 0 {
            return Ok(0);
        }
        let first = plan.mics.first().map(|m| m.path.as_path());
        let folder = first.and_then(Path::parent).filter(|f| !f.as_os_str().is_empty());
        let pixel_size = common(plan.mics.iter().filter(|m| m.pool > 0).map(|m| m.pixel_size));
        importer.source(&SourceInfo {
            path: folder.or(first).unwrap_or_else(|| Path::new(".")).to_owned(),
            kind: SourceKind::Pool(self.wanted.places()),
            pixel_size: pixel_size.map(|s| s * self.cut.bin as f64),
            micrograph_pixel_size: pixel_size,
            box_size: self.cut.effective_box().ok().map(|b| b as f64),
            bin: Some(self.cut.bin as f64),
            // Its places go back the way the picks of the same import came.
            y_up: self.import.y_up,
            optics: optics.groups.clone(),
            ..SourceInfo::default()
        })?;
        self.spool.drain(|index, at, xy, pixels| {
            if index % CHUNK == 0 {
                report(progress, Phase::Pool, index, total)?;
            }
            let Some(mic) = plan.mics.get(at) else { return Ok(()) };
            let micrograph = ids.get(at, mic, importer)?;
            let patch = NewPatch {
                label: Label::Unlabeled,
                source_index: index,
                micrograph: Some(micrograph),
                xy: Some(xy),
                optics: optics.group(at),
                pick_score: None,
                columns: optics.columns(at),
            };
            importer.push(&patch, pixels).map(drop)
        })?;
        Ok(total)
    }
}

/// Pool patches waiting on the disk.
struct Spool {
    out: BufWriter<File>,
    dir: PathBuf,
    size: usize,
    entries: Vec<(usize, (f64, f64))>,
}

impl Spool {
    fn new(dir: &Path, size: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(dir).map_err(|e| Error::io("create a temporary file in", dir, e))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { out, dir: dir.to_owned(), size, entries: Vec::new() })
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn push(&mut self, mic: usize, xy: (f64, f64), pixels: &[f32]) -> Result<()> {
        self.out
            .write_all(bytemuck::cast_slice(pixels))
            .map_err(|e| Error::io("write a temporary file in", &self.dir, e))?;
        self.entries.push((mic, xy));
        Ok(())
    }

    /// Hands every patch over in order.
    fn drain(self, mut take: impl FnMut(usize, usize, (f64, f64), &[f32]) -> Result<()>) -> Result<()> {
        let Self { out, dir, size, entries } = self;
        let mut file =
            out.into_inner().map_err(|e| Error::io("write a temporary file in", &dir, e.into_error()))?;
        let fail = |e| Error::io("read a temporary file in", &dir, e);
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut input = BufReader::with_capacity(1 << 20, file);
        let mut pixels = vec![0.0_f32; size * size];
        for (index, (mic, xy)) in entries.into_iter().enumerate() {
            input.read_exact(bytemuck::cast_slice_mut(&mut pixels)).map_err(fail)?;
            take(index, mic, xy, &pixels)?;
        }
        Ok(())
    }
}

/// Row by row.
fn in_reading_order(places: &mut [(f64, f64)]) {
    places.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)));
}
