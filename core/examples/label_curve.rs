//! What labels are worth: test AUC over the number of labels, and whether it matters which patches are labelled next.
//!
//! `cargo run --release --example label_curve -- FOLDER curve [PRESET,...] [COUNT,...] [DRAWS] [DEVICE]`
//!
//! For each COUNT so many positives of the benchmark are drawn at random, DRAWS times; the other positives are left out,
//! the unlabeled stay. COUNT 0 is the general model without a label. Mean and standard deviation over the draws.
//!
//! `cargo run --release --example label_curve -- FOLDER next [PRESET] [ROUNDS] [STEP] [DRAWS] [DEVICE]`
//!
//! Begins with STEP positives; everything else is unlabeled, the benchmark's other positives too. In each round a run is
//! trained, STEP unlabeled patches are chosen and labelled by the truth, as a person would who makes no mistake. They are
//! chosen at random, from the queues *Most uncertain* and *Likely particles* as the window has them, and from the most
//! uncertain ones that the network finds unlike each other (farthest first by its features).
//!
//! FOLDER is as for `pu_benchmark`, with `train_truth.npz` for `next`. F1 is that of p ≥ 0.5, with as many particles among
//! the test patches as among the unlabeled at the beginning (where the truth of these is known, else half).

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/changed_preset.rs"]
mod changed_preset;
#[path = "support/judge.rs"]
mod judge;

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use benchmark_project::import;
use changed_preset::changed;
use judge::{by_truth, judge};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::imaging::Contrast;
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{Actor, NewMicrograph, NewPatch, PatchId, PixelType, Project, SourceInfo};
use vitrine_core::review::{NetworkFeatures, QueueKind, QueueStart, features, features_path, queue};
use vitrine_core::workflow::rank::{RankRequest, rank};
use vitrine_core::workflow::score::{score_project, scorer};
use vitrine_core::workflow::train::{TrainRequest, train_run};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Uncertain patches from which those unlike each other are taken, for each one that is wanted.
const UNCERTAIN_FOR_EACH: usize = 5;

/// The benchmark, read once.
struct Benchmark {
    train: Project,
    /// Of the patches of `train`: a particle; `None` where the truth is not known.
    truth: Vec<Option<bool>>,
    test: Project,
    test_truth: Vec<Option<bool>>,
    /// Share of particles among the unlabeled.
    share: f64,
    device: ComputeDevice,
}

/// AUC and F1 on the test patches.
struct Judged {
    auc: f64,
    f1: f64,
}

impl Benchmark {
    fn read(folder: &Path, scratch: &Path, device: ComputeDevice) -> Outcome<Self> {
        let test = import(&scratch.join("test"), &folder.join("test.npz"))?;
        let test_truth = truth_for(&test, &folder.join("test.npz"), None)?;
        let train = import(&scratch.join("train"), &folder.join("train.npz"))?;
        let file = folder.join("train_truth.npz");
        let mut truth = if file.exists() { truth_for(&train, &file, None)? } else { vec![None; train.len()] };
        let (mut particles, mut known) = (0.0, 0.0);
        for (label, truth) in train.labels()?.into_iter().zip(&mut truth) {
            match (label, &truth) {
                (Label::Positive, _) => *truth = Some(true),
                (_, Some(particle)) => {
                    known += 1.0;
                    particles += f64::from(u8::from(*particle));
                }
                _ => {}
            }
        }
        let share = if known > 0.0 { particles / known } else { 0.5 };
        Ok(Self { train, truth, test, test_truth, share, device })
    }

    /// The patches with a label.
    fn with(&self, wanted: Label) -> Outcome<Vec<PatchId>> {
        let labels = self.train.labels()?;
        Ok((0..).zip(labels).filter(|(_, label)| *label == wanted).map(|(id, _)| id).collect())
    }

    /// A project in `dir` of these patches and labels.
    fn project(&self, dir: &Path, patches: &[(PatchId, Label)]) -> Outcome<Project> {
        let size = self.train.size().ok_or("the benchmark has no patches")?;
        let mut project = Project::create(dir, Some(size), PixelType::F32)?;
        let (source, places) = (self.train.pixels(), self.train.places()?);
        let names: HashMap<_, _> = self.train.micrographs()?.into_iter().map(|m| (m.id, m.name)).collect();
        let mut pixels = vec![0.0; size * size];
        let mut importer = project.import(size)?;
        importer.source(&SourceInfo::new("train.npz", "NumPy archive"))?;
        for &(patch, label) in patches {
            source.get(patch, &mut pixels)?;
            let name = places.get(patch as usize).and_then(|place| names.get(&place.micrograph?));
            let micrograph = name.map(|name| importer.micrograph(&NewMicrograph::named(name))).transpose()?;
            importer.push(&NewPatch { label, micrograph, ..NewPatch::default() }, &pixels)?;
        }
        importer.commit()?;
        Ok(project)
    }

