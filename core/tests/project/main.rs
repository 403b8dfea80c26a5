//! The project on disk, through its public interface; which side of a split a patch goes to is in `splits`.
#![allow(clippy::unwrap_used)]

#[cfg(unix)]
mod branches;
mod splits;
mod take_back;
mod take_back_workflow;

use std::path::Path;

use proptest::prelude::*;
use vitrine_core::imaging::{Mask, Region};
use vitrine_core::project::{
    Actor, Change, EntryId, EntryKind, Fractions, NewMicrograph, NewPatch, NewRun, PatchId, PixelType,
    Project, RunEnd, RunStatus, ScoreKind, Side, SourceInfo, SplitMethod, SplitRequest,
};
use vitrine_core::{Error, Label, Remedy};

fn ada() -> Actor {
    Actor::Person("ada".into())
}

/// Pixels which tell patches apart, exact in 16 bits too.
fn pixels(size: usize, id: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..size * size).map(|i| i as f32 / 4.0).collect();
    (values[0], values[1]) = ((id % 1000) as f32, (id / 1000) as f32);
    values
}

/// A new project of 4×4 px patches with `labels`, all on the micrographs `on` says.
fn project(dir: &Path, labels: &[Label], on: impl Fn(usize) -> Option<usize>) -> Project {
    let mut project = Project::create(dir, Some(4), PixelType::F32).unwrap();
    fill(&mut project, labels, on);
    project
}

fn fill(project: &mut Project, labels: &[Label], on: impl Fn(usize) -> Option<usize>) {
    let first = project.len();
    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo::new("some.mrcs", "particle stack")).unwrap();
    for (index, &label) in labels.iter().enumerate() {
        let micrograph =
            on(index).map(|m| import.micrograph(&NewMicrograph::named(format!("m{m}"))).unwrap());
        let patch = NewPatch { label, source_index: index, micrograph, ..NewPatch::default() };
        import.push(&patch, &pixels(4, first + index)).unwrap();
    }
    import.commit().unwrap();
}

fn mixed(count: usize, every: usize) -> Vec<Label> {
    (0..count).map(|i| if i % every == 0 { Label::Positive } else { Label::Unlabeled }).collect()
}

fn quiet(_: usize) -> vitrine_core::Result<()> {
    Ok(())
}

fn sentence(result: Result<impl std::fmt::Debug, Error>) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n') && text.len() < 500, "{text}");
    text
}

#[test]
fn what_is_imported_is_there_after_reopening() {
    for pixel_type in [PixelType::F32, PixelType::F16] {
        let dir = tempfile::tempdir().unwrap();
        let mut project = Project::create(dir.path(), None, pixel_type).unwrap();
        assert_eq!((project.size(), project.len()), (None, 0));
        let info = SourceInfo {
            pixel_size: Some(1.5),
            box_size: Some(192.0),
            bin: Some(3.0),
            y_up: true,
            optics: vec![vitrine_core::formats::OpticsGroup {
                pixel_size: Some(1.5),
                columns: [("rlnVoltage".to_owned(), "300.0".to_owned())].into(),
            }],
            warnings: vec!["two picks lay too near an edge".to_owned()],
            ..SourceInfo::new("a/particles.star", "RELION 3.1 particles")
        };
        let mut import = project.import(8).unwrap();
        let source = import.source(&info).unwrap();
        let micrograph = import
            .micrograph(&NewMicrograph { dimensions: Some((4096, 3000)), ..NewMicrograph::named("m1") })
            .unwrap();
        let patch = NewPatch {
            label: Label::Negative,
            source_index: 7,
            micrograph: Some(micrograph),
            xy: Some((131.5, 0.25)),
            optics: Some(0),
            pick_score: Some(-1.5),
            columns: [("rlnDefocusU".to_owned(), "12345.6".to_owned())].into(),
        };
        import.push(&patch, &pixels(8, 0)).unwrap();
        import.push(&NewPatch::default(), &pixels(8, 1)).unwrap();
        let summary = import.commit().unwrap();
        assert_eq!((summary.first, summary.labels.negative, summary.labels.unlabeled), (0, 1, 1));
        project.set_normaliser(&serde_json::json!({"mean": 0.5})).unwrap();
        drop(project);

        for project in [Project::open(dir.path()).unwrap(), Project::open_read_only(dir.path()).unwrap()] {
            assert_eq!((project.size(), project.len(), project.pixel_type()), (Some(8), 2, pixel_type));
            let sources = project.sources().unwrap();
            assert_eq!((sources[0].id, sources[0].first, sources[0].count), (source, 0, 2));
            assert_eq!(sources[0].info, info);
            let row = project.patch(0).unwrap();
            assert_eq!((row.label, row.source_index, row.optics), (Label::Negative, 7, Some(0)));
            assert_eq!((row.place.micrograph, row.place.xy), (Some(micrograph), Some((131.5, 0.25))));
            assert_eq!((row.columns, row.pick_score), (patch.columns.clone(), Some(-1.5)));
            assert_eq!(project.places().unwrap()[0], row.place);
            assert_eq!(project.micrographs().unwrap()[0].dimensions, Some((4096, 3000)));
            assert_eq!(project.normaliser().unwrap().unwrap()["mean"], 0.5);
            let mut out = vec![0.0; 64];
            for id in 0..2 {
                project.pixels().get(id, &mut out).unwrap();
                assert_eq!(out, pixels(8, id as usize));
            }
            assert!(sentence(project.pixels().get(2, &mut out)).contains("no patch 2"));
            assert!(project.pixels().get(1, &mut out[1..]).is_err());
        }
    }
}

