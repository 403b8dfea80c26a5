//! The case the program grew out of, replayed: the original configuration (π 0.3, τ 0.95, learning rate
//! 0.001, λ 1, nnPU with FixMatch) is examined on patches of that shape, the findings are listed, and
//! the original and the corrected configuration are trained, and the plain classifier beside them. Truth,
//! where it is given, is used for the last table only.
//!
//! `cargo run --release --example origin_case -- PATCHES.pt [TRUTH.npz] [EPOCHS] [SEEDS] [DEVICE]`

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Display, Formatter};
use std::path::Path;

use vitrine_core::Label;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::diagnosis::{Depth, prescription};
use vitrine_core::ingest::{IngestRequest, ingest, truth_for};
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::eval::metrics::auc;
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::train::checkpoint::{Checkpoint, resume_path};
use vitrine_core::learning::train::events::TrainEvent;
use vitrine_core::project::{PixelType, Project, ScoreKind, Side};
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose};
use vitrine_core::workflow::score::score_project;
use vitrine_core::workflow::train::{TrainRequest, train_run};

/// As far as it is known: what is not named here was as the defaults are.
const ORIGINAL: &str = "\
description: The original FixMatch + PU run
prior: 0.3
risk:
  kind: nnpu
consistency:
  kind: fixmatch
  threshold: 0.95
  weight: 1.0
  ramp_up_epochs: 0
optimizer:
  learning_rate: 0.001
schedule:
  epochs: 100
  warm_up_epochs: 0
  cosine: false
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let patches = args.next().ok_or("name the file of patches")?;
    let truth_file = args.next().filter(|t| t != "-");
    let epochs: usize = args.next().map_or(Ok(30), |e| e.parse())?;
    let seeds: u64 = args.next().map_or(Ok(1), |s| s.parse())?;
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let scratch = tempfile::tempdir()?;
    let mut project = Project::create(&scratch.path().join("origin"), None, PixelType::F32)?;
    let request = IngestRequest { inputs: vec![Path::new(&patches).to_owned()], ..IngestRequest::default() };
    ingest(&mut project, &request, &mut |_| true)?;
    let truth = truth_file.map(|t| truth_for(&project, Path::new(&t), None)).transpose()?;
    let mut original: RunConfig = yaml::parse(ORIGINAL, "original")?;
    original.split.validation = 0.2;
    let request = DiagnoseRequest {
        config: Some(original.clone()),
        config_name: "the original configuration".to_owned(),
        run: None,
        depth: Depth::Standard,
        device: device.clone(),
        truth: None,
    };
    let report = diagnose(&project, &request, &mut |_| true)?;
    for section in &report.sections {
        println!("{} ({:.1} s)", section.examination.title(), section.seconds);
        section.summary.iter().chain(&section.skipped).for_each(|line| println!("  {line}"));
    }
    for (number, finding) in report.findings.iter().enumerate() {
        println!("{}. {} [{}] {}", number + 1, finding.severity.as_str(), finding.kind, finding.what);
        println!("   why: {}\n   do:  {}", finding.why, finding.advice);
        finding.changes.iter().for_each(|c| println!("   {}: {} -> {}", c.key, c.from, c.to));
    }
    println!("examined in {:.0} s on {device}: {}\n", report.seconds, report.verdict);
    println!("{}", prescription::to_yaml(&original, "the original configuration", &report.findings)?);

    let corrected = report.corrected.unwrap_or_else(|| original.clone());
    let mut baseline = yaml::load("supervised_baseline")?;
    baseline.split = original.split;
    let labels = project.labels()?;
    let mut table: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
    for seed in 1..=seeds {
        for (name, config) in [("original", &original), ("corrected", &corrected), ("plain", &baseline)] {
            let mut config = config.clone();
            config.seed = seed;
            // The first epochs of the full schedule: length and shape of the run stay what they are.
            config.schedule.epochs = epochs;
            let run = format!("{name}-{seed}");
            let request = TrainRequest {
                name: Some(run.clone()),
                base_name: name.to_owned(),
                config,
                device: device.clone(),
                truth: None,
                known_prior: None,
            };
            let mut listen = |event: &TrainEvent, _: &std::sync::mpsc::Sender<_>| match event {
                TrainEvent::Warning(text) => eprintln!("{run}: {text}"),
                TrainEvent::Epoch { metrics, .. } => eprintln!(
                    "{run} epoch {}: AUC P/U {:.4}, pseudo-label rate {:.3}, p {:.3} ± {:.3}",
                    metrics.epoch,
                    metrics.validation_auc_pu,
                    metrics.pseudo_label_rate,
                    metrics.p_mean,
                    metrics.p_std
                ),
                _ => {}
            };
            train_run(&mut project, request, &mut listen, &mut |_| true)?;
            let run = project.run(&run)?;
            let sides = project.split_sides(run.split.ok_or("the run has no split")?)?;
            let kept = project.scores(run.id, ScoreKind::Teacher)?.ok_or("the run has not scored")?;
            // What the run ended with, whichever epoch was kept.
            let mut last = Checkpoint::load(&resume_path(&project.run_dir(&run.name)))?;
            last.model = if last.teacher.is_empty() { last.student.clone() } else { last.teacher.clone() };
            let last = score_project(&project, &Scorer::new(&last, device.clone())?, &mut |_| true)?;
            let measured = Measured::of(&labels, &sides, [&kept, &last], truth.as_deref())?;
            println!("{:<14} {measured}", run.name);
            table.entry(name).or_default().push(measured);
        }
    }
    println!("\nmean over {seeds} seeds of {epochs} epochs; {HEAD}");
    for (name, rows) in table {
        println!("{name:<14} {}", Measured::mean(&rows));
    }
    Ok(())
}

