//! `vitrine import --take-back`: the last import goes, as long as nobody has worked on it.

use crate::support::{json, labels, ok, project, refused, run, text, write_set};

#[test]
fn the_last_import_is_taken_back_and_another_follows() {
    let dir = tempfile::tempdir().unwrap();
    let apo = project(dir.path(), "apo", 16, [8, 8, 2]);
    let (wrong, right) = (text(dir.path().join("wrong.npz")), text(dir.path().join("right.npz")));
    write_set(wrong.as_ref(), 16, [3, 5, 1]);
    write_set(right.as_ref(), 16, [2, 1, 4]);
    ok(&["import", &apo, &wrong]);
    assert_eq!(labels(&apo), [11, 13, 3]);
    let said = ok(&["import", &apo, "--take-back", "--dry-run"]);
    assert!(said.contains("would take back 9 patches of wrong.npz; the files are as they were"), "{said}");
    assert_eq!(labels(&apo), [11, 13, 3]);

    ok(&["label", &apo, "negative", "--ids", "18,3"]);
    let told = refused(&["import", &apo, "--take-back"]);
    assert!(told.contains("a person has labelled 1 of its patches"), "{told}");
    assert!(told.contains("vitrine label PROJECT --undo"), "{told}");
    ok(&["label", &apo, "--undo"]);
    let taken = json(&["import", &apo, "--take-back"]);
    assert_eq!((&taken["patches"], &taken["first"]), (&9.into(), &18.into()), "{taken}");
    assert_eq!(labels(&apo), [8, 8, 2]);
    // What was undone was of patches that are gone.
    assert!(ok(&["label", &apo, "--redo"]).contains("nothing"), "there is nothing to redo");

    ok(&["import", &apo, &right]);
    assert_eq!(labels(&apo), [10, 9, 6]);
    let info = json(&["info", &apo, "--history", "18"]);
    assert_eq!(info["history"].as_array().unwrap().len(), 1, "its own import alone: {info}");
    let said = ok(&["import", &apo, "--take-back"]);
    assert!(said.contains("took back 7 patches of right.npz"), "{said}");
    assert!(said.contains("the project holds 18 patches"), "{said}");
    let said = ok(&["import", &apo, "--take-back"]);
    assert!(said.contains("took back 18 patches of apo.npz, with 4 micrographs"), "{said}");
    assert!(refused(&["import", &apo, "--take-back"]).contains("there is no import to take back"));
    // Patches of another size go in now.
    write_set(right.as_ref(), 24, [2, 1, 4]);
    ok(&["import", &apo, &right]);

    let ended = run(&["import", &apo, &right, "--take-back"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
