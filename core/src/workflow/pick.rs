//! Picking on whole micrographs with a run: which micrographs, one after the other, and what comes of them.
//!
//! One thread reads and prepares the next micrograph while this one is scored, so at most three are in memory,
//! however many there are. The scored places of each go to the folder of the run as soon as they are known; what is
//! there already is not scored again.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::held_out::HeldOut;
use super::pick_queue::Queue;
pub use super::pick_request::{LeftOut, PickRequest, PickSummary};
use super::pick_work::Work;
pub use super::picks_export::PicksPreview;
use super::picks_export::{self, Picked};
use super::precision::check_precision;
use super::score::scorer;
use super::trained::trained_model;
use crate::error::{Error, Result};
use crate::formats::micrograph;
use crate::imaging::cut::CutSettings;
use crate::ingest::project_cut;
use crate::picking::choose::Choice;
use crate::picking::picker::{Candidates, Picker, Prepared};
use crate::picking::store::{FileState, Store, as_stored};
use crate::progress::{ProgressSink, report};
use crate::project::Project;

/// Spacing of picks as a share of the box, where none is asked for: a box is 1.5 to 2 times as wide as a particle, so
/// this is half to two thirds of one.
const SPACING: f64 = 1.0 / 3.0;
/// Pause between two looks for new micrographs.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A micrograph on its way.
enum Item {
    /// Scored before.
    Known(FileState, Candidates),
    /// Read and prepared.
    Ready(FileState, Box<Prepared>, Option<f64>),
    /// Not readable.
    Bad(PathBuf, String),
}

