//! Input that is damaged, contradictory or too little: one sentence with the place and the mend, the
//! project stays as it was, nothing panics.

use std::path::Path;

use vitrine_core::Label;
use vitrine_core::formats::PatchInfo;
use vitrine_core::formats::npy::{NpzGroup, NpzOptions, write_npz};

use crate::support::{
    finish, labels, ok, patch, project, quick_config, refused, run, sentence, text, train, vitrine, write_set,
};

#[test]
fn damaged_files_are_refused_and_the_project_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "p", 16, [4, 8, 0]);
    let good = std::fs::read(dir.path().join("p.npz")).unwrap();
    let place = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        text(path)
    };
    let nan = nan_set(dir.path());
    let mut gigantic = vec![0u8; 1024];
    for (at, side) in [2_000_000_000i32, 2_000_000_000, 2_000_000_000, 2].into_iter().enumerate() {
        gigantic[at * 4..at * 4 + 4].copy_from_slice(&side.to_le_bytes());
    }
    gigantic[208..216].copy_from_slice(b"MAP \x44\x44\0\0");
    let cases = [
        place("cut.npz", &good[..good.len() / 2]),
        place("empty.npz", b""),
        place("empty.pt", b""),
        place("empty.mrcs", b""),
        place("words.npz", b"this is not an archive at all"),
        place("words.star", b"data_particles\n\nloop_\n_rlnNothing #1\n3\n"),
        place("short.mrc", &gigantic[..200]),
        place("gigantic.mrcs", &gigantic),
        place("pickle.pt", b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."),
        nan,
        text(dir.path().join("missing.npz")),
    ];
    for file in &cases {
        let said = refused(&["import", &project, file]);
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        assert!(said.contains(name), "{file}: {said}");
        assert_eq!(labels(&project), [4, 8, 0], "{file}");
    }
    let empty = dir.path().join("nothing");
    std::fs::create_dir(&empty).unwrap();
    assert!(refused(&["import", &project, &text(&empty)]).contains("nothing"));
    assert!(refused(&["import", &project]).contains("no file was named"));
    assert!(refused(&["import", &project, &cases[cases.len() - 1]]).contains("check the path"));

    // Patches of another size, and after all that the project still takes good ones.
    let other = dir.path().join("other.npz");
    write_set(&other, 20, [2, 2, 0]);
    let said = refused(&["import", &project, &text(&other)]);
    assert!(said.contains("20×20") && said.contains("16×16"), "{said}");
    let more = dir.path().join("more.npz");
    write_set(&more, 16, [1, 1, 1]);
    ok(&["import", &project, &text(&more)]);
    assert_eq!(labels(&project), [5, 9, 1]);
}

/// An archive whose second unlabeled patch holds NaN.
fn nan_set(dir: &Path) -> String {
    let path = dir.join("nan.npz");
    let info = vec![PatchInfo::default(); 3];
    let groups = [NpzGroup { label: Some(Label::Unlabeled), info: &info }];
    let out = std::fs::File::create(&path).unwrap();
    write_npz(out, &path, 16, &groups, NpzOptions::default(), |_, at, pixels| {
        patch(16, at as u64 + 1, false, pixels);
        if at == 1 {
            pixels[40] = f32::NAN;
        }
        Ok(())
    })
    .unwrap();
    text(path)
}

