//! A healthy simulated set with a healthy configuration, and the faults that are injected into it.
//! Shared by the tests of the clinic and by the example that counts over seeds.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod training;

use std::sync::Arc;

use burn::module::Module;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::Label;
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{BoxAt, RunRecord, Subject, kinds};
use vitrine_core::imaging::{
    CutSettings, ParticleShape, PickBias, SampleSettings, cut_patch, sample_micrograph,
};
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::config::{Backbone, PriorConfig, RunConfig, SurrogateLoss};
use vitrine_core::learning::network::Network;
use vitrine_core::learning::network::weights::extract;
use vitrine_core::project::Side;

/// Side of a patch, px.
pub const SIZE: usize = 24;
const DIAMETER: f64 = 16.0;
const MICROGRAPHS: usize = 12;
/// Share of the particles that are picked.
const PICKED: f64 = 0.45;
/// Known non-particles a micrograph.
const NEGATIVES: usize = 7;
/// Places without a particle a micrograph, half of them what a picker falls for.
const OTHERS: usize = 26;

/// The configuration of every case: each part that can go wrong is in it.
pub fn config(prior: f64) -> RunConfig {
    let text = "risk:\n  kind: nnpu\n  loss: logistic\nconsistency:\n  kind: fixmatch\n  threshold: 0.8\n  weight: 0.3\n  ramp_up_epochs: 10\n\
                teacher:\n  enabled: true\n  decay: 0.99\naugmentation:\n  weak:\n    rotation: any\n";
    let mut config = parse(text, "clinic").unwrap();
    config.prior = PriorConfig::Given(prior);
    config
}

/// A healthy set: particles of simulated micrographs, some picked at random, some known negatives, and
/// the rest unlabeled, a third of it particles. Whole micrographs validate.
pub fn healthy(seed: u64) -> Subject {
    made(seed, Picks::AtRandom)
}

/// Which particles are picked, and where.
#[derive(Clone, Copy, PartialEq)]
enum Picks {
    AtRandom,
    /// As people do: the more strongly a particle shows, the likelier it is picked.
    Conspicuous,
    /// Those that stand out most against their surround in the picture, as a hurried person picks.
    BestSeen,
    /// At random, but read from the wrong edge: y counts from the other end.
    UpsideDown,
}

/// How much darker the middle of a particle is than the ring around it.
fn stands_out(image: &vitrine_core::Image, (cx, cy): (f64, f64)) -> f64 {
    let (mut inside, mut around) = ((0.0, 0.0), (0.0, 0.0));
    for y in 0..image.height {
        for x in 0..image.width {
            let r = (x as f64 - cx).hypot(y as f64 - cy);
            let value = f64::from(image.data[y * image.width + x]);
            if r < DIAMETER * 0.3 {
                inside = (inside.0 + value, inside.1 + 1.0);
            } else if (DIAMETER * 0.5..DIAMETER * 0.75).contains(&r) {
                around = (around.0 + value, around.1 + 1.0);
            }
        }
    }
    around.0 / around.1 - inside.0 / inside.1
}

