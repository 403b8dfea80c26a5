//! The whole workflow on the simulated sample: import, baseline, recommended method, comparison, report, export.
//! The files are imported like real data.

use std::path::{Path, PathBuf};

use super::compare::{summaries, write_report};
use super::train::{Listen, RunResult, TrainRequest, train_run};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::export::{ExportFormat, ExportRequest, export};
use crate::imaging::SampleSettings;
use crate::ingest::{
    IngestRequest, IngestSummary, PoolCount, PoolFrom, PoolRequest, SampleFiles, SamplePicks, ingest,
    sample_files, truth_for,
};
use crate::label::Label;
use crate::learning::config::RunConfig;
use crate::learning::config::overrides::Overrides;
use crate::learning::config::presets::Preset;
use crate::learning::config::yaml;
use crate::progress::ProgressSink;
use crate::project::{PixelType, Project};
use crate::report::RunSummary;

/// How the demonstration is made.
#[derive(Debug, Clone)]
pub struct DemoRequest {
    /// New or empty folder for sample, project, report and export.
    pub dir: PathBuf,
    /// Seed of sample and runs.
    pub seed: u64,
    /// Epochs instead of the presets'; fewer make it quicker and worse.
    pub epochs: Option<usize>,
    /// Where to compute.
    pub device: ComputeDevice,
}

/// What the demonstration made.
pub struct DemoOutcome {
    /// The sample's files.
    pub sample: SampleFiles,
    /// What was imported.
    pub imported: IngestSummary,
    /// The project's folder.
    pub project: PathBuf,
    /// Both runs.
    pub runs: Vec<RunResult>,
    /// What is compared of them.
    pub summaries: Vec<RunSummary>,
    /// The report, an HTML file.
    pub report: PathBuf,
    /// The exported table of particles.
    pub export: PathBuf,
    /// Particles exported.
    pub exported: u64,
}

/// Unlabeled places per micrograph.
const POOL_PER_MICROGRAPH: usize = 120;

/// The sample's import request: picks, and blobs as unlabeled.
fn sample_request(sample: &SampleFiles, settings: &SampleSettings, seed: u64) -> IngestRequest {
    IngestRequest {
        micrographs: vec![sample.micrographs.clone()],
        picks: vec![sample.picks.clone()],
        box_size: Some(settings.box_size),
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(POOL_PER_MICROGRAPH)),
            diameter: Some(settings.diameter),
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        seed,
        ..IngestRequest::default()
    }
}

/// Makes the sample project in `dir/project` from simulated files in `dir/sample`.
///
/// # Errors
/// When the folder holds anything or cannot be written.
pub fn sample_project(
    dir: &Path,
    seed: u64,
    progress: ProgressSink<'_>,
) -> Result<(Project, SampleFiles, IngestSummary)> {
    let settings = SampleSettings::default();
    let sample = sample_files(&dir.join("sample"), seed, &settings, &SamplePicks::default(), progress)?;
    let mut project = Project::create(&dir.join("project"), None, PixelType::F32)?;
    let request = sample_request(&sample, &settings, seed);
    let imported = ingest(&mut project, &request, progress)?;
    Ok((project, sample, imported))
}

/// Does the whole job.
///
/// # Errors
/// When the folder is not empty or cannot be written, or as any of the steps.
pub fn demo(request: &DemoRequest, listen: Listen<'_>, progress: ProgressSink<'_>) -> Result<DemoOutcome> {
    let dir = &request.dir;
    std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
    let mut entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    if entries.next().is_some() {
        return Err(Error::request(
            format!("{} is not empty", dir.display()),
            "name a new folder for the demonstration",
        ));
    }
    let (mut project, sample, imported) = sample_project(dir, request.seed, progress)?;
    let settings = SampleSettings::default();
    let truth = truth_for(&project, &sample.truth, Some(settings.diameter / 4.0))?;
    let mut runs = Vec::new();
    for preset in [Preset::SupervisedBaseline, Preset::Recommended] {
        let mut config: RunConfig = yaml::preset(preset)?;
        config.split.test = 0.25;
        let overrides = Overrides { seed: Some(request.seed), epochs: request.epochs, ..Default::default() };
        let request = TrainRequest {
            name: Some(preset.name().to_owned()),
            base_name: preset.name().to_owned(),
            config: overrides.apply(config)?,
            device: request.device.clone(),
            truth: Some(truth.clone()),
            known_prior: runs.last().map(|first: &RunResult| first.prior).filter(|p| p.estimated),
        };
        runs.push(train_run(&mut project, request, listen, progress)?);
    }
    let compared = summaries(&project, &[], Some(&truth))?;
    let report = dir.join("report.html");
    write_report(&project, compared.clone(), &report)?;
    let star = dir.join("particles.star");
    let wanted = ExportRequest {
        labels: vec![Label::Positive, Label::Unlabeled],
        run: Some(Preset::Recommended.name().to_owned()),
        threshold: Some(0.5),
        ..ExportRequest::new(ExportFormat::RelionStar, &star)
    };
    let manifest = export(&project, &wanted, progress)?;
    Ok(DemoOutcome {
        sample,
        imported,
        project: project.dir().to_owned(),
        runs,
        summaries: compared,
        report,
        export: star,
        exported: manifest.counts.total(),
    })
}
