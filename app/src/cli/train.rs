//! `vitrine train`: learn from a project.

use std::path::{Path, PathBuf};

use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::overrides::Overrides;
use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PretrainKind, RunConfig};
use vitrine_core::learning::eval::Share;
use vitrine_core::learning::prior::promise::Promise;
use vitrine_core::learning::train::run::EarlyEnd;
use vitrine_core::project::{Project, ScoreKind, without_number};
use vitrine_core::workflow::comparison::Comparison;
use vitrine_core::workflow::score_table::{Evidence, Goal};
use vitrine_core::workflow::train::{
    RunResult, TrainRequest, baseline_of, resume_run, train_from, train_run,
};

use super::args::TruthArgs;
use super::exit::Stopped;
use super::open;
use super::output::{print_json, print_line};
use super::progress::stop_asked;
use super::train_display::{Display, as_json, print_result};

/// Train a network on a project: learn from positive and unlabeled patches, then score every patch.
///
/// Without --config the preset `recommended` is used. `vitrine presets` lists the others and prints
/// them; edit one and pass it as a file. With --baseline the plain classifier (`supervised_baseline`)
/// is trained first on the same split, for comparison. With --from the run begins with the weights of an
/// earlier run of the project, for example after relabelling.
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
  vitrine train apo/ --from recommended-1   # after relabelling: keeps what that run has learned
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
  *           the best epoch so far, from which the scores would come")]
pub struct Args {
    /// Folder of the project
    pub(super) project: PathBuf,
    /// Preset name or YAML file; by default `recommended`, with --from the configuration of that run
    #[arg(long, short)]
    pub(super) config: Option<String>,
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
    /// Epochs instead of the configuration's; a second course from fresh weights trains as many again
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
    /// Begin with the weights of this run, and learn from the current labels
    #[arg(long, value_name = "RUN", conflicts_with_all = ["baseline", "pretrain", "pretrained"])]
    pub(super) from: Option<String>,
    /// Resume this run from its last checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["name", "baseline", "seed", "epochs", "prior", "config", "pretrain", "pretrained", "from"])]
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
    /// What numbered names of the run begin with, and its configuration with the changes of the other options.
    ///
    /// # Errors
    /// When the configuration or an option is not valid, or there is no run to begin with.
    pub(super) fn configuration(&self, project: &Project) -> anyhow::Result<(String, RunConfig)> {
        let overrides = Overrides {
            seed: self.seed,
            epochs: self.epochs,
            prior: self.prior.clone(),
            pretrain: self.pretrain.map(|pretext| match pretext {
                Pretext::Simsiam => PretrainKind::Simsiam,
                Pretext::Masked => PretrainKind::Masked,
            }),
            pretrained: self.pretrained.as_ref().map(|path| path.display().to_string()),
        };
        let (base_name, config) = match (&self.config, &self.from) {
            (None, Some(from)) => {
                let run = project.run(from)?;
                (without_number(&run.name), yaml::parse(&run.config, &run.name)?)
            }
            (config, _) => {
                let config = config.as_deref().unwrap_or(Preset::Recommended.name());
                (yaml::stem(config), yaml::load(config)?)
            }
        };
        Ok((base_name, overrides.apply(config)?))
    }

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
            from: None,
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
        let (base_name, config) = args.configuration(&project)?;
        let mut plan: Vec<(String, Option<String>, RunConfig)> = Vec::new();
        if args.baseline {
            let baseline = baseline_of(&config)?;
            plan.push((Preset::SupervisedBaseline.name().to_owned(), None, baseline));
        }
        plan.push((base_name, args.name.clone(), config));
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
            results.push(train_one(&mut project, args.from.as_deref(), request, args.json)?);
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
    if !args.json
        && let Some(result) = results.last()
    {
        print_next(&args.project, &project, &result.name);
    }
    Ok(())
}

/// Prints what comes next: the report, and an export with the threshold that the scores of the run call for.
fn print_next(place: &Path, project: &Project, run: &str) {
    let place = place.display();
    print_line(&format!("next: vitrine compare {place} --report report.html"));
    let comparison = Comparison::read(project, &[run.to_owned()], &mut |_| true);
    // The run is stored: where its scores cannot be read again, only this hint is missing.
    let Some(table) = comparison.ok().and_then(|comparison| comparison.scores.into_iter().next().flatten())
    else {
        return;
    };
    let threshold = table.threshold_for(Goal::Balance).map(rounded_down);
    let promise = threshold.and_then(|threshold| table.promise(threshold));
    if let (Some(threshold), Some(Promise { precision: Some(precision), recall })) = (threshold, promise) {
        let percent = |share: Share| {
            format!("{:.0} % ({:.0} to {:.0} %)", 100.0 * share.value, 100.0 * share.low, 100.0 * share.high)
        };
        print_line(&format!(
            "      vitrine export {place} --run {run} --threshold {threshold} --labels positive,unlabeled \\\n        \
             --format relion-star --out particles.star"
        ));
        print_line(&format!(
            "      Of the unlabeled at {threshold} or more, {} are expected to be particles. That is {} of the particles \
             among the unlabeled.",
            percent(precision),
            percent(recall)
        ));
        return;
    }
    print_line(match table.evidence() {
        Evidence::Untold(..) => {
            "      No threshold can be recommended for an export yet, because the class prior cannot be estimated from these labels, and \
             0.5 may be far off. Label the random sample of the review queues in the window; Compare then suggests one."
        }
        Evidence::TooFew => {
            "      No threshold can be recommended for an export: the validation side has too few patches. Look at the scores \
             in the report."
        }
        Evidence::Mixtures(_) | Evidence::Sample(_) => {
            "      No threshold can be recommended for an export. Look at the scores in the report."
        }
    });
}

/// A threshold with three digits that count, not above the one that was found.
fn rounded_down(threshold: f64) -> f64 {
    if threshold <= 0.0 {
        return threshold;
    }
    let scale = 10f64.powf(2.0 - threshold.log10().floor());
    (threshold * scale).floor() / scale
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

/// Trains one run with a display of its epochs; `from` is the run whose weights it begins with.
fn train_one(
    project: &mut Project,
    from: Option<&str>,
    request: TrainRequest,
    quiet: bool,
) -> anyhow::Result<RunResult> {
    let name = request.name.as_deref().unwrap_or(&request.base_name).to_owned();
    if !quiet {
        eprintln!("training {name} on {}", request.device);
    }
    Display::new(quiet, &name).drive(|listen, watch| match from {
        Some(from) => train_from(project, from, request, listen, watch),
        None => train_run(project, request, listen, watch),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_threshold_is_rounded_to_three_digits_that_count_and_never_up() {
        let shown = |threshold: f64| super::rounded_down(threshold).to_string();
        assert_eq!([0.5, 0.98765, 0.043_29, 0.000_123_9].map(shown), ["0.5", "0.987", "0.0432", "0.000123"]);
    }
}