fn made(seed: u64, how: Picks) -> Subject {
    let settings = SampleSettings {
        shape: ParticleShape::default(),
        micrographs: MICROGRAPHS,
        width: 288,
        height: 288,
        pixel_size: 12.0,
        diameter: DIAMETER,
        box_size: SIZE,
        particles: 26,
        impostors: 16,
        snr: 0.6,
        defocus: (12_000.0, 30_000.0),
    };
    let cut = CutSettings { box_size: SIZE, bin: 1, margin: 0 };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(90);
    let mut subject = Subject {
        size: SIZE,
        pixels: Arc::new(Vec::new()),
        labels: Vec::new(),
        sides: Vec::new(),
        micrographs: Vec::new(),
        micrograph_names: (0..MICROGRAPHS).map(|m| format!("sample_{m:02}")).collect(),
        boxes: Vec::new(),
        ids: Vec::new(),
        truth: None,
        total: 0,
        config: config(0.3),
        config_name: "clinic".to_owned(),
        split_problem: None,
        run: None,
    };
    let (mut pixels, mut truth) = (Vec::new(), Vec::new());
    for index in 0..MICROGRAPHS {
        let mut simulated = sample_micrograph(&settings, seed, index).unwrap();
        // As preprocessing does: every micrograph on one scale.
        let n = simulated.image.data.len() as f32;
        let mean = simulated.image.data.iter().sum::<f32>() / n;
        let std = (simulated.image.data.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        simulated.image.data.iter_mut().for_each(|v| *v = (*v - mean) / std);
        let bias = if how == Picks::Conspicuous { PickBias::Conspicuous } else { PickBias::None };
        let mut picks = simulated.picks(PICKED, bias, seed.wrapping_add(index as u64));
        if how == Picks::BestSeen {
            let seen: Vec<f64> = simulated.centres.iter().map(|&c| stands_out(&simulated.image, c)).collect();
            let count = picks.len();
            picks = (0..seen.len()).collect();
            picks.sort_by(|&a, &b| seen[b].total_cmp(&seen[a]));
            picks.truncate(count);
        }
        let mut push = |(x, y): (f64, f64), label: Label, particle: bool| {
            let half = SIZE as f64 / 2.0;
            let inside = |v: f64| v > half && v < 288.0 - half;
            if !inside(x) || !inside(y) {
                return;
            }
            let mut patch = vec![0.0; SIZE * SIZE];
            if !cut_patch(&simulated.image, (x.round(), y.round()), &cut, &mut patch).unwrap() {
                return;
            }
            pixels.extend(patch);
            truth.push(Some(particle));
            subject.labels.push(label);
            subject.sides.push(if index % 4 == 3 { Side::Validation } else { Side::Train });
            subject.micrographs.push(Some(index));
            subject.boxes.push(Some(BoxAt { x, y, side: SIZE as f64 }));
        };
        for (i, &centre) in simulated.centres.iter().enumerate() {
            if !picks.contains(&i) {
                push(centre, Label::Unlabeled, true);
            } else if how == Picks::UpsideDown {
                let turned = (centre.0, 287.0 - centre.1);
                let near = |c: &(f64, f64)| (c.0 - turned.0).hypot(c.1 - turned.1) < DIAMETER / 4.0;
                push(turned, Label::Positive, simulated.centres.iter().any(near));
            } else {
                push(centre, Label::Positive, true);
            }
        }
        let mut others = simulated.distractors.clone();
        others.shuffle(&mut rng);
        others.truncate((OTHERS + NEGATIVES) / 2);
        while others.len() < OTHERS + NEGATIVES {
            let at = (rng.random_range(20.0..268.0), rng.random_range(20.0..268.0));
            let far = |c: &(f64, f64)| (c.0 - at.0).hypot(c.1 - at.1) > DIAMETER;
            if simulated.centres.iter().all(far) {
                others.push(at);
            }
        }
        others.shuffle(&mut rng);
        for (i, at) in others.into_iter().enumerate() {
            push(at, if i < NEGATIVES { Label::Negative } else { Label::Unlabeled }, false);
        }
    }
    let n = subject.labels.len();
    subject.pixels = Arc::new(pixels);
    subject.ids = (0..n as u32).collect();
    subject.total = n;
    subject.truth = Some(truth);
    subject.config = config((true_prior(&subject) * 100.0).round() / 100.0);
    subject.config.seed = seed;
    subject
}

/// Share of particles among the unlabeled whose truth is known.
pub fn true_prior(subject: &Subject) -> f64 {
    let truth = subject.truth.as_ref().unwrap();
    let of: Vec<bool> = (0..truth.len())
        .filter(|&i| subject.labels[i] == Label::Unlabeled)
        .filter_map(|i| truth[i])
        .collect();
    of.iter().filter(|t| **t).count() as f64 / of.len() as f64
}

/// A healthy set of real patches with known truth: as [`healthy`], every micrograph on one scale, the configuration of every
/// case, and whole micrographs, every fourth from number `first` on, on the validation side. Real sets have
/// no known negatives, which some faults need: `negatives` of the unlabeled that are no particles become that.
pub fn healthy_real(mut subject: Subject, first: usize, negatives: usize) -> Subject {
    let area = subject.size * subject.size;
    let pixels = Arc::make_mut(&mut subject.pixels);
    for micrograph in 0..subject.micrograph_names.len() {
        let mine: Vec<usize> =
            (0..subject.labels.len()).filter(|&i| subject.micrographs[i] == Some(micrograph)).collect();
        let values = || mine.iter().flat_map(|&i| i * area..(i + 1) * area);
        let n = (mine.len() * area) as f64;
        let mean = values().map(|at| f64::from(pixels[at])).sum::<f64>() / n;
        let std = (values().map(|at| (f64::from(pixels[at]) - mean).powi(2)).sum::<f64>() / n).sqrt();
        values().for_each(|at| pixels[at] = ((f64::from(pixels[at]) - mean) / std) as f32);
    }
    let side = |m: &Option<usize>| match m {
        Some(m) if m % 4 == first => Side::Validation,
        _ => Side::Train,
    };
    subject.sides = subject.micrographs.iter().map(side).collect();
    let truth = subject.truth.clone().unwrap();
    let mut others: Vec<usize> =
        of_label(&subject, Label::Unlabeled).into_iter().filter(|&i| truth[i] == Some(false)).collect();
    others.shuffle(&mut ChaCha8Rng::seed_from_u64(first as u64));
    others.truncate(negatives);
    others.into_iter().for_each(|i| subject.labels[i] = Label::Negative);
    subject.config = config((true_prior(&subject) * 100.0).round() / 100.0);
    subject.config.seed = first as u64 + 1;
    subject
}

/// One fault: its name, what is done to a healthy subject, and what must stand on top.
pub struct Fault {
    pub name: &'static str,
    pub inject: fn(Subject) -> Subject,
    pub expected: &'static [&'static str],
}

