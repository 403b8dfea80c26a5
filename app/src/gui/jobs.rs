//! Work that must not hold up a frame: each job is one named thread of the operating system that
//! tells how far it is through a latest-value slot, can be cancelled, and hands back one [`Outcome`].
//! Jobs and what they compute on give way to the thread that draws.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use eframe::egui;
use vitrine_core::Error;
use vitrine_core::progress::Progress;

use crate::gui::app::Outcome;

/// Number of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Reading a project.
    Open,
    /// Reading the open project again.
    Reload,
    /// Making the sample.
    Sample,
    /// Importing files.
    Import,
    /// Sorting and filtering.
    Order,
    /// Reading or computing scores.
    Score,
    /// Training.
    Train,
    /// Examining data, configuration or a run.
    Diagnose,
    /// Writing an export.
    Export,
    /// Reading what a view asked for.
    Read,
    /// Putting runs side by side.
    Compare,
    /// A dialog of the system.
    Dialog,
    /// Saying what files are.
    Recognise,
    /// Seeing what an import would bring.
    Look,
    /// Counting what an export would write.
    Count,
    /// Looking for devices to compute on.
    Devices,
}

impl JobKind {
    /// Whether it belongs on the status bar. Short reads would only flicker.
    pub const fn is_shown(self) -> bool {
        !matches!(self, Self::Order | Self::Read | Self::Count | Self::Devices)
    }

    /// Whether it ends when it is told to. What is over in a moment, or waits for the system, does not.
    const fn can_cancel(self) -> bool {
        !matches!(self, Self::Order | Self::Read | Self::Count | Self::Devices)
    }

    /// Whether closing the window would end something a person waits for.
    pub const fn asks_before_closing(self) -> bool {
        matches!(self, Self::Sample | Self::Import | Self::Score | Self::Train | Self::Export)
    }
}

/// A job as views see it.
#[derive(Debug, Clone)]
pub struct JobState {
    /// Its number.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What it does, in words with the thing's name: "Opening apo".
    pub title: String,
    /// How far it is, as it last told.
    pub step: Option<Progress>,
    /// When it began.
    pub started: Instant,
    /// Whether it ends when it is told to.
    pub can_cancel: bool,
    /// The person has cancelled it.
    pub cancelled: bool,
}

/// A value that a thread replaces and the window reads: only the newest counts.
#[derive(Debug)]
pub struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T> Slot<T> {
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

/// Where threads ask for frames. The window may be opened anew while they work; they go on asking here.
#[derive(Clone)]
pub struct Frames(Arc<Mutex<egui::Context>>);

impl Frames {
    /// Frames of this window.
    pub fn new(ctx: egui::Context) -> Self {
        Self(Arc::new(Mutex::new(ctx)))
    }

    /// From now on frames of that window.
    pub fn turn_to(&self, ctx: egui::Context) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ctx;
    }

    /// Asks for a frame soon.
    pub fn request(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).request_repaint();
    }
}

/// What a job's thread has of the window.
#[derive(Clone)]
pub struct JobContext {
    cancel: Arc<AtomicBool>,
    step: Slot<Progress>,
    frames: Frames,
}

impl JobContext {
    /// Tells how far the job is; whether it should go on. This is a
    /// [`ProgressSink`](vitrine_core::progress::ProgressSink): `&mut |step| job.tell(step)`.
    pub fn tell(&self, progress: &Progress) -> bool {
        self.step.put(progress.clone());
        self.frames.request();
        !self.is_cancelled()
    }

    /// As [`JobContext::tell`], in parts.
    pub fn progress(&self, phase: &str, done: u64, total: u64) -> bool {
        self.tell(&Progress { phase: phase.to_owned().into(), done, total })
    }

    /// Whether the person has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Whether the job should go on, for between its steps.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the person has cancelled.
    pub fn go_on(&self) -> vitrine_core::Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Draws a frame soon.
    pub fn repaint(&self) {
        self.frames.request();
    }
}

/// A job that has ended.
pub struct Finished {
    /// Its last state.
    pub job: JobState,
    /// What it hands back.
    pub outcome: anyhow::Result<Outcome>,
}

struct Running {
    state: JobState,
    cancel: Arc<AtomicBool>,
    step: Slot<Progress>,
}

/// The jobs of the window.
pub struct Jobs {
    frames: Frames,
    running: Vec<Running>,
    next: u64,
    sender: SyncSender<(JobId, anyhow::Result<Outcome>)>,
    receiver: Receiver<(JobId, anyhow::Result<Outcome>)>,
}

impl Jobs {
    /// No jobs yet; frames are asked for on `ctx`.
    pub fn new(ctx: egui::Context) -> Self {
        // Each job sends once, and the receiver is emptied every frame.
        let (sender, receiver) = sync_channel(256);
        Self { frames: Frames::new(ctx), running: Vec::new(), next: 0, sender, receiver }
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
        title: impl Into<String>,
        work: impl FnOnce(&JobContext) -> anyhow::Result<Outcome> + Send + 'static,
    ) -> anyhow::Result<JobId> {
        self.next += 1;
        let id = JobId(self.next);
        let title = title.into();
        let context = JobContext {
            cancel: Arc::new(AtomicBool::new(false)),
            step: Slot::default(),
            frames: self.frames.clone(),
        };
        let (cancel, step) = (Arc::clone(&context.cancel), context.step.clone());
        let sender = self.sender.clone();
        std::thread::Builder::new()
            .name(format!("job {}: {title}", id.0))
            .spawn(move || {
                vitrine_core::priority::give_way();
                // A fault in a job is a sentence, not the end of the window.
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| work(&context)));
                let outcome = outcome.unwrap_or_else(|_| {
                    Err(anyhow::anyhow!(
                        "this ended by a fault of the program; what was complete is kept. Please report it with the \
                         text of About"
                    ))
                });
                // The window may be gone by now.
                let _ = sender.send((id, outcome));
                context.repaint();
            })
            .context("the system gave no thread for this")?;
        let can_cancel = kind.can_cancel();
        let state =
            JobState { id, kind, title, step: None, started: Instant::now(), can_cancel, cancelled: false };
        self.running.push(Running { state, cancel, step });
        Ok(id)
    }

    /// As [`Jobs::spawn`], for work that is done before anybody could cancel it: that is not offered.
    ///
    /// # Errors
    /// As [`Jobs::spawn`].
    pub fn spawn_whole(
        &mut self,
        kind: JobKind,
        title: impl Into<String>,
        work: impl FnOnce(&JobContext) -> anyhow::Result<Outcome> + Send + 'static,
    ) -> anyhow::Result<JobId> {
        let id = self.spawn(kind, title, work)?;
        if let Some(job) = self.running.iter_mut().find(|job| job.state.id == id) {
            job.state.can_cancel = false;
        }
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
    pub fn drain(&mut self) -> Vec<Finished> {
        for job in &mut self.running {
            if let Some(step) = job.step.take() {
                job.state.step = Some(step);
            }
        }
        let mut finished = Vec::new();
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

impl Drop for Jobs {
    fn drop(&mut self) {
        self.cancel_all();
    }
}
