//! Picking on whole micrographs with a run: which micrographs, one after the other, and what comes of them.
//!
//! One thread reads and prepares the next micrograph while this one is scored, so at most three are in memory,
//! however many there are. The scored places of each go to the folder of the run as soon as they are known; what is
//! there already is not scored again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::pick_output::Output;
use super::score::scorer;
use super::trained::trained_model;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::formats::detect::{Kind, detect};
use crate::formats::micrograph;
use crate::imaging::cut::CutSettings;
use crate::label::Label;
use crate::picking::choose::{Census, Choice, Expectation, at_distance, logit_of, score_of};
use crate::picking::picker::{Candidates, Picker, Prepared};
use crate::picking::store::{FileState, Store, as_stored};
use crate::progress::{ProgressSink, report};
use crate::project::{Project, ScoreKind, Side};
use crate::remedy::Remedy;

/// Spacing of picks as a share of the box, where none is asked for: a box is 1.5 to 2 times as wide as a particle, so
/// this is half to two thirds of one.
const SPACING: f64 = 1.0 / 3.0;
/// Pause between two looks for new micrographs.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Pixel sizes that differ by more than this share are told.
const PIXEL_SIZE_DIFFERS: f64 = 0.03;

/// What is picked, and how.
#[derive(Debug, Clone)]
pub struct PickRequest {
    /// The run whose network picks.
    pub run: String,
    /// Micrographs, or folders of them; empty for all micrographs of the project.
    pub micrographs: Vec<PathBuf>,
    /// Which places are picks.
    pub choice: Choice,
    /// Smallest distance of two picks, px of the unbinned micrograph; a third of the box by default.
    pub distance: Option<f64>,
    /// Side of the box on the micrograph, px; that of the project's patches by default.
    pub box_size: Option<usize>,
    /// Px averaged into one; that of the project's patches by default.
    pub bin: Option<usize>,
    /// Folder for the picks as RELION coordinate files, one a micrograph.
    pub out: Option<PathBuf>,
    /// File for one table of all picks (CSV).
    pub table: Option<PathBuf>,
    /// Whether to go on looking for new files in the folders named, until cancelled.
    pub watch: bool,
    /// With `watch`: ends when nothing new has come for so long.
    pub idle: Option<Duration>,
    /// Where the network runs.
    pub device: ComputeDevice,
}

/// A micrograph that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// A sentence.
    pub reason: String,
}