#[test]
fn too_little_to_learn_from_is_said_before_anything_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    let config = quick_config(dir.path(), 2);
    let attempt = |project: &str| run(&["train", project, "--config", &config, "--device", "cpu"]);

    let empty = text(dir.path().join("empty"));
    ok(&["new", &empty]);
    assert!(sentence(&attempt(&empty)).contains("holds no patches yet"));

    for (name, counts, word) in [
        ("only-positive", [30, 0, 0], "all patches of this project are positive"),
        ("only-unlabeled", [0, 30, 0], "at least 2 positive"),
        ("only-negative", [0, 0, 30], "at least 2 positive"),
    ] {
        let project = project(dir.path(), name, 16, counts);
        let ended = attempt(&project);
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        assert!(sentence(&ended).contains(word), "{name}: {ended:?}");
    }
    // Two patches in all: whatever the answer is, it is an answer.
    let two = project(dir.path(), "two", 16, [1, 1, 0]);
    let ended = attempt(&two);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    sentence(&ended);
    // Nothing of a refused run stays behind.
    let info = ok(&["info", &two, "--json"]);
    assert!(info.contains("\"runs\": []"), "{info}");

    let tiny = project(dir.path(), "tiny", 12, [20, 40, 0]);
    let ended = attempt(&tiny);
    assert!(sentence(&ended).contains("12 px"), "{ended:?}");
}

#[test]
fn a_validation_side_without_positives_is_no_obstacle_but_is_said() {
    let dir = tempfile::tempdir().unwrap();
    // All positives on one micrograph: with a split by micrograph one side has none.
    let path = dir.path().join("set.npz");
    let labels = [(Label::Positive, 24, 1), (Label::Unlabeled, 80, 4)];
    let infos: Vec<Vec<PatchInfo>> = labels
        .iter()
        .map(|&(_, count, mics)| {
            (0..count)
                .map(|at| PatchInfo {
                    micrograph: Some(format!("m{}.mrc", at % mics)),
                    xy: Some((50.0 * at as f64, 9.0)),
                    ..PatchInfo::default()
                })
                .collect()
        })
        .collect();
    let groups: Vec<_> =
        labels.iter().zip(&infos).map(|(l, info)| NpzGroup { label: Some(l.0), info }).collect();
    let out = std::fs::File::create(&path).unwrap();
    write_npz(out, &path, 16, &groups, NpzOptions::default(), |group, at, pixels| {
        patch(16, (group * 500 + at + 1) as u64, group == 0, pixels);
        Ok(())
    })
    .unwrap();
    let project = text(dir.path().join("p"));
    ok(&["new", &project]);
    ok(&["import", &project, &text(&path)]);
    let config = quick_config(dir.path(), 2);
    let ended = run(&["train", &project, "--config", &config, "--name", "a", "--device", "cpu"]);
    match ended.code {
        Some(0) => {
            assert!(!ended.out.contains("NaN") && !ended.err.contains("NaN"), "{ended:?}");
            let said = ok(&["compare", &project]);
            assert!(!said.contains("NaN"), "{said}");
            ok(&["compare", &project, "--report", &text(dir.path().join("r.html"))]);
        }
        _ => assert!(sentence(&ended).contains("positive"), "{ended:?}"),
    }
}

#[test]
fn configurations_are_refused_with_line_and_nearest_key() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), "p", 16, [8, 16, 0]);
    let attempt = |yaml: &str| {
        let path = text(dir.path().join("mine.yaml"));
        std::fs::write(&path, yaml).unwrap();
        refused(&["train", &project, "--config", &path, "--device", "cpu"])
    };
    let said = attempt("seed: 3\noptimizer:\n  learning_rte: 0.1\n");
    assert!(said.contains("mine.yaml, line 3") && said.contains("did you mean `learning_rate`"), "{said}");
    let said = attempt("prior: 0.3\nconsistency:\n  kind: fixmatch\n  threshold: 1.5\n");
    assert!(said.contains("mine.yaml, line 4") && said.contains("0.5 to 0.999"), "{said}");
    let said = attempt("risk: [what\n");
    assert!(said.contains("mine.yaml"), "{said}");
    let said = refused(&["train", &project, "--config", "recomended", "--device", "cpu"]);
    assert!(said.contains("did you mean recommended"), "{said}");
    let said = refused(&["presets", "recomended"]);
    assert!(said.contains("did you mean recommended"), "{said}");
    let said = refused(&["train", &project, "--epochs", "0", "--device", "cpu"]);
    assert!(said.contains("epochs is 0"), "{said}");
    let said = refused(&["train", &project, "--prior", "1.5", "--device", "cpu"]);
    assert!(said.contains("prior is 1.5"), "{said}");
    let said = refused(&["train", &project, "--device", "gpu:99"]);
    assert!(said.contains("--device cpu"), "{said}");
    assert!(refused(&["train", &project, "--resume", "nobody", "--device", "cpu"]).contains("nobody"));
    let config = quick_config(dir.path(), 1);
    train(&project, &config, "a");
    let said = refused(&["train", &project, "--config", &config, "--name", "a", "--device", "cpu"]);
    assert!(said.contains("'a'"), "{said}");
    let said = refused(&["train", &project, "--config", &config, "--name", "../a", "--device", "cpu"]);
    assert!(said.contains("../a"), "{said}");
    let info = ok(&["info", &project, "--json"]);
    assert_eq!(info.matches("\"status\":").count(), 1, "refused runs leave nothing: {info}");
}

