//! Makes the general model that ships with the program, from simulated patches alone, and judges it.
//!
//! `cargo run --release --example general_model -- make FILE [PATCHES] [EPOCHS] [SEED] [DEVICE]`
//! `cargo run --release --example general_model -- judge FILE FOLDER...`
//!
//! `make` draws PATCHES patches (`core/src/imaging/simulate_patch.rs`), trains on them, and writes the checkpoint. On the
//! CPU the same arguments and instruction set give the same file. `judge` prints the AUC on the test patches of
//! benchmark folders (`test.npz`, as `pu_benchmark` reads them), scored without any label, dark and light.

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/judge.rs"]
mod judge;

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::time::Instant;

use benchmark_project::import;
use judge::judge;
use rayon::prelude::*;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::normalise::Normaliser;
use vitrine_core::imaging::simulate_patch::{PATCH_SIZE, simulated_patch};
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::{
    Backbone, BatchConfig, PriorConfig, RiskKind, Rotation, RunConfig, SelectBy, TeacherConfig,
};
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::train::checkpoint::Checkpoint;
use vitrine_core::learning::train::events::TrainEvent;
use vitrine_core::learning::train::run::{TrainJob, train};
use vitrine_core::workflow::score::score_project;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One patch in so many judges the training and is not learnt from.
const HELD_OUT: usize = 25;

fn config(epochs: usize, seed: u64) -> RunConfig {
    let mut config = RunConfig {
        description: "General model, from simulated patches alone".to_owned(),
        seed,
        backbone: Backbone::SlidingCnn,
        prior: PriorConfig::Given(0.5),
        teacher: TeacherConfig { enabled: true, decay: 0.999, ..TeacherConfig::default() },
        batch: BatchConfig { size: 64, positive: 1.0, negative: 1.0, ..BatchConfig::default() },
        ..RunConfig::default()
    };
    config.risk.kind = RiskKind::Supervised;
    config.augmentation.weak.rotation = Rotation::Quarter;
    config.augmentation.weak.shift = 1.0;
    config.optimizer.learning_rate = 0.003;
    config.schedule.epochs = epochs;
    config.schedule.select_by = SelectBy::Last;
    config
}

/// Normalised patches with their true labels.
fn draw(patches: usize, seed: u64) -> Outcome<(TrainingData, Normaliser)> {
    let drawn = (0..patches as u64)
        .into_par_iter()
        .map(|index| simulated_patch(seed, index))
        .collect::<Result<Vec<_>, _>>()?;
    let normaliser = Normaliser::of_each_patch(PATCH_SIZE)?;
    let labels: Vec<Label> =
        drawn.iter().map(|p| if p.is_particle { Label::Positive } else { Label::Negative }).collect();
    let mut pixels = Vec::with_capacity(patches * PATCH_SIZE * PATCH_SIZE);
    for patch in drawn {
        let mut patch = patch.pixels;
        normaliser.apply(&mut patch)?;
        pixels.extend(patch);
    }
    let (validation, train) = (0..patches).partition(|at| at % HELD_OUT == 0);
    let data =
        TrainingData { size: PATCH_SIZE, pixels: pixels.into(), labels, train, validation, truth: None };
    Ok((data, normaliser))
}

fn make(mut args: impl Iterator<Item = String>) -> Outcome<()> {
    let file = args.next().ok_or("name the file to write")?;
    let patches: usize = args.next().unwrap_or_else(|| "120000".to_owned()).parse()?;
    let epochs: usize = args.next().unwrap_or_else(|| "8".to_owned()).parse()?;
    let seed: u64 = args.next().unwrap_or_else(|| "1".to_owned()).parse()?;
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let started = Instant::now();
    let (data, normaliser) = draw(patches, seed)?;
    println!("{patches} patches drawn in {:.0} s", started.elapsed().as_secs_f64());
    let job = TrainJob {
        config: config(epochs, seed),
        data,
        normaliser,
        device,
        folder: None,
        resume: None,
        checked: Default::default(),
        known_prior: None,
        known_picks: None,
        contrast: None,
    };
    let (_orders, control) = channel();
    let (events, heard) = sync_channel(256);
    let listener = std::thread::spawn(move || {
        for event in heard {
            if let TrainEvent::Epoch { metrics, .. } = event {
                println!(
                    "epoch {}: loss {:.4}, AUC of held-out patches {:.4}, {:.0} s",
                    metrics.epoch,
                    metrics.loss,
                    metrics.validation_auc_pn,
                    started.elapsed().as_secs_f64()
                );
            }
        }
    });
    let outcome = train(job, &control, &events)?;
    drop(events);
    listener.join().map_err(|_| "the listener has ended")?;
    outcome.model.save(Path::new(&file))?;
    Ok(())
}

fn judge_all(mut args: impl Iterator<Item = String>) -> Outcome<()> {
    let file = args.next().ok_or("name the checkpoint")?;
    let checkpoint = Checkpoint::load(Path::new(&file))?;
    let scratch = tempfile::tempdir()?;
    for (number, folder) in args.enumerate() {
        let test = Path::new(&folder).join("test.npz");
        let project = import(&scratch.path().join(number.to_string()), &test)?;
        let truth = truth_for(&project, &test, None)?;
        let scorer = Scorer::new(&checkpoint, ComputeDevice::cpu())?;
        let auc = judge(&score_project(&project, &scorer, &mut |_| true)?, &truth)?;
        println!("{folder}: AUC {auc:.4}");
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("make") => make(args),
        Some("judge") => judge_all(args),
        _ => Err("begin with make or judge; see the first lines of this file".into()),
    }
}
