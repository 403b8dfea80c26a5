//! Patches per second of ResNet-18 with FixMatch views at 64 and 128 px, on the devices named.
//!
//! `cargo run --release --example throughput -- cpu gpu:0`
//!
//! The first epoch is not counted: on a GPU it compiles kernels. A GPU is then measured for ten seconds, and the share of
//! them is said in which it had work.

#[path = "support/gpu_watch.rs"]
mod gpu_watch;

use std::error::Error;
use std::time::Instant;

use gpu_watch::{GpuWatch, share};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::Label;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::train::trainer::{AfterBatch, Trainer};

const CONFIG: &str = "\
backbone: resnet18
prior: 0.3
risk:
  kind: nnpu
consistency:
  kind: fixmatch
  ramp_up_epochs: 0
teacher:
  enabled: true
batch:
  size: 64
";

fn data(size: usize, patches: usize) -> TrainingData {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let pixels: Vec<f32> = (0..patches * size * size).map(|_| rng.random_range(-1.7..1.7f32)).collect();
    TrainingData {
        size,
        pixels: pixels.into(),
        labels: (0..patches).map(|i| if i % 4 == 0 { Label::Positive } else { Label::Unlabeled }).collect(),
        train: (0..patches).collect(),
        validation: Vec::new(),
        truth: None,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.push("auto".to_owned());
    }
    println!("{:<44} {:>5} {:>9} {:>10}  GPU had work", "device", "px", "patches", "per second");
    for name in names {
        let device = ComputeDevice::open(name.parse::<DeviceChoice>()?)?;
        // Enough work for a steady number, little enough for two cores.
        let patches = if device.is_cpu { 128 } else { 8192 };
        for size in [64, 128] {
            let mut trainer = Trainer::new(parse(CONFIG, "throughput")?, 0.3, data(size, patches), &device);
            trainer.run_epoch(1, |_, _| AfterBatch::Continue)?;
            let (watch, started) = (GpuWatch::start(&name), Instant::now());
            let (mut epoch, mut taken) = (2, 0.0);
            while taken == 0.0 || !device.is_cpu && started.elapsed().as_secs_f64() < 10.0 {
                let begun = Instant::now();
                let metrics = trainer.run_epoch(epoch, |_, _| AfterBatch::Continue)?.ok_or("stopped")?;
                taken += metrics.patches_per_second * begun.elapsed().as_secs_f64();
                epoch += 1;
            }
            let rate = taken / started.elapsed().as_secs_f64();
            let share = share(watch);
            println!("{:<44} {size:>5} {taken:>9.0} {rate:>10.1}  {share}", device.description);
        }
    }
    Ok(())
}
