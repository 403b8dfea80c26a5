//! `vitrine train`: learn from a project.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use serde_json::json;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::overrides::Overrides;
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PretrainKind, RunConfig};
use vitrine_core::learning::eval::metrics::CorrectedAuc;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::learning::train::run::EarlyEnd;
use vitrine_core::progress::ProgressSink;
use vitrine_core::project::{Project, ScoreKind};
use vitrine_core::workflow::train::{Listen, RunResult, TrainRequest, baseline_of, resume_run, train_run};

use super::args::TruthArgs;
use super::exit::Stopped;
use super::measures::withhold_corrected;
use super::open;
use super::output::{print_json, print_line};
use super::progress::{ProgressDisplay, stop_asked};
use super::remedy;

/// Train a network on a project: learn from positive and unlabeled patches, then score every patch.
///
/// Without --config the preset `recommended` is used. `vitrine presets` lists the others and prints
/// them; edit one and pass it as a file. With --baseline the plain classifier (`supervised_baseline`)
/// is trained first on the same split, for comparison.
///
/// Every epoch is stored when it ends. Ctrl-C stops after the current batch, saves that place, and keeps the best
/// epoch so far. --resume continues from there; after a crash, from the last complete epoch.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine train apo/
  vitrine train apo/ --baseline --device gpu
  vitrine train apo/ --config mine.yaml --name trial-a --seed 7
  vitrine train apo/ --pretrain   # leaves apo/runs/NAME/pretrained.safetensors
  vitrine train holo/ --pretrained apo/runs/recommended-1/pretrained.safetensors
  vitrine train apo/ --resume trial-a
  vitrine train apo/ --truth truth.csv --truth-radius 60   # a benchmark: also measures pseudo-labels

What each epoch line shows:
  AUC P/U     validation positives against validation unlabeled; at most 1 - prior/2
  corrected   the same, as if against true negatives, when picks are a random sample of particles;
              – where the AUC lies above its ceiling 1 - prior/2
  AP          average precision, validation positives against validation unlabeled
  pseudo      share of the unlabeled whose pseudo-label counted (FixMatch: healthy from 20 % to 95 %;
              SoftMatch gives every one a weight, so 100 %)
  p           mean and spread of the predicted probability on the unlabeled
  |g|         gradient norm before clipping (healthy: 0.1 to 10)
  lr          learning rate at the end of the epoch
  *           the scores would come from this epoch")]
pub struct Args {
    /// Folder of the project
    pub(super) project: PathBuf,
    /// Preset name or YAML file
    #[arg(long, short, default_value = Preset::Recommended.name())]
    pub(super) config: String,
    /// Name of the run; by default the preset's name with a number
    #[arg(long)]
    pub(super) name: Option<String>,
    /// First train the plain classifier on the same split and with the same seed
    #[arg(long)]
    pub(super) baseline: bool,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    pub(super) device: DeviceChoice,
    /// Seed instead of the configuration's
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Epochs instead of the configuration's
    #[arg(long)]
    pub(super) epochs: Option<usize>,
    /// Class prior instead of the configuration's: a number, or `estimate`
    #[arg(long)]
    pub(super) prior: Option<String>,
    /// Pretrain on all training patches without their labels, by SimSiam or, with `--pretrain=masked`, by reconstructing
    /// hidden halves of them (`pretrain:` in the configuration). It gained nothing in our tests, so compare with a run
    /// without it
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "simsiam")]
    pub(super) pretrain: Option<Pretext>,
    /// Begin with pretrained weights: the pretrained.safetensors in the folder of an earlier run
    #[arg(long, value_name = "FILE", conflicts_with = "pretrain")]
    pub(super) pretrained: Option<PathBuf>,
    /// Resume this run from its last checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["name", "baseline", "seed", "epochs", "prior", "config", "pretrain", "pretrained"])]
    pub(super) resume: Option<String>,
    #[command(flatten)]
    pub(super) truth: TruthArgs,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What pretraining asks of the network.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Pretext {
    Simsiam,
    Masked,
}

