//! How a run is shown in the terminal: its progress and epochs while it trains, and how it ended.

use std::cell::RefCell;
use std::sync::mpsc::Sender;

use serde_json::json;
use vitrine_core::learning::eval::metrics::CorrectedAuc;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::learning::train::run::EarlyEnd;
use vitrine_core::progress::ProgressSink;
use vitrine_core::workflow::train::{Listen, RunResult};

use super::measures::withhold_corrected;
use super::output::print_line;
use super::progress::{ProgressDisplay, stop_asked};
use super::remedy;

/// Shows a training job: phases as progress, epochs as lines, Ctrl-C as an order to stop.
pub struct Display {
    progress: RefCell<ProgressDisplay>,
    quiet: bool,
    run: String,
}

impl Display {
    /// A display of the training of `run`; `quiet` shows nothing but warnings.
    pub fn new(quiet: bool, run: &str) -> Self {
        Self { progress: RefCell::new(ProgressDisplay::new(quiet)), quiet, run: run.to_owned() }
    }

    /// Runs a job that tells of epochs and of progress.
    pub fn drive<T>(
        &self,
        job: impl FnOnce(Listen<'_>, ProgressSink<'_>) -> vitrine_core::Result<T>,
    ) -> anyhow::Result<T> {
        let mut phase = String::new();
        let mut listen = |event: &TrainEvent, orders: &Sender<TrainControl>| {
            if stop_asked() {
                // Each run of a job has its own orders, and must hear of it. A trainer that has just
                // ended no longer listens. The place within the epoch is kept, so nothing is trained twice.
                for order in [TrainControl::Checkpoint, TrainControl::Stop] {
                    let _ = orders.send(order);
                }
            }
            self.hear(event, &mut phase);
        };
        let mut watch = |step: &vitrine_core::progress::Progress| {
            self.progress.borrow_mut().show(&step.phase, step.done, step.total)
        };
        let outcome = job(&mut listen, &mut watch);
        self.progress.borrow_mut().clear();
        Ok(outcome?)
    }

    fn hear(&self, event: &TrainEvent, phase: &mut String) {
        let mut progress = self.progress.borrow_mut();
        if let TrainEvent::Epoch { metrics, best } = event {
            progress.tell_epoch(&self.run, metrics, *best);
        }
        match event {
            TrainEvent::Phase(name) => *phase = name.to_string(),
            TrainEvent::Progress { epoch: 0, batch, batches, .. } => {
                progress.show(phase, *batch as u64, *batches as u64);
            }
            TrainEvent::Progress { epoch, epochs, batch, batches } => {
                let done = (epoch - 1) * batches + batch;
                progress.show(phase, done as u64, (epochs * batches) as u64);
            }
            TrainEvent::Warning(warning) => progress.say(&format!("warning: {}", remedy::warning(warning))),
            _ if self.quiet => {}
            TrainEvent::Prior(prior @ PriorUsed { value, low, high, .. }) if !prior.is_told() => {
                progress.say(&format!(
                    "the class prior cannot be estimated from these labels (interval {low:.3} to {high:.3}); the run uses {value:.3}"
                ));
            }
            TrainEvent::Prior(PriorUsed { value, low, high, estimated: true }) => {
                progress.say(&format!("class prior estimated: {value:.3} (interval {low:.3} to {high:.3})"));
            }
            TrainEvent::Overlay(choice) => progress.say(&choice.sentence()),
            TrainEvent::Epoch { metrics, best } => progress.say(&epoch_line(metrics, *best)),
            TrainEvent::Pretrained(e) => progress.say(&format!(
                "pretraining {:>3}  loss {:>7.4}  spread {:.2}  {:.1} s",
                e.epoch, e.loss, e.spread, e.seconds
            )),
            TrainEvent::Checkpoint { epoch, within: None } => {
                progress.say(&format!("checkpoint after epoch {epoch}"));
            }
            TrainEvent::Checkpoint { epoch, within: Some((batch, batches)) } => {
                progress.say(&format!("checkpoint in epoch {epoch} after batch {batch} of {batches}"));
            }
            TrainEvent::Prior(..) => {}
        }
    }
}

