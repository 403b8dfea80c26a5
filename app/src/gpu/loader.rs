//! A thread that reads and prepares patches for the pages, so that no frame waits for the disk. It is
//! told what is wanted now; what was wanted before and is not any more is dropped.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use eframe::egui;
use vitrine_core::project::{PatchId, Pixels};

use super::cell::{Cell, Preparation, Scales, filtered, percentiles, prepare};

/// Cells that wait to be taken over, at most; then the thread waits.
const READY: usize = 1024;
/// Patches that the window for all patches is measured on.
const SAMPLE: usize = 200;

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
    let mut guard = lock(&shared.0);
    loop {
        if guard.closed {
            return;
        }
        let number = guard.number;
        let next = match &guard.task {
            Some(task) if guard.window.is_none() => Some((task.clone(), None)),
            Some(task) if guard.ready.len() < READY => {
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
        drop(guard);
        read += task.pixels.bytes(0).map_or(0, <[u8]>::len) * if patch.is_some() { 1 } else { SAMPLE };
        if read > HELD {
            read = 0;
            task.pixels.release();
        }
        let (cell, window) = match patch {
            Some(patch) => (prepare(&task.pixels, patch, task.how, task.scales.of(patch)), None),
            None => (None, Some(window_for_all(&task))),
        };
        guard = lock(&shared.0);
        guard.busy = None;
        // Another task may have come meanwhile.
        if guard.number == number {
            guard.ready.extend(cell);
            guard.window = guard.window.or(window);
            ctx.request_repaint();
        }
    }
}

/// Ends of the window from patches spread evenly over the project.
fn window_for_all(task: &Task) -> (f32, f32) {
    let count = task.pixels.len();
    let step = count.div_ceil(SAMPLE).max(1);
    let mut values = Vec::new();
    for patch in (0..count).step_by(step) {
        let patch = patch as PatchId;
        if let Some(image) = filtered(&task.pixels, patch, task.how.band, task.scales.of(patch)) {
            let few = image.data.len().div_ceil(512).max(1) | 1;
            values.extend(image.data.iter().copied().step_by(few));
        }
    }
    // Percentiles over at most some thousand values, so no thinning hides the ends.
    percentiles(&values, task.how.cut)
}
