//! Taking an import back, with the picks and review queues that hang on it.

use vitrine_core::imaging::CutSettings;
use vitrine_core::picking::store::Store;
use vitrine_core::project::RunId;
use vitrine_core::review::{QueueKind, QueuePlace, QueuePlaces, QueueStart};
use vitrine_core::workflow::take_back::{check, take_back};

use super::*;

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
    let run = project.create_run(&new_run(name)).unwrap();
    project.end_run(run.id, RunEnd::Finished, None).unwrap();
    run.id
}

#[test]
fn queues_begun_since_the_import_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = made(dir.path());
    project.set_labels(&[(0, Label::Positive)], &ada(), None, "").unwrap();
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
    vitrine_core::workflow::runs::delete(&mut project, "r").unwrap();
    take_back(&mut project, &ada()).unwrap();
}
