//! Renaming and deleting runs with all that hangs on them: records of other runs, places in review queues,
//! the folder. Terminal and window ask the same questions from the same [`DeletePlan`].

use crate::error::Result;
use crate::project::{DeletedRun, Project, Run, ScoreKind};
use crate::review::QueuePlaces;

/// What deleting a run takes away, for the person to confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletePlan {
    /// The run.
    pub name: String,
    /// Size of the files in its folder, bytes.
    pub bytes: u64,
    /// Epochs whose metrics go.
    pub epochs: usize,
    /// Whether the patches have scores of this run, which go too.
    pub has_scores: bool,
    /// Names of the runs that began with its weights. They keep their own weights and stay; what relabelling
    /// gained between the two can no longer be measured.
    pub successors: Vec<String>,
    /// Review queues that the person is in the middle of with its scores; they begin anew.
    pub queues: usize,
}

/// The runs that began with the weights of this one, oldest first.
///
/// # Errors
/// When the project cannot be read.
pub fn successors(project: &Project, name: &str) -> Result<Vec<String>> {
    let began = |run: &Run| run.began_with().is_some_and(|before| before.eq_ignore_ascii_case(name));
    Ok(project.runs()?.into_iter().filter(began).map(|run| run.name).collect())
}

/// What deleting a run would take away.
///
/// # Errors
/// When the run does not exist or the project cannot be read.
pub fn plan_delete(project: &Project, name: &str) -> Result<DeletePlan> {
    let run = project.run(name)?;
    Ok(DeletePlan {
        bytes: project.run_size(&run.name)?,
        epochs: project.metrics(run.id)?.len(),
        has_scores: project.has_scores(run.id, ScoreKind::Teacher)?,
        successors: successors(project, &run.name)?,
        queues: QueuePlaces::read(project)?.of_run(run.id),
        name: run.name,
    })
}

/// Deletes a run with its metrics, scores, folder and the places in review queues that its scores ordered.
///
/// # Errors
/// As [`Project::delete_run`].
pub fn delete(project: &mut Project, name: &str) -> Result<DeletedRun> {
    let run = project.run(name)?;
    let deleted = project.delete_run(&run.name)?;
    // Numbers of runs are not used again, so a place that is left names no other run.
    let mut places = QueuePlaces::read(project)?;
    if places.forget_run(run.id) {
        places.store(project)?;
    }
    tracing::info!(run = %run.name, bytes = deleted.bytes, "deleted a run");
    Ok(deleted)
}

/// Gives a run another name.
///
/// # Errors
/// As [`Project::rename_run`].
pub fn rename(project: &mut Project, name: &str, new: &str) -> Result<Run> {
    let run = project.rename_run(name, new)?;
    tracing::info!(from = name, to = %run.name, "renamed a run");
    Ok(run)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::project::{EntryId, NewRun, PixelType, RunEnd, RunId};
    use crate::review::{QueueKind, QueuePlace, QueueStart};

    fn run(project: &mut Project, name: &str, began_with: Option<&str>) -> RunId {
        let new = NewRun {
            name: name.into(),
            config: String::new(),
            seed: 1,
            versions: json!({}),
            began_with: began_with.map(str::to_owned),
            device: "cpu".into(),
            normaliser: json!({}),
            split: None,
            columns: vec![],
        };
        let run = project.create_run(&new).unwrap();
        project.end_run(run.id, RunEnd::Finished, None).unwrap();
        run.id
    }

    #[test]
    fn a_deleted_run_leaves_no_place_in_a_queue_and_the_places_of_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = Project::create(&dir.path().join("p"), Some(16), PixelType::F32).unwrap();
        let (first, second) = (run(&mut project, "first", None), run(&mut project, "second", Some("first")));
        let place = |run| QueuePlace { start: QueueStart { run, journal: EntryId(0) }, place: 4, of: 9 };
        let mut places = QueuePlaces::default();
        places.set(QueueKind::Audit, place(first));
        places.set(QueueKind::MostUncertain, place(second));
        places.store(&mut project).unwrap();
        let plan = plan_delete(&project, "FIRST").unwrap();
        assert_eq!((plan.name.as_str(), plan.queues, plan.has_scores, plan.epochs), ("first", 1, false, 0));
        assert_eq!(plan.successors, ["second"]);
        let renamed = rename(&mut project, "second", "third").unwrap();
        assert_eq!(renamed.id, second);
        delete(&mut project, "first").unwrap();
        let places = QueuePlaces::read(&project).unwrap();
        assert_eq!(places.get(QueueKind::Audit), None);
        assert_eq!(
            places.get(QueueKind::MostUncertain),
            Some(place(second)),
            "a name is not what it is known by"
        );
        assert!(plan_delete(&project, "first").is_err());
    }
}
