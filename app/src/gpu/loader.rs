//! A thread that reads and prepares patches for the pages, so that no frame waits for the disk. It is
//! told what is wanted now; what was wanted before and is not any more is dropped.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use eframe::egui;
use vitrine_core::Image;
use vitrine_core::grayscale::clipped_range;
use vitrine_core::project::{PatchId, Pixels};

use super::band::passed;
use super::cell::{Cell, Preparation, Scales, averaged, prepare, read};

/// Cells that wait to be taken over, at most; then the thread waits.
const READY: usize = 1024;
/// Patches that the window for all patches is measured on.
const SAMPLE: usize = 200;
/// Bytes of them kept for another band, at most; of large patches fewer are kept.
const KEPT: usize = 16 << 20;
/// Of them kept at least.
const LEAST: usize = 12;

/// Bytes read before the memory they take up is given back: the system counts what is read of a
/// mapped file, and what lies around it, as this program's until then.
const HELD: usize = 16 << 20;

/// What is read, and how.
#[derive(Debug, Clone)]
pub struct Task {
    /// The pixels.
    pub pixels: Arc<Pixels>,
    /// Å per px.
    pub scales: Arc<Scales>,
    /// How cells are made.
    pub how: Preparation,
    /// What the window for all patches is measured of.
    pub measure: Measure,
}

/// What the window for all patches is measured of, whoever filters the cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Shortest and longest period kept, in the unit of [`Scales`].
    pub band: Option<[f32; 2]>,
    /// Share of values cut off at each end, percent.
    pub cut: f32,
}

#[derive(Default)]
struct Shared {
    /// Counts up with each task.
    number: u64,
    task: Option<Task>,
    wanted: VecDeque<PatchId>,
    busy: Option<PatchId>,
    ready: VecDeque<Cell>,
    /// Ends of the window for all patches under this task, once measured.
    window: Option<(f32, f32)>,
    /// What they were measured of; else they are of what was asked for before.
    measured: Option<Measure>,
    closed: bool,
}

/// The thread and what it shares with the window. Dropping it ends the thread.
pub struct Loader {
    shared: Arc<(Mutex<Shared>, Condvar)>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loader {
    /// Starts the thread; a frame of `ctx` is asked for when something is ready.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(ctx: egui::Context) -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let its = Arc::clone(&shared);
        std::thread::Builder::new().name("patches".to_owned()).spawn(move || work(&its, &ctx))?;
        Ok(Self { shared })
    }

    /// Begins anew with another task; cells of the one before are dropped.
    pub fn begin(&self, task: Task) {
        let mut shared = lock(&self.shared.0);
        let number = shared.number + 1;
        *shared = Shared { number, task: Some(task), ..Shared::default() };
        self.shared.1.notify_one();
    }

    /// Measures the window for all patches anew, of something else; until then it is what it was.
    pub fn measure(&self, measure: Measure) {
        let mut shared = lock(&self.shared.0);
        if let Some(task) = shared.task.as_mut().filter(|task| task.measure != measure) {
            task.measure = measure;
            self.shared.1.notify_one();
        }
    }

    /// Takes up to `most` cells over.
    pub fn take(&self, most: usize) -> Vec<Cell> {
        let mut shared = lock(&self.shared.0);
        let count = most.min(shared.ready.len());
        let cells = shared.ready.drain(..count).collect();
        self.shared.1.notify_one();
        cells
    }

    /// Says what is wanted, first things first, instead of what was wanted before. Returns how many
    /// of these are still to come.
    pub fn want(&self, patches: impl IntoIterator<Item = PatchId>) -> usize {
        let mut shared = lock(&self.shared.0);
        let ready: HashSet<PatchId> = shared.ready.iter().map(|cell| cell.patch).collect();
        let mut coming = 0;
        shared.wanted.clear();
        for patch in patches {
            coming += 1;
            if shared.busy != Some(patch) && !ready.contains(&patch) {
                shared.wanted.push_back(patch);
            }
        }
        if !shared.wanted.is_empty() {
            self.shared.1.notify_one();
        }
        coming
    }

    /// Ends of the window for all patches, once they are measured.
    pub fn window(&self) -> Option<(f32, f32)> {
        lock(&self.shared.0).window
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        lock(&self.shared.0).closed = true;
        self.shared.1.notify_one();
    }
}

