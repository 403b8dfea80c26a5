//! The channel between the window and a run: events one way, orders the other. The run itself is
//! [`vitrine_core::workflow::train`] on a job's thread, with its own handle on the project.

use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vitrine_core::device::ComputeDevice;
use vitrine_core::learning::train::events::{RunPhase, TrainControl, TrainEvent};

use crate::gui::jobs::{JobContext, Latest};

/// The window's end: it receives events and gives orders.
pub struct RunHandle {
    events: Receiver<TrainEvent>,
    progress: Latest<TrainEvent>,
    memory: Latest<RunMemory>,
    orders: Arc<Mutex<Orders>>,
}

/// The run's end: it reports events and receives orders.
pub struct RunReporter {
    events: SyncSender<TrainEvent>,
    progress: Latest<TrainEvent>,
    memory: Latest<RunMemory>,
    orders: Arc<Mutex<Orders>>,
    /// The device, once the run has opened it.
    device: Option<ComputeDevice>,
    /// How far the GPU's programs are.
    kernels: Mutex<Kernels>,
    /// When memory was last looked at.
    looked: Mutex<Option<Instant>>,
    /// The phase under way.
    phase: Mutex<String>,
}

/// RunMemory a run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMemory {
    /// Bytes this program holds on the computer: that is where a run on the processor has everything.
    Computer(u64),
    /// Bytes the run holds on its GPU, those it keeps for use again included.
    Device(u64),
}

/// How far a GPU's programs are. Until they are compiled the first batches wait, whatever the phase is called.
#[derive(Debug, Default)]
enum Kernels {
    /// No phase has begun.
    #[default]
    NotBegun,
    /// This phase is under way, but its first batches still wait.
    Compiling(RunPhase),
    /// They are compiled.
    Compiled,
}

/// How often memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_secs(2);

/// Orders given before the trainer has said its first word wait here.
#[derive(Default)]
struct Orders {
    to: Option<Sender<TrainControl>>,
    waiting: Vec<TrainControl>,
}

/// Both ends of a new channel. It holds 256 events; only the latest progress counts, so that never fills it.
pub fn run_channel() -> (RunHandle, RunReporter) {
    let (sender, events) = sync_channel(256);
    let progress = Latest::default();
    let orders = Arc::new(Mutex::new(Orders::default()));
    let memory = Latest::default();
    let reporter = RunReporter {
        events: sender,
        progress: progress.clone(),
        memory: memory.clone(),
        orders: Arc::clone(&orders),
        device: None,
        kernels: Mutex::default(),
        looked: Mutex::default(),
        phase: Mutex::default(),
    };
    (RunHandle { events, progress, memory, orders }, reporter)
}

impl RunHandle {
    /// What the trainer has reported since the last call, oldest first.
    pub fn drain(&self) -> Vec<TrainEvent> {
        self.progress.take().into_iter().chain(self.events.try_iter()).collect()
    }

    /// The memory the run was last seen to hold, once.
    pub fn memory(&self) -> Option<RunMemory> {
        self.memory.take()
    }

    /// Gives an order. Ordering a run that has ended does nothing.
    pub fn order(&self, order: TrainControl) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        match &orders.to {
            Some(to) => {
                let _ = to.send(order);
            }
            None => orders.waiting.push(order),
        }
    }
}

impl RunReporter {
    /// The run computes there.
    pub fn on(mut self, device: &ComputeDevice) -> Self {
        self.device = Some(device.clone());
        self
    }

