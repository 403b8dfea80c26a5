//! Vitrine finds the particles in cryo-electron micrographs from a few hundred labels.

use std::process::ExitCode;

fn main() -> ExitCode {
    vitrine::cli::run()
}
