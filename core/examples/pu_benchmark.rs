//! Trains presets on a benchmark of positives and unlabeled, several seeds each, and prints the AUC
//! on its test patches with mean and spread, that of scores from one view a patch instead of eight, and the AUC
//! of the seeds' mean score. `ECE` is the expected calibration error of the scores in ten bins, `p ≥ ½` the share of
//! particles among the test patches with such a score; for both, test patches are weighted so that as many of them are
//! particles as of the unlabeled (by `train_truth.npz`, else by the run's π). The last seed's bins follow. Truth is read
//! for that table only.
//!
//! `cargo run --release --example pu_benchmark -- FOLDER [PRESET|FILE,...] [SEED,...] [DEVICE]`
//!
//! FOLDER holds `train.npz` (arrays `positive`, `unlabeled`) and `test.npz` (`patches`, `is_particle`). The
//! preset `oracle` is the plain classifier told the truth of every unlabeled patch (`train_truth.npz`): what the
//! patches allow. A preset can be changed: `recommended+self_training.enabled=false+risk.kind=nnpu`.

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/changed_preset.rs"]
mod changed_preset;
#[path = "support/judge.rs"]
mod judge;

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Instant;

use benchmark_project::import;
use changed_preset::changed;
use judge::{by_truth, judge};
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PriorConfig, RiskKind, RunConfig};
use vitrine_core::learning::eval::bins::{CalibrationBin, calibration};
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

/// Share of particles among the unlabeled by a file of truth; `None` where there is no such file.
fn share_of_particles(project: &Project, file: &Path) -> Result<Option<f64>, Box<dyn Error>> {
    if !file.exists() {
        return Ok(None);
    }
    let (mut particles, mut all) = (0_u32, 0_u32);
    for (label, truth) in project.labels()?.into_iter().zip(truth_for(project, file, None)?) {
        if let (Label::Unlabeled, Some(particle)) = (label, truth) {
            all += 1;
            particles += u32::from(particle);
        }
    }
    Ok((particles > 0 && particles < all).then(|| f64::from(particles) / f64::from(all)))
}

/// Of each bin the mean score and the share of particles.
fn reliability_text(bins: &[CalibrationBin]) -> String {
    let of = |bin: &CalibrationBin| Some(format!("{:.2}→{:.2}", bin.mean_score?, bin.share_positive?));
    bins.iter().filter_map(of).collect::<Vec<_>>().join("  ")
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
    let told_share = share_of_particles(&train, &folder.join("train_truth.npz"))?;
    println!(
        "{} positive, {} unlabeled; {} test patches; {device}",
        counts.positive,
        counts.unlabeled,
        test.len()
    );
    println!(
        "{:<24} {:>5} {:>9} {:>7} {:>6} {:>6} {:>7} {:>8} {:>9} {:>6} {:>8}",
        "preset",
        "seed",
        "test AUC",
        "1 view",
        "ECE",
        "p ≥ ½",
        "prior",
        "overlay",
        "val P/U",
        "epoch",
        "seconds"
    );

    for preset in presets.split(',') {
        let (mut found, mut together) = (Vec::new(), Vec::new());
        let mut told = None;
        let mut bins = Vec::new();
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
                if let TrainEvent::Warning(text) = event {
                    println!("  {text}");
                }
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
            let [particles, others] = by_truth(&scores, &truth);
            let share = told_share.unwrap_or(run.prior.value);
            let (reliability, error) = calibration(&particles, &others, 10, Some(share))?;
            bins = reliability;
            let rate = |scores: &[f32]| {
                scores.iter().filter(|score| **score >= 0.5).count() as f64 / scores.len() as f64
            };
            let [right, wrong] = [share * rate(&particles), (1.0 - share) * rate(&others)];
            let sure = right / (right + wrong);
            together.resize(scores.len(), 0.0);
            together.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += score);
            let used = Checkpoint::load(&model_path(&train.run_dir(&run.name)))?.header.config;
            println!(
                "{preset:<24} {seed:>5} {value:>9.4} {one_view:>7.4} {error:>6.3} {sure:>6.3} {:>7.3} {:>8} {:>9.4} {:>6} {seconds:>8.0}{pretrained}",
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
        println!("{preset:<24}  mean score and share of particles: {}", reliability_text(&bins));
        if found.len() > 1 {
            println!("{preset:<24}  mean score of all seeds {:.4}", judge(&together, &truth)?);
        }
    }
    Ok(())
}
