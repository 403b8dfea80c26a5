//! The channel between a run and its caller: events go out, orders come in.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use crate::learning::train::events::{TrainControl, TrainEvent};

/// Sends events and collects orders.
pub(super) struct RunChannel<'a> {
    orders: &'a Receiver<TrainControl>,
    events: &'a SyncSender<TrainEvent>,
    stop: bool,
    checkpoint: bool,
}

impl<'a> RunChannel<'a> {
    /// A channel on which no order has arrived.
    pub fn new(orders: &'a Receiver<TrainControl>, events: &'a SyncSender<TrainEvent>) -> Self {
        Self { orders, events, stop: false, checkpoint: false }
    }

    /// Sends an event. The run continues when the receiver is gone.
    pub fn report(&self, event: TrainEvent) {
        self.reporter()(event);
    }

    /// [`Self::report`] without a borrow of the channel.
    pub fn reporter(&self) -> impl Fn(TrainEvent) + use<'a> {
        let events = self.events;
        move |event| {
            // Sending fails only when the listener is gone.
            let _ = events.send(event);
        }
    }

    /// Takes in the orders that have arrived and waits while the run is paused. Returns false once it was stopped.
    /// The run continues when the sender of orders is gone.
    pub fn keep_going(&mut self) -> bool {
        let mut paused = false;
        loop {
            let order = if paused {
                self.orders.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.orders.try_recv()
            };
            match order {
                Ok(TrainControl::Pause) => paused = true,
                Ok(TrainControl::Resume) => paused = false,
                Ok(TrainControl::Stop) => {
                    self.stop = true;
                    paused = false;
                }
                Ok(TrainControl::Checkpoint) => self.checkpoint = true,
                Err(_) => return !self.stop,
            }
        }
    }

    /// Whether a checkpoint was ordered and not written yet.
    pub fn wants_checkpoint(&self) -> bool {
        self.checkpoint
    }

    /// Reports a checkpoint as written if one was ordered: `within` holds the batches done and in all where the
    /// epoch was not complete.
    pub fn report_checkpoint(&mut self, epoch: usize, within: Option<(usize, usize)>) {
        if std::mem::take(&mut self.checkpoint) {
            self.report(TrainEvent::Checkpoint { epoch, within });
        }
    }
}