#[test]
fn folders_that_are_no_projects_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let place = text(dir.path());
    let missing = text(dir.path().join("missing"));
    for call in [
        &["info", &place][..],
        &["info", &missing],
        &["train", &missing, "--device", "cpu"],
        &["label", &missing, "positive", "--ids", "1"],
        &["score", &missing, "--run", "a", "--device", "cpu"],
        &["compare", &missing],
        &["export", &missing, "--format", "csv", "--out", "x.csv"],
    ] {
        let said = refused(call);
        assert!(said.contains(call[1]), "{call:?}: {said}");
    }
    std::fs::write(dir.path().join("file"), "x").unwrap();
    let said = refused(&["new", &place]);
    assert!(said.contains("empty"), "{said}");
    let damaged = project(dir.path(), "damaged", 16, [2, 2, 0]);
    for entry in std::fs::read_dir(&damaged).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "sqlite" || e == "db") {
            std::fs::write(&path, "no database at all, but long enough to have a header of sorts").unwrap();
        }
    }
    let said = refused(&["info", &damaged]);
    assert!(said.contains("damaged"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_read_all_the_same() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::process::Command;

    use crate::needs::{Need, missing};

    let dir = tempfile::tempdir().unwrap();
    let allow = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let project = project(dir.path(), "p", 16, [4, 8, 0]);
    // Permissions do not bind the administrator: the program is then run as nobody.
    let program = dir.path().join("vitrine");
    let as_nobody = std::fs::metadata(dir.path()).unwrap().uid() == 0;
    if as_nobody {
        let there = Command::new("setpriv").arg("--version").output().is_ok_and(|o| o.status.success());
        if !there {
            let test = "a_folder_that_cannot_be_written_is_read_all_the_same";
            return missing(Need::OtherUser, test, "needs setpriv when the administrator runs it");
        }
        std::fs::copy(env!("CARGO_BIN_EXE_vitrine"), &program).unwrap();
        allow(dir.path(), 0o755);
        allow(&program, 0o755);
    }
    let call = |args: &[&str]| {
        let mut command = if as_nobody {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
            command
        } else {
            vitrine()
        };
        finish(command.args(args))
    };
    for entry in std::fs::read_dir(&project).unwrap() {
        let path = entry.unwrap().path();
        allow(&path, if path.is_dir() { 0o555 } else { 0o444 });
    }
    allow(Path::new(&project), 0o555);

    let shown = call(&["info", &project, "--json"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains("\"unlabeled\": 8"), "{shown:?}");
    let config = quick_config(dir.path(), 1);
    for args in [
        &["label", &project, "negative", "--ids", "0"][..],
        &["train", &project, "--config", &config, "--device", "cpu"],
        &["new", &format!("{project}/inner")],
    ] {
        let ended = call(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        assert!(sentence(&ended).contains(&project), "{args:?}: {ended:?}");
    }
    allow(Path::new(&project), 0o755);
}
