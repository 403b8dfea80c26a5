//! Cuts picks and the unlabeled pool from micrographs. One micrograph is in memory at a time, and
//! each is read once where one pick file covers it. A source's patches must follow one another, so
//! the pool waits in an unnamed temporary file until the picks of all tables are in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::conversion::{SHIFT_PAIRS, SHIFTS};
use super::mic::{Mic, Planned, pixel};
use super::optics::{PoolOptics, TableOptics};
use super::plan::Plan;
use super::planning;
use super::progress::{Phase, Progress, tell};
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use crate::error::{Error, Result};
use crate::formats::{PickTable, micrograph};
use crate::image::Image;
use crate::imaging::{self, CutSettings, PoolKind, PoolSettings, seed_for};
use crate::label::Label;
use crate::project::{Importer, MicrographId, NewMicrograph, NewPatch, SourceInfo};

/// Patches cut at a time.
const CHUNK: usize = 256;
/// Column by which a pick refers to its optics group.
const GROUP: &str = "rlnOpticsGroup";

/// Reads a micrograph and makes sure that it is the one the plan was made for.
pub(super) fn read(mic: &Mic) -> Result<Image> {
    let image = micrograph::open(&mic.path)?.image;
    if (image.width, image.height) != (mic.width, mic.height) {
        return Err(Error::format(
            &mic.path,
            format!(
                "it has {} × {} px where its header said {} × {}",
                image.width, image.height, mic.width, mic.height
            ),
            "copy the file again",
        ));
    }
    Ok(image)
}

/// One reading of a micrograph.
struct Visit {
    mic: usize,
    /// Table whose picks are cut; `None` where only the pool is.
    table: Option<usize>,
    /// Whether the pool is cut too: at the last visit.
    pool: bool,
}

/// Visits table by table, then micrographs without picks.
fn visits(plan: &Plan, pool: bool) -> Vec<Visit> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (mic, content) in plan.mics.iter().enumerate() {
        let mut tables: Vec<usize> = content.picks.iter().map(|p| p.table).collect();
        tables.sort_unstable();
        tables.dedup();
        pairs.extend(tables.into_iter().map(|table| (table, mic)));
    }
    pairs.sort_unstable();
    let last: HashMap<usize, usize> = pairs.iter().enumerate().map(|(at, &(_, mic))| (mic, at)).collect();
    let mut visits: Vec<Visit> = pairs
        .iter()
        .enumerate()
        .map(|(at, &(table, mic))| Visit {
            mic,
            table: Some(table),
            pool: pool && last.get(&mic) == Some(&at),
        })
        .collect();
    if pool {
        let rest = (0..plan.mics.len()).filter(|mic| !last.contains_key(mic));
        visits.extend(rest.map(|mic| Visit { mic, table: None, pool: true }));
    }
    visits
}

