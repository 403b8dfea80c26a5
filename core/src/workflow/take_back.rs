//! Taking the last import back, with what hangs on it: jobs on clusters, picks of runs, places in review queues.

use std::path::Path;

use crate::cluster::jobs_in;
use crate::error::{Error, Result};
use crate::picking::store::has_picked;
use crate::project::{Actor, LastImport, Project};
use crate::remedy::Remedy;
use crate::review::QueuePlaces;
use crate::workflow::sweep_job::snapshot_file;

/// The import that [`take_back`] would take back.
///
/// # Errors
/// As [`Project::take_back_import`], and where a job on a cluster reads its patches or a run has picked on micrographs
/// that came with it.
pub fn check(project: &Project) -> Result<LastImport> {
    let import = project.check_take_back()?;
    check_jobs(project, &import)?;
    check_picks(project, &import)?;
    Ok(import)
}

/// Takes the last import back. Review queues that were begun since then begin anew.
///
/// # Errors
/// As [`check`], and where the disk refuses; then nothing has changed.
pub fn take_back(project: &mut Project, actor: &Actor) -> Result<LastImport> {
    check(project)?;
    let import = project.take_back_import(actor)?;
    let mut places = QueuePlaces::read(project)?;
    if places.forget_after(import.journal)
        && let Err(error) = places.store(project)
    {
        // A place is soon found again; the import is gone.
        tracing::warn!(%error, "places in review queues were not forgotten");
    }
    Ok(import)
}

/// Runs of a sweep are trained elsewhere on the patches that the project had when it was submitted.
fn check_jobs(project: &Project, import: &LastImport) -> Result<()> {
    if import.patches == 0 {
        return Ok(());
    }
    let reads =
        |folder: &Path| Project::open_read_only(folder).is_ok_and(|copy| copy.len() > import.first as usize);
    for job in jobs_in(project.dir())? {
        if snapshot_file(&job).exists() && reads(job.dir()) {
            return Err(Error::request(
                format!("the last import cannot be taken back: the job {} reads its patches", job.file.name),
                format!(
                    "end the job and delete its folder {}, or import into another project",
                    job.dir().display()
                ),
            ));
        }
    }
    Ok(())
}

/// Picks are kept in the folders of runs, by the file of the micrograph.
fn check_picks(project: &Project, import: &LastImport) -> Result<()> {
    let files: Vec<_> = project
        .micrographs()?
        .into_iter()
        .filter(|micrograph| micrograph.id > import.last_micrograph)
        .filter_map(|micrograph| Some(project.micrograph_file(&micrograph.path?)))
        .collect();
    for run in project.runs()? {
        let folder = project.run_dir(&run.name);
        if let Some(file) = files.iter().find(|file| has_picked(&folder, file)) {
            return Err(Error::request(
                format!(
                    "the last import cannot be taken back: the run {} has picked on {} of it",
                    run.name,
                    file.file_name().unwrap_or_default().to_string_lossy()
                ),
                Remedy::DeleteRun { run: run.name },
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::imaging::CutSettings;
    use crate::picking::store::Store;
    use crate::project::{EntryId, NewMicrograph, NewPatch, NewRun, PixelType, RunEnd, RunId, SourceInfo};
    use crate::review::{QueueKind, QueuePlace, QueueStart};

    fn ada() -> Actor {
        Actor::Person("ada".to_owned())
    }

    /// Four patches, then two more on a micrograph of their own.
    fn made(dir: &Path) -> Project {
        let mut project = Project::create(&dir.join("p"), Some(2), PixelType::F32).unwrap();
        for (name, count) in [("a", 4), ("b", 2)] {
            let mut import = project.import(2).unwrap();
            import.source(&SourceInfo::new(format!("{name}.mrcs"), "stack")).unwrap();
            let path = Some(dir.join(format!("{name}.mrc")));
            let mic = import.micrograph(&NewMicrograph { path, ..NewMicrograph::named(name) }).unwrap();
            for _ in 0..count {
                import.push(&NewPatch { micrograph: Some(mic), ..NewPatch::default() }, &[1.0; 4]).unwrap();
            }
            import.commit().unwrap();
        }
        project
    }

    fn run(project: &mut Project, name: &str) -> RunId {
        let new = NewRun {
            name: name.into(),
            config: String::new(),
            seed: 1,
            versions: serde_json::json!({}),
            began_with: None,
            device: "cpu".into(),
            normaliser: serde_json::json!({}),
            split: None,
            columns: vec![],
        };
        let run = project.create_run(&new).unwrap();
        project.end_run(run.id, RunEnd::Finished, None).unwrap();
        run.id
    }

    #[test]
    fn queues_begun_since_the_import_begin_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = made(dir.path());
        project.set_labels(&[(0, crate::Label::Positive)], &ada(), None, "").unwrap();
        let run = run(&mut project, "r");
        let place =
            |journal| QueuePlace { start: QueueStart { run, journal: EntryId(journal) }, place: 1, of: 3 };
        let mut places = QueuePlaces::default();
        places.set(QueueKind::Audit, place(0));
        places.set(QueueKind::RandomSample, place(1));
        places.store(&mut project).unwrap();
        assert_eq!(take_back(&mut project, &ada()).unwrap().patches, 2);
        let places = QueuePlaces::read(&project).unwrap();
        assert_eq!(places.get(QueueKind::Audit), Some(place(0)));
        assert_eq!(places.get(QueueKind::RandomSample), None);
        assert_eq!((project.len(), project.micrographs().unwrap().len()), (4, 1));
    }

    #[test]
    fn picks_on_its_micrographs_forbid_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut project = made(dir.path());
        run(&mut project, "r");
        let checkpoint = dir.path().join("best");
        std::fs::write(&checkpoint, b"weights").unwrap();
        let cut = CutSettings { box_size: 4, bin: 2, margin: 0 };
        let store = Store::open(&project.run_dir("r"), &checkpoint, cut).unwrap();
        std::fs::write(store.file(&dir.path().join("a.mrc")), b"{}").unwrap();
        check(&project).unwrap();
        std::fs::write(store.file(&dir.path().join("b.mrc")), b"{}").unwrap();
        let error = take_back(&mut project, &ada()).unwrap_err();
        assert_eq!(error.remedy(), Some(Remedy::DeleteRun { run: "r".to_owned() }));
        assert!(error.problem().contains("the run r has picked on b.mrc"), "{error}");
        assert_eq!(project.len(), 6);
        crate::workflow::runs::delete(&mut project, "r").unwrap();
        take_back(&mut project, &ada()).unwrap();
    }
}
