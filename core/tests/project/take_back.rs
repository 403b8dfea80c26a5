//! Taking the last import back: what goes, what stays, what forbids it, and what those see who have read it.

use std::path::{Path, PathBuf};

use super::*;

/// A project with 10 patches on m0, to which an import of 20,000 patches on m0 and m1 was added. The latter begins in the
/// middle of a page of labels and ends on another.
fn two_imports(dir: &Path) -> Project {
    let mut project = project(dir, &mixed(10, 2), |_| Some(0));
    fill(&mut project, &mixed(20_000, 3), |at| Some(at % 2));
    project
}

fn pixels_of(project: &Project, patch: PatchId) -> Vec<f32> {
    let mut out = vec![0.0; 16];
    project.pixels().get(patch, &mut out).unwrap();
    out
}

fn length(dir: &Path) -> u64 {
    std::fs::metadata(dir.join("pixels.bin")).unwrap().len()
}

fn check_database(dir: &Path) {
    let db = rusqlite::Connection::open(dir.join("project.sqlite")).unwrap();
    let text: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "ok");
    assert!(!db.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
}

#[test]
fn the_last_import_goes_with_all_that_it_brought() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = two_imports(dir.path());
    let before = project.journal_position().unwrap();
    let last = project.last_import().unwrap().unwrap();
    assert_eq!((last.first, last.patches, last.micrographs), (10, 20_000, 1));
    assert_eq!(last.files, [PathBuf::from("some.mrcs")]);
    assert_eq!(project.check_take_back().unwrap(), last);
    assert_eq!(project.take_back_import(&ada()).unwrap(), last);

    let check = |project: &Project| {
        assert_eq!((project.len(), project.labels().unwrap()), (10, mixed(10, 2)));
        assert_eq!((project.sources().unwrap().len(), project.micrographs().unwrap().len()), (1, 1));
        assert_eq!(project.places().unwrap().len(), 10);
        assert_eq!(pixels_of(project, 9), pixels(4, 9));
        assert!(project.patch(10).is_err() && project.pixels().bytes(10).is_none());
        let entry = project.journal_entry(EntryId(before.0 + 1)).unwrap();
        assert_eq!((entry.kind, entry.actor, entry.count), (EntryKind::TakeBack, ada(), 6667));
        assert!(!can_undo(project));
        assert_eq!(project.labels_at(before).unwrap(), mixed(10, 2));
        assert_eq!(project.changed_since(EntryId(1)).unwrap(), []);
    };
    check(&project);
    check_database(dir.path());
    drop(project);
    let mut project = Project::open(dir.path()).unwrap();
    check(&project);
    // Then the one before it is the last.
    let first = project.take_back_import(&ada()).unwrap();
    assert_eq!((first.first, first.patches, first.micrographs), (0, 10, 1));
    assert!(project.is_empty() && project.micrographs().unwrap().is_empty());
    assert_eq!(project.last_import().unwrap(), None);
    assert!(sentence(project.take_back_import(&ada())).contains("no import to take back"));
    check_database(dir.path());
}

/// Whether an undo would change anything, on a handle of its own.
fn can_undo(project: &Project) -> bool {
    project.reopen().unwrap().undo_last(&ada()).unwrap().is_some()
}

#[test]
fn the_next_import_gets_the_numbers_and_nothing_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = two_imports(dir.path());
    let then = project.journal_position().unwrap();
    // Labelled and undone: nothing of a person is left on it.
    project.set_labels(&[(11, Label::Positive), (3, Label::Negative)], &ada(), None, "").unwrap();
    project.undo_last(&ada()).unwrap().unwrap();
    project.take_back_import(&ada()).unwrap();
    assert_eq!(project.redo_last(&ada()).unwrap(), None, "it would label a patch that is gone");

    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo::new("right.mrcs", "stack")).unwrap();
    let micrograph = import.micrograph(&NewMicrograph::named("m9")).unwrap();
    for at in 0..30_usize {
        let label = if at == 2 { Label::Negative } else { Label::Unlabeled };
        let patch = NewPatch { label, micrograph: Some(micrograph), ..NewPatch::default() };
        import.push(&patch, &pixels(4, 500 + at)).unwrap();
    }
    import.commit().unwrap();
    assert_eq!((project.len(), pixels_of(&project, 10)), (40, pixels(4, 500)));
    assert_eq!(project.label_counts().unwrap().positive, 5);
    // 13 was positive in the import that was taken back, 12 is what the new one says, 11 was labelled and undone.
    assert_eq!(project.patch_history(13).unwrap(), []);
    assert_eq!(project.patch_history(11).unwrap(), []);
    let history = project.patch_history(12).unwrap();
    assert_eq!(history.iter().map(|(entry, _)| entry.kind).collect::<Vec<_>>(), [EntryKind::Import]);
    assert_eq!(project.patch_history(3).unwrap().len(), 2, "edit and undo");
    let columns = project.columns().unwrap();
    let newest = u32::try_from(project.journal_position().unwrap().0).unwrap();
    assert_eq!(columns.last_entry[10..14], [0, 0, newest, 0]);
    let changed = project.changed_since(then).unwrap();
    assert_eq!(changed, [Change { patch: 12, before: Label::Unlabeled, after: Label::Negative }]);
    assert_eq!(project.labels_at(then).unwrap()[10..], [Label::Unlabeled; 30]);
    // The journal still leads from "all unlabeled" to the labels.
    let mut replayed = vec![Label::Unlabeled; 20_010];
    for entry in project.journal(EntryId(0), usize::MAX).unwrap() {
        for change in project.journal_changes(entry.id).unwrap() {
            assert_eq!(replayed[change.patch as usize], change.before);
            replayed[change.patch as usize] = change.after;
        }
    }
    assert_eq!(project.labels().unwrap(), replayed[..40]);
    check_database(dir.path());
}

