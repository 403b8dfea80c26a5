//! The files of a benchmark as projects, and how scores are judged by the truth. Evaluation only.

use std::error::Error;
use std::path::Path;

use vitrine_core::ingest::{IngestRequest, ingest};
use vitrine_core::learning::metrics::auc;
use vitrine_core::project::{PixelType, Project};

/// A project in `dir` with the patches of one file.
pub fn import(dir: &Path, file: &Path) -> Result<Project, Box<dyn Error>> {
    let mut project = Project::create(dir, None, PixelType::F32)?;
    let request = IngestRequest { inputs: vec![file.to_owned()], ..IngestRequest::default() };
    ingest(&mut project, &request, &mut |_| true)?;
    Ok(project)
}

/// AUC of scores by the truth; patches of which it says nothing stay out.
pub fn judge(scores: &[f32], truth: &[Option<bool>]) -> Result<f64, Box<dyn Error>> {
    let of = |wanted| -> Vec<f32> {
        scores.iter().zip(truth).filter(|(_, t)| **t == Some(wanted)).map(|(s, _)| *s).collect()
    };
    Ok(auc(&of(true), &of(false))?)
}
