//! Cuts picks and the unlabeled pool from micrographs. One micrograph is in memory at a time, and
//! each is read once where one pick file covers it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::boxes::{MicrographIds, common, cut_all, read};
use super::conversion::{SHIFT_PAIRS, SHIFTS};
use super::mic::{Mic, Planned};
use super::optics::{PoolOptics, TableOptics};
use super::plan::Plan;
use super::planning;
use super::pool::Pool;
use super::progress::Phase;
use super::request::IngestRequest;
use crate::error::Result;
use crate::formats::PickTable;
use crate::imaging::CutSettings;
use crate::progress::{ProgressSink, report};
use crate::project::{Importer, MicrographId, NewPatch, SourceInfo};

/// Column by which a pick refers to its optics group.
const GROUP: &str = "rlnOpticsGroup";

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
    progress: ProgressSink<'_>,
) -> Result<usize> {
    let (Some(cut), Some(_)) = (plan.cut, plan.size) else { return Ok(0) };
    let visits = visits(plan, request.pool.is_some());
    let tables: Vec<PickTable> = std::mem::take(&mut plan.tables);
    let optics: Vec<TableOptics> =
        tables.iter().enumerate().map(|(at, table)| TableOptics::of(table, at, &plan.mics)).collect();
    let mut pool = Pool::begin(request, plan, spool_dir)?;
    let mut ids = MicrographIds::new(plan.mics.len());
    let mut current = None;
    let mut spoilt: BTreeMap<usize, String> = BTreeMap::new();
    for (done, visit) in visits.iter().enumerate() {
        report(progress, Phase::Cutting, done, visits.len())?;
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
            let id = ids.get(visit.mic, mic, importer)?;
            let picks: Vec<Planned> = mic.picks.iter().copied().filter(|p| p.table == at).collect();
            let centres: Vec<(f64, f64)> = picks.iter().map(|p| p.xy).collect();
            cut_all(mic, &image, &centres, &cut, |index, pixels| {
                let Some(pick) = picks.get(index) else { return Ok(()) };
                let group = optics.find(table, pick, visit.mic);
                importer.push(&patch(table, group, pick, id, mic, request), pixels).map(drop)
            })?;
        }
        if let Some(pool) = pool.as_mut().filter(|_| visit.pool) {
            pool.cut_from(plan, visit.mic, &image)?;
        }
    }
    let pooled = match pool {
        Some(pool) => {
            let optics = PoolOptics::of(&plan.mics, &tables, &optics);
            pool.bring_in(plan, &optics, &mut ids, importer, progress)?
        }
        None => 0,
    };
    plan.tables = tables;
    for (at, reason) in spoilt.into_iter().rev() {
        plan.set_aside(at, reason);
    }
    Ok(pooled)
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
        kind: table.kind.clone().into(),
        pixel_size: pixel_size.map(|s| s * cut.bin as f64),
        micrograph_pixel_size: pixel_size,
        box_size: cut.effective_box().ok().map(|b| b as f64),
        bin: Some(cut.bin as f64),
        y_up: request.y_up,
        warnings: table.warnings.iter().map(ToString::to_string).collect(),
        ..SourceInfo::default()
    }
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
