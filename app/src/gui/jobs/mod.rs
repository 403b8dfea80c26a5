//! Background jobs. Each job runs on a named thread, reports its progress through a latest-value slot, can be
//! cancelled, and hands back one value. Jobs do not know who uses that value. Their threads run at a lower
//! priority than the one that draws.

mod gate;
mod kind;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use eframe::egui;
use vitrine_core::Error;
use vitrine_core::progress::Progress;

use crate::gpu::pace;
use crate::logging;

pub use gate::{Gate, GatePlace};
pub use kind::{JobKind, Scope};

/// Number of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A job as views see it.
#[derive(Debug, Clone)]
pub struct JobState {
    /// Number of the job.
    pub id: JobId,
    /// The kind of work.
    pub kind: JobKind,
    /// What its answer is for.
    pub scope: Scope,
    /// What it does, in words with the thing's name: "Opening apo".
    pub title: String,
    /// The last progress report; `None` before the first.
    pub step: Option<Progress>,
    /// When the job started.
    pub started: Instant,
    /// Whether it polls its cancel flag.
    pub can_cancel: bool,
    /// The person has cancelled it.
    pub cancelled: bool,
}

/// A value that a thread replaces and the window reads. Only the latest value counts.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T> Latest<T> {
    /// Replaces the value.
    pub fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Takes the value out.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Looks at the value.
    pub fn with<R>(&self, look: impl FnOnce(Option<&T>) -> R) -> R {
        look(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }
}

/// Requests frames from other threads. It survives a window that is opened again after a lost graphics device.
#[derive(Clone)]
pub struct Frames(Arc<Mutex<egui::Context>>);

impl Frames {
    /// Frames of this window.
    pub fn new(ctx: egui::Context) -> Self {
        Self(Arc::new(Mutex::new(ctx)))
    }

    /// Requests frames of that window from now on.
    pub fn turn_to(&self, ctx: egui::Context) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ctx;
    }

    /// Asks for a frame soon.
    pub fn request(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).request_repaint();
    }

    /// Asks for a frame at the pace of progress.
    pub fn request_progress(&self) {
        let ctx = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ctx.request_repaint_after(pace::get(&ctx));
    }
}

/// The window's end of a job, for its thread.
#[derive(Clone)]
pub struct JobContext {
    cancel: Arc<AtomicBool>,
    step: Latest<Progress>,
    frames: Frames,
}

impl JobContext {
    /// Reports progress. Returns whether the job should go on, as core's progress callbacks expect:
    /// `&mut |step| job.report(step)`.
    pub fn report(&self, progress: &Progress) -> bool {
        self.step.put(progress.clone());
        self.frames.request_progress();
        !self.is_cancelled()
    }

    /// As [`JobContext::report`], in parts.
    pub fn progress(&self, phase: &str, done: u64, total: u64) -> bool {
        self.report(&Progress { phase: phase.to_owned().into(), done, total })
    }

    /// Whether the person has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Whether the job should go on, for between its steps.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the person has cancelled.
    pub fn check_cancelled(&self) -> vitrine_core::Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Draws a frame at the pace of progress.
    pub fn repaint(&self) {
        self.frames.request_progress();
    }
}

/// A job that has ended.
pub struct Finished<T> {
    /// The job's last state.
    pub job: JobState,
    /// The value that the job handed back.
    pub outcome: anyhow::Result<T>,
}

struct Running {
    state: JobState,
    cancel: Arc<AtomicBool>,
    step: Latest<Progress>,
}

/// The jobs of the window; each hands back a `T`.
pub struct Jobs<T> {
    frames: Frames,
    running: Vec<Running>,
    next: u64,
    /// Answers to questions for which the system gave no thread.
    unstarted: Vec<Finished<T>>,
    /// Gates for the next jobs of a kind.
    gates: Vec<(JobKind, GatePlace, Gate)>,
    sender: SyncSender<(JobId, anyhow::Result<T>)>,
    receiver: Receiver<(JobId, anyhow::Result<T>)>,
}