/// A measure, or a dash where it was not measured.
fn number(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { "–".to_owned() }
}

/// The corrected AUC, or a dash where there is none.
fn corrected(m: &EpochMetrics) -> String {
    number(m.corrected_auc().and_then(CorrectedAuc::value).unwrap_or(f64::NAN), 4)
}

fn epoch_line(m: &EpochMetrics, best: bool) -> String {
    let percent =
        |value: f64| if value.is_finite() { format!("{:.0} %", value * 100.0) } else { "–".to_owned() };
    format!(
        "epoch {:>3}  loss {:>7}  AUC P/U {:>6} (corrected {:>6})  AP {:>6}  pseudo {:>5}  p {:>4} ± {:>4}  |g| {:>6}  lr {:>6}  {:.1} s{}",
        m.epoch,
        number(m.loss, 4),
        number(m.validation_auc_pu, 4),
        corrected(m),
        number(m.validation_average_precision, 4),
        percent(m.pseudo_label_rate),
        number(m.p_mean, 2),
        number(m.p_std, 2),
        number(m.gradient_norm, 2),
        if m.learning_rate == 0.0 { "0".to_owned() } else { format!("{:.1e}", m.learning_rate) },
        m.seconds,
        if best { "  *" } else { "" },
    )
}

/// Prints how a run ended.
pub fn print_result(result: &RunResult) {
    let how = result.ended_early.map_or_else(String::new, |why| format!(" ({})", why.stored()));
    print_line(&format!(
        "{}: {} {}{how}, scores from epoch {}; validation AUC P/U {}, corrected {}; prior {:.3}{}",
        result.name,
        result.epochs,
        if result.epochs == 1 { "epoch" } else { "epochs" },
        result.best_epoch,
        number(result.best.validation_auc_pu, 4),
        corrected(&result.best),
        result.prior.value,
        if result.prior.estimated {
            format!(" (estimated, {:.3} to {:.3})", result.prior.low, result.prior.high)
        } else {
            String::new()
        },
    ));
    let auc = result.best.validation_auc_pu;
    let prior = result.prior;
    if !prior.is_told() {
        print_line(&format!(
            "note: the class prior cannot be estimated from these labels: it lies between {:.2} and {:.2}. So there is no \
             corrected value. Label the random sample of the review queues in the window, or give --prior",
            prior.low, prior.high
        ));
    }
    if auc < MIN_USEFUL_AUC {
        print_line(&format!(
            "note: {} hardly tells the picks from the unlabeled (AUC {auc:.2}, chance is 0.5): train longer, or \
             check the box size, --y-up at import, and the patches labelled negative",
            result.name
        ));
    } else if prior.is_told() && auc > prior.auc_ceiling().1 {
        print_line(&format!(
            "note: the AUC of {} lies above the {:.3} that a prior of {:.3} allows: the picks are not a random sample of \
             the particles, or that prior is too high{}; so there is no corrected value",
            result.name,
            prior.auc_ceiling().1,
            prior.low,
            if result.prior.estimated { "" } else { " (--prior estimate asks the patches)" },
        ));
    } else if auc.is_nan() {
        print_line(&format!(
            "note: the validation side of {} lacks positives or unlabeled patches, so its AUC could not be measured",
            result.name
        ));
    }
}

/// Validation AUC below which a person is told that little was learned.
const MIN_USEFUL_AUC: f64 = 0.6;

/// A result for scripts.
pub fn as_json(result: &RunResult) -> serde_json::Value {
    let mut best = json!(result.best);
    withhold_corrected(&mut best, result.best.corrected_auc());
    json!({
        "run": result.name,
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "ended_early": result.ended_early.map(EarlyEnd::stored),
        "prior": result.prior,
        "best": best,
    })
}