    /// Trains a run and judges it; its name and its π too.
    fn train(&self, project: &mut Project, preset: &str, seed: u64) -> Outcome<(String, f64, Judged)> {
        let mut config = changed(preset)?;
        config.seed = seed;
        let request = TrainRequest {
            name: None,
            base_name: yaml::stem(preset.split('+').next().unwrap_or_default()),
            config,
            device: self.device.clone(),
            truth: None,
            known_prior: None,
        };
        let run = train_run(project, request, &mut |_, _| {}, &mut |_| true)?;
        let scorer = scorer(project, &run.name, self.device.clone())?;
        let judged = self.judge(&score_project(&self.test, &scorer, &mut |_| true)?)?;
        Ok((run.name, run.prior.value, judged))
    }

    fn judge(&self, scores: &[f32]) -> Outcome<Judged> {
        let [particles, others] = by_truth(scores, &self.test_truth);
        let rate = |scores: &[f32]| scores.iter().filter(|s| **s >= 0.5).count() as f64 / scores.len() as f64;
        let found = self.share * rate(&particles);
        let taken = found + (1.0 - self.share) * rate(&others);
        // Twice the found ones over all taken and all that are there.
        Ok(Judged { auc: judge(scores, &self.test_truth)?, f1: 2.0 * found / (taken + self.share) })
    }
}

