//! How often the expected precision and recall of a threshold hold: trains presets on sets with known truth, and asks
//! at many thresholds whether the truth lies in the interval that was promised. Truth is read for that only.
//!
//! `cargo run --release --example promises -- PRESET,... SEED,... SET...`
//!
//! A SET is a folder with `train.npz` and `train_truth.npz` (as `pu_benchmark` reads), or `PROJECT:TRUTH:RADIUS`, a
//! project with its truth (as `vitrine train --truth` reads it; RADIUS in px).

#[path = "support/benchmark_project.rs"]
mod benchmark_project;
#[path = "support/changed_preset.rs"]
mod changed_preset;

use std::error::Error;
use std::path::{Path, PathBuf};

use benchmark_project::import;
use changed_preset::changed;
use vitrine_core::device::ComputeDevice;
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::eval::Share;
use vitrine_core::project::{Actor, PatchId, Project, ScoreKind, Side};
use vitrine_core::review::{QueueKind, QueuePlace, QueuePlaces, QueueStart, build};
use vitrine_core::workflow::comparison::Comparison;
use vitrine_core::workflow::score_table::Evidence;
use vitrine_core::workflow::train::{TrainRequest, train_run};

/// A project and what is true of its patches.
struct Set {
    name: String,
    project: Project,
    truth: Vec<Option<bool>>,
}

impl Set {
    fn open(argument: &str, scratch: &Path) -> Result<Self, Box<dyn Error>> {
        let mut parts = argument.split(':');
        let path = PathBuf::from(parts.next().unwrap_or_default());
        let name = path.file_name().map_or_else(|| argument.to_owned(), |n| n.to_string_lossy().into_owned());
        let (project, truth) = match (parts.next(), parts.next()) {
            (Some(truth), radius) => {
                let project = Project::open(&path)?;
                let truth = truth_for(&project, Path::new(truth), radius.map(str::parse).transpose()?)?;
                (project, truth)
            }
            (None, _) => {
                let project = import(&scratch.join(&name), &path.join("train.npz"))?;
                let truth = truth_for(&project, &path.join("train_truth.npz"), None)?;
                (project, truth)
            }
        };
        Ok(Self { name, project, truth })
    }
}

/// Cases and how many of them held, for precision and recall.
#[derive(Default)]
struct Count {
    cases: [usize; 2],
    held: [usize; 2],
    width: [f64; 2],
    silent: usize,
}

impl Count {
    fn add(&mut self, at: usize, promised: Share, truth: f64) {
        self.cases[at] += 1;
        self.held[at] += usize::from((promised.low..=promised.high).contains(&truth));
        self.width[at] += promised.high - promised.low;
    }

    fn line(&self) -> String {
        let part = |at: usize| {
            let cases = self.cases[at].max(1) as f64;
            format!(
                "{:>3} of {:<3} hold ({:.0} %), mean width {:.2}",
                self.held[at],
                self.cases[at],
                100.0 * self.held[at] as f64 / cases,
                self.width[at] / cases
            )
        };
        format!("precision {}; recall {}; {} untold", part(0), part(1), self.silent)
    }
}

/// Thresholds asked about: those that let these shares of the unlabeled through.
const SHARES: [f64; 9] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];

