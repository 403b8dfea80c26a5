//! What the program says of itself.

use crate::support::{finish, ok, run, vitrine};

#[test]
fn every_subcommand_has_a_page_with_examples() {
    let top = ok(&["--help"]);
    assert!(top.contains("A first session:") && top.contains("Exit status:"), "{top}");
    let names: Vec<&str> = top
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for expected in [
        "new",
        "import",
        "info",
        "label",
        "train",
        "score",
        "compare",
        "runs",
        "pick",
        "diagnose",
        "evaluate",
        "export",
        "demo",
        "devices",
        "sweep",
        "relion-pick",
    ] {
        assert!(names.contains(&expected), "{expected} is missing from {names:?}");
    }
    for name in names {
        let page = ok(&[name, "--help"]);
        assert!(page.contains("Examples:") && page.contains(&format!("vitrine {name}")), "{name}: {page}");
        assert!(page.lines().count() > 8, "{name}: {page}");
    }
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [
        &["frobnicate"][..],
        &["import"],
        &["train", "p", "--resume", "a", "--name", "b"],
        &["export", "p", "--format", "docx", "--out", "x"],
        &["export", "p", "--format", "csv", "--out", "x.csv", "--labels", "maybe"],
        &["export", "p", "--format", "csv", "--out", "x.csv", "--threshold", "0.5"],
        &["train", "p", "--device", "abacus"],
        &["label", "p", "good", "--ids", "1"],
        &["diagnose", "p", "--quick", "--sweeps"],
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.out.is_empty() && ended.err.contains("error:"), "{args:?}: {ended:?}");
    }
}

#[test]
fn devices_and_presets_can_be_listed() {
    let listed = finish(vitrine().arg("devices").env_remove("XDG_RUNTIME_DIR"));
    assert!(listed.out.lines().any(|line| line.starts_with("cpu ")), "{listed:?}");
    assert!(!listed.err.contains("error"), "no library complains of a missing desktop: {listed:?}");
    let presets = ok(&["presets"]);
    for name in [
        "recommended",
        "quick",
        "thorough",
        "supervised_baseline",
        "fixmatch_pu_debugged",
        "fixmatch_pu_fixed_v2",
        "pu_only",
    ] {
        assert!(presets.contains(name), "{presets}");
        assert!(ok(&["presets", name]).contains("description:"));
    }
    assert!(ok(&["presets", "recommended", "--full"]).contains("gradient_clip"));
}

#[test]
fn the_short_version_is_a_line_and_the_long_one_tells_commit_and_devices() {
    assert_eq!(ok(&["-V"]), concat!("vitrine ", env!("CARGO_PKG_VERSION"), "\n"));
    let long = ok(&["--version"]);
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!(lines[0], concat!("vitrine ", env!("CARGO_PKG_VERSION")));
    let starts = |word: &str| lines.iter().any(|line| line.starts_with(word));
    assert!(starts("commit ") && starts("built ") && starts("libraries "), "{long}");
    let cpu = |line: &&str| line.starts_with("device ") && line.contains(" cpu ");
    assert!(lines.iter().any(cpu), "{long}");
}

#[test]
fn completions_and_man_pages_can_be_written_for_a_package() {
    let dir = tempfile::tempdir().unwrap();
    ok(&["shell-files", dir.path().to_str().unwrap()]);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    for completions in ["vitrine.bash", "_vitrine", "vitrine.fish"] {
        let text = read(&format!("completions/{completions}"));
        assert!(text.contains("pool-distance"), "{completions}");
    }
    let page = read("man/vitrine-submit-sweep.1");
    assert!(page.contains(".TH") && page.contains("seeds"), "{page}");
    // A page for each command that a person calls, and none for those that nobody calls.
    let names: Vec<String> = std::fs::read_dir(dir.path().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.contains(&"vitrine.1".to_owned()) && names.contains(&"vitrine-import.1".to_owned()),
        "{names:?}"
    );
    assert!(!names.iter().any(|name| name.contains("task") || name.contains("shell-files")), "{names:?}");
}
