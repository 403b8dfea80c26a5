//! A part of the micrographs of a picking job, on one machine of a cluster. Everything it needs from the project was written
//! down when the job was submitted. It opens no database: it reads the network and its micrographs, and writes the scored
//! places of each, as picking does. Picking the whole job afterwards finds them all.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pick::{LeftOut, Scored, cut_settings, score_each};
use super::pick_queue::Queue;
use super::trained::trained_model;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::cut::CutSettings;
use crate::learning::infer::scorer::Scorer;
use crate::learning::train::checkpoint::Checkpoint;
use crate::picking::picker::Picker;
use crate::picking::store::Store;
use crate::progress::ProgressSink;
use crate::project::Project;

/// What a part needs to know of the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PickPlan {
    /// The network.
    checkpoint: PathBuf,
    /// The folder of the run, where places are kept.
    run_dir: PathBuf,
    cut: CutSettings,
}

/// What became of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ShardSummary {
    /// Micrographs with places.
    pub micrographs: u64,
    /// Of these, scored before.
    pub scored_before: u64,
    /// Micrographs left out.
    pub left_out: Vec<LeftOut>,
}

/// What the parts of a picking job need to know, and the micrographs, absolute.
///
/// # Errors
/// When the run has no network, box or bin factor are not known, or there is no micrograph.
pub fn plan(
    project: &Project,
    run: &str,
    micrographs: &[PathBuf],
    box_size: Option<usize>,
    bin: Option<usize>,
) -> Result<(PickPlan, Vec<PathBuf>)> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| Error::io("find", path, e));
    let files = Queue::new(project, micrographs, false)?.new_files()?;
    let files = files.iter().map(|path| absolute(path)).collect::<Result<_>>()?;
    let plan = PickPlan {
        checkpoint: absolute(&trained_model(project, run)?)?,
        run_dir: absolute(&project.run_dir(run))?,
        cut: cut_settings(project, box_size, bin)?,
    };
    Ok((plan, files))
}

/// Cuts files into `parts` of nearly the same number, each with files from the beginning to the end: long ones, which
/// often follow one another, are spread.
pub fn shards(files: &[PathBuf], parts: usize) -> Vec<Vec<PathBuf>> {
    let parts = parts.clamp(1, files.len().max(1));
    (0..parts).map(|part| files.iter().skip(part).step_by(parts).cloned().collect()).collect()
}

/// Scores the micrographs of a part.
///
/// # Errors
/// When the network cannot be read or cannot pick, the disk refuses, or [`Error::Cancelled`]; what was complete is kept.
pub fn pick_shard(
    plan: &PickPlan,
    files: &[PathBuf],
    device: ComputeDevice,
    progress: ProgressSink<'_>,
) -> Result<ShardSummary> {
    let scorer = Scorer::new(&Checkpoint::load(&plan.checkpoint)?, device)?;
    let picker = Picker::new(scorer, plan.cut)?;
    let store = Store::open(&plan.run_dir, &plan.checkpoint, plan.cut)?;
    let mut summary = ShardSummary::default();
    score_each(files, &picker, &store, progress, &mut |scored| {
        match scored {
            Scored::Places { before, .. } => {
                summary.micrographs += 1;
                summary.scored_before += u64::from(before);
            }
            Scored::Bad(left_out) => summary.left_out.push(left_out),
        }
        Ok(())
    })?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_one_part() {
        let files: Vec<PathBuf> = (0..7).map(|n| PathBuf::from(n.to_string())).collect();
        let parts = shards(&files, 3);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 2]);
        let mut all: Vec<PathBuf> = parts.into_iter().flatten().collect();
        all.sort();
        assert_eq!(all, files);
        assert_eq!(shards(&files, 100).len(), 7, "no part is empty");
        assert_eq!(shards(&[], 4), [Vec::<PathBuf>::new()]);
    }
}