#[test]
fn an_import_that_does_not_end_leaves_the_project_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &mixed(10, 2), |_| Some(1));
    let length = || std::fs::metadata(dir.path().join("pixels.bin")).unwrap().len();
    let before = (length(), project.journal_position().unwrap());
    for way in ["dropped", "not a number", "another size", "no such optics"] {
        let mut import = project.import(4).unwrap();
        import.source(&SourceInfo::new("b.mrcs", "stack")).unwrap();
        import.micrograph(&NewMicrograph::named("never")).unwrap();
        for id in 0..50_000 {
            import.push(&NewPatch { label: Label::Positive, ..NewPatch::default() }, &pixels(4, id)).unwrap();
        }
        let mut bad = pixels(4, 3);
        bad[6] = f32::NAN;
        match way {
            "not a number" => {
                let text = sentence(import.push(&NewPatch { source_index: 9, ..NewPatch::default() }, &bad));
                assert!(text.contains("patch 9 of b.mrcs holds NaN at row 1, column 2"), "{text}");
            }
            "another size" => assert!(sentence(import.push(&NewPatch::default(), &bad[1..])).contains("4×4")),
            "no such optics" => {
                let patch = NewPatch { optics: Some(1), ..NewPatch::default() };
                assert!(sentence(import.push(&patch, &pixels(4, 0))).contains("optics group 1"));
            }
            _ => {}
        }
        drop(import);
        assert_eq!((length(), project.journal_position().unwrap()), before, "{way}");
        assert_eq!(
            (project.len(), project.labels().unwrap().len(), project.sources().unwrap().len()),
            (10, 10, 1)
        );
        assert_eq!(project.micrographs().unwrap().len(), 1);
    }
    fill(&mut project, &mixed(20_000, 3), |_| Some(2));
    let mut out = vec![0.0; 16];
    project.pixels().get(20_009, &mut out).unwrap();
    assert_eq!(out, pixels(4, 20_009));
    assert_eq!(project.label_counts().unwrap().total(), 20_010);
    assert!(sentence(project.import(5).map(|_| ())).contains("4×4"));
}

#[test]
fn sixteen_bit_pixels_refuse_what_they_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(2), PixelType::F16).unwrap();
    let mut import = project.import(2).unwrap();
    import.source(&SourceInfo::new("b.mrcs", "stack")).unwrap();
    assert!(sentence(import.push(&NewPatch::default(), &[0.0, 1e5, 0.0, 0.0])).contains("32-bit"));
}

