//! Trains presets on a benchmark of positives and unlabeled, several seeds each, and prints the AUC
//! on its test patches with mean and spread, that of scores from one view a patch instead of eight, and the AUC
//! of the seeds' mean score. Truth is read for that table only.
//!
//! `cargo run --release --example pu_benchmark -- FOLDER [PRESET|FILE,...] [SEED,...] [DEVICE]`
//!
//! FOLDER holds `train.npz` (arrays `positive`, `unlabeled`) and `test.npz` (`patches`, `is_particle`). The
//! preset `oracle` is the plain classifier told the truth of every unlabeled patch (`train_truth.npz`): what the
//! patches allow. A preset can be changed: `recommended+self_training.enabled=false+risk.kind=nnpu`.

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/judge.rs"]
mod judge;

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Instant;

use benchmark_project::import;
use judge::judge;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::check;
use vitrine_core::learning::config::fields::fields;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PriorConfig, RiskKind, RunConfig};
use vitrine_core::learning::infer::predict::TestTimeAugmentation;
use vitrine_core::learning::train::checkpoint::{Checkpoint, model_path};
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::project::{Actor, PatchId, Project};
use vitrine_core::workflow::score::{score_project, scorer};
use vitrine_core::workflow::train::{TrainRequest, train_run};

/// The plain classifier with known negatives, and the project with every label as it truly is.
fn oracle(folder: &Path, dir: &Path) -> Result<(Project, RunConfig), Box<dyn Error>> {
    let mut project = import(dir, &folder.join("train.npz"))?;
    let truth = truth_for(&project, &folder.join("train_truth.npz"), None)?;
    let labels: Vec<(PatchId, Label)> = (0..)
        .zip(truth)
        .filter_map(|(id, truth)| Some((id, if truth? { Label::Positive } else { Label::Negative })))
        .collect();
    project.set_labels(&labels, &Actor::Person("oracle".to_owned()), None, "the truth")?;
    let mut config = yaml::load("supervised_baseline")?;
    config.risk.kind = RiskKind::Supervised;
    config.prior = PriorConfig::Given(0.5);
    Ok((project, config))
}

/// A preset or file with the changes named behind it.
fn changed(preset: &str) -> Result<RunConfig, Box<dyn Error>> {
    let mut parts = preset.split('+');
    let mut config = yaml::load(parts.next().unwrap_or_default())?;
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("{part}: write KEY=VALUE"))?;
        let field =
            fields().find(|field| field.key == key).ok_or_else(|| format!("there is no key {key}"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        field.set(&mut config, &value)?;
    }
    match check::first_violation(&config) {
        Some(violation) => Err(format!("{preset}: {}; {}", violation.problem, violation.remedy).into()),
        None => Ok(config),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("name the folder with train.npz and test.npz")?;
    let presets = args.next().unwrap_or_else(|| "supervised_baseline,recommended".to_owned());
    let seeds = args.next().unwrap_or_else(|| "1,2,3".to_owned());
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let folder = Path::new(&folder);

    let scratch = tempfile::tempdir()?;
    let test = import(&scratch.path().join("test"), &folder.join("test.npz"))?;
    let truth = truth_for(&test, &folder.join("test.npz"), None)?;
    let mut train = import(&scratch.path().join("train"), &folder.join("train.npz"))?;
    let counts = train.label_counts()?;
    println!(
        "{} positive, {} unlabeled; {} test patches; {device}",
        counts.positive,
        counts.unlabeled,
        test.len()
    );
    println!(
        "{:<24} {:>5} {:>9} {:>7} {:>7} {:>8} {:>9} {:>6} {:>8}",
        "preset", "seed", "test AUC", "1 view", "prior", "overlay", "val P/U", "epoch", "seconds"
    );

    for preset in presets.split(',') {
        let (mut found, mut together) = (Vec::new(), Vec::new());
        let mut told = None;
        if preset == "oracle" {
            told = Some(oracle(folder, &scratch.path().join("oracle"))?);
        }
        for seed in seeds.split(',') {
            let (train, mut config) = match &mut told {
                Some((project, config)) => (project, config.clone()),
                None => (&mut train, changed(preset)?),
            };
            config.seed = seed.parse()?;
            let started = Instant::now();
            let request = TrainRequest {
                name: None,
                base_name: yaml::stem(preset.split('+').next().unwrap_or_default()),
                config,
                device: device.clone(),
                truth: None,
                known_prior: None,
            };
            let mut pretrained = String::new();
            let mut listen = |event: &TrainEvent, _: &Sender<TrainControl>| {
                if let TrainEvent::Pretrained(e) = event {
                    pretrained = format!("  pretrained: loss {:.3}, spread {:.2}", e.loss, e.spread);
                }
            };
            let run = train_run(train, request, &mut listen, &mut |_| true)?;
            let seconds = started.elapsed().as_secs_f64();
            let scorer = scorer(train, &run.name, device.clone())?;
            let scores = score_project(&test, &scorer, &mut |_| true)?;
            let value = judge(&scores, &truth)?;
            let scorer = scorer.with_augmentation(TestTimeAugmentation::None);
            let one_view = judge(&score_project(&test, &scorer, &mut |_| true)?, &truth)?;
            found.push(value);
            together.resize(scores.len(), 0.0);
            together.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += score);
            let used = Checkpoint::load(&model_path(&train.run_dir(&run.name)))?.header.config;
            println!(
                "{preset:<24} {seed:>5} {value:>9.4} {one_view:>7.4} {:>7.3} {:>8} {:>9.4} {:>6} {seconds:>8.0}{pretrained}",
                run.prior.value, used.augmentation.weak.overlay, run.best.validation_auc_pu, run.best_epoch
            );
        }
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let spread = if found.len() > 1 {
            (found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (found.len() - 1) as f64).sqrt()
        } else {
            f64::NAN
        };
        println!("{preset:<24}  mean {mean:>8.4} ± {spread:.4}");
        if found.len() > 1 {
            println!("{preset:<24}  mean score of all seeds {:.4}", judge(&together, &truth)?);
        }
    }
    Ok(())
}