/// Adds picks and pool; returns how many patches the pool has.
pub(super) fn bring_in(
    plan: &mut Plan,
    request: &IngestRequest,
    importer: &mut Importer<'_>,
    spool_dir: &Path,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<usize> {
    let (Some(cut), Some(size)) = (plan.cut, plan.size) else { return Ok(0) };
    let visits = visits(plan, request.pool.is_some());
    let tables: Vec<PickTable> = std::mem::take(&mut plan.tables);
    let optics: Vec<TableOptics> =
        tables.iter().enumerate().map(|(at, table)| TableOptics::of(table, at, &plan.mics)).collect();
    let mut spool = match request.pool {
        Some(_) => Some(Spool::new(spool_dir, size)?),
        None => None,
    };
    let mut left_to_pool = plan.mics.len();
    let mut ids: Vec<Option<MicrographId>> = vec![None; plan.mics.len()];
    let mut current = None;
    let mut spoilt: BTreeMap<usize, String> = BTreeMap::new();
    for (done, visit) in visits.iter().enumerate() {
        tell(progress, Phase::Cutting, done, visits.len())?;
        let Some(mic) = plan.mics.get(visit.mic) else { continue };
        if spoilt.contains_key(&visit.mic) {
            continue;
        }
        let image = match read(mic) {
            Ok(image) => image,
            // Its header was sound, its pixels are not.
            Err(error) if request.skip_bad => {
                spoilt.insert(visit.mic, planning::reason(error));
                continue;
            }
            Err(error) => return Err(error),
        };
        if let (Some(at), Some(table), Some(optics)) =
            (visit.table, visit.table.and_then(|t| tables.get(t)), visit.table.and_then(|t| optics.get(t)))
        {
            if current != Some(at) {
                let on = plan.mics.iter().filter(|m| m.picks.iter().any(|p| p.table == at));
                let further = plan.further.get(&table.path).cloned().unwrap_or_default();
                let info = source(table, on, &cut, request);
                let groups = optics.groups.clone();
                importer.source(&SourceInfo { optics: groups, further_files: further, ..info })?;
                current = Some(at);
            }
            let id = micrograph_id(&mut ids, visit.mic, mic, importer)?;
            let picks: Vec<Planned> = mic.picks.iter().copied().filter(|p| p.table == at).collect();
            let centres: Vec<(f64, f64)> = picks.iter().map(|p| p.xy).collect();
            cut_all(mic, &image, &centres, &cut, |index, pixels| {
                let Some(pick) = picks.get(index) else { return Ok(()) };
                let group = optics.find(table, pick, visit.mic);
                importer.push(&patch(table, group, pick, id, mic, request), pixels).map(drop)
            })?;
        }
        if visit.pool
            && let (Some(spool), Some(pool)) = (&mut spool, &request.pool)
        {
            let places = places(plan, visit.mic, &image, &cut, pool, request, spool.len(), left_to_pool)?;
            left_to_pool -= 1;
            cut_all(mic, &image, &places, &cut, |index, pixels| {
                places.get(index).map_or(Ok(()), |xy| spool.push(visit.mic, *xy, pixels))
            })?;
            if let Some(mic) = plan.mics.get_mut(visit.mic) {
                mic.pool = places.len();
            }
        }
    }
    let pooled = match (spool, &request.pool) {
        (Some(spool), Some(pool)) => {
            let optics = PoolOptics::of(&plan.mics, &tables, &optics);
            add_pool(plan, pool, request.y_up, spool, &mut ids, &cut, optics, importer, progress)?
        }
        _ => 0,
    };
    plan.tables = tables;
    for (at, reason) in spoilt.into_iter().rev() {
        plan.set_aside(at, reason);
    }
    Ok(pooled)
}

/// Cuts around all centres and hands each patch over; all of them are known to fit.
fn cut_all(
    mic: &Mic,
    image: &Image,
    centres: &[(f64, f64)],
    cut: &CutSettings,
    mut take: impl FnMut(usize, &[f32]) -> Result<()>,
) -> Result<()> {
    for (chunk, centres) in centres.chunks(CHUNK).enumerate() {
        let patches = imaging::cut(image, centres, cut)?;
        if patches.kept.len() != centres.len() {
            return Err(Error::format(&mic.path, "it changed while it was read", "import it again"));
        }
        for (index, pixels) in patches.pixels.chunks_exact(patches.size * patches.size).enumerate() {
            take(chunk * CHUNK + index, pixels)?;
        }
    }
    Ok(())
}

/// The micrograph's number in the project.
fn micrograph_id(
    ids: &mut [Option<MicrographId>],
    at: usize,
    mic: &Mic,
    importer: &mut Importer<'_>,
) -> Result<MicrographId> {
    if let Some(id) = ids.get(at).copied().flatten() {
        return Ok(id);
    }
    let id = importer.micrograph(&NewMicrograph {
        name: mic.name.clone(),
        table_name: mic.table_name.clone(),
        path: Some(mic.path.clone()),
        dimensions: Some((mic.width, mic.height)),
        pixel_size: mic.pixel_size,
    })?;
    if let Some(slot) = ids.get_mut(at) {
        *slot = Some(id);
    }
    Ok(id)
}

/// What the project keeps of a source of cut patches.
fn source<'a>(
    table: &PickTable,
    on: impl Iterator<Item = &'a Mic>,
    cut: &CutSettings,
    request: &IngestRequest,
) -> SourceInfo {
    // The table knows in what its coordinates count.
    let pixel_size = request.pixel_size.or(table.pixel_size).or_else(|| common(on.map(|m| m.pixel_size)));
    SourceInfo {
        path: table.path.clone(),
        kind: table.kind.clone(),
        pixel_size: pixel_size.map(|s| s * cut.bin as f64),
        micrograph_pixel_size: pixel_size,
        box_size: cut.effective_box().ok().map(|b| b as f64),
        bin: Some(cut.bin as f64),
        y_up: request.y_up,
        warnings: table.warnings.clone(),
        ..SourceInfo::default()
    }
}

/// The value all agree on.
fn common(mut values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let first = values.next().flatten()?;
    values.all(|v| v == Some(first)).then_some(first)
}