/// Every fault of the clinic.
pub const FAULTS: &[Fault] = &[
    // Of the configuration or a run: the data stays healthy.
    Fault { name: "wrong prior", inject: wrong_prior, expected: &[kinds::WRONG_PRIOR] },
    Fault { name: "labelling rate as prior", inject: labelling_rate, expected: &[kinds::LABELLING_RATE] },
    Fault { name: "threshold too high", inject: high_threshold, expected: &[kinds::HIGH_THRESHOLD] },
    Fault { name: "learning rate too high", inject: high_rate, expected: &[kinds::HIGH_RATE] },
    Fault { name: "collapsed teacher", inject: collapsed, expected: &[kinds::COLLAPSE, kinds::ONE_SIDED] },
    Fault { name: "dead layers", inject: dead_layers, expected: &[kinds::DEAD_LAYERS] },
    Fault { name: "teacher that does not follow", inject: stuck_teacher, expected: &[kinds::STUCK_TEACHER] },
    // Of the data.
    Fault { name: "splits normalised differently", inject: split_drift, expected: &[kinds::SPLIT_DRIFT] },
    Fault { name: "labels normalised differently", inject: label_drift, expected: &[kinds::LABEL_DRIFT] },
    Fault {
        name: "micrographs on other scales",
        inject: micrograph_drift,
        expected: &[kinds::MICROGRAPH_DRIFT],
    },
    Fault { name: "leaked duplicates", inject: leaked, expected: &[kinds::LEAK] },
    Fault { name: "leaked near-copies", inject: near_copies, expected: &[kinds::NEAR_LEAK] },
    Fault { name: "overlapping boxes", inject: overlapping, expected: &[kinds::OVERLAP] },
    Fault { name: "swapped labels", inject: swapped, expected: &[kinds::SWAPPED] },
    Fault { name: "half inverted contrast", inject: inverted, expected: &[kinds::INVERTED] },
    Fault { name: "constant patches", inject: constant, expected: &[kinds::CONSTANT] },
    Fault { name: "too few positives", inject: few_positives, expected: &[kinds::FEW_POSITIVES] },
    Fault { name: "biased picks", inject: biased, expected: &[kinds::BIASED_PICKS] },
    Fault { name: "conspicuous picks", inject: conspicuous, expected: &[kinds::BIASED_PICKS] },
    Fault { name: "some labels wrong", inject: mislabelled, expected: &[kinds::MISLABELLED] },
    Fault { name: "pixels not finite", inject: not_finite, expected: &[kinds::NOT_FINITE] },
    Fault { name: "picks off centre", inject: off_centre, expected: &[kinds::OFF_CENTRE] },
];

/// The faults that take other picks of the simulated particles, and no healthy set of real patches.
pub const OF_THE_SIMULATION: [&str; 3] = ["biased picks", "conspicuous picks", "picks off centre"];

fn of_label(subject: &Subject, label: Label) -> Vec<usize> {
    (0..subject.len()).filter(|&i| subject.labels[i] == label).collect()
}

fn on_side(subject: &Subject, side: Side) -> Vec<usize> {
    (0..subject.len()).filter(|&i| subject.sides[i] == side).collect()
}

fn patch(pixels: &mut [f32], i: usize, size: usize) -> &mut [f32] {
    &mut pixels[i * size * size..(i + 1) * size * size]
}

/// Changes the pixels of some patches.
fn change(mut subject: Subject, patches: &[usize], with: impl Fn(&mut [f32])) -> Subject {
    let size = subject.size;
    let pixels = Arc::make_mut(&mut subject.pixels);
    patches.iter().for_each(|&i| with(patch(pixels, i, size)));
    subject
}