/// What picking did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PickSummary {
    /// Micrographs with places: those scored now and those that were there already.
    pub micrographs: u64,
    /// Of these, scored before.
    pub scored_before: u64,
    /// Micrographs left out.
    pub left_out: Vec<LeftOut>,
    /// Places above the floor, at the distance asked for.
    pub places: u64,
    /// Of these, picks.
    pub picks: u64,
    /// Score at or above which a place is a pick.
    pub threshold: f64,
    /// Smallest distance of two picks, px.
    pub distance: f64,
    /// Side of the box on the micrograph, px.
    pub box_size: usize,
    /// Px averaged into one.
    pub bin: usize,
    /// What is to be expected of the picks; `None` where too few positives were left to judge by.
    pub expected: Option<Expectation>,
    /// Seconds that reading, the map and exact scores took.
    pub seconds: f64,
    /// Sentences a person should read.
    pub notes: Vec<String>,
    /// The folder of coordinate files that was written.
    pub out: Option<PathBuf>,
    /// The table that was written.
    pub table: Option<PathBuf>,
}

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
    let started = Instant::now();
    let scorer = scorer(project, &request.run, request.device.clone())?;
    let cut = cut_settings(project, request)?;
    let picker = Picker::new(scorer, cut)?;
    let distance = distance(request, &cut)?;
    let model = trained_model(project, &request.run)?;
    let store = Store::open(&project.run_dir(&request.run), &model, cut)?;
    let positives = held_out_positives(project, &request.run)?;
    let trained_at = project_pixel_size(project)?;
    let mut work = Work {
        summary: PickSummary {
            distance,
            box_size: cut.box_size,
            bin: cut.bin,
            out: request.out.clone(),
            table: request.table.clone(),
            ..PickSummary::default()
        },
        census: Census::default(),
        output: Output::create(request.out.as_deref(), request.table.as_deref())?,
        done: Vec::new(),
    };
    let mut queue = Queue::new(project, request)?;
    let mut last_new = Instant::now();
    loop {
        let files = queue.new_files()?;
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
            work.settle(&store, request, &positives)?;
        }
        if cancelled {
            return Err(Error::Cancelled);
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
    let mut summary = work.summary;
    if summary.micrographs == 0 && !request.watch {
        let first = summary.left_out.first().map_or_else(String::new, |l| format!(" ({})", l.reason));
        return Err(Error::request(
            format!("none of the micrographs could be read{first}"),
            "check that they are MRC, TIFF, PNG or JPEG pictures, one micrograph each",
        ));
    }
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// Box and bin of the patches that the project was made of, unless they are given.
fn cut_settings(project: &Project, request: &PickRequest) -> Result<CutSettings> {
    let sources = project.sources()?;
    let mut known: Vec<(usize, usize)> = sources
        .iter()
        .filter_map(|source| {
            let (side, bin) = (source.info.box_size?, source.info.bin?);
            (side >= 1.0 && bin >= 1.0).then_some((side.round() as usize, bin.round() as usize))
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let one = (known.len() == 1).then(|| known[0]);
    let missing = |what: &str| {
        let why = if known.is_empty() {
            format!("the {what} on the micrograph is not known: the project's patches were not cut by it")
        } else {
            format!("the project's patches were cut with several boxes, so the {what} is not clear")
        };
        Error::request(why, "give box and bin factor with which the run's patches were cut")
    };
    Ok(CutSettings {
        box_size: request.box_size.or(one.map(|(side, _)| side)).ok_or_else(|| missing("box size"))?,
        bin: request.bin.or(one.map(|(_, bin)| bin)).ok_or_else(|| missing("bin factor"))?,
        margin: 0,
    })
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

/// Logits of the positives that the run did not learn from, where the project is scored.
fn held_out_positives(project: &Project, run: &str) -> Result<Vec<f32>> {
    let stored = project.run(run)?;
    let (Some(scores), Some(split)) = (project.scores(stored.id, ScoreKind::Teacher)?, stored.split) else {
        return Ok(Vec::new());
    };
    let sides = project.split_sides(split)?;
    let labels = project.labels()?;
    let held_out = |side: &Side| matches!(side, Side::Validation | Side::Test);
    Ok(scores
        .iter()
        .zip(&labels)
        .zip(&sides)
        .filter(|((score, label), side)| **label == Label::Positive && held_out(side) && score.is_finite())
        // A score of 1 in 32 bits has no logit; the largest below it has 16.6.
        .map(|((score, _), _)| logit_of(f64::from(score.clamp(1e-9, 1.0 - f32::EPSILON / 2.0))) as f32)
        .collect())
}

/// Which files there are, and which have been handed out.
struct Queue {
    /// Micrographs named one by one.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Handed out.
    seen: HashSet<PathBuf>,
    /// In a watch: files as they were at the last look. A file is taken once it has stopped growing.
    growing: Vec<FileState>,
    /// In a watch: files that have stopped growing, micrographs or not.
    settled: HashSet<PathBuf>,
    watch: bool,
}

impl Queue {
    fn new(project: &Project, request: &PickRequest) -> Result<Self> {
        let mut queue = Self {
            files: Vec::new(),
            folders: Vec::new(),
            seen: HashSet::new(),
            growing: Vec::new(),
            settled: HashSet::new(),
            watch: request.watch,
        };
        if request.micrographs.is_empty() {
            queue.files = project.micrographs()?.into_iter().filter_map(|m| m.path).collect();
            if queue.files.is_empty() {
                return Err(Error::request(
                    "the project knows no micrograph files: its patches came ready cut",
                    Remedy::NameMicrographs,
                ));
            }
            // A project may have several sources on one micrograph.
            let mut seen = HashSet::new();
            queue.files.retain(|path| seen.insert(path.clone()));
        }
        for path in &request.micrographs {
            if path.is_dir() {
                queue.folders.push(path.clone());
            } else {
                queue.files.push(path.clone());
            }
        }
        if request.watch && queue.folders.is_empty() {
            return Err(Error::request(
                "there is no folder to watch for new micrographs",
                "name the folder in which they appear",
            ));
        }
        Ok(queue)
    }

    /// Files that have not been handed out yet.
    fn new_files(&mut self) -> Result<Vec<PathBuf>> {
        let mut found = std::mem::take(&mut self.files);
        if !self.watch || self.something_new() {
            for folder in &self.folders {
                match detect(folder) {
                    Ok(recognised)
                        if matches!(recognised.kind, Kind::Micrographs | Kind::MicrographsAndPicks) =>
                    {
                        found.extend(recognised.micrographs);
                    }
                    // In a watch there may be no micrograph yet.
                    Ok(_) | Err(_) if self.watch => {}
                    Ok(recognised) => {
                        return Err(Error::format(
                            folder,
                            format!("the folder holds no micrographs ({})", recognised.format),
                            "name the folder that holds MRC, TIFF, PNG or JPEG files",
                        ));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        found.retain(|path| !self.growing.iter().any(|state| state.path == *path));
        found.retain(|path| self.seen.insert(path.clone()));
        Ok(found)
    }

    /// Whether a folder holds files that were not there before and have stopped growing. Only names and lengths are
    /// looked at, so that a folder of thousands of micrographs can be watched.
    fn something_new(&mut self) -> bool {
        let mut growing = Vec::new();
        let mut new = false;
        for folder in &self.folders {
            // A folder that cannot be listed now may be there at the next look.
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if self.settled.contains(&path) || self.seen.contains(&path) {
                    continue;
                }
                let Ok(state) = FileState::of(&path) else { continue };
                if self.growing.contains(&state) {
                    self.settled.insert(path);
                    new = true;
                } else {
                    growing.push(state);
                }
            }
        }
        self.growing = growing;
        new
    }
}

/// What picking gathers.
struct Work {
    summary: PickSummary,
    census: Census,
    output: Output,
    /// The micrographs that have places, for the output.
    done: Vec<FileState>,
}

/// Reads, scores and keeps some micrographs.
fn run_through(
    files: &[PathBuf],
    picker: &Picker,
    store: &Store,
    request: &PickRequest,
    trained_at: Option<f64>,
    work: &mut Work,
    progress: ProgressSink<'_>,
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
            let (state, found) = match item {
                Item::Known(state, found) => {
                    work.summary.scored_before += 1;
                    (state, found)
                }
                Item::Ready(state, prepared, pixel_size) => {
                    work.note_pixel_size(&state.path, pixel_size, trained_at);
                    let found = as_stored(picker.pick(&prepared)?);
                    store.write(&state, &found)?;
                    (state, found)
                }
                Item::Bad(path, reason) => {
                    work.summary.left_out.push(LeftOut { path, reason });
                    continue;
                }
            };
            work.add(state, &found, request)?;
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

impl Work {
    fn note_pixel_size(&mut self, path: &Path, found: Option<f64>, trained: Option<f64>) {
        let (Some(found), Some(trained)) = (found, trained) else { return };
        if (found / trained - 1.0).abs() > PIXEL_SIZE_DIFFERS && self.summary.notes.is_empty() {
            self.summary.notes.push(format!(
                "{} has {found} Å per px, the run learned from micrographs with {trained}: particles have another size \
                 there than the network knows",
                path.display()
            ));
        }
    }

    /// Takes up the places of a micrograph; its picks are written at once where the threshold is known.
    fn add(&mut self, state: FileState, found: &Candidates, request: &PickRequest) -> Result<()> {
        let places = at_distance(found, self.summary.distance);
        self.census.add(&places);
        self.summary.micrographs += 1;
        if let Choice::Threshold(score) = request.choice {
            self.output.add(&state.path, &places, logit_of(score))?;
        }
        self.done.push(state);
        Ok(())
    }

    /// Settles the threshold over all micrographs, counts, and writes what has waited for it.
    fn settle(&mut self, store: &Store, request: &PickRequest, positives: &[f32]) -> Result<()> {
        if self.summary.micrographs == 0 {
            return Ok(());
        }
        let logit = self.census.threshold(request.choice, positives)?;
        self.summary.threshold = score_of(logit);
        self.summary.places = self.census.len();
        self.summary.picks = self.census.above(logit);
        // Too few positives are no error where nobody asked for a precision.
        self.summary.expected = self.census.expect(logit, positives).ok().flatten();
        let wanted = request.out.is_some() || request.table.is_some();
        if wanted && !matches!(request.choice, Choice::Threshold(_)) {
            let mut output = Output::create(request.out.as_deref(), request.table.as_deref())?;
            for state in &self.done {
                if let Some(found) = store.read(state) {
                    output.add(&state.path, &at_distance(&found, self.summary.distance), logit)?;
                }
            }
            self.output = output;
        }
        Ok(())
    }
}
