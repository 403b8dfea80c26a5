//! Tells the program from which commit, for which machine and by which compiler it is built.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    // What the program is made of: when this changes the program is built anyway, and only then can the commit differ.
    for path in
        ["src", "../core/src", "../configs", "../shaders", "../assets", "../Cargo.lock", "../Cargo.toml"]
    {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=VITRINE_COMMIT");
    let given = env::var("VITRINE_COMMIT").ok().filter(|commit| !commit.is_empty());
    println!("cargo::rustc-env=VITRINE_COMMIT={}", given.or_else(commit).unwrap_or_default());
    println!("cargo::rustc-env=VITRINE_TARGET={}", env::var("TARGET").unwrap_or_default());
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    println!("cargo::rustc-env=VITRINE_RUSTC={}", said(&rustc, &["--version"]).unwrap_or_default());
}

/// The commit that is checked out, with a word on what was changed since; `None` outside a clone.
fn commit() -> Option<String> {
    // The repository of this file, and no other that a source archive was unpacked in.
    let top = said("git", &["rev-parse", "--show-toplevel"])?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.canonicalize().ok()?;
    if Path::new(&top).canonicalize().ok()? != here {
        return None;
    }
    let hash = said("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { hash } else { format!("{hash} with changes") })
}

/// What a command prints, without the line's end.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
