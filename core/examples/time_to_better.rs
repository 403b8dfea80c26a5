//! How long a person waits from "Train" to a model better than the plain classifier ever gets: both methods are
//! trained one after the other and judged after every epoch, by truth that neither sees.
//!
//! `cargo run --release --example time_to_better -- FOLDER|sample [PRESET] [SEED] [DEVICE] [EPOCHS] [BAR]`
//!
//! FOLDER holds `train.npz` and `test.npz` as `pu_benchmark` has them. `sample` is the simulated sample of
//! `vitrine demo`, judged on the unlabeled outside the training split. The clock starts with the run, so reading
//! the patches, the estimate of π and the trial of the overlay count; judging happens afterwards, on copies of the
//! checkpoints, by patches as they are (one view). With EPOCHS the run of the preset is stopped after so many of its
//! epochs; its course until then is the same. BAR is the plain classifier's best as an earlier call printed it: it is
//! not trained again then.

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/judge.rs"]
mod judge;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Instant;

use benchmark_project::import;
use judge::judge;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::SampleSettings;
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::infer::predict::TestTimeAugmentation;
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::train::checkpoint::{Checkpoint, resume_path};
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::project::{Project, Side};
use vitrine_core::workflow::demo::sample_project;
use vitrine_core::workflow::score::score_project;
use vitrine_core::workflow::train::{TrainRequest, free_name, train_run};

/// Epochs at the end whose mean score is judged too: what an ensemble of snapshots would gain.
const SNAPSHOTS: usize = 10;

/// Where to learn, and what judges.
struct Task {
    train: Project,
    /// The patches that judge, where they are not those of `train`.
    test: Option<Project>,
    /// Of the patches that judge, by their number.
    truth: Vec<Option<bool>>,
    /// Share of the patches kept out of training and validation.
    test_share: f64,
}

impl Task {
    fn of_folder(folder: &Path, scratch: &Path) -> Result<Self, Box<dyn Error>> {
        let test = import(&scratch.join("test"), &folder.join("test.npz"))?;
        let truth = truth_for(&test, &folder.join("test.npz"), None)?;
        let train = import(&scratch.join("train"), &folder.join("train.npz"))?;
        Ok(Self { train, test: Some(test), truth, test_share: 0.0 })
    }

    fn of_sample(seed: u64, scratch: &Path) -> Result<Self, Box<dyn Error>> {
        let (train, files, _) = sample_project(&scratch.join("sample"), seed, &mut |_| true)?;
        let truth = truth_for(&train, &files.truth, Some(SampleSettings::default().diameter / 4.0))?;
        Ok(Self { train, test: None, truth, test_share: 0.25 })
    }

    /// Scores of the patches that judge, under the weights that would score now.
    fn scores(&self, mut checkpoint: Checkpoint, device: &ComputeDevice) -> vitrine_core::Result<Vec<f32>> {
        let averaged = std::mem::take(&mut checkpoint.teacher);
        checkpoint.model = if averaged.is_empty() { checkpoint.student.clone() } else { averaged };
        let scorer = Scorer::new(&checkpoint, device.clone())?.with_augmentation(TestTimeAugmentation::None);
        let project = self.test.as_ref().unwrap_or(&self.train);
        score_project(project, &scorer, &mut |_| true)
    }

    /// Leaves only the unlabeled outside the training side to judge, where the patches are those of `train`.
    fn keep_outsiders(&mut self, run: &str) -> Result<(), Box<dyn Error>> {
        if self.test.is_some() {
            return Ok(());
        }
        let split = self.train.run(run)?.split.ok_or("the run has no split")?;
        let sides = self.train.split_sides(split)?;
        let labels = self.train.labels()?;
        for ((truth, side), label) in self.truth.iter_mut().zip(sides).zip(labels) {
            if side == Side::Train || label != Label::Unlabeled {
                *truth = None;
            }
        }
        Ok(())
    }
}

/// An epoch: seconds since "Train", and its weights.
struct Mark {
    epoch: usize,
    seconds: f64,
    weights: PathBuf,
}