/// Keeps only some patches.
pub fn keep(subject: &Subject, mut wanted: impl FnMut(usize) -> bool) -> Subject {
    let kept: Vec<usize> = (0..subject.len()).filter(|&i| wanted(i)).collect();
    let area = subject.size * subject.size;
    Subject {
        pixels: Arc::new(
            kept.iter().flat_map(|&i| subject.pixels[i * area..(i + 1) * area].to_vec()).collect(),
        ),
        labels: kept.iter().map(|&i| subject.labels[i]).collect(),
        sides: kept.iter().map(|&i| subject.sides[i]).collect(),
        micrographs: kept.iter().map(|&i| subject.micrographs[i]).collect(),
        boxes: kept.iter().map(|&i| subject.boxes[i]).collect(),
        ids: kept.iter().map(|&i| subject.ids[i]).collect(),
        truth: subject.truth.as_ref().map(|t| kept.iter().map(|&i| t[i]).collect()),
        total: kept.len(),
        ..subject.clone()
    }
}

fn wrong_prior(mut subject: Subject) -> Subject {
    subject.config.prior = PriorConfig::Given(0.85);
    subject
}

fn labelling_rate(mut subject: Subject) -> Subject {
    let (p, u) = (of_label(&subject, Label::Positive).len(), of_label(&subject, Label::Unlabeled).len());
    let rate = p as f64 / (p + u) as f64;
    subject.config.prior = PriorConfig::Given((rate * 1000.0).round() / 1000.0);
    subject
}

fn high_threshold(mut subject: Subject) -> Subject {
    subject.config.consistency.threshold = 0.999;
    subject
}

fn high_rate(mut subject: Subject) -> Subject {
    // With a falling rate, clipped gradients and a loss that does not saturate even this trains.
    subject.config.risk.loss = SurrogateLoss::Sigmoid;
    subject.config.optimizer.learning_rate = 0.1;
    subject.config.optimizer.gradient_clip = 0.0;
    subject.config.schedule.cosine = false;
    subject.config.schedule.warm_up_epochs = 0;
    subject
}

fn split_drift(mut subject: Subject) -> Subject {
    subject.config.normaliser = vitrine_core::imaging::NormaliserKind::GlobalMeanStd;
    let held = on_side(&subject, Side::Validation);
    change(subject, &held, |patch| patch.iter_mut().for_each(|v| *v = 0.5 * *v + 1.5))
}

fn label_drift(mut subject: Subject) -> Subject {
    subject.config.normaliser = vitrine_core::imaging::NormaliserKind::GlobalMeanStd;
    let picked = of_label(&subject, Label::Positive);
    change(subject, &picked, |patch| patch.iter_mut().for_each(|v| *v += 2.5))
}

fn micrograph_drift(mut subject: Subject) -> Subject {
    subject.config.normaliser = vitrine_core::imaging::NormaliserKind::GlobalMeanStd;
    let micrographs = subject.micrographs.clone();
    let area = subject.size * subject.size;
    let pixels = Arc::make_mut(&mut subject.pixels);
    for (patch, micrograph) in pixels.chunks_mut(area).zip(micrographs) {
        let offset = (micrograph.unwrap() * 5 % 7) as f32;
        patch.iter_mut().for_each(|v| *v += offset);
    }
    subject
}

fn overlapping(mut subject: Subject) -> Subject {
    // Split by chance instead of by micrograph, where picks were made twice, a few px apart.
    let held = on_side(&subject, Side::Validation);
    let train = on_side(&subject, Side::Train);
    for (k, &h) in held.iter().enumerate().filter(|(k, _)| k % 5 == 0) {
        let from = train[k * 7 % train.len()];
        subject.micrographs[h] = subject.micrographs[from];
        subject.boxes[h] = subject.boxes[from].map(|b| BoxAt { x: b.x + 4.0, y: b.y - 3.0, ..b });
    }
    subject
}

fn near_copies(subject: Subject) -> Subject {
    // As leaked duplicates, but rescaled and saved again with fewer grey values.
    let mut subject = leaked(subject);
    let held: Vec<usize> = on_side(&subject, Side::Validation).into_iter().step_by(6).collect();
    let size = subject.size;
    let pixels = Arc::make_mut(&mut subject.pixels);
    for i in held {
        patch(pixels, i, size).iter_mut().for_each(|v| *v = ((*v * 1.1 + 0.2) * 16.0).round() / 16.0);
    }
    subject
}