#[test]
fn who_has_read_it_before_keeps_its_pixels_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = two_imports(dir.path());
    let whole = length(dir.path());
    let mut reader = Project::open_read_only(dir.path()).unwrap();
    let stale = project.reopen().unwrap();
    let numbering = reader.numbering();
    project.take_back_import(&ada()).unwrap();
    drop((project, stale));
    // Opening and importing cut nothing off that the reader has mapped: reading it would end this process.
    let mut project = Project::open(dir.path()).unwrap();
    assert_eq!(length(dir.path()), whole);
    assert_eq!(pixels_of(&reader, 20_009), pixels(4, 20_009));
    fill(&mut project, &mixed(5, 2), |_| None);
    assert_eq!(length(dir.path()), whole);
    assert_eq!(pixels_of(&reader, 20_009), pixels(4, 20_009));
    for told in [reader.labels().map(drop), reader.places().map(drop), reader.columns().map(drop)] {
        let told = sentence(told);
        assert!(told.contains("was taken back") && told.contains("read the project again"), "{told}");
    }
    // An import that does not end cuts nothing off either.
    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo::new("c.mrcs", "stack")).unwrap();
    import.push(&NewPatch::default(), &pixels(4, 0)).unwrap();
    drop(import);
    assert_eq!(length(dir.path()), whole);
    reader.refresh().unwrap();
    assert_eq!((reader.len(), reader.labels().unwrap().len()), (15, 15));
    assert_eq!((pixels_of(&reader, 14), reader.numbering()), (pixels(4, 14), numbering + 1));
    // What is longer than before ends where it ends.
    fill(&mut project, &mixed(30_000, 3), |_| None);
    drop(project);
    Project::open(dir.path()).unwrap();
    assert_eq!(length(dir.path()), 64 + 30_015 * 64);
}

/// Two handles of one process that count the same patches: the one that does not know of it changes nothing.
#[test]
fn a_handle_of_before_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = two_imports(dir.path());
    let mut stale = project.reopen().unwrap();
    let run = project.create_run(&new_run("a")).unwrap();
    project.take_back_import(&ada()).unwrap();
    fill(&mut project, &mixed(20_000, 3), |_| None);
    assert_eq!(stale.len(), project.len());
    let told = sentence(stale.set_labels(&[(11, Label::Negative)], &ada(), None, ""));
    assert!(told.contains("was taken back"), "{told}");
    let scores = vec![0.5; 20_010];
    assert!(sentence(stale.set_scores(run.id, ScoreKind::Teacher, &scores)).contains("was taken back"));
    assert!(
        sentence(stale.make_split(&splits::request(SplitMethod::Random, 0.4, 0.0, 0), &mut quiet))
            .contains("was taken back")
    );
    assert!(sentence(stale.import(4).map(drop)).contains("was taken back"));
    stale.refresh().unwrap();
    stale.set_labels(&[(11, Label::Negative)], &ada(), None, "").unwrap().unwrap();
    assert_eq!(project.labels().unwrap()[11], Label::Negative);
}

#[test]
fn a_project_that_is_empty_again_takes_another_size_and_gives_its_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), None, PixelType::F32).unwrap();
    fill(&mut project, &mixed(2000, 2), |_| Some(1));
    let reader = Project::open_read_only(dir.path()).unwrap();
    project.take_back_import(&ada()).unwrap();
    assert_eq!((project.len(), project.size(), length(dir.path())), (0, None, 64));
    assert_eq!(pixels_of(&reader, 1999), pixels(4, 1999), "the reader has the file of before");
    let mut import = project.import(6).unwrap();
    import.source(&SourceInfo::new("six.mrcs", "stack")).unwrap();
    import.push(&NewPatch::default(), &pixels(6, 7)).unwrap();
    import.commit().unwrap();
    drop(project);
    let project = Project::open(dir.path()).unwrap();
    assert_eq!((project.len(), project.size(), length(dir.path())), (1, Some(6), 64 + 144));
    let mut out = vec![0.0; 36];
    project.pixels().get(0, &mut out).unwrap();
    assert_eq!(out, pixels(6, 7));

    // A size that was chosen when the project was made stays.
    let fixed = tempfile::tempdir().unwrap();
    let mut project = self::project(fixed.path(), &mixed(4, 2), |_| None);
    project.take_back_import(&ada()).unwrap();
    assert_eq!(project.size(), Some(4));
}