#[test]
fn labelling_undo_and_history() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &mixed(20_000, 100), |_| None);
    let start = project.journal_position().unwrap();
    let begin = project.labels().unwrap();
    let one = project
        .set_labels(&[(8191, Label::Positive), (8192, Label::Negative)], &ada(), None, "page edge")
        .unwrap();
    // Named twice: the last counts. What does not change is left out.
    let two = project
        .set_labels(&[(5, Label::Negative), (5, Label::Positive), (0, Label::Positive)], &ada(), None, "")
        .unwrap();
    assert_eq!(project.set_labels(&[(0, Label::Positive)], &ada(), None, "").unwrap(), None);
    assert_eq!((one, two), (Some(EntryId(2)), Some(EntryId(3))));
    assert_eq!(
        project.journal_changes(EntryId(3)).unwrap(),
        [Change { patch: 5, before: Label::Unlabeled, after: Label::Positive }]
    );
    let end = project.labels().unwrap();
    assert_eq!((end[8191], end[8192], end[5]), (Label::Positive, Label::Negative, Label::Positive));

    assert_eq!(project.undo_last(&ada()).unwrap(), Some(EntryId(4)));
    assert_eq!(project.undo_last(&ada()).unwrap(), Some(EntryId(5)));
    assert_eq!(project.labels().unwrap(), begin);
    assert_eq!(project.undo_last(&ada()).unwrap(), None, "an import is not undone");
    assert_eq!(project.changed_since(start).unwrap(), []);
    project.redo_last(&ada()).unwrap().unwrap();
    project.redo_last(&ada()).unwrap().unwrap();
    assert_eq!(project.redo_last(&ada()).unwrap(), None);
    assert_eq!(project.labels().unwrap(), end);
    project.undo_last(&ada()).unwrap().unwrap();
    project.set_labels(&[(7, Label::Negative)], &Actor::Run("r1".into()), None, "sure").unwrap();
    assert_eq!(project.redo_last(&ada()).unwrap(), None, "a new label ends what can be redone");

    let history = project.patch_history(8192).unwrap();
    let kinds: Vec<_> = history.iter().map(|(entry, change)| (entry.kind, change.after)).collect();
    assert_eq!(
        kinds,
        [
            (EntryKind::Edit, Label::Negative),
            (EntryKind::Undo, Label::Unlabeled),
            (EntryKind::Redo, Label::Negative)
        ]
    );
    assert_eq!((history[0].0.actor.clone(), history[0].0.reason.as_str()), (ada(), "page edge"));
    assert!(history[0].0.at.ends_with('Z'));
    let entries = project.journal(EntryId(0), 100).unwrap();
    assert_eq!((entries[0].kind, entries[0].count), (EntryKind::Import, 200));
    assert_eq!(entries.last().unwrap().actor, Actor::Run("r1".into()));
    assert_eq!(project.labels_at(start).unwrap(), begin);
    assert_eq!(project.labels_at(EntryId(3)).unwrap(), end);
    assert!(project.labels_at(EntryId(0)).unwrap().iter().all(|l| *l == Label::Unlabeled));
    assert!(sentence(project.labels_at(EntryId(99))).contains("no position 99"));
    assert!(
        sentence(project.set_labels(&[(20_000, Label::Positive)], &ada(), None, ""))
            .contains("no patch 20000")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Labels and undo against a plain model, and the journal against the labels of every moment.
    #[test]
    fn the_journal_replays_to_the_labels_of_every_moment(
        steps in proptest::collection::vec(
            (0_u8..4, proptest::collection::vec((0_u32..9000, 0_u8..3), 1..30)), 1..12)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut project = project(dir.path(), &mixed(9000, 7), |_| None);
        let mut now = project.labels().unwrap();
        let (mut done, mut undone): (Vec<Vec<Label>>, Vec<Vec<Label>>) = (Vec::new(), Vec::new());
        let mut moments = vec![(project.journal_position().unwrap(), now.clone())];
        for (what, changes) in steps {
            match what {
                0 | 1 => {
                    let changes: Vec<(PatchId, Label)> =
                        changes.into_iter().map(|(id, l)| (id, Label::from_byte(l).unwrap())).collect();
                    let before = now.clone();
                    for &(id, label) in &changes { now[id as usize] = label; }
                    let entry = project.set_labels(&changes, &ada(), None, "").unwrap();
                    prop_assert_eq!(entry.is_some(), before != now);
                    if entry.is_some() { done.push(before); undone.clear(); }
                }
                2 => {
                    prop_assert_eq!(project.undo_last(&ada()).unwrap().is_some(), !done.is_empty());
                    if let Some(before) = done.pop() { undone.push(std::mem::replace(&mut now, before)); }
                }
                _ => {
                    prop_assert_eq!(project.redo_last(&ada()).unwrap().is_some(), !undone.is_empty());
                    if let Some(after) = undone.pop() { done.push(std::mem::replace(&mut now, after)); }
                }
            }
            prop_assert_eq!(&project.labels().unwrap(), &now);
            moments.push((project.journal_position().unwrap(), now.clone()));
        }
        for (position, labels) in moments {
            prop_assert_eq!(project.labels_at(position).unwrap(), labels);
        }
    }
}