fn leaked(mut subject: Subject) -> Subject {
    // Some training patches come a second time, on the validation side and on another micrograph's name.
    let train = on_side(&subject, Side::Train);
    let held = on_side(&subject, Side::Validation);
    let size = subject.size;
    let pixels = Arc::make_mut(&mut subject.pixels);
    for (k, &h) in held.iter().enumerate().filter(|(k, _)| k % 6 == 0) {
        let from = train[k * 7 % train.len()];
        let copy = patch(pixels, from, size).to_vec();
        patch(pixels, h, size).copy_from_slice(&copy);
        subject.labels[h] = subject.labels[from];
        if let Some(truth) = subject.truth.as_mut() {
            truth[h] = truth[from];
        }
    }
    subject
}

fn swapped(mut subject: Subject) -> Subject {
    for label in &mut subject.labels {
        *label = match label {
            Label::Positive => Label::Negative,
            Label::Negative => Label::Positive,
            Label::Unlabeled => Label::Unlabeled,
        };
    }
    subject
}

fn inverted(subject: Subject) -> Subject {
    let odd: Vec<usize> = (0..subject.len()).filter(|&i| subject.micrographs[i].unwrap() % 2 == 1).collect();
    change(subject, &odd, |patch| patch.iter_mut().for_each(|v| *v = -*v))
}

fn constant(subject: Subject) -> Subject {
    let some: Vec<usize> = (0..subject.len()).filter(|i| i % 20 == 0).collect();
    change(subject, &some, |patch| patch.fill(0.0))
}

/// Epochs of the run that collapses.
pub const COLLAPSING_EPOCHS: usize = 14;

fn collapsed(subject: Subject) -> Subject {
    // A run that was really trained, to its end: student and teacher call everything the same.
    let mut subject = training::collapsing(subject);
    let trained = training::train(&subject, &subject.config, COLLAPSING_EPOCHS);
    subject.run = Some(RunRecord {
        name: "collapsed".to_owned(),
        history: trained.history,
        model: None,
        ended: "finished".to_owned(),
    });
    subject
}

fn dead_layers(mut subject: Subject) -> Subject {
    let network = Network::new(Backbone::SmallCnn, 1, &ComputeDevice::cpu().inner).valid();
    let mut model = extract(&network);
    // The third block answers to nothing: scale 0 and offset −1 in front of its rectifier.
    for (name, tensor) in &mut model {
        if name.contains("block3.norm.gamma") {
            tensor.values.fill(0.0);
        }
        if name.contains("block3.norm.beta") {
            tensor.values.fill(-1.0);
        }
    }
    subject.run = Some(RunRecord {
        name: "dead".to_owned(),
        history: Vec::new(),
        model: Some(model),
        ended: String::new(),
    });
    subject
}

fn few_positives(subject: Subject) -> Subject {
    let positive = of_label(&subject, Label::Positive);
    let kept: Vec<usize> = positive.iter().copied().step_by(positive.len() / 16).collect();
    keep(&subject, |i| subject.labels[i] != Label::Positive || kept.contains(&i))
}

fn biased(subject: Subject) -> Subject {
    made(subject.config.seed, Picks::BestSeen)
}

fn conspicuous(subject: Subject) -> Subject {
    made(subject.config.seed, Picks::Conspicuous)
}

fn mislabelled(mut subject: Subject) -> Subject {
    // Two fifths of the picks lie on something else: their label is exchanged with a non-particle's.
    let truth = subject.truth.clone().unwrap();
    let others: Vec<usize> =
        of_label(&subject, Label::Unlabeled).into_iter().filter(|&i| truth[i] == Some(false)).collect();
    let wrong: Vec<usize> = of_label(&subject, Label::Positive)
        .into_iter()
        .enumerate()
        .filter(|(k, _)| k % 5 < 2)
        .map(|(_, i)| i)
        .collect();
    for (k, i) in wrong.into_iter().enumerate() {
        let other = others[(k * 3) % others.len()];
        if subject.labels[other] == Label::Unlabeled {
            subject.labels.swap(i, other);
        }
    }
    subject
}

fn stuck_teacher(mut subject: Subject) -> Subject {
    subject.config.teacher.decay = 0.9999;
    subject.config.teacher.decay_warm_up = false;
    subject
}

fn not_finite(subject: Subject) -> Subject {
    change(subject, &[3, 50], |patch| patch[17] = f32::NAN)
}

fn off_centre(subject: Subject) -> Subject {
    made(subject.config.seed, Picks::UpsideDown)
}