/// A pick as a patch.
fn patch(
    table: &PickTable,
    optics: Option<usize>,
    planned: &Planned,
    micrograph: MicrographId,
    mic: &Mic,
    request: &IngestRequest,
) -> NewPatch {
    let pick = table.picks.get(planned.row);
    let mut columns = pick.map(|p| p.columns.clone()).unwrap_or_default();
    if optics.is_some() {
        columns.remove(GROUP);
    }
    if request.recenter {
        let zeros = SHIFTS.iter().map(|name| (name, "0")).chain(SHIFT_PAIRS.iter().map(|name| (name, "0,0")));
        for (name, zero) in zeros {
            if let Some(value) = columns.get_mut(*name) {
                zero.clone_into(value);
            }
        }
    }
    for (name, value) in mic.table.iter().flat_map(|table| &table.columns) {
        columns.entry(name.clone()).or_insert_with(|| value.clone());
    }
    NewPatch {
        label: planned.label,
        source_index: planned.row,
        micrograph: Some(micrograph),
        xy: Some(planned.xy),
        optics,
        pick_score: planned.score,
        columns,
    }
}

/// Where the pool of one micrograph is cut.
#[expect(clippy::too_many_arguments, reason = "each is a different thing, and it is called once")]
fn places(
    plan: &Plan,
    at: usize,
    image: &Image,
    cut: &CutSettings,
    pool: &PoolRequest,
    request: &IngestRequest,
    so_far: usize,
    left: usize,
) -> Result<Vec<(f64, f64)>> {
    let Some(mic) = plan.mics.get(at) else { return Ok(Vec::new()) };
    let limit = match pool.count {
        None => None,
        Some(PoolCount::PerMicrograph(count)) => Some(count),
        Some(PoolCount::Total(total)) => Some(total.saturating_sub(so_far).div_ceil(left.max(1))),
    };
    let kind = match pool.from {
        PoolFrom::Grid => PoolKind::Grid { spacing: pool.spacing.unwrap_or(cut.box_size as f64) },
        PoolFrom::Random => PoolKind::Random,
        PoolFrom::Blobs => PoolKind::Blobs {
            diameter: pool.diameter(cut),
            contrast: pool.contrast.or(plan.contrast),
            min_score: pool.min_score,
        },
    };
    // Places too near known patches are taken out below, so more are asked for.
    let spare = mic.others.len();
    let between = pool.between(cut);
    let seed = seed_for(request.seed, &mic.name);
    let found = imaging::pool(
        image,
        &mic.positives,
        &PoolSettings {
            kind,
            cut: *cut,
            from_positives: pool.away_from_positives(cut),
            between,
            count: limit.map(|n| n.saturating_add(spare)),
            seed,
        },
    )?;
    let known: HashSet<(i64, i64)> = mic.positives.iter().chain(&mic.others).map(|&xy| pixel(xy)).collect();
    let free = |&(x, y): &(f64, f64)| {
        !known.contains(&pixel((x, y))) && mic.others.iter().all(|o| (o.0 - x).hypot(o.1 - y) >= between)
    };
    let mut places: Vec<(f64, f64)> = found.into_iter().map(|c| (c.x, c.y)).filter(free).collect();
    if let Some(limit) = limit.filter(|limit| *limit < places.len()) {
        // A random choice, in reading order.
        places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        places.truncate(limit);
        places.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)));
    }
    Ok(places)
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

/// Adds the pool as a source of its own.
#[expect(clippy::too_many_arguments, reason = "each is a different thing, and it is called once")]
fn add_pool(
    plan: &mut Plan,
    pool: &PoolRequest,
    y_up: bool,
    spool: Spool,
    ids: &mut [Option<MicrographId>],
    cut: &CutSettings,
    optics: PoolOptics,
    importer: &mut Importer<'_>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<usize> {
    let total = spool.len();
    if let Some(PoolCount::Total(asked)) = pool.count
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
        kind: pool.kind().to_owned(),
        pixel_size: pixel_size.map(|s| s * cut.bin as f64),
        micrograph_pixel_size: pixel_size,
        box_size: cut.effective_box().ok().map(|b| b as f64),
        bin: Some(cut.bin as f64),
        // Its places go back the way the picks of the same import came.
        y_up,
        optics: optics.groups.clone(),
        ..SourceInfo::default()
    })?;
    spool.drain(|index, at, xy, pixels| {
        if index % CHUNK == 0 {
            tell(progress, Phase::Pool, index, total)?;
        }
        let Some(mic) = plan.mics.get(at) else { return Ok(()) };
        let micrograph = micrograph_id(ids, at, mic, importer)?;
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