#[test]
fn the_journal_cannot_be_altered() {
    let dir = tempfile::tempdir().unwrap();
    drop(project(dir.path(), &mixed(10, 2), |_| None));
    let db = rusqlite::Connection::open(dir.path().join("project.sqlite")).unwrap();
    for sql in [
        "UPDATE journal SET reason = 'x'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT id, at, kind, actor, run, undoes, 'x', count, first_patch, \
         last_patch, changes FROM journal",
        "INSERT INTO journal SELECT id + 5, at, kind, actor, run, undoes, 'x', count, first_patch, last_patch, \
         changes FROM journal",
    ] {
        let error = db.execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn one_writes_and_others_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = project(dir.path(), &mixed(10, 2), |_| Some(0));
    let error = Project::open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    let mut reader = Project::open_any(dir.path()).unwrap();
    assert!(!reader.is_writable() && writer.is_writable());
    assert!(reader.read_only_reason().unwrap().contains("another process"));
    assert!(sentence(reader.set_labels(&[(0, Label::Negative)], &ada(), None, "")).contains("reading only"));
    assert!(sentence(reader.import(4).map(|_| ())).contains("reading only"));

    writer.set_labels(&[(1, Label::Negative)], &ada(), None, "").unwrap();
    assert_eq!(reader.labels().unwrap()[1], Label::Negative);
    fill(&mut writer, &mixed(5, 2), |_| Some(0));
    assert_eq!(reader.len(), 10);
    reader.refresh().unwrap();
    assert_eq!((reader.len(), reader.labels().unwrap().len()), (15, 15));
    drop(writer);
    assert!(Project::open(dir.path()).unwrap().is_writable());
    let background = Project::open_read_only(dir.path()).unwrap();
    std::thread::spawn(move || background.labels().unwrap()).join().unwrap();
}

#[test]
fn what_is_no_project_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for open in [Project::open, Project::open_read_only, Project::open_any] {
        assert!(sentence(open(&root.join("nowhere"))).contains("is no Vitrine project"));
        assert_eq!(open(root).unwrap_err().remedy(), Some(Remedy::OpenOrMakeProject));
    }
    std::fs::write(root.join("notes.txt"), "x").unwrap();
    assert!(sentence(Project::create(root, Some(4), PixelType::F32)).contains("it holds notes.txt"));
    for size in [0, 1, 5000] {
        assert!(
            sentence(Project::create(&root.join("a"), Some(size), PixelType::F32)).contains("not possible")
        );
    }
    let at = root.join("p");
    drop(project(&at, &mixed(10, 2), |_| None));
    assert!(sentence(Project::create(&at, Some(4), PixelType::F32)).contains("already holds a project"));

    let check = |damage: &dyn Fn(&Path), words: &str| {
        let copy = root.join("copy");
        std::fs::create_dir(&copy).unwrap();
        for name in ["project.sqlite", "pixels.bin"] {
            std::fs::copy(at.join(name), copy.join(name)).unwrap();
        }
        damage(&copy);
        for open in [Project::open, Project::open_read_only] {
            let text = sentence(open(&copy));
            assert!(text.contains(words), "{words}: {text}");
        }
        std::fs::remove_dir_all(copy).unwrap();
    };
    check(&|p| std::fs::remove_file(p.join("pixels.bin")).unwrap(), "is missing, 10 patches are lost");
    check(
        &|p| {
            std::fs::File::options()
                .write(true)
                .open(p.join("pixels.bin"))
                .unwrap()
                .set_len(64 + 7 * 64 + 3)
                .unwrap()
        },
        "ends at byte 515, 7 patches, where the database names 10",
    );
    check(&|p| std::fs::write(p.join("pixels.bin"), [0; 2000]).unwrap(), "first bytes");
    check(
        &|p| {
            let mut bytes = std::fs::read(p.join("pixels.bin")).unwrap();
            bytes[12] = 3;
            std::fs::write(p.join("pixels.bin"), bytes).unwrap();
        },
        "4×4 px of f32",
    );
    check(&|p| std::fs::write(p.join("project.sqlite"), "this is a text of some length").unwrap(), "SQLite");
    check(
        &|p| {
            std::fs::remove_file(p.join("project.sqlite")).unwrap();
            rusqlite::Connection::open(p.join("project.sqlite"))
                .unwrap()
                .execute_batch("CREATE TABLE a (b)")
                .unwrap();
        },
        "not one of a Vitrine project",
    );
    check(
        &|p| {
            let db = rusqlite::Connection::open(p.join("project.sqlite")).unwrap();
            db.execute_batch("UPDATE meta SET value = '-4' WHERE key = 'patch_size'").unwrap();
        },
        "the side '-4'",
    );
    let db = rusqlite::Connection::open(at.join("project.sqlite")).unwrap();
    db.execute_batch("UPDATE label_pages SET labels = x'07060504030201000101'").unwrap();
    assert!(sentence(Project::open(&at).unwrap().labels()).contains("patch 0 has the label 7"));
}

