//! A gate that holds a job back, for tests. Without it a quick job may or may not be over before the next step of a test.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Where a job stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatePlace {
    /// Before its work.
    BeforeWork,
    /// After its work, before the window can learn of the outcome.
    AfterWork,
}

#[derive(Debug, Default)]
struct State {
    reached: bool,
    open: bool,
    passed: bool,
}

/// A gate at which one job stands until the gate opens.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

impl Gate {
    /// Waits until the job stands at the gate; `false` after a minute.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.wait(|state| state.reached)
    }

    /// Lets the job go on.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    /// Waits until the job has handed over its outcome, which the next frame takes up; `false` after a minute.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.wait(|state| state.passed)
    }

    /// The job is at the gate, and waits for it to open.
    pub(super) fn stand(&self) {
        self.change(|state| state.reached = true);
        self.wait(|state| state.open);
    }

    /// The job has handed over its outcome.
    pub(super) fn pass(&self) {
        self.change(|state| state.passed = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn wait(&self, done: impl Fn(&State) -> bool) -> bool {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(state, Duration::from_secs(60), |state| !done(state));
        done(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}
