//! How well the class prior is estimated: pools mixed to known shares of particles, several draws each.
//! Prints the error of every estimate, by the estimator a run uses and by best bin estimation, and how often
//! its interval holds the truth; an asterisk marks those that do not.
//!
//! `cargo run --release --example prior_table -- FOLDER [DRAWS] [SHARE,...] [OVERLAY] [DEVICE]`
//!
//! FOLDER holds `train.npz` and `train_truth.npz` as `pu_benchmark` and `micrograph_benchmark` have them.
//! OVERLAY is laid over the views of the networks that score (0: none). Truth only mixes the pools and judges
//! the estimates.

#[path = "support/benchmark_project.rs"]
mod benchmark_project;

use std::error::Error;
use std::path::Path;

use benchmark_project::import;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::prior::best_bin::estimate_prior;
use vitrine_core::learning::prior::binormal::{Checked, binormal_prior};
use vitrine_core::learning::prior::cross_fit::{FoldPlan, out_of_fold_scores};
use vitrine_core::workflow::prepare::prepare;

/// Errors of one estimator.
#[derive(Clone, Copy, Default)]
struct Sums {
    error: f64,
    held: usize,
    count: usize,
}

impl Sums {
    fn add(&mut self, error: f64, held: bool) {
        self.error += error.abs();
        self.held += usize::from(held);
        self.count += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("name the folder with train.npz and train_truth.npz")?;
    let draws: u64 = args.next().unwrap_or_else(|| "5".to_owned()).parse()?;
    let shares = args.next().unwrap_or_else(|| "0.05,0.1,0.2,0.3,0.5".to_owned());
    let overlay: f64 = args.next().unwrap_or_else(|| "0".to_owned()).parse()?;
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let folder = Path::new(&folder);
    let scratch = tempfile::tempdir()?;
    let mut project = import(&scratch.path().join("train"), &folder.join("train.npz"))?;
    let truth = truth_for(&project, &folder.join("train_truth.npz"), None)?;
    let whole = prepare(&mut project, &RunConfig::default(), Some(&truth), &mut |_| true)?.data;

    let every: Vec<usize> = whole.train.iter().chain(&whole.validation).copied().collect();
    let known = |wanted: bool| -> Vec<usize> {
        let truth = whole.truth.as_ref();
        let is = |i: usize| truth.and_then(|t| t.get(i).copied().flatten()) == Some(wanted);
        every.iter().copied().filter(|&i| whole.labels[i] == Label::Unlabeled && is(i)).collect()
    };
    let (particles, others) = (known(true), known(false));
    let positive = whole.with_label(&every, Label::Positive);
    println!(
        "{} positives; pools drawn from {} particles and {} places without one; {device}",
        positive.len(),
        particles.len(),
        others.len()
    );
    println!("{:22}{:36}if picks were a random sample: BBE", "", "binormal mixture");
    println!(
        "{:>6} {:>5} {:>6} {:>9} {:>7} {:>15}  {:>9} {:>7} {:>15}",
        "true π", "draw", "pool", "estimate", "error", "interval", "estimate", "error", "interval"
    );
    let mut sums = [Sums::default(); 2];
    for share in shares.split(',') {
        let share: f64 = share.parse()?;
        // The largest pool of that share, at most 1,400, that leaves something to choose.
        let most = (0.9 * particles.len() as f64 / share).min(0.9 * others.len() as f64 / (1.0 - share));
        let pool = most.min(1400.0);
        let (p, n) = ((pool * share).round() as usize, (pool * (1.0 - share)).round() as usize);
        for draw in 1..=draws {
            let mut random = ChaCha8Rng::seed_from_u64(draw);
            let mut some = |from: &[usize], count: usize| {
                let mut from = from.to_vec();
                from.shuffle(&mut random);
                from.truncate(count);
                from
            };
            let train = [some(&particles, p), some(&others, n), positive.clone()].concat();
            let data = TrainingData { train, validation: Vec::new(), truth: None, ..whole.clone() };
            let config = RunConfig { seed: draw, ..RunConfig::default() };
            let scores =
                out_of_fold_scores(FoldPlan::QUICK, &config, &data, &device, &[overlay], |_, _| true)?
                    .remove(0);
            let (p, u) = (&scores.positive, &scores.unlabeled);
            let (binormal, bins) = (binormal_prior(p, u, Checked::default())?, estimate_prior(p, u)?);
            let found =
                [(binormal.estimate, binormal.low, binormal.high), (bins.estimate, bins.low, bins.high)];
            print!("{share:>6.2} {draw:>5} {:>6}", data.train.len() - positive.len());
            for ((estimate, low, high), sums) in found.into_iter().zip(&mut sums) {
                let held = (low..=high).contains(&share);
                sums.add(estimate - share, held);
                let (error, interval) = (estimate - share, format!("{low:.3} to {high:.3}"));
                print!(" {estimate:>9.3} {error:>+7.3} {interval:>15}{}", if held { ' ' } else { '*' });
            }
            println!();
        }
    }
    for (name, sums) in ["binormal mixture (what a run uses)", "best bin estimate"].iter().zip(&sums) {
        println!(
            "{name}: mean absolute error {:.3}; the interval holds the truth in {} of {}",
            sums.error / sums.count as f64,
            sums.held,
            sums.count
        );
    }
    Ok(())
}