fn new_run(name: &str) -> NewRun {
    NewRun {
        name: name.into(),
        config: "risk: nnpu\n".into(),
        seed: u64::MAX,
        versions: serde_json::json!({"vitrine": "0.1.0"}),
        began_with: None,
        device: "CPU".into(),
        normaliser: serde_json::json!({"kind": "zscore"}),
        split: None,
        columns: vec!["loss".into(), "note".into()],
    }
}

#[test]
fn runs_metrics_and_scores() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &mixed(10, 2), |_| None);
    let split = project.make_split(&splits::request(SplitMethod::Auto, 0.4, 0.0, 0), &mut quiet).unwrap();
    let run = project.create_run(&NewRun { split: Some(split.id), ..new_run("a.1") }).unwrap();
    assert_eq!((run.seed, run.status, run.journal_position), (u64::MAX, RunStatus::Running, EntryId(1)));
    assert!(sentence(project.create_run(&new_run("A.1"))).contains("already"));
    for bad in ["", "..", ".x", "a/b", "a b", "-x", &"x".repeat(101)] {
        assert!(sentence(project.create_run(&new_run(bad))).contains("name of a run"));
    }
    for (epoch, loss) in [(1, 0.5), (2, 0.25), (3, f64::NAN)] {
        let values = serde_json::json!({"loss": loss, "note": "a,b", "hidden": 1});
        project.record_epoch(&run, epoch, values.as_object().unwrap(), epoch == 2).unwrap();
    }
    assert!(
        project.record_epoch(&run, 3, &serde_json::Map::new(), true).is_err(),
        "an epoch is recorded once"
    );
    let csv = || std::fs::read_to_string(dir.path().join("runs/a.1/metrics.csv")).unwrap();
    assert_eq!(csv(), "epoch,loss,note\n1,0.5,\"a,b\"\n2,0.25,\"a,b\"\n3,,\"a,b\"\n");
    assert_eq!(project.run("a.1").unwrap().best_epoch, Some(2));
    assert_eq!(project.metrics(run.id).unwrap()[1].values["hidden"], 1);

    let mut scores = vec![0.5; 10];
    scores[3] = f32::NAN;
    project.set_scores(run.id, ScoreKind::Teacher, &scores).unwrap();
    assert!(
        sentence(project.set_scores(run.id, ScoreKind::Teacher, &scores[1..]))
            .contains("9 scores were given for 10")
    );
    fill(&mut project, &mixed(2, 2), |_| None);
    let read = project.scores(run.id, ScoreKind::Teacher).unwrap().unwrap();
    assert!(read[3].is_nan() && read[11].is_nan() && read[9] == 0.5 && read.len() == 12);

    assert!(sentence(project.delete_run("a.1")).contains("under way"));
    let reader = Project::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.run("a.1").unwrap().status, RunStatus::Running);
    drop(project);
    // Nobody holds the project now: the run's process is gone.
    assert_eq!(reader.run("a.1").unwrap().status, RunStatus::Interrupted);
    std::fs::write(dir.path().join("runs/a.1/metrics.csv"), "epoch,loss,note\n1,0.").unwrap();
    let mut project = Project::open(dir.path()).unwrap();
    let found = project.run("a.1").unwrap();
    assert_eq!((found.status, found.message.is_some()), (RunStatus::Interrupted, true));
    assert!(csv().ends_with("3,,\"a,b\"\n"), "the CSV is whole again");
    let run = project.resume_run("a.1", 1, Some(1)).unwrap();
    assert_eq!((run.status, run.best_epoch, csv().lines().count()), (RunStatus::Running, Some(1), 2));
    project.end_run(run.id, RunEnd::Failed, Some("loss was not finite")).unwrap();
    let run = project.run("a.1").unwrap();
    assert_eq!((run.status, run.message.as_deref()), (RunStatus::Failed, Some("loss was not finite")));
    assert!(sentence(project.run("b")).contains("choose one of a.1"));
    project.delete_run("a.1").unwrap();
    assert!(!dir.path().join("runs/a.1").exists());
    assert!(project.runs().unwrap().is_empty());
    assert_eq!(project.scores(run.id, ScoreKind::Teacher).unwrap(), None);
    assert!(project.set_scores(run.id, ScoreKind::Teacher, &[0.0; 12]).is_err());
}

