//! The line between the window and a run: events one way, orders the other. The run itself is
//! [`vitrine_core::workflow::train`] on a job's thread, with a handle of its own on the project.

use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use vitrine_core::learning::events::{TrainControl, TrainEvent};

use crate::gui::jobs::{JobContext, Slot};

/// The window's end.
pub struct TrainLink {
    events: Receiver<TrainEvent>,
    progress: Slot<TrainEvent>,
    orders: Arc<Mutex<Orders>>,
}

/// The run's end.
pub struct TrainTeller {
    events: SyncSender<TrainEvent>,
    progress: Slot<TrainEvent>,
    orders: Arc<Mutex<Orders>>,
}

/// Orders given before the trainer has said its first word wait here.
#[derive(Default)]
struct Orders {
    to: Option<Sender<TrainControl>>,
    waiting: Vec<TrainControl>,
}

/// Both ends of a new line. 256 events fit; progress is a latest-value slot and never fills it.
pub fn line() -> (TrainLink, TrainTeller) {
    let (sender, events) = sync_channel(256);
    let progress = Slot::default();
    let orders = Arc::new(Mutex::new(Orders::default()));
    let teller = TrainTeller { events: sender, progress: progress.clone(), orders: Arc::clone(&orders) };
    (TrainLink { events, progress, orders }, teller)
}

impl TrainLink {
    /// What the trainer has said since the last call, oldest first.
    pub fn drain(&self) -> Vec<TrainEvent> {
        self.progress.take().into_iter().chain(self.events.try_iter()).collect()
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

impl TrainTeller {
    /// What core's `Listen` wants: `&mut |event, orders| teller.hear(job, event, orders)`.
    pub fn hear(&self, job: &JobContext, event: &TrainEvent, to: &Sender<TrainControl>) {
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
        if let TrainEvent::Progress { epoch, epochs, batch, batches } = *event {
            self.progress.put(event.clone());
            // The same for the status bar, over the whole run.
            let (phase, done, total) = match epoch {
                0 => ("Estimating the class prior", batch, batches),
                _ => ("Training", (epoch - 1) * batches + batch, epochs * batches),
            };
            job.progress(phase, done as u64, total as u64);
        } else {
            // Waits when the window is 256 events behind; a window that is gone hears nothing.
            let _ = self.events.send(event.clone());
        }
        job.repaint();
    }
}

/// Bytes of memory this program holds, where the system tells.
pub fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
