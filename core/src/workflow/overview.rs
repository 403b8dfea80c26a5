//! A project at a glance, for a list of projects: its counts, its progress, when it was changed, some of its patches.

use std::path::Path;

use crate::LabelCounts;
use crate::error::Result;
use crate::grayscale::to_grayscale;
use crate::label::Label;
use crate::project::{PatchId, Project, RunStatus};

/// A patch as a small picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallPatch {
    /// Side, px.
    pub side: usize,
    /// Grey values, row by row.
    pub grey: Vec<u8>,
}

/// A project at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Patches by label.
    pub counts: LabelCounts,
    /// Micrographs.
    pub micrographs: usize,
    /// Runs in all.
    pub runs: usize,
    /// Validation AUC of the newest run with a complete epoch, where it was measured.
    pub auc: Option<f64>,
    /// The newest run was cut short by the end of its process.
    pub interrupted: bool,
    /// Day of the last change, `2026-03-14`, in local time; `None` where the system does not tell.
    pub changed: Option<String>,
    /// Some patches, positives before others.
    pub patches: Vec<SmallPatch>,
}

/// Looks at the project in this folder, with up to `pictures` of its patches. Reads only.
///
/// # Errors
/// When the folder is no project, was made by a newer version of the program, or is damaged.
pub fn overview(dir: &Path, pictures: usize) -> Result<Overview> {
    let project = Project::open_read_only(dir)?;
    let runs = project.runs()?;
    let trained = runs.iter().rev().find(|run| run.best_epoch.is_some());
    let auc = match trained {
        Some(run) => {
            project.run_facts(std::slice::from_ref(run))?.remove(&run.id).and_then(|facts| facts.auc)
        }
        None => None,
    };
    Ok(Overview {
        counts: project.label_counts()?,
        micrographs: project.micrographs()?.len(),
        runs: runs.len(),
        auc,
        interrupted: runs.last().is_some_and(|run| run.status == RunStatus::Interrupted),
        changed: changed(dir),
        patches: patches(&project, pictures)?,
    })
}

/// Positives spread over the project; where there are too few, others from its beginning.
fn patches(project: &Project, wanted: usize) -> Result<Vec<SmallPatch>> {
    let labels = project.labels()?;
    let of = |positive: bool| {
        (0..)
            .zip(&labels)
            .filter(move |(_, label)| (**label == Label::Positive) == positive)
            .map(|(id, _)| id)
    };
    let positives: Vec<PatchId> = of(true).collect();
    let step = (positives.len() / wanted.max(1)).max(1);
    let chosen = positives.into_iter().step_by(step).chain(of(false)).take(wanted);
    let pixels = project.pixels();
    let side = pixels.size();
    let mut values = vec![0.0; side * side];
    chosen
        .map(|patch| {
            pixels.get(patch, &mut values)?;
            Ok(SmallPatch { side, grey: to_grayscale(&values) })
        })
        .collect()
}

/// The day on which the database or what is not yet in it was written last.
fn changed(dir: &Path) -> Option<String> {
    let written = ["project.sqlite", "project.sqlite-wal"]
        .iter()
        .filter_map(|name| std::fs::metadata(dir.join(name)).ok()?.modified().ok())
        .max()?;
    let time = jiff::Timestamp::try_from(written).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::{NewPatch, PixelType, SourceInfo};

    #[test]
    fn a_glance_counts_and_shows_positives_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        let mut project = Project::create(&path, Some(2), PixelType::F32).unwrap();
        let mut import = project.import(2).unwrap();
        import.source(&SourceInfo::new("a.mrcs", "stack")).unwrap();
        for i in 0..6_u8 {
            let label = if i == 4 { Label::Positive } else { Label::Unlabeled };
            // Only the positive is bright at the left.
            let pixels = if i == 4 { [1.0, 0.0, 1.0, 0.0] } else { [0.0, 1.0, 0.0, 1.0] };
            import.push(&NewPatch { label, ..NewPatch::default() }, &pixels).unwrap();
        }
        import.commit().unwrap();
        let seen = overview(&path, 4).unwrap();
        assert_eq!((seen.counts.positive, seen.counts.unlabeled, seen.runs), (1, 5, 0));
        assert_eq!((seen.patches.len(), seen.auc, seen.interrupted), (4, None, false));
        assert!(seen.patches[0].grey[0] > seen.patches[0].grey[1], "the positive comes first");
        assert!(seen.patches[1].grey[0] < seen.patches[1].grey[1]);
        assert_eq!(seen.changed.unwrap().len(), "2026-03-14".len());
        // It is open for writing meanwhile: looking takes nothing from anybody.
        assert!(project.is_writable());
        assert!(overview(&dir.path().join("none"), 4).is_err());
    }

    #[test]
    fn a_project_without_patches_is_looked_at_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty");
        drop(Project::create(&path, None, PixelType::F32).unwrap());
        let seen = overview(&path, 4).unwrap();
        assert_eq!((seen.counts.total(), seen.patches.len()), (0, 0));
    }
}