/// On Unix a deleted database takes writes and loses them; nothing may be said to be stored then.
#[test]
#[cfg(unix)]
fn a_folder_that_went_away_takes_no_labels() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(&dir.path().join("p"), &[Label::Unlabeled; 4], |_| None);
    let folder = project.dir().to_owned();
    project.set_labels(&[(0, Label::Positive)], &ada(), None, "").unwrap();
    let away = dir.path().join("elsewhere");
    std::fs::rename(&folder, &away).unwrap();
    let told = sentence(project.set_labels(&[(1, Label::Positive)], &ada(), None, ""));
    assert!(told.contains("no longer in") && told.contains("nothing was changed"), "{told}");
    // Another project in its place is not taken for it.
    drop(Project::create(&folder, Some(8), PixelType::F32).unwrap());
    assert!(sentence(project.undo_last(&ada())).contains("replaced"));
    std::fs::remove_dir_all(&folder).unwrap();
    // Put back, it goes on.
    std::fs::rename(&away, &folder).unwrap();
    project.set_labels(&[(2, Label::Positive)], &ada(), None, "").unwrap();
    assert_eq!(project.label_counts().unwrap().positive, 2);
}

#[test]
fn masks_are_undone_in_their_order_among_labels() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &mixed(6, 2), |_| Some(0));
    let micrograph = project.micrographs().unwrap()[0].id;
    let excluded = Mask { excluded: true, ..Mask::default() };
    let corners = vec![[1.0, 1.0], [9.0, 1.0], [9.0, 9.0]];
    let drawn = Mask { excluded: true, regions: vec![Region::Polygon(corners)] };
    project.set_labels(&[(1, Label::Negative)], &ada(), None, "").unwrap();
    let start = project.journal_position().unwrap();
    project.set_mask(micrograph, &excluded, &ada()).unwrap().unwrap();
    project.set_labels(&[(3, Label::Negative)], &ada(), None, "").unwrap();
    let drawing = project.set_mask(micrograph, &drawn, &ada()).unwrap().unwrap();
    assert_eq!(project.journal_mask(drawing).unwrap(), Some(micrograph));
    assert_eq!(project.journal_mask(start).unwrap(), None);
    assert_eq!(project.journal_entry(drawing).unwrap().kind, EntryKind::Mask);
    assert_eq!(project.changed_since(drawing).unwrap(), [], "no label changed");
    assert_eq!(project.label_position().unwrap(), EntryId(drawing.0 - 1));

    let state = |project: &Project| {
        (project.mask(micrograph).unwrap(), project.labels().unwrap()[3], project.labels().unwrap()[1])
    };
    let (none, unlabeled, negative) = (Mask::default(), Label::Unlabeled, Label::Negative);
    let states = [
        (drawn.clone(), negative, negative),
        (excluded.clone(), negative, negative),
        (excluded, unlabeled, negative),
        (none.clone(), unlabeled, negative),
        (none, unlabeled, unlabeled),
    ];
    // Twice, for the order must outlive a redo, and each time in a project opened anew.
    for _ in 0..2 {
        drop(project);
        project = Project::open(dir.path()).unwrap();
        assert_eq!(state(&project), states[0]);
        for wanted in &states[1..] {
            project.undo_last(&ada()).unwrap().unwrap();
            assert_eq!(state(&project), *wanted);
        }
        assert_eq!(project.undo_last(&ada()).unwrap(), None);
        for wanted in states.iter().rev().skip(1) {
            project.redo_last(&ada()).unwrap().unwrap();
            assert_eq!(state(&project), *wanted);
        }
        assert_eq!(project.redo_last(&ada()).unwrap(), None);
    }
    project.undo_last(&ada()).unwrap().unwrap();
    project.set_mask(micrograph, &Mask::default(), &ada()).unwrap().unwrap();
    assert_eq!(project.redo_last(&ada()).unwrap(), None, "a changed mask ends what can be redone");
    // The history of a patch tells of its labels only.
    let kinds: Vec<_> = project.patch_history(1).unwrap().into_iter().map(|(entry, _)| entry.kind).collect();
    assert!(!kinds.contains(&EntryKind::Mask), "{kinds:?}");
}
