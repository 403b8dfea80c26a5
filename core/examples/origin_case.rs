//! The case the program grew out of, replayed: the original configuration (π 0.3, τ 0.95, learning rate
//! 0.001, λ 1, nnPU with FixMatch) is examined on patches of that shape, the findings are listed, and
//! both the original and the corrected configuration are trained. Truth, where it is given, is used for
//! the AUC in the last table only.
//!
//! `cargo run --release --example origin_case -- PATCHES.pt [TRUTH.npz] [EPOCHS] [DEVICE]`

use std::error::Error;
use std::path::Path;

use vitrine_core::diagnosis::{Depth, prescription};
use vitrine_core::ingest::{IngestRequest, ingest, truth_for};
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config_file;
use vitrine_core::learning::device::{ComputeDevice, DeviceChoice};
use vitrine_core::learning::metrics::auc;
use vitrine_core::project::{PixelType, Project};
use vitrine_core::workflow::compare::summary;
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose};
use vitrine_core::workflow::train::{TrainRequest, train_run};
use vitrine_core::{Label, learning::events::TrainEvent};

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
    let device =
        ComputeDevice::open(args.next().unwrap_or_else(|| "cpu".to_owned()).parse::<DeviceChoice>()?)?;
    let scratch = tempfile::tempdir()?;
    let mut project = Project::create(&scratch.path().join("origin"), None, PixelType::F32)?;
    let request = IngestRequest { inputs: vec![Path::new(&patches).to_owned()], ..IngestRequest::default() };
    ingest(&mut project, &request, &mut |_| true)?;
    let truth = truth_file.map(|t| truth_for(&project, Path::new(&t), None)).transpose()?;
    let mut original: RunConfig = config_file::parse(ORIGINAL, "original")?;
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
    println!(
        "{:<12} {:>8} {:>10} {:>10} {:>12} {:>12}",
        "config", "epochs", "val P/U", "val P/N", "truth, val", "pseudo rate"
    );
    for (name, config) in [("original", original), ("corrected", corrected)] {
        let mut config = config;
        // The first epochs of the full schedule: length and shape of the run stay what they are.
        config.schedule.epochs = epochs;
        let request = TrainRequest {
            name: Some(name.to_owned()),
            base_name: name.to_owned(),
            config,
            device: device.clone(),
            truth: None,
            known_prior: None,
        };
        let mut listen = |event: &TrainEvent, _: &std::sync::mpsc::Sender<_>| match event {
            TrainEvent::Warning(text) => eprintln!("{name}: {text}"),
            TrainEvent::Epoch { metrics, .. } => eprintln!(
                "{name} epoch {}: AUC P/U {:.4}, pseudo-label rate {:.3}, p {:.3} ± {:.3}",
                metrics.epoch,
                metrics.validation_auc_pu,
                metrics.pseudo_label_rate,
                metrics.p_mean,
                metrics.p_std
            ),
            _ => {}
        };
        let result = train_run(&mut project, request, &mut listen, &mut |_| true)?;
        let run = project.run(&result.name)?;
        let numbers = summary(&project, &run, truth.as_deref())?.metrics;
        let get = |key: &str| numbers.get(key).map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
        let scores = project.scores(run.id, "teacher")?.unwrap_or_default();
        let labels = project.labels()?;
        let of = |label: Label| -> Vec<f32> {
            scores
                .iter()
                .zip(&labels)
                .filter(|(s, l)| **l == label && s.is_finite())
                .map(|(s, _)| *s)
                .collect()
        };
        println!(
            "{name:<12} {:>8} {:>10} {:>10} {:>12} {:>12}   (all patches, P against U in sample: {:.4})",
            result.epochs,
            get("validation_auc_pu"),
            get("validation_auc_pn"),
            get("truth_auc"),
            get("pseudo_label_rate"),
            auc(&of(Label::Positive), &of(Label::Unlabeled))?
        );
    }
    Ok(())
}
