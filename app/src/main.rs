//! Vitrine: clean particle sets from cryo-electron micrographs with a few hundred labels.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
