//! Branches: a run is trained in a copy of the project that reads its pixels, and comes home.

use std::fs;

use vitrine_core::Label;
use vitrine_core::project::{NewRun, Project, RunEnd, ScoreKind, SplitRequest};

use crate::{ada, fill, mixed, pixels, project, quiet, sentence};

fn new_run(name: &str, split: Option<vitrine_core::project::SplitId>) -> NewRun {
    NewRun {
        name: name.into(),
        config: "seed: 7\n".into(),
        seed: 7,
        versions: serde_json::json!({ "vitrine": "0.1.0" }),
        began_with: None,
        device: "cpu".into(),
        normaliser: serde_json::json!({ "kind": "per_patch" }),
        split,
        columns: vec!["loss".into()],
    }
}

#[test]
fn a_run_of_a_branch_comes_home_while_the_project_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut main = project(&home, &mixed(40, 3), |at| Some(at % 4));
    main.create_run(&new_run("earlier", None)).unwrap();
    let snapshot = dir.path().join("snapshot.sqlite");
    // From a handle that only reads, as while the window writes.
    Project::open_read_only(&home).unwrap().snapshot(&snapshot).unwrap();

    // The project goes on before the branch is made.
    fill(&mut main, &mixed(6, 2), |_| None);
    main.set_labels(&[(1, Label::Negative)], &ada(), None, "").unwrap();
    let whole = fs::read(home.join("pixels.bin")).unwrap();

    let folder = dir.path().join("branch");
    Project::branch(&snapshot, &folder).unwrap();
    let mut branch = Project::open(&folder).unwrap();
    assert_eq!((branch.len(), branch.size()), (40, Some(4)));
    assert_eq!(branch.labels().unwrap()[1], Label::Unlabeled);
    let mut patch = vec![0.0; 16];
    branch.pixels().get(7, &mut patch).unwrap();
    assert_eq!(patch, pixels(4, 7));
    assert!(!folder.join("pixels.bin").exists());
    // Its pixels are those of the project, which it neither cuts nor adds to.
    assert_eq!(fs::read(home.join("pixels.bin")).unwrap(), whole);
    assert!(sentence(branch.import(4).map(drop)).contains("no pixels of its own"));

    let split = branch.make_split(&SplitRequest::default(), &mut quiet).unwrap();
    let run = branch.create_run(&new_run("far", Some(split.id))).unwrap();
    let values = serde_json::json!({ "loss": 0.5 });
    branch.record_epoch(&run, 1, values.as_object().unwrap(), true).unwrap();
    fs::write(branch.run_dir("far").join("model.safetensors"), b"weights").unwrap();
    let scores: Vec<f32> = (0..40).map(|at| at as f32 / 40.0).collect();
    branch.set_scores(run.id, ScoreKind::Teacher, &scores).unwrap();
    assert!(sentence(main.adopt_run(&branch, "far")).contains("under way"));
    branch.end_run(run.id, RunEnd::Finished, None).unwrap();

    let home_run = main.adopt_run(&branch, "far").unwrap();
    assert_eq!((home_run.name.as_str(), home_run.seed, home_run.best_epoch), ("far", 7, Some(1)));
    assert_ne!(home_run.id, main.run("earlier").unwrap().id);
    assert_eq!(main.metrics(home_run.id).unwrap()[0].values["loss"], 0.5);
    assert_eq!(fs::read(main.run_dir("far").join("model.safetensors")).unwrap(), b"weights");
    let stored = main.scores(home_run.id, ScoreKind::Teacher).unwrap().unwrap();
    assert_eq!(stored[..40], scores);
    assert!(stored.len() == 46 && stored[40..].iter().all(|score| score.is_nan()));
    // Its split came along, and a second run of it uses the same one.
    let sides = main.split_sides(home_run.split.unwrap()).unwrap();
    assert_eq!(sides[..40], branch.split_sides(split.id).unwrap());
    let other = branch.create_run(&new_run("far-2", Some(split.id))).unwrap();
    branch.end_run(other.id, RunEnd::Finished, None).unwrap();
    assert_eq!(main.adopt_run(&branch, "far-2").unwrap().split, home_run.split);
    assert_eq!(main.splits().unwrap().len(), 1);
    // What is there is not replaced.
    assert!(sentence(main.adopt_run(&branch, "FAR")).contains("already"));
    assert!(sentence(main.adopt_run(&branch, "far")).contains("already"));
    let stranger = project(&dir.path().join("other"), &mixed(4, 2), |_| None);
    drop(stranger);
    let mut stranger = Project::open(&dir.path().join("other")).unwrap();
    assert!(sentence(stranger.adopt_run(&branch, "far")).contains("no branch of"));
}

