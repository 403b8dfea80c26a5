//! The order of the library's modules, and what keeps it a library: no circles among its files, and no word of
//! a front end.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod layering;

use std::path::{Path, PathBuf};

use layering::Sources;

/// The modules from the lowest to the highest; those in one line do not use each other. The same stands in
/// ARCHITECTURE.md.
const ORDER: &[&[&str]] = &[
    &["remedy", "words", "priority"],
    &["error"],
    &["atomic", "image", "label", "grayscale", "progress", "device"],
    &["formats", "imaging", "cluster"],
    &["project", "learning"],
    &["read_ahead", "picking", "ingest", "export"],
    &["report", "diagnosis", "review"],
    &["workflow"],
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn no_file_uses_a_file_that_uses_it() {
    let sources = Sources::read(&source().join("lib.rs"));
    assert!(sources.len() > 150, "only {} files were found", sources.len());
    let circles = sources.circles();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn modules_use_only_those_below_them() {
    let wrong = Sources::read(&source().join("lib.rs")).against(&[], ORDER);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let architecture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = std::fs::read_to_string(architecture).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let order: Vec<String> = ORDER.iter().map(|group| group.join(", ")).collect();
    assert!(text.contains(&order.join(" < ")), "ARCHITECTURE.md should say: {}", order.join(" < "));
}

/// What can be done about an error is a [`vitrine_core::Remedy`]; the command line and the window word it.
#[test]
fn no_sentence_names_a_front_end() {
    let mut literals = 0;
    for path in files(&source()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        let mut reader = Literals::default();
        syn::visit::Visit::visit_file(&mut reader, &parsed);
        literals += reader.0.len();
        for literal in reader.0 {
            // Variables of a style sheet look like options.
            let style = literal.contains(":root {");
            let option = literal.match_indices("--").any(|(at, _)| {
                let before = literal[..at].chars().next_back();
                let after = literal[at + 2..].chars().next();
                before.is_none_or(|c| " (`'\"".contains(c)) && after.is_some_and(|c| c.is_ascii_lowercase())
            });
            let command = literal.contains("`vitrine") || literal.contains("vitrine --");
            assert!(style || !(option || command), "{}: {literal}", path.display());
        }
    }
    assert!(literals > 2000, "only {literals} texts were read");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The texts of a file, also those in the arguments of macros; documentation is none.
#[derive(Default)]
struct Literals(Vec<String>);

impl<'ast> syn::visit::Visit<'ast> for Literals {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        take(mac.tokens.clone(), &mut self.0);
    }
}

fn take(tokens: proc_macro2::TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Group(group) => take(group.stream(), found),
            proc_macro2::TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
            }
            _ => {}
        }
    }
}
