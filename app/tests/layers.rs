//! The layers of the program: no file of `app/src` imports a file that imports it, directly or through
//! others, and imports go down the order that stands in ARCHITECTURE.md.
//!
//! Read from `use` lines and from paths that begin with `crate`, `self` or `super`. A path leads to the
//! longest module it names: `crate::gui::model::Model` to `gui/model/mod.rs`, `super::open::Shown` to
//! `open.rs`. So the files of a folder import each other, not the folder's `mod.rs`, which imports them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers from the lowest to the highest, as files or folders of `app/src`. A file may import its own
/// layer and those before it.
const ORDER: [&str; 24] = [
    "words",
    "version",
    "logging",
    "gpu",
    "gui/values",
    "gui/drafts",
    "gui/jobs",
    "gui/training",
    "gui/settings",
    "gui/command",
    "gui/command_table",
    "gui/remedy",
    "gui/keys",
    "gui/undo",
    "gui/desktop",
    "gui/trouble",
    "gui/model",
    "gui/theme",
    "gui/widgets",
    "gui/views",
    "gui/app",
    "gui/run",
    "gui",
    "cli",
];

/// A module as the names that lead to it from the crate's root.
type Module = Vec<String>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The module that a file of `root` holds; the crate's root has no names.
fn module_of(root: &Path, file: &Path) -> Module {
    let mut names: Module = file
        .strip_prefix(root)
        .unwrap()
        .with_extension("")
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

/// A file without its comments and without its tests, which stand at its end.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths that begin with `crate`, `self` or `super`, with the branches of `{…}` written out.
fn paths_of(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("::") {
        let word = code[..at].rsplit(|c: char| !is_of_name(c)).next().unwrap_or_default();
        let before = code[..at - word.len()].chars().next_back();
        if ["crate", "self", "super"].contains(&word) && before != Some(':') {
            branch(&code[at + 2..], vec![word.to_owned()], &mut paths);
        }
    }
    paths
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads what follows on `::` in `rest` and adds the paths it names; what is left of `rest`.
fn branch<'a>(rest: &'a str, mut path: Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches([' ', '\n', ',']);
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if rest.is_empty() {
                return rest;
            }
            rest = branch(rest, path.clone(), paths);
        }
    }
    let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() {
        // `*`, or no path at all.
        paths.push(path);
        return rest.get(1..).unwrap_or_default();
    }
    path.push(name.to_owned());
    match after.strip_prefix("::") {
        Some(after) => branch(after, path, paths),
        None => {
            paths.push(path);
            // `as other`
            let renamed = after.strip_prefix(" as ").map(|after| after.trim_start_matches(is_of_name));
            renamed.unwrap_or(after)
        }
    }
}

/// The module that a path in `module` leads to: the longest one it names.
fn target(module: &[String], path: &[String], modules: &BTreeSet<Module>) -> Module {
    let mut base = module.to_vec();
    let mut rest = path;
    while let [first, more @ ..] = rest {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => {
                base.pop();
            }
            "self" => {}
            _ => break,
        }
        rest = more;
    }
    base.extend(rest.iter().cloned());
    while !modules.contains(&base) {
        base.pop();
    }
    base
}

/// Which module imports which.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    // Tests in a file of their own are no part of the program.
    files.retain(|file| !file.file_stem().unwrap().to_string_lossy().ends_with("_tests"));
    let modules: BTreeSet<Module> = files.iter().map(|file| module_of(&root, file)).collect();
    assert!(
        modules.len() > 100,
        "only {} files; does this test still look in the right place?",
        modules.len()
    );
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for file in &files {
        let module = module_of(&root, file);
        let code = code_of(&std::fs::read_to_string(file).unwrap());
        let targets = paths_of(&code).into_iter().map(|path| target(&module, &path, &modules));
        let own = imports.entry(module.clone()).or_default();
        own.extend(targets.filter(|target| *target != module));
    }
    imports
}

fn shown(module: &[String]) -> String {
    module.join("/")
}

/// The place of a module in [`ORDER`]; the crate's root, which lists them all, has none.
fn layer(module: &[String]) -> Option<usize> {
    let path = shown(module);
    let within = |layer: &str| path == layer || path.starts_with(&format!("{layer}/"));
    // "gui/command" before "gui".
    let fitting = ORDER.iter().enumerate().filter(|(_, layer)| within(layer));
    fitting.max_by_key(|(_, layer)| layer.len()).map(|(place, _)| place)
}

#[test]
fn imports_go_down_the_layers() {
    let mut wrong = Vec::new();
    for (module, targets) in imports() {
        if module.is_empty() {
            continue;
        }
        let from = layer(&module);
        assert!(from.is_some(), "{} is in no layer: give it a place in ORDER", shown(&module));
        wrong.extend(
            targets
                .iter()
                .filter(|target| layer(target) > from)
                .map(|target| format!("{} imports {}", shown(&module), shown(target))),
        );
    }
    assert!(wrong.is_empty(), "these imports go up:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_imports_a_file_that_imports_it() {
    let mut imports = imports();
    // What imports nothing that is left is in no circle; at the end the circles and what leads to them remain.
    loop {
        let free: Vec<Module> = imports
            .iter()
            .filter(|(_, targets)| targets.is_empty())
            .map(|(module, _)| module.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        for module in &free {
            imports.remove(module);
        }
        for targets in imports.values_mut() {
            targets.retain(|target| !free.contains(target));
        }
    }
    let Some(mut at) = imports.keys().next() else { return };
    let mut way = Vec::new();
    while !way.contains(&at) {
        way.push(at);
        at = imports[at].first().unwrap();
    }
    way.push(at);
    let begin = way.iter().position(|module| *module == at).unwrap();
    let circle: Vec<String> = way[begin..].iter().map(|module| shown(module)).collect();
    panic!("a circle of imports: {}", circle.join(" → "));
}

#[test]
fn the_order_stands_in_the_description_of_the_architecture() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let order = ORDER.map(|layer| format!("`{layer}`")).join(" < ");
    assert!(words(&text).contains(&order), "ARCHITECTURE.md does not say: {order}");
}

#[test]
fn paths_are_read_with_their_branches() {
    let code = code_of(
        "//! crate::not::this\nuse crate::a::{self, b::C, d::{E, f as g}};\nuse super::h;\nlet x = self::i::j();\nstd::k::l;",
    );
    let paths: Vec<String> = paths_of(&code).iter().map(|path| path.join("::")).collect();
    let wanted =
        ["crate::a::self", "crate::a::b::C", "crate::a::d::E", "crate::a::d::f", "super::h", "self::i::j"];
    assert_eq!(paths, wanted);
}