/// What a run began with may be renamed or deleted while the run is trained elsewhere.
#[test]
fn a_run_that_comes_home_knows_what_became_of_the_run_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let mut main = project(&dir.path().join("home"), &mixed(10, 2), |_| None);
    for name in ["one", "two", "three"] {
        let run = main.create_run(&new_run(name, None)).unwrap();
        main.end_run(run.id, RunEnd::Finished, None).unwrap();
    }
    let snapshot = dir.path().join("snapshot.sqlite");
    main.snapshot(&snapshot).unwrap();
    let folder = dir.path().join("branch");
    Project::branch(&snapshot, &folder).unwrap();
    let mut branch = Project::open(&folder).unwrap();
    for name in ["one", "two", "three"] {
        let new = NewRun { began_with: Some(name.into()), ..new_run(&format!("after-{name}"), None) };
        let run = branch.create_run(&new).unwrap();
        branch.end_run(run.id, RunEnd::Finished, None).unwrap();
    }
    main.rename_run("two", "second").unwrap();
    main.delete_run("three").unwrap();
    let mut began = |name: &str| {
        let run = main.adopt_run(&branch, name).unwrap();
        (run.began_with().map(str::to_owned), run.began_with_deleted().map(str::to_owned))
    };
    assert_eq!(began("after-one"), (Some("one".to_owned()), None));
    assert_eq!(began("after-two"), (Some("second".to_owned()), None));
    assert_eq!(began("after-three"), (None, Some("three".to_owned())));
}

/// A disk that refuses in the middle leaves nothing, and the run can come later.
#[test]
fn half_a_take_over_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut main = project(&home, &mixed(10, 2), |_| None);
    let snapshot = dir.path().join("snapshot.sqlite");
    main.snapshot(&snapshot).unwrap();
    assert!(sentence(main.snapshot(&snapshot)).contains("exists"));
    let folder = dir.path().join("branch");
    Project::branch(&snapshot, &folder).unwrap();
    let mut branch = Project::open(&folder).unwrap();
    let run = branch.create_run(&new_run("far", None)).unwrap();
    branch.end_run(run.id, RunEnd::Finished, None).unwrap();
    // A file of the run that cannot be read.
    fs::create_dir(branch.run_dir("far").join("inner")).unwrap();
    std::os::unix::fs::symlink("nowhere", branch.run_dir("far").join("inner/broken")).unwrap();
    main.adopt_run(&branch, "far").unwrap_err();
    assert!(main.runs().unwrap().is_empty() && !main.run_dir("far").exists());
    fs::remove_dir_all(branch.run_dir("far").join("inner")).unwrap();
    main.adopt_run(&branch, "far").unwrap();
    assert_eq!(Project::open_read_only(&home).unwrap().runs().unwrap().len(), 1);
}

#[test]
fn a_project_is_named_by_its_folder_or_by_the_database_in_it() {
    let named = |path: &str| Project::folder_of(path.as_ref()).to_owned();
    assert_eq!(named("a/apo"), std::path::Path::new("a/apo"));
    assert_eq!(named("a/apo/project.sqlite"), std::path::Path::new("a/apo"));
    assert_eq!(named("project.sqlite"), std::path::Path::new("."));
    assert_eq!(named("notes.txt"), std::path::Path::new("notes.txt"));
}