/// Picks on micrographs. The project is only read, except for the folder of the run, where the scored places of each
/// micrograph are kept.
///
/// # Errors
/// When the run's network can judge patches only, box and bin are not known or do not fit, there is no micrograph, none
/// of them can be read, a precision was asked for that cannot be expected, the disk refuses, or [`Error::Cancelled`].
/// What was complete by then is kept, and with `watch` the output is complete as well.
pub fn pick(project: &Project, request: &PickRequest, progress: ProgressSink<'_>) -> Result<PickSummary> {
    request.choice.check()?;
    if let Some(export) = &request.export {
        if request.watch {
            return Err(Error::request(
                "an export is written once at the end, and a watch has no end",
                "write coordinate files or a table while watching, and export afterwards",
            ));
        }
        picks_export::check(project, export)?;
    }
    let started = Instant::now();
    let scorer = scorer(project, &request.run, request.device.clone())?;
    let cut = cut_settings(project, request.box_size, request.bin)?;
    let picker = Picker::new(scorer, cut)?;
    let distance = distance(request, &cut)?;
    let model = trained_model(project, &request.run)?;
    let store = Store::open(&project.run_dir(&request.run), &model, cut)?;
    let held_out = HeldOut::of(project, &request.run)?;
    let trained_at = project_pixel_size(project)?;
    if matches!(request.choice, Choice::Precision(_)) {
        check_precision(project, &request.run, &request.micrographs, request.one_threshold, request.watch)?;
    }
    let mut work = Work::new(project, request, &cut, distance)?;
    work.summary.lowered_by_contrast = picker.lowers_by_contrast();
    let mut queue = Queue::new(project, &request.micrographs, request.watch)?;
    let mut last_new = Instant::now();
    loop {
        let files = queue.new_files()?;
        // One that could not be read before may have been copied to its end.
        work.summary.left_out.retain(|left_out| !files.contains(&left_out.path));
        let ended = if files.is_empty() {
            Ok(())
        } else {
            run_through(&files, &picker, &store, request, trained_at, &mut work, progress)
        };
        let cancelled = matches!(ended, Err(Error::Cancelled));
        if !cancelled {
            ended?;
        }
        // In a watch the output is complete whenever there is nothing to do.
        if !files.is_empty() && (!cancelled || request.watch) {
            work.settle(&store, request, &held_out)?;
        }
        if cancelled {
            return Err(Error::Cancelled);
        }
        for left_out in &work.summary.left_out {
            queue.refuse(&left_out.path);
        }
        if !files.is_empty() {
            last_new = Instant::now();
        }
        let waited = request.idle.is_some_and(|idle| last_new.elapsed() >= idle);
        if !request.watch || waited {
            break;
        }
        let pause = Instant::now();
        while pause.elapsed() < LOOK_EVERY {
            report(progress, "Waiting for micrographs", 0, 0)?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let (mut summary, picks) = work.end()?;
    if summary.micrographs == 0 && !request.watch {
        let first = summary.left_out.first().map_or_else(String::new, |l| format!(" ({})", l.reason));
        return Err(Error::request(
            format!("none of the micrographs could be read{first}"),
            "check that they are MRC, TIFF, PNG or JPEG pictures, one micrograph each",
        ));
    }
    summary.seconds = started.elapsed().as_secs_f64();
    if let Some(export) = &request.export {
        let picked = Picked { project, summary: &summary, picks: &picks, run: &request.run };
        let manifest = picks_export::write(&picked, export, progress)?;
        summary.exported = Some(Box::new(manifest));
    }
    Ok(summary)
}

/// Counts what the export of a request would write, of the micrographs that are scored.
///
/// # Errors
/// As [`pick()`], or when the request has no export.
pub fn preview_export(
    project: &Project,
    request: &PickRequest,
    progress: ProgressSink<'_>,
) -> Result<PicksPreview> {
    let export = request.export.as_ref().ok_or_else(|| Error::defect("a preview of no export"))?;
    request.choice.check()?;
    picks_export::check_format(export)?;
    let cut = cut_settings(project, request.box_size, request.bin)?;
    let model = trained_model(project, &request.run)?;
    let store = Store::open(&project.run_dir(&request.run), &model, cut)?;
    let held_out = HeldOut::of(project, &request.run)?;
    let mut work = Work::new(project, request, &cut, distance(request, &cut)?)?;
    let mut not_scored = 0;
    for file in Queue::new(project, &request.micrographs, false)?.new_files()? {
        report(progress, "Counting picks", 0, 0)?;
        if work.is_excluded(&file) {
            continue;
        }
        let known = FileState::of(&file).ok().and_then(|state| Some((store.read(&state)?, state)));
        match known {
            Some((found, state)) => work.add(state, &found, request)?,
            None => not_scored += 1,
        }
    }
    work.settle(&store, request, &held_out)?;
    let (summary, picks) = work.end()?;
    let picked = Picked { project, summary: &summary, picks: &picks, run: &request.run };
    let preview = picks_export::preview(&picked, export, progress)?;
    Ok(PicksPreview { export: preview, summary, not_scored })
}

/// Box and bin of the patches that the project was made of, unless they are given.
pub(super) fn cut_settings(
    project: &Project,
    box_size: Option<usize>,
    bin: Option<usize>,
) -> Result<CutSettings> {
    match (box_size, bin) {
        (Some(box_size), Some(bin)) => Ok(CutSettings { box_size, bin, margin: 0 }),
        (box_size, bin) => {
            let known = project_cut(project)?;
            Ok(CutSettings {
                box_size: box_size.unwrap_or(known.box_size),
                bin: bin.unwrap_or(known.bin),
                margin: 0,
            })
        }
    }
}

fn distance(request: &PickRequest, cut: &CutSettings) -> Result<f64> {
    let distance = request.distance.unwrap_or(cut.box_size as f64 * SPACING);
    if distance.is_finite() && distance >= 0.0 {
        Ok(distance)
    } else {
        Err(Error::request(format!("{distance} px is no distance"), "give 0 or more px"))
    }
}

/// Å per px of the micrographs the project's patches were cut from, where all agree.
fn project_pixel_size(project: &Project) -> Result<Option<f64>> {
    let mut sizes: Vec<f64> =
        project.sources()?.into_iter().filter_map(|s| s.info.micrograph_pixel_size).collect();
    sizes.dedup();
    Ok(if sizes.len() == 1 { sizes.first().copied() } else { None })
}

/// Takes up the places of some micrographs.
fn run_through(
    files: &[PathBuf],
    picker: &Picker,
    store: &Store,
    request: &PickRequest,
    trained_at: Option<f64>,
    work: &mut Work,
    progress: ProgressSink<'_>,
) -> Result<()> {
    let excluded = |path: &&PathBuf| work.is_excluded(path);
    let (out, files): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(excluded);
    work.summary.left_out.extend(out.into_iter().map(|path| LeftOut {
        path: path.clone(),
        reason: format!("{}: it is excluded in the project", path.display()),
    }));
    let files: Vec<PathBuf> = files.into_iter().cloned().collect();
    score_each(&files, picker, store, progress, &mut |scored| match scored {
        Scored::Places { state, found, before, pixel_size } => {
            work.summary.scored_before += u64::from(before);
            work.note_pixel_size(&state.path, pixel_size, trained_at);
            work.add(state, &found, request)
        }
        Scored::Bad(left_out) => {
            work.summary.left_out.push(left_out);
            Ok(())
        }
    })
}

/// What became of a micrograph.
pub(super) enum Scored {
    /// Its places, which are on the disk.
    Places {
        /// The file.
        state: FileState,
        /// The places.
        found: Candidates,
        /// Whether they were on the disk already.
        before: bool,
        /// Å per px that its header says.
        pixel_size: Option<f64>,
    },
    /// It cannot be read.
    Bad(LeftOut),
}

/// Scores some micrographs and keeps their places; what is on the disk is not scored again. One thread reads ahead.
pub(super) fn score_each(
    files: &[PathBuf],
    picker: &Picker,
    store: &Store,
    progress: ProgressSink<'_>,
    each: &mut dyn FnMut(Scored) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, items) = sync_channel(1);
        scope.spawn(move || {
            for path in files {
                // Nobody listens any more after an error or a cancellation.
                if send.send(item(path, picker, store)).is_err() {
                    return;
                }
            }
        });
        for (done, item) in items.into_iter().enumerate() {
            report(progress, "Picking on micrographs", done, files.len())?;
            each(match item {
                Item::Known(state, found) => Scored::Places { state, found, before: true, pixel_size: None },
                Item::Ready(state, prepared, pixel_size) => {
                    let found = as_stored(picker.pick(&prepared)?);
                    store.write(&state, &found)?;
                    Scored::Places { state, found, before: false, pixel_size }
                }
                Item::Bad(path, reason) => Scored::Bad(LeftOut { path, reason }),
            })?;
        }
        report(progress, "Picking on micrographs", files.len(), files.len())
    })
}

/// Reads one micrograph, or finds its places on the disk.
fn item(path: &Path, picker: &Picker, store: &Store) -> Item {
    let read = || -> Result<Item> {
        let state = FileState::of(path)?;
        if let Some(found) = store.read(&state) {
            return Ok(Item::Known(state, found));
        }
        let opened = micrograph::open(path)?;
        let prepared = picker.prepare(opened.image)?;
        Ok(Item::Ready(state, Box::new(prepared), opened.pixel_size))
    };
    read().unwrap_or_else(|error| Item::Bad(path.to_owned(), error.to_string()))
}