    /// The event as the window should hear it: on a GPU the first phase that computes is told as
    /// [`RunPhase::CompilingKernels`] until its first batches are through, then under its own name.
    fn translated(&self, event: &TrainEvent) -> (Option<TrainEvent>, TrainEvent) {
        if self.device.as_ref().is_none_or(|device| device.is_cpu) {
            return (None, event.clone());
        }
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*kernels, event) {
            (Kernels::NotBegun, TrainEvent::Phase(RunPhase::CompilingKernels)) => {
                // The trainer says so itself, and when it is over.
                *kernels = Kernels::Compiled;
            }
            (Kernels::NotBegun, TrainEvent::Phase(phase)) => {
                *kernels = Kernels::Compiling(*phase);
                return (None, TrainEvent::Phase(RunPhase::CompilingKernels));
            }
            // Before the first epoch of an estimate of π nothing was computed yet.
            (Kernels::Compiling(phase), TrainEvent::Progress { epoch, batch, .. })
                if *epoch > 0 || *batch > 0 =>
            {
                let before = TrainEvent::Phase(*phase);
                *kernels = Kernels::Compiled;
                return (Some(before), event.clone());
            }
            _ => {}
        }
        (None, event.clone())
    }

    /// Looks at the memory from time to time, on the run's own thread.
    fn measure_memory(&self) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|looked| looked.elapsed() < MEMORY_INTERVAL) {
            return;
        }
        *looked = Some(Instant::now());
        let gpu = self.device.as_ref().filter(|device| !device.is_cpu);
        let held = match gpu {
            Some(gpu) => gpu.inner.memory_pool_usage().map(|usage| RunMemory::Device(usage.bytes_reserved)),
            None => memory().map(RunMemory::Computer),
        };
        if let Some(held) = held {
            self.memory.put(held);
        }
    }

    /// What core's `Listen` wants: `&mut |event, orders| reporter.report(job, event, orders)`.
    pub fn report(&self, job: &JobContext, event: &TrainEvent, to: &Sender<TrainControl>) {
        {
            let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
            if orders.to.is_none() {
                orders.to = Some(to.clone());
                for order in orders.waiting.drain(..) {
                    let _ = to.send(order);
                }
            }
        }
        if job.is_cancelled() {
            let _ = to.send(TrainControl::Stop);
        }
        let (before, event) = self.translated(event);
        if let Some(before) = before {
            if let TrainEvent::Phase(phase) = &before {
                *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase.to_string();
            }
            let _ = self.events.send(before);
        }
        if let TrainEvent::Progress { epoch, epochs, batch, batches } = event {
            self.measure_memory();
            self.progress.put(event);
            // The same for the status bar, over the whole run.
            let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            let (phase, done, total) = match epoch {
                0 => (phase.as_str(), batch, batches),
                _ => ("Training", (epoch - 1) * batches + batch, epochs * batches),
            };
            job.progress(phase, done as u64, total as u64);
        } else {
            if let TrainEvent::Phase(phase) = &event {
                let words = phase.to_string();
                job.progress(&words, 0, 0);
                *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = words;
            }
            // Waits when the window is 256 events behind; a window that is gone hears nothing.
            let _ = self.events.send(event);
        }
        job.repaint();
    }
}

/// Bytes of memory this program holds, where the system tells.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn phases(is_cpu: bool, events: &[TrainEvent]) -> Vec<RunPhase> {
        // The device computes nothing here; only what it is counts.
        let device = ComputeDevice { is_cpu, ..ComputeDevice::cpu() };
        let reporter = run_channel().1.on(&device);
        let mut told = Vec::new();
        for event in events {
            let (before, event) = reporter.translated(event);
            for event in before.into_iter().chain([event]) {
                if let TrainEvent::Phase(phase) = event {
                    told.push(phase);
                }
            }
        }
        told
    }

    #[test]
    fn on_a_gpu_the_first_phase_compiles_until_its_first_batches_are_through() {
        use RunPhase::{CompilingKernels, EstimatingPrior, Training};
        let phase = TrainEvent::Phase;
        let progress = |epoch, batch| TrainEvent::Progress { epoch, epochs: 9, batch, batches: 30 };
        let estimated = [
            phase(EstimatingPrior),
            progress(0, 0),
            progress(0, 1),
            phase(CompilingKernels),
            phase(Training),
            progress(1, 1),
        ];
        assert_eq!(
            phases(false, &estimated),
            [CompilingKernels, EstimatingPrior, CompilingKernels, Training]
        );
        assert_eq!(phases(true, &estimated)[0], EstimatingPrior);
        // With π given the trainer says all of it.
        assert_eq!(phases(false, &estimated[3..]), [CompilingKernels, Training]);
    }
}