impl Args {
    /// The same, going on with a run.
    pub(super) fn resumed(self, run: String) -> Self {
        Self {
            name: None,
            baseline: false,
            seed: None,
            epochs: None,
            prior: None,
            pretrain: None,
            pretrained: None,
            resume: Some(run),
            ..self
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let device = ComputeDevice::open(args.device)?;
    let mut project = open::to_write(&args.project)?;
    let truth = args.truth.read(&project)?;
    let mut results = Vec::new();
    if let Some(name) = &args.resume {
        if !args.json {
            eprintln!("resuming {name} on {device}");
        }
        results.push(Display::new(args.json, name).drive(|listen, watch| {
            resume_run(&mut project, name, device.clone(), truth.clone(), listen, watch)
        })?);
    } else {
        let overrides = Overrides {
            seed: args.seed,
            epochs: args.epochs,
            prior: args.prior.clone(),
            pretrain: args.pretrain.map(|pretext| match pretext {
                Pretext::Simsiam => PretrainKind::Simsiam,
                Pretext::Masked => PretrainKind::Masked,
            }),
            pretrained: args.pretrained.as_ref().map(|path| path.display().to_string()),
        };
        let mut plan: Vec<(String, Option<String>, RunConfig)> = Vec::new();
        let config = overrides.apply(yaml::load(&args.config)?)?;
        if args.baseline {
            let baseline = baseline_of(&config)?;
            plan.push((Preset::SupervisedBaseline.name().to_owned(), None, baseline));
        }
        plan.push((yaml::stem(&args.config), args.name.clone(), config));
        for (base_name, name, config) in plan {
            // Same patches, same labels: what was estimated for the first run holds for the second.
            let known_prior = results.last().map(|first: &RunResult| first.prior).filter(|p| p.estimated);
            let request = TrainRequest {
                name,
                base_name,
                config,
                device: device.clone(),
                truth: truth.clone(),
                known_prior,
            };
            results.push(train_one(&mut project, request, args.json)?);
            if stop_asked() {
                break;
            }
        }
    }
    if args.json {
        let all: Vec<_> = results.iter().map(as_json).collect();
        print_json(&all)?;
    } else {
        for result in &results {
            print_result(result);
        }
    }
    if stop_asked()
        && let Some(result) = results.last()
    {
        return Err(stopped(&args.project, &project, result)?.into());
    }
    if !args.json {
        let place = args.project.display();
        print_line(&format!("next: vitrine compare {place} --report report.html"));
        if let Some(result) = results.last() {
            print_line(&format!(
                "      vitrine export {place} --run {} --threshold 0.5 --labels positive,unlabeled \\\n        \
                 --format relion-star --out particles.star",
                result.name
            ));
        }
    }
    Ok(())
}

/// What Ctrl-C left, and how to go on from there.
fn stopped(place: &Path, project: &Project, result: &RunResult) -> anyhow::Result<Stopped> {
    let (place, name) = (place.display(), &result.name);
    let scored = project.has_scores(result.id, ScoreKind::Teacher)?;
    Ok(Stopped(if result.ended_early == Some(EarlyEnd::Stopped) {
        format!(
            "{name} keeps epoch {}: go on with `vitrine train {place} --resume {name}`, or score with what it \
             has by `vitrine score {place} --run {name}`",
            result.best_epoch
        )
    } else if scored {
        format!("{name} is trained and scored, later runs were not begun")
    } else {
        format!("{name} is trained, but patches are not scored yet: `vitrine score {place} --run {name}`")
    }))
}

/// Trains one run with a display of its epochs.
fn train_one(project: &mut Project, request: TrainRequest, quiet: bool) -> anyhow::Result<RunResult> {
    let name = request.name.as_deref().unwrap_or(&request.base_name).to_owned();
    if !quiet {
        eprintln!("training {name} on {}", request.device);
    }
    Display::new(quiet, &name).drive(|listen, watch| train_run(project, request, listen, watch))
}

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
            "note: these labels do not tell the class prior: it lies between {:.2} and {:.2}. So there is no corrected \
             value. Label the random sample of the review queues in the window, or give --prior",
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