impl<T: Send + 'static> Jobs<T> {
    /// No jobs yet; frames are asked for on `ctx`.
    pub fn new(ctx: egui::Context) -> Self {
        // Each job sends once, and the receiver is emptied every frame.
        let (sender, receiver) = sync_channel(256);
        Self {
            frames: Frames::new(ctx),
            running: Vec::new(),
            next: 0,
            unstarted: Vec::new(),
            gates: Vec::new(),
            sender,
            receiver,
        }
    }

    /// Where jobs ask for frames.
    pub fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Starts `work` on a thread of its own. `title` names the thing ("Opening apo").
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        &mut self,
        kind: JobKind,
        scope: Scope,
        title: impl Into<String>,
        work: impl FnOnce(&JobContext) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<JobId> {
        let job = self.job(kind, scope, title.into());
        self.start(job, move |context| catch_panic(|| work(context)))
    }

    /// As [`Jobs::spawn`], for work that is done before anybody could cancel it: that is not offered.
    ///
    /// # Errors
    /// As [`Jobs::spawn`].
    pub fn spawn_uncancellable(
        &mut self,
        kind: JobKind,
        scope: Scope,
        title: impl Into<String>,
        work: impl FnOnce(&JobContext) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<JobId> {
        let job = JobState { can_cancel: false, ..self.job(kind, scope, title.into()) };
        self.start(job, move |context| catch_panic(|| work(context)))
    }

    /// Starts `work` for a view that waits for it. Whatever comes of it, an error, a fault of the program or no
    /// thread included, `answer` makes a `T` of it: so the view learns of each.
    pub fn ask<A: Send + 'static>(
        &mut self,
        kind: JobKind,
        scope: Scope,
        title: impl Into<String>,
        work: impl FnOnce(&JobContext) -> anyhow::Result<A> + Send + 'static,
        answer: impl FnOnce(anyhow::Result<A>) -> T + Send + 'static,
    ) {
        let job = self.job(kind, scope, title.into());
        // Kept here too, for a thread that never begins.
        let answer = Arc::new(Mutex::new(Some(answer)));
        let kept = Arc::clone(&answer);
        let give = move |result| {
            let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            answer.map(|answer| answer(result))
        };
        let started = self.start(job.clone(), move |context| {
            give(catch_panic(|| work(context))).context("the question was answered before")
        });
        if let Err(error) = started {
            let answer = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.unstarted.extend(answer.map(|answer| Finished { job, outcome: Ok(answer(Err(error))) }));
            self.frames.request();
        }
    }

    /// Holds the next job of this kind at a place until its gate opens.
    pub fn hold(&mut self, kind: JobKind, place: GatePlace) -> Gate {
        let gate = Gate::default();
        self.gates.push((kind, place, gate.clone()));
        gate
    }

    /// A new job that is not started yet.
    fn job(&mut self, kind: JobKind, scope: Scope, title: String) -> JobState {
        self.next += 1;
        JobState {
            id: JobId(self.next),
            kind,
            scope,
            title,
            step: None,
            started: Instant::now(),
            can_cancel: !kind.is_brief(),
            cancelled: false,
        }
    }

    /// Starts a job on a thread of its own.
    fn start(
        &mut self,
        job: JobState,
        work: impl FnOnce(&JobContext) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<JobId> {
        let id = job.id;
        let context = JobContext {
            cancel: Arc::new(AtomicBool::new(false)),
            step: Latest::default(),
            frames: self.frames.clone(),
        };
        let (cancel, step) = (Arc::clone(&context.cancel), context.step.clone());
        let sender = self.sender.clone();
        let held = self.gates.iter().position(|(kind, ..)| *kind == job.kind);
        let gate = held.map(|at| self.gates.remove(at));
        let stand = |gate: &Option<(JobKind, GatePlace, Gate)>, here| {
            if let Some((_, _, gate)) = gate.as_ref().filter(|(_, place, _)| *place == here) {
                gate.stand();
            }
        };
        std::thread::Builder::new()
            .name(format!("job {}: {}", id.0, job.title))
            .spawn(move || {
                vitrine_core::priority::give_way();
                stand(&gate, GatePlace::BeforeWork);
                let outcome = work(&context);
                stand(&gate, GatePlace::AfterWork);
                // The window may be gone by now.
                let _ = sender.send((id, outcome));
                if let Some((_, _, gate)) = gate {
                    gate.pass();
                }
                context.frames.request();
            })
            .context("the system gave no thread for this")?;
        self.running.push(Running { state: job, cancel, step });
        Ok(id)
    }

    /// Asks a job to end. It does at the next point where it can leave nothing half done. A dialog of the
    /// system hears nothing of it, and may hang: it is forgotten, with whatever it still answers.
    pub fn cancel(&mut self, id: JobId) {
        let Some(at) = self.running.iter().position(|job| job.state.id == id) else { return };
        let Some(job) = self.running.get_mut(at) else { return };
        job.cancel.store(true, Ordering::Relaxed);
        job.state.cancelled = true;
        if job.state.kind == JobKind::Dialog {
            self.running.remove(at);
        }
    }

    /// Asks every job of this kind to end.
    pub fn cancel_kind(&mut self, kind: JobKind) {
        for id in self.running.iter().filter(|j| j.state.kind == kind).map(|j| j.state.id).collect::<Vec<_>>()
        {
            self.cancel(id);
        }
    }

    /// Cancels the jobs whose answers are for a project that was closed.
    pub fn cancel_scope(&mut self, scope: Scope) {
        let over = |job: &&Running| job.state.scope == scope && !job.state.kind.asks_before_closing();
        for id in self.running.iter().filter(over).map(|job| job.state.id).collect::<Vec<_>>() {
            self.cancel(id);
        }
    }

    /// Asks every job to end.
    pub fn cancel_all(&mut self) {
        for id in self.running.iter().map(|job| job.state.id).collect::<Vec<_>>() {
            self.cancel(id);
        }
    }

    /// Whether a job of this kind is under way.
    pub fn has(&self, kind: JobKind) -> bool {
        self.running.iter().any(|job| job.state.kind == kind)
    }

    /// Takes up what the threads have told; the jobs that have ended, in the order of their ends.
    pub fn drain(&mut self) -> Vec<Finished<T>> {
        for job in &mut self.running {
            if let Some(step) = job.step.take() {
                job.state.step = Some(step);
            }
        }
        let mut finished = std::mem::take(&mut self.unstarted);
        while let Ok((id, outcome)) = self.receiver.try_recv() {
            if let Some(at) = self.running.iter().position(|job| job.state.id == id) {
                finished.push(Finished { job: self.running.remove(at).state, outcome });
            }
        }
        finished
    }

    /// The jobs for the model.
    pub fn states(&self) -> Vec<JobState> {
        self.running.iter().map(|job| job.state.clone()).collect()
    }
}