/// Mean and standard deviation as text.
fn spread(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if values.len() < 2 {
        return format!("{mean:.4}         ");
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    format!("{mean:.4} ± {:.4}", variance.sqrt())
}

fn curve(benchmark: &Benchmark, scratch: &Path, presets: &str, counts: &str, draws: u64) -> Outcome<()> {
    let positive = benchmark.with(Label::Positive)?;
    let unlabeled = benchmark.with(Label::Unlabeled)?;
    println!(
        "{:<24} {:>6} {:<16} {:<16} {:<16}",
        "preset", "labels", "test AUC", "F1 at 0.5", "π of the run"
    );
    println!("(true π {:.3})", benchmark.share);
    for preset in presets.split(',') {
        for count in counts.split(',') {
            let count: usize = count.parse()?;
            if count > positive.len() {
                return Err(format!("{count} labels: the benchmark has {} positives", positive.len()).into());
            }
            let (mut auc, mut f1, mut priors) = (Vec::new(), Vec::new(), Vec::new());
            for draw in 1..=if count == 0 { 1 } else { draws } {
                let mut order = positive.clone();
                order.shuffle(&mut ChaCha8Rng::seed_from_u64(draw));
                order.truncate(count);
                let patches: Vec<_> = order
                    .into_iter()
                    .map(|id| (id, Label::Positive))
                    .chain(unlabeled.iter().map(|&id| (id, Label::Unlabeled)))
                    .collect();
                let dir = tempfile::tempdir_in(scratch)?;
                let mut project = benchmark.project(&dir.path().join("project"), &patches)?;
                let judged = if count == 0 {
                    let device = benchmark.device.clone();
                    let request = RankRequest { name: None, contrast: Contrast::Both, device };
                    let ranked = rank(&mut project, request, &mut |_| true)?;
                    let scorer = scorer(&project, &ranked.run, benchmark.device.clone())?;
                    benchmark.judge(&score_project(&benchmark.test, &scorer, &mut |_| true)?)?
                } else {
                    let (_, prior, judged) = benchmark.train(&mut project, preset, draw)?;
                    priors.push(prior);
                    judged
                };
                auc.push(judged.auc);
                f1.push(judged.f1);
            }
            let priors = if priors.is_empty() { String::new() } else { spread(&priors) };
            println!("{preset:<24} {count:>6} {:<16} {:<16} {priors}", spread(&auc), spread(&f1));
        }
    }
    Ok(())
}

/// How the patches are chosen that are labelled next.
#[derive(Clone, Copy)]
enum Ask {
    Random,
    Queue(QueueKind),
    UncertainApart,
}

impl Ask {
    const ALL: [(Self, &str); 4] = [
        (Self::Random, "random"),
        (Self::Queue(QueueKind::MostUncertain), "most uncertain"),
        (Self::Queue(QueueKind::LikelyParticles), "likely particles"),
        (Self::UncertainApart, "uncertain, unlike"),
    ];

    /// The patches that are asked for after a run.
    fn next(
        self,
        benchmark: &Benchmark,
        project: &Project,
        run: &str,
        step: usize,
        random: &mut ChaCha8Rng,
    ) -> Outcome<Vec<PatchId>> {
        let labels = project.labels()?;
        let network = scorer(project, run, benchmark.device.clone())?;
        let scores = score_project(project, &network, &mut |_| true)?;
        let start = QueueStart { run: project.run(run)?.id, journal: project.journal_position()? };
        let asked = |kind| queue(kind, start, &labels, &scores, None).patches;
        let mut patches = match self {
            Self::Random => {
                let mut all: Vec<PatchId> =
                    (0..).zip(&labels).filter(|(_, l)| **l == Label::Unlabeled).map(|(id, _)| id).collect();
                all.shuffle(random);
                all
            }
            Self::Queue(kind) => asked(kind),
            Self::UncertainApart => {
                let uncertain = asked(QueueKind::MostUncertain);
                let seen = features(project, &network, &project.run_dir(run), &mut |_| true)?;
                // Features of another run must not be taken for this one's.
                std::fs::remove_file(features_path(&project.run_dir(run))).ok();
                apart(&uncertain[..uncertain.len().min(UNCERTAIN_FOR_EACH * step)], &seen, step)
            }
        };
        patches.truncate(step);
        Ok(patches)
    }
}

/// `count` of the patches, each as unlike those before it as can be; the first one first.
fn apart(patches: &[PatchId], features: &NetworkFeatures, count: usize) -> Vec<PatchId> {
    let distance = |a: PatchId, b: PatchId| -> f64 {
        let (Some(a), Some(b)) = (features.of(a), features.of(b)) else { return 0.0 };
        a.iter().zip(b).map(|(a, b)| (f64::from(a.to_f32()) - f64::from(b.to_f32())).powi(2)).sum()
    };
    let mut chosen: Vec<PatchId> = patches.first().copied().into_iter().collect();
    while chosen.len() < count.min(patches.len()) {
        let gap = |patch: &PatchId| chosen.iter().map(|&c| distance(*patch, c)).fold(f64::INFINITY, f64::min);
        let free = patches.iter().filter(|patch| !chosen.contains(patch));
        let Some(&next) = free.max_by(|a, b| gap(a).total_cmp(&gap(b))) else { break };
        chosen.push(next);
    }
    chosen
}

fn next(
    benchmark: &Benchmark,
    scratch: &Path,
    preset: &str,
    rounds: usize,
    step: usize,
    draws: u64,
) -> Outcome<()> {
    if benchmark.truth.iter().any(Option::is_none) {
        return Err("the truth of the unlabeled is not known: train_truth.npz is missing".into());
    }
    let positive = benchmark.with(Label::Positive)?;
    let all: Vec<PatchId> = (0..).take(benchmark.train.len()).collect();
    println!("{:<18} {:>6} {:>10} {:<16} {:<16}", "asked", "labels", "particles", "test AUC", "F1 at 0.5");
    for (ask, name) in Ask::ALL {
        // Of each round, over the draws.
        let mut found = vec![(Vec::new(), Vec::new(), 0_usize); rounds + 1];
        for draw in 1..=draws {
            let mut random = ChaCha8Rng::seed_from_u64(draw);
            let mut first = positive.clone();
            first.shuffle(&mut random);
            first.truncate(step);
            let labelled =
                |id: &PatchId| (*id, if first.contains(id) { Label::Positive } else { Label::Unlabeled });
            let patches: Vec<_> = all.iter().map(labelled).collect();
            let dir = tempfile::tempdir_in(scratch)?;
            let mut project = benchmark.project(&dir.path().join("project"), &patches)?;
            for (round, (auc, f1, particles)) in found.iter_mut().enumerate() {
                let (run, _, judged) = benchmark.train(&mut project, preset, draw)?;
                auc.push(judged.auc);
                f1.push(judged.f1);
                *particles += project.labels()?.iter().filter(|l| **l == Label::Positive).count();
                if round == rounds {
                    break;
                }
                let asked = ask.next(benchmark, &project, &run, step, &mut random)?;
                let told: Vec<(PatchId, Label)> = asked
                    .into_iter()
                    .map(|id| {
                        let particle = benchmark.truth.get(id as usize).copied().flatten() == Some(true);
                        (id, if particle { Label::Positive } else { Label::Negative })
                    })
                    .collect();
                project.set_labels(&told, &Actor::Person("truth".to_owned()), None, "asked")?;
            }
        }
        for (round, (auc, f1, particles)) in found.iter().enumerate() {
            println!(
                "{name:<18} {:>6} {:>10.1} {:<16} {:<16}",
                step * (round + 1),
                *particles as f64 / draws as f64,
                spread(auc),
                spread(f1)
            );
        }
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("name the folder with train.npz and test.npz")?;
    let what = args.next().ok_or("say what is measured: curve or next")?;
    let mut or = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let scratch = tempfile::tempdir()?;
    let open = |text: String| -> Outcome<Benchmark> {
        let device = ComputeDevice::open(text.parse::<DeviceChoice>()?)?;
        Benchmark::read(Path::new(&folder), scratch.path(), device)
    };
    match what.as_str() {
        "curve" => {
            let (presets, counts) = (or("recommended,overlay"), or("0,5,10,20,50,100,343"));
            let draws: u64 = or("5").parse()?;
            curve(&open(or("cpu"))?, scratch.path(), &presets, &counts, draws)
        }
        "next" => {
            let (preset, rounds) = (or("quick"), or("5").parse()?);
            let (step, draws) = (or("10").parse()?, or("3").parse()?);
            next(&open(or("cpu"))?, scratch.path(), &preset, rounds, step, draws)
        }
        other => Err(format!("{other}: say curve or next").into()),
    }
}
