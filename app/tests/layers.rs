//! The layers of the program: no file of `app/src` imports a file that imports it, directly or through others, and imports go
//! down the order that stands in ARCHITECTURE.md.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../../core/tests/layering/mod.rs"]
mod layering;

use std::path::Path;

use layering::Sources;

/// The modules from the lowest to the highest.
const ORDER: &[&[&str]] = &[&["words"], &["version"], &["logging"], &["gpu"], &["gui"], &["cli"]];
/// Those of the window, likewise.
const WINDOW: &[&[&str]] = &[
    &["values"],
    &["drafts"],
    &["jobs"],
    &["training"],
    &["settings"],
    &["command"],
    &["command_table"],
    &["remedy"],
    &["keys"],
    &["undo"],
    &["desktop"],
    &["trouble"],
    &["model"],
    &["theme"],
    &["widgets"],
    &["views"],
    &["app"],
    &["run"],
];

fn sources() -> Sources {
    let sources = Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    sources
}

#[test]
fn imports_go_down_the_layers() {
    let sources = sources();
    let wrong = [sources.against(&[], ORDER), sources.against(&["gui"], WINDOW)].concat();
    assert!(wrong.is_empty(), "these imports go up:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_imports_a_file_that_imports_it() {
    let circles = sources().circles();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn the_order_stands_in_the_description_of_the_architecture() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut order: Vec<String> = Vec::new();
    for module in ORDER.concat() {
        if module == "gui" {
            order.extend(WINDOW.concat().iter().map(|part| format!("`gui/{part}`")));
        }
        order.push(format!("`{module}`"));
    }
    let order = order.join(" < ");
    assert!(words(&text).contains(&order), "ARCHITECTURE.md does not say: {order}");
}