/// What the work returns. A fault in it is an error, not the end of the window.
fn catch_panic<A>(work: impl FnOnce() -> anyhow::Result<A>) -> anyhow::Result<A> {
    // The thread bears the job's title, and the log the thread's name.
    tracing::debug!("a job begins");
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        // Its backtrace is in the log: `logging` writes it where the panic arises.
        Err(anyhow::anyhow!(
            "this ended because of a fault in the program (\"{}\"); what was complete is kept. Please \
             report it {}",
            logging::payload(&*panic),
            logging::report_with()
        ))
    });
    tracing::debug!(ok = outcome.is_ok(), "a job has ended");
    outcome
}

impl<T> Drop for Jobs<T> {
    fn drop(&mut self) {
        for job in &self.running {
            job.cancel.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_job_is_told_and_leaves_payload_and_backtrace_in_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vitrine.log");
        logging::start(0, Some(&path)).unwrap();
        assert_eq!(logging::file(), Some(path.as_path()));
        let mut jobs: Jobs<()> = Jobs::new(egui::Context::default());
        jobs.spawn(JobKind::Import, Scope::Window, "Importing apo", |_| panic!("no patch {}", 17)).unwrap();
        let finished = loop {
            if let Some(finished) = jobs.drain().pop() {
                break finished;
            }
            std::thread::yield_now();
        };
        let told = finished.outcome.unwrap_err().to_string();
        assert!(told.contains("no patch 17") && told.contains("vitrine.log"), "{told}");
        let log = std::fs::read_to_string(&path).unwrap();
        assert!(log.contains("panic: no patch 17"), "{log}");
        assert!(log.contains("job 1: Importing apo") && log.contains("mod.rs:"), "{log}");
        // A backtrace numbers its frames, and one of them is this test's closure.
        assert!(log.contains("   0: ") && log.contains("a_panic_in_a_job"), "{log}");
    }
}
