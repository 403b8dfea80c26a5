//! Vitrine: clean particle sets from cryo-electron micrographs with a few hundred labels.

use std::process::ExitCode;

fn main() -> ExitCode {
    vitrine::cli::run()
}