fn work(shared: &(Mutex<Shared>, Condvar), ctx: &egui::Context) {
    let mut read = 0;
    let mut sample = Sample::default();
    // While a band is dragged the window is begun again and again; patches come in between.
    let mut has_measured = false;
    let mut guard = lock(&shared.0);
    loop {
        if guard.closed {
            return;
        }
        let number = guard.number;
        let room = guard.ready.len() < READY;
        let patches_first = has_measured && room && !guard.wanted.is_empty();
        let next = match &guard.task {
            Some(task) if guard.measured != Some(task.measure) && !patches_first => {
                Some((task.clone(), None))
            }
            Some(task) if room => {
                let task = task.clone();
                guard.wanted.pop_front().map(|patch| (task, Some(patch)))
            }
            _ => None,
        };
        let Some((task, patch)) = next else {
            guard = shared.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        guard.busy = patch;
        has_measured = patch.is_none();
        drop(guard);
        let (cell, window) = match patch {
            Some(patch) => {
                read += task.pixels.bytes(0).map_or(0, <[u8]>::len);
                (prepare(&task.pixels, patch, task.how, task.scales.of(patch)), None)
            }
            None => {
                if sample.number != number {
                    sample = Sample { number, ..Sample::default() };
                }
                let asked = || {
                    let now = lock(&shared.0);
                    !now.closed
                        && now.number == number
                        && now.task.as_ref().is_some_and(|now| now.measure == task.measure)
                };
                (None, sample.window(&task, &mut read, asked))
            }
        };
        if read > HELD {
            read = 0;
            task.pixels.release();
        }
        guard = lock(&shared.0);
        guard.busy = None;
        // Another task may have come meanwhile.
        if guard.number == number {
            guard.ready.extend(cell);
            if window.is_some() {
                (guard.window, guard.measured) = (window, Some(task.measure));
            }
            ctx.request_repaint();
        }
    }
}

/// Patches spread evenly over the project, kept as they were read, so that another band or share cut off
/// needs no disk.
#[derive(Default)]
struct Sample {
    /// Of which task.
    number: u64,
    /// Some values of each, as they are.
    plain: Vec<f32>,
    /// The patches as the screen shows them, with the length of a texel; read when a band is first asked
    /// for.
    patches: Vec<(Image, f32)>,
}

/// Some values of an image, evenly.
fn few(image: &Image) -> impl Iterator<Item = f32> {
    image.data.iter().copied().step_by(image.data.len().div_ceil(512).max(1) | 1)
}

impl Sample {
    /// Ends of the window; `None` once nobody asks for them any more. Counts the bytes it reads.
    fn window(&mut self, task: &Task, bytes: &mut usize, asked: impl Fn() -> bool) -> Option<(f32, f32)> {
        let mut get = |patch: PatchId| {
            *bytes += task.pixels.bytes(patch).map_or(0, <[u8]>::len);
            read(&task.pixels, patch)
        };
        let values = match task.measure.band {
            None => {
                if self.plain.is_empty() {
                    let images = spread(task.pixels.len(), SAMPLE).filter_map(&mut get);
                    self.plain = images.flat_map(|image| few(&image).collect::<Vec<_>>()).collect();
                }
                self.plain.clone()
            }
            Some(band) => {
                if self.patches.is_empty() {
                    let side = task.how.side(task.pixels.size());
                    let most = (KEPT / (side * side * size_of::<f32>()).max(1)).clamp(LEAST, SAMPLE);
                    let bin = task.how.bin.max(1);
                    for patch in spread(task.pixels.len(), most) {
                        let texel = task.scales.of(patch) * bin as f32;
                        self.patches.extend(get(patch).map(|image| (averaged(image, bin), texel)));
                    }
                }
                let mut values = Vec::new();
                for (image, texel) in &self.patches {
                    if !asked() {
                        return None;
                    }
                    values.extend(few(&passed(image.clone(), band, *texel)));
                }
                values
            }
        };
        // Percentiles over at most some thousand values, so no thinning hides the ends.
        Some(clipped_range(&values, task.measure.cut))
    }
}

/// At most `most` of `count` patches, spread evenly.
fn spread(count: usize, most: usize) -> impl Iterator<Item = PatchId> {
    (0..count).step_by(count.div_ceil(most).max(1)).map(|patch| patch as PatchId)
}