/// Trains, and gives every epoch with its time, the seconds until scores were there, and the run's name.
fn course(
    task: &mut Task,
    preset: &str,
    seed: u64,
    device: &ComputeDevice,
    folder: &Path,
    most_epochs: usize,
) -> Result<(Vec<Mark>, f64, String), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let mut config: RunConfig = yaml::load(preset)?;
    config.seed = seed;
    config.split.test = task.test_share;
    let name = free_name(&task.train, &yaml::stem(preset))?;
    let last = resume_path(&task.train.run_dir(&name));
    let request = TrainRequest {
        name: Some(name.clone()),
        base_name: name.clone(),
        config,
        device: device.clone(),
        truth: None,
        known_prior: None,
    };
    let mut marks = Vec::new();
    let mut refused = None;
    let started = Instant::now();
    let mut listen = |event: &TrainEvent, orders: &Sender<TrainControl>| {
        if let TrainEvent::Epoch { metrics, .. } = event {
            let (epoch, seconds) = (metrics.epoch, started.elapsed().as_secs_f64());
            let weights = folder.join(format!("{epoch}.safetensors"));
            if let Err(e) = std::fs::copy(&last, &weights) {
                refused = Some(e);
            }
            marks.push(Mark { epoch, seconds, weights });
            if epoch >= most_epochs {
                // A run that has ended needs no order.
                let _ = orders.send(TrainControl::Stop);
            }
        }
    };
    train_run(&mut task.train, request, &mut listen, &mut |_| true)?;
    let seconds = started.elapsed().as_secs_f64();
    match refused {
        Some(error) => Err(format!("cannot copy a checkpoint into {}: {error}", folder.display()).into()),
        None => Ok((marks, seconds, name)),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let place = args.next().ok_or("name the folder with train.npz and test.npz, or sample")?;
    let preset = args.next().unwrap_or_else(|| "recommended".to_owned());
    let seed: u64 = args.next().unwrap_or_else(|| "1".to_owned()).parse()?;
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let most_epochs: usize = args.next().map_or(Ok(usize::MAX), |text| text.parse())?;
    let known_bar: Option<f64> = args.next().map(|text| text.parse()).transpose()?;
    let scratch = tempfile::tempdir()?;
    let mut task = match place.as_str() {
        "sample" => Task::of_sample(seed, scratch.path())?,
        folder => Task::of_folder(Path::new(folder), scratch.path())?,
    };
    let counts = task.train.label_counts()?;
    println!("{place}: {} positive, {} unlabeled; {device}", counts.positive, counts.unlabeled);

    let mut bar = known_bar.unwrap_or(f64::NEG_INFINITY);
    let methods = [("supervised_baseline", true), (preset.as_str(), false)];
    for (method, is_bar) in methods.into_iter().skip(usize::from(known_bar.is_some())) {
        let folder = scratch.path().join(format!("weights_{is_bar}"));
        let (marks, seconds, run) =
            course(&mut task, method, seed, &device, &folder, if is_bar { usize::MAX } else { most_epochs })?;
        task.keep_outsiders(&run)?;
        let (mut best, mut passed, mut last) = ((0, f64::NEG_INFINITY), None, f64::NAN);
        let mut together: Vec<f32> = Vec::new();
        for mark in &marks {
            let checkpoint = Checkpoint::load(&mark.weights)?;
            // Copied a moment later, it may already be the next epoch's.
            let epoch = checkpoint.header.epoch.max(mark.epoch);
            let scores = task.scores(checkpoint, &device)?;
            last = judge(&scores, &task.truth)?;
            if mark.epoch + SNAPSHOTS > marks.len() {
                together.resize(scores.len(), 0.0);
                together.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += score);
            }
            println!("{method:<24} epoch {epoch:>3} after {:>6.1} s: AUC {last:.4}", mark.seconds);
            if last > best.1 {
                best = (epoch, last);
            }
            if !is_bar && passed.is_none() && last > bar {
                passed = Some((epoch, mark.seconds));
            }
        }
        println!(
            "{method}: best AUC {:.4} in epoch {}, last {last:.4}, mean score of the last {SNAPSHOTS} epochs {:.4}; \
             scores of all patches after {seconds:.1} s",
            best.1,
            best.0,
            judge(&together, &task.truth)?
        );
        if is_bar {
            bar = best.1;
        } else {
            match passed {
                Some((epoch, seconds)) => println!(
                    "better than the plain classifier's best ({bar:.4}) after {seconds:.1} s, in epoch {epoch}"
                ),
                None => println!("never better than the plain classifier's best ({bar:.4})"),
            }
        }
    }
    Ok(())
}
