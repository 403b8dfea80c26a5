//! Shows progress: a bar with the time to go on a terminal, plain lines elsewhere. Turns Ctrl-C into an order to stop
//! cleanly.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use vitrine_core::cluster::{Event, Task};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::workflow::follow_jobs::epoch_event;

static STOP: AtomicBool = AtomicBool::new(false);
/// The task of a job that this process does, where it does one.
static TASK: OnceLock<Task> = OnceLock::new();
static HANDLER: Once = Once::new();

/// From now on Ctrl-C asks to stop; a second one ends the program at once.
pub fn catch_ctrl_c() {
    HANDLER.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; press Ctrl-C again to end at once");
        });
        if installed.is_err() {
            eprintln!("note: Ctrl-C cannot be caught here and will end the program at once");
        }
    });
}

/// Whether Ctrl-C was pressed, or the end asked for otherwise.
pub fn stop_asked() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Asks for the end as Ctrl-C does.
pub fn ask_to_stop() {
    STOP.store(true, Ordering::SeqCst);
}

/// From now on progress is also written down as events of this task, for those who look on from elsewhere.
pub fn tell(task: Task) {
    // A process does one task.
    let _ = TASK.set(task);
}

/// Shows phases of a job.
pub struct ProgressDisplay {
    bar: Option<ProgressBar>,
    phase: String,
    started: Instant,
    last_line: Option<Instant>,
    told: Option<Instant>,
    quiet: bool,
}

/// Plain lines come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Nothing is shown for jobs shorter than this.
const MIN_JOB_LENGTH: Duration = Duration::from_secs(1);

impl ProgressDisplay {
    /// A progress display on standard error; `quiet` shows nothing.
    pub fn new(quiet: bool) -> Self {
        catch_ctrl_c();
        Self { bar: None, phase: String::new(), started: Instant::now(), last_line: None, told: None, quiet }
    }

    /// Shows a state; answers whether to go on.
    pub fn show(&mut self, phase: &str, done: u64, total: u64) -> bool {
        self.tell(phase, done, total);
        if !self.quiet {
            if phase != self.phase {
                self.clear();
                self.phase = phase.to_owned();
                self.started = Instant::now();
                self.last_line = None;
            }
            if std::io::stderr().is_terminal() {
                self.draw(done, total);
            } else {
                self.line(done, total);
            }
        }
        !stop_asked()
    }

    /// Writes the state down for those who look on from elsewhere: a few times a minute, and each phase.
    fn tell(&mut self, phase: &str, done: u64, total: u64) {
        let Some(task) = TASK.get() else { return };
        if phase == self.phase && done < total && self.told.is_some_and(|told| told.elapsed() < LINE_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        // What cannot be written down here is no reason to end the work.
        let _ = task.append(Event::Progress { phase: phase.to_owned(), done, total });
    }

    /// Writes down an epoch that is complete, for those who look on from elsewhere.
    pub fn tell_epoch(&self, run: &str, metrics: &EpochMetrics, best: bool) {
        if let Some(task) = TASK.get() {
            // As above.
            let _ = task.append(epoch_event(run, metrics, best));
        }
    }

    /// Shows the share of a job that is done, and the seconds to go where they are known; answers
    /// whether to go on.
    pub fn show_share(&mut self, phase: &str, share: f64, left: Option<f64>) -> bool {
        if self.quiet {
            return !stop_asked();
        }
        let left = left.map_or_else(String::new, |s| format!(", about {s:.0} s to go"));
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::new(1000);
                if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}") {
                    bar.set_style(style.progress_chars("━╸─"));
                }
                bar
            });
            bar.set_message(format!("{phase}{left}"));
            bar.set_position((share * 1000.0) as u64);
        } else if self
            .last_line
            .map_or(self.started.elapsed() >= MIN_JOB_LENGTH, |last| last.elapsed() >= LINE_EVERY)
        {
            self.last_line = Some(Instant::now());
            eprintln!("{phase}: {:.0} % of the whole{left}", share * 100.0);
        }
        !stop_asked()
    }

    /// Prints a line above the bar.
    pub fn say(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&mut self, done: u64, total: u64) {
        if self.bar.is_none() && self.started.elapsed() < MIN_JOB_LENGTH && done < total {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total);
            let template = "{msg:<28} {bar:32} {pos}/{len}  {elapsed} gone, {eta} to go";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        });
        bar.set_message(self.phase.clone());
        bar.set_length(total);
        bar.set_position(done);
    }

    fn line(&mut self, done: u64, total: u64) {
        let gone = self.started.elapsed();
        let due = match self.last_line {
            None => gone >= MIN_JOB_LENGTH,
            Some(last) => last.elapsed() >= LINE_EVERY,
        };
        if !due || total == 0 {
            return;
        }
        self.last_line = Some(Instant::now());
        let eta = if done > 0 {
            gone.as_secs_f64() * (total.saturating_sub(done)) as f64 / done as f64
        } else {
            0.0
        };
        eprintln!("{}: {done} of {total}, {eta:.0} s to go", self.phase);
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.clear();
    }
}
