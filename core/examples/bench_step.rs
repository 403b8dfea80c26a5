//! Milliseconds of one training step: forward, loss, backward, clipping, AdamW.
//!
//! `cargo run --release --example bench_step -- [DEVICE]` prints both networks, and how fast they score; DEVICE is
//! the processor unless named. With `--serve` it reads lines `small_cnn 5` (network, steps) and answers each with
//! seconds and processor seconds of a step, which is how `scripts/bench_step.py` times it in turn with PyTorch.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::Backbone;
use vitrine_core::learning::infer::predict::{TestTimeAugmentation, host_logits};
use vitrine_core::learning::loss::risk::cross_entropy;
use vitrine_core::learning::network::Network;
use vitrine_core::learning::optim::adamw::{AdamW, clip_factor, global_norm};

const SIZE: usize = 64;

struct Bench {
    network: Network,
    optimizer: AdamW,
    patches: Tensor<4>,
    target: Tensor<1>,
    device: Device,
}

impl Bench {
    fn new(backbone: Backbone, batch: usize, device: &Device) -> Self {
        let device = device.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pixels: Vec<f32> = (0..batch * SIZE * SIZE).map(|_| rng.random_range(-1.7..1.7)).collect();
        let target: Vec<f32> = (0..batch).map(|i| (i % 2) as f32).collect();
        Self {
            network: Network::new(backbone, 1, &device.clone().autodiff()),
            optimizer: AdamW::new(1e-4),
            patches: Tensor::from_data(TensorData::new(pixels, [batch, 1, SIZE, SIZE]), &device),
            target: Tensor::from_data(TensorData::new(target, [batch]), &device),
            device,
        }
    }

    fn step(&mut self) {
        let logits = self.network.forward(Tensor::from_inner(self.patches.clone()));
        let loss = cross_entropy(logits, Tensor::from_inner(self.target.clone())).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        let scale = clip_factor(global_norm(&self.network, &gradients, &self.device), 1.0);
        self.network = self.optimizer.step(1e-4, self.network.clone(), gradients, Some(scale));
    }
}

/// Processor seconds of this process so far, all threads; NaN where the system does not tell.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, counted after the name in brackets, in ticks of 1/100 s.
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect())
        .unwrap_or_default();
    if fields.len() == 2 { (fields[0] + fields[1]) / 100.0 } else { f64::NAN }
}

fn main() -> Result<(), Box<dyn Error>> {
    // A thread of its own, as a training run has.
    let work = std::thread::spawn(|| bench().map_err(|error| error.to_string()));
    work.join().map_err(|_| "the bench panicked")??;
    Ok(())
}

fn bench() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let serve = arguments.iter().position(|a| a == "--serve").map(|at| arguments.remove(at)).is_some();
    let device = match arguments.first() {
        Some(name) => ComputeDevice::open(name.parse::<DeviceChoice>()?)?,
        None => ComputeDevice::cpu(),
    };
    eprintln!("{}", device.description);
    let device = device.inner;
    let mut small = Bench::new(Backbone::SmallCnn, 64, &device);
    let mut resnet = Bench::new(Backbone::Resnet18, 16, &device);
    let mut run = |name: &str, steps: usize| -> Result<(f64, f64), Box<dyn Error>> {
        let bench = if name == "resnet18" { &mut resnet } else { &mut small };
        let (wall, processor) = (Instant::now(), processor_seconds());
        for _ in 0..steps {
            bench.step();
        }
        // A GPU is given its work and does it later.
        bench.device.sync().map_err(|error| format!("{error:?}"))?;
        let steps = steps as f64;
        Ok((wall.elapsed().as_secs_f64() / steps, (processor_seconds() - processor) / steps))
    };
    if serve {
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let (name, steps) = line.split_once(' ').ok_or("say NETWORK STEPS")?;
            let (wall, processor) = run(name, steps.trim().parse()?)?;
            println!("{wall} {processor}");
        }
        return Ok(());
    }
    let pixels = vec![0.5; 1024 * SIZE * SIZE];
    for backbone in [Backbone::SmallCnn, Backbone::Resnet18] {
        let network = Network::new(backbone, 1, &device);
        // Compiles what a GPU needs.
        host_logits(&network, &pixels, SIZE, TestTimeAugmentation::Symmetries, &device);
        let started = Instant::now();
        let scores =
            host_logits(&network, &pixels, SIZE, TestTimeAugmentation::Symmetries, &device).len() as f64;
        let rate = scores / started.elapsed().as_secs_f64();
        println!("{backbone:?} scores {rate:.0} patches a second, each turned and mirrored eight ways");
    }
    for (name, steps) in [("small_cnn", 50), ("resnet18", 20)] {
        run(name, 3)?;
        let (wall, processor) = run(name, steps)?;
        println!("{name:<10} {:>7.1} ms a step, {:>7.1} ms of the processor", wall * 1e3, processor * 1e3);
    }
    Ok(())
}