const HEAD: &str = "AUC on validation: P/U, P/N, by truth of its unlabeled; the same by truth at the last epoch; \
                    share of all unlabeled at p ≥ 0.5 at the last epoch, and F1 of it by truth";

/// What a run came to.
struct Measured([f64; 6]);

impl Measured {
    fn of(
        labels: &[Label],
        sides: &[Side],
        [kept, last]: [&[f32]; 2],
        truth: Option<&[Option<bool>]>,
    ) -> Result<Self, Box<dyn Error>> {
        let pick = |scores: &[f32], wanted: &dyn Fn(usize) -> bool| -> Vec<f32> {
            (0..labels.len()).filter(|&i| scores[i].is_finite() && wanted(i)).map(|i| scores[i]).collect()
        };
        let held = |label: Label| move |i: usize| labels[i] == label && sides[i] == Side::Validation;
        let is = |i: usize, wanted| truth.is_some_and(|t| t[i] == Some(wanted));
        let positive = pick(kept, &held(Label::Positive));
        let by_truth = |scores: &[f32]| {
            let of = |wanted| pick(scores, &|i| held(Label::Unlabeled)(i) && is(i, wanted));
            auc(&of(true), &of(false)).unwrap_or(f64::NAN)
        };
        let unlabeled: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == Label::Unlabeled).collect();
        let accepted = |i: usize| last[i] >= 0.5;
        let count = |of: &dyn Fn(usize) -> bool| unlabeled.iter().filter(|&&i| of(i)).count() as f64;
        let right = count(&|i| accepted(i) && is(i, true));
        Ok(Self([
            auc(&positive, &pick(kept, &held(Label::Unlabeled)))?,
            auc(&positive, &pick(kept, &held(Label::Negative))).unwrap_or(f64::NAN),
            by_truth(kept),
            by_truth(last),
            count(&accepted) / unlabeled.len() as f64,
            2.0 * right / (count(&accepted) + count(&|i| is(i, true))).max(1.0),
        ]))
    }

    fn mean(rows: &[Self]) -> Self {
        Self(std::array::from_fn(|k| rows.iter().map(|r| r.0[k]).sum::<f64>() / rows.len() as f64))
    }
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|value| write!(f, " {value:>8.4}"))
    }
}
