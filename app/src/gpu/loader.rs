//! A background thread that reads and prepares patches for the GPU, so that no frame waits for the disk. Each
//! frame replaces the list of wanted patches; patches that are no longer wanted are not read.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use eframe::egui;
use vitrine_core::Image;
use vitrine_core::grayscale::clipped_range;
use vitrine_core::project::{PatchId, PixelFile};

use super::band::band_passed;
use super::cell::{Cell, Preparation, Scales, averaged, prepare, read};

/// Number of prepared cells not yet taken at which the thread pauses.
const MAX_READY_CELLS: usize = 1024;
/// Number of patches on which the contrast range for all patches is measured.
const SAMPLED_PATCHES: usize = 200;
/// Memory for the sampled patches, bytes. They are kept so that another band needs no disk.
const MAX_SAMPLE_BYTES: usize = 16 << 20;
/// Minimum number of patches sampled, however large they are.
const MIN_SAMPLED_PATCHES: usize = 12;

/// Number of bytes read after which the mapped pages are released. Until then the operating system counts what was
/// read of a mapped file, and what lies around it, as memory of this program.
const RELEASE_AFTER_BYTES: usize = 16 << 20;

/// What the thread reads, and how it prepares it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The pixels of the project.
    pub pixels: Arc<PixelFile>,
    /// Pixel sizes.
    pub scales: Arc<Scales>,
    /// How cells are prepared.
    pub how: Preparation,
    /// How the contrast range for all patches is measured.
    pub measure: Measure,
}

/// How the contrast range for all patches is measured, whether the CPU or the GPU filters the cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Shortest and longest period kept, in the unit of [`Scales`].
    pub band: Option<[f32; 2]>,
    /// Share of values clipped at each end, percent.
    pub cut: f32,
}

#[derive(Default)]
struct LoaderState {
    /// Number of the task; each new task has the next one.
    number: u64,
    task: Option<Task>,
    wanted: VecDeque<PatchId>,
    busy: Option<PatchId>,
    ready: VecDeque<Cell>,
    /// The values drawn black and white for all patches under this task; `None` until they are measured.
    window: Option<(f32, f32)>,
    /// How `window` was measured. Where this is not the task's, a measurement is due.
    measured: Option<Measure>,
    closed: bool,
}

/// Handle on the thread. Dropping it ends the thread.
pub struct Loader {
    shared: Arc<(Mutex<LoaderState>, Condvar)>,
}

fn lock(shared: &Mutex<LoaderState>) -> MutexGuard<'_, LoaderState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loader {
    /// Starts the thread. It requests a frame of `ctx` when something is ready.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(ctx: egui::Context) -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(LoaderState::default()), Condvar::new()));
        let its = Arc::clone(&shared);
        std::thread::Builder::new().name("patches".to_owned()).spawn(move || work(&its, &ctx))?;
        Ok(Self { shared })
    }

    /// Starts another task. Cells of the previous task are dropped.
    pub fn begin(&self, task: Task) {
        let mut shared = lock(&self.shared.0);
        let number = shared.number + 1;
        *shared = LoaderState { number, task: Some(task), ..LoaderState::default() };
        self.shared.1.notify_one();
    }

    /// Measures the contrast range for all patches again, in another way. The old range stays until then.
    pub fn measure(&self, measure: Measure) {
        let mut shared = lock(&self.shared.0);
        if let Some(task) = shared.task.as_mut().filter(|task| task.measure != measure) {
            task.measure = measure;
            self.shared.1.notify_one();
        }
    }

    /// Takes up to `most` prepared cells.
    pub fn take(&self, most: usize) -> Vec<Cell> {
        let mut shared = lock(&self.shared.0);
        let count = most.min(shared.ready.len());
        let cells = shared.ready.drain(..count).collect();
        self.shared.1.notify_one();
        cells
    }

    /// Replaces the list of wanted patches, the most urgent first. Returns how many of them are not ready yet.
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

    /// The values drawn black and white for all patches; `None` until they are measured.
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

fn work(shared: &(Mutex<LoaderState>, Condvar), ctx: &egui::Context) {
    let mut read = 0;
    let mut sample = Sample::default();
    // While the user drags a band, each frame asks for another measurement. Patches are read in between.
    let mut has_measured = false;
    let mut guard = lock(&shared.0);
    loop {
        if guard.closed {
            return;
        }
        let number = guard.number;
        let room = guard.ready.len() < MAX_READY_CELLS;
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
        if read > RELEASE_AFTER_BYTES {
            read = 0;
            task.pixels.release();
        }
        guard = lock(&shared.0);
        guard.busy = None;
        // The window may have set another task meanwhile.
        if guard.number == number {
            guard.ready.extend(cell);
            if window.is_some() {
                (guard.window, guard.measured) = (window, Some(task.measure));
            }
            ctx.request_repaint();
        }
    }
}

/// Patches evenly_spaced evenly over the project. They are kept in memory, so that another band or another clipped
/// share needs no disk.
#[derive(Default)]
struct Sample {
    /// Number of the task they were read for.
    number: u64,
    /// Some unfiltered values of each.
    plain: Vec<f32>,
    /// The averaged patches with the length of a texel. They are read when a band is first used.
    patches: Vec<(Image, f32)>,
}

/// About 512 values evenly_spaced evenly over an image.
fn subsampled(image: &Image) -> impl Iterator<Item = f32> {
    image.data.iter().copied().step_by(image.data.len().div_ceil(512).max(1) | 1)
}

impl Sample {
    /// The values drawn black and white; `None` once `asked` says that they are no longer needed. Adds the bytes
    /// it reads to `bytes`.
    fn window(&mut self, task: &Task, bytes: &mut usize, asked: impl Fn() -> bool) -> Option<(f32, f32)> {
        let mut get = |patch: PatchId| {
            *bytes += task.pixels.bytes(patch).map_or(0, <[u8]>::len);
            read(&task.pixels, patch)
        };
        let values = match task.measure.band {
            None => {
                if self.plain.is_empty() {
                    let images = evenly_spaced(task.pixels.len(), SAMPLED_PATCHES).filter_map(&mut get);
                    self.plain = images.flat_map(|image| subsampled(&image).collect::<Vec<_>>()).collect();
                }
                self.plain.clone()
            }
            Some(band) => {
                if self.patches.is_empty() {
                    let side = task.how.side(task.pixels.size());
                    let most = (MAX_SAMPLE_BYTES / (side * side * size_of::<f32>()).max(1))
                        .clamp(MIN_SAMPLED_PATCHES, SAMPLED_PATCHES);
                    let bin = task.how.bin.max(1);
                    for patch in evenly_spaced(task.pixels.len(), most) {
                        let texel = task.scales.of(patch) * bin as f32;
                        self.patches.extend(get(patch).map(|image| (averaged(image, bin), texel)));
                    }
                }
                let mut values = Vec::new();
                for (image, texel) in &self.patches {
                    if !asked() {
                        return None;
                    }
                    values.extend(subsampled(&band_passed(image.clone(), band, *texel)));
                }
                values
            }
        };
        Some(clipped_range(&values, task.measure.cut))
    }
}

/// At most `most` of `count` patches, evenly_spaced evenly.
fn evenly_spaced(count: usize, most: usize) -> impl Iterator<Item = PatchId> {
    (0..count).step_by(count.div_ceil(most).max(1)).map(|patch| patch as PatchId)
}
