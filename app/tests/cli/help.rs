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
        "new", "import", "info", "label", "train", "score", "compare", "runs", "pick", "diagnose",
        "evaluate", "export", "demo", "devices",
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
    for name in
        ["recommended", "supervised_baseline", "fixmatch_pu_debugged", "fixmatch_pu_fixed_v2", "pu_only"]
    {
        assert!(presets.contains(name), "{presets}");
        assert!(ok(&["presets", name]).contains("description:"));
    }
    assert!(ok(&["presets", "recommended", "--full"]).contains("gradient_clip"));
}