#[test]
fn what_a_person_or_a_run_has_made_of_it_forbids_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = two_imports(dir.path());
    // Labels on patches of before do not matter.
    project.set_labels(&[(1, Label::Negative)], &ada(), None, "").unwrap();
    project.check_take_back().unwrap();
    project.set_labels(&[(11, Label::Positive), (12, Label::Positive)], &ada(), None, "").unwrap();
    // Set back by hand, it was labelled all the same.
    project.set_labels(&[(11, Label::Unlabeled)], &ada(), None, "").unwrap();
    let error = project.take_back_import(&ada()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::UndoLabels));
    assert!(error.problem().contains("a person has labelled 2 of its patches"), "{error}");
    assert_eq!((project.len(), project.sources().unwrap().len()), (20_010, 2), "nothing has changed");
    project.undo_last(&ada()).unwrap();
    project.undo_last(&ada()).unwrap();
    project.check_take_back().unwrap();

    // A split that no run uses is no hindrance, one that a run uses is.
    let request = splits::request(SplitMethod::Random, 0.4, 0.0, 0);
    let split = project.make_split(&request, &mut quiet).unwrap();
    project.check_take_back().unwrap();
    let run = project.create_run(&NewRun { split: Some(split.id), ..new_run("a") }).unwrap();
    project.end_run(run.id, RunEnd::Finished, None).unwrap();
    let error = project.take_back_import(&ada()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::DeleteRun { run: "a".to_owned() }));
    project.delete_run("a").unwrap();
    let run = project.create_run(&new_run("b")).unwrap();
    project.end_run(run.id, RunEnd::Finished, None).unwrap();
    project.check_take_back().unwrap();
    project.set_scores(run.id, ScoreKind::Teacher, &vec![0.5; 20_010]).unwrap();
    assert!(sentence(project.take_back_import(&ada())).contains("the run b has trained on or scored"));
    project.delete_run("b").unwrap();
    project.take_back_import(&ada()).unwrap();
    assert_eq!((project.len(), project.splits().unwrap().len()), (10, 0), "the split held its patches");
    assert_eq!(project.labels().unwrap()[1], Label::Negative, "the label of before stays");
    assert!(can_undo(&project), "and can be undone");
}

#[test]
fn places_marked_since_forbid_it_and_so_do_readers_and_branches() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("p");
    let mut project = two_imports(&folder);
    let mut import = project.import(4).unwrap();
    import.as_edit(ada(), None, "picked by hand");
    import.source(&SourceInfo::new("by hand", "by hand")).unwrap();
    import.push(&NewPatch { label: Label::Positive, ..NewPatch::default() }, &pixels(4, 1)).unwrap();
    import.commit().unwrap();
    assert!(sentence(project.take_back_import(&ada())).contains("1 patch was added after it"));
    let mut reader = Project::open_read_only(&folder).unwrap();
    assert!(sentence(reader.take_back_import(&ada())).contains("reading only"));
    let snapshot = dir.path().join("snapshot.sqlite");
    project.snapshot(&snapshot).unwrap();
    Project::branch(&snapshot, &dir.path().join("branch")).unwrap();
    let mut branch = Project::open(&dir.path().join("branch")).unwrap();
    assert!(sentence(branch.take_back_import(&ada())).contains("a branch has no imports of its own"));
    // An import of a version that noted none.
    let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
    db.execute_batch("DELETE FROM meta WHERE key = 'imports'").unwrap();
    assert!(sentence(project.take_back_import(&ada())).contains("no import that could be taken back"));
}

#[test]
fn micrographs_alone_go_but_those_that_a_person_has_worked_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &mixed(4, 2), |_| Some(0));
    project.add_micrographs(&["m0", "m1", "m2", "m3"].map(NewMicrograph::named)).unwrap();
    let id = |project: &Project, name: &str| {
        project.micrographs().unwrap().into_iter().find(|mic| mic.name == name).unwrap().id
    };
    let excluded = vitrine_core::imaging::Mask { excluded: true, ..Default::default() };
    project.set_mask(id(&project, "m2"), &excluded, &ada()).unwrap();
    let run = project.create_run(&new_run("a")).unwrap();
    let own = [(id(&project, "m3"), 0.75)].into();
    let rules = vitrine_core::project::PickRules { own, without_shifts: false };
    project.set_pick_rules(run.id, &rules).unwrap();
    let import = project.take_back_import(&ada()).unwrap();
    assert_eq!((import.patches, import.micrographs, import.files.len()), (0, 3, 0));
    let names: Vec<String> = project.micrographs().unwrap().into_iter().map(|mic| mic.name).collect();
    assert_eq!(names, ["m0", "m2", "m3"]);
    assert_eq!((project.len(), project.masks().unwrap().len()), (4, 1));
    // Named again, nothing is new: the import of patches is the last one.
    project.add_micrographs(&[NewMicrograph::named("m2")]).unwrap();
    assert_eq!(project.last_import().unwrap().unwrap().patches, 4);
}