/// Judges the promises of a run by the truth of the unlabeled.
fn judge(set: &Set, run: &str, count: &mut Count) -> Result<(), Box<dyn Error>> {
    let stored = set.project.run(run)?;
    let sides = set.project.split_sides(stored.split.ok_or("no split")?)?;
    let labels = set.project.labels()?;
    let scores = set.project.scores(stored.id, ScoreKind::Teacher)?.ok_or("no scores")?;
    let comparison = Comparison::read(&set.project, &[run.to_owned()], &mut |_| true)?;
    let table = comparison.scores[0].as_ref().ok_or("no scores")?;
    // A random sample speaks of all unlabeled, the validation side of patches that the run was not trained on.
    let by_sample = matches!(table.evidence(), Evidence::Sample(_));
    let mut unlabeled: Vec<(f32, bool)> = (0..labels.len())
        .filter(|&i| labels[i] == Label::Unlabeled && (by_sample || sides[i] == Side::Validation))
        .filter_map(|i| Some((scores[i], set.truth[i]?)))
        .collect();
    unlabeled.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = unlabeled.iter().filter(|(_, particle)| *particle).count();
    let evidence = match table.evidence() {
        Evidence::Mixtures(mixtures) => {
            format!(
                "π {:.2} ({:.2} to {:.2})",
                mixtures.prior.estimate, mixtures.prior.low, mixtures.prior.high
            )
        }
        Evidence::Sample(sample) => format!("by {} judged patches", sample.len()),
        Evidence::Untold(low, high) => format!("untold: π {low:.2} to {high:.2}"),
        Evidence::TooFew => "too few patches".to_owned(),
    };
    println!("  {run}: true π {:.2}, {evidence}", all as f64 / unlabeled.len().max(1) as f64);
    for share in SHARES {
        let accepted = ((share * unlabeled.len() as f64) as usize).max(1);
        let threshold = f64::from(unlabeled[accepted - 1].0);
        let found = unlabeled[..accepted].iter().filter(|(_, particle)| *particle).count();
        match table.promise(threshold) {
            Some(promise) => {
                if let Some(precision) = promise.precision {
                    count.add(0, precision, found as f64 / accepted as f64);
                }
                count.add(1, promise.recall, found as f64 / all.max(1) as f64);
            }
            None => count.silent += 1,
        }
    }
    Ok(())
}

/// Labels the first patches of the random sample as they truly are, as a person would.
fn label_sample(set: &mut Set, run: &str, number: usize) -> Result<(), Box<dyn Error>> {
    let start = QueueStart { run: set.project.run(run)?.id, journal: set.project.journal_position()? };
    let sample = build(&set.project, QueueKind::RandomSample, start)?.patches;
    let labels: Vec<(PatchId, Label)> = sample
        .iter()
        .take(number)
        .map(|&patch| match set.truth[patch as usize] {
            Some(true) => (patch, Label::Positive),
            Some(false) | None => (patch, Label::Negative),
        })
        .collect();
    set.project.set_labels(&labels, &Actor::Person("truth".to_owned()), None, "random sample")?;
    let mut places = QueuePlaces::read(&set.project)?;
    places.set(QueueKind::RandomSample, QueuePlace { start, place: number, of: sample.len() });
    Ok(places.store(&mut set.project)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [presets, seeds, sets @ ..] = args.as_slice() else {
        return Err("PRESET,... SEED,... SET...".into());
    };
    let scratch = tempfile::tempdir()?;
    let (mut alone, mut sampled) = (Count::default(), Count::default());
    for set in sets {
        let mut set = Set::open(set, scratch.path())?;
        println!("{}", set.name);
        let mut runs = Vec::new();
        for preset in presets.split(',') {
            for seed in seeds.split(',') {
                let mut config = changed(preset)?;
                config.seed = seed.parse()?;
                let request = TrainRequest {
                    name: None,
                    base_name: yaml::stem(preset.split('+').next().unwrap_or_default()),
                    config,
                    device: ComputeDevice::cpu(),
                    truth: None,
                    known_prior: None,
                };
                runs.push(train_run(&mut set.project, request, &mut |_, _| (), &mut |_| true)?.name);
            }
        }
        for run in &runs {
            judge(&set, run, &mut alone)?;
        }
        if let Some(run) = runs.first() {
            label_sample(&mut set, run, SAMPLED)?;
        }
        for run in &runs {
            judge(&set, run, &mut sampled)?;
        }
    }
    println!("without a random sample: {}", alone.line());
    println!("with {SAMPLED} judged patches: {}", sampled.line());
    Ok(())
}

/// Patches of the random sample that are labelled.
const SAMPLED: usize = 40;
