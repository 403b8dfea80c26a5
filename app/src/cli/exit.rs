//! How a command ends: what is printed on standard error, and the exit status.

use std::process::ExitCode;

use vitrine_core::Error;

use super::remedy::sentence;

/// A command line whose parts do not go together, in a way the parser cannot see.
#[derive(Debug)]
pub struct Usage(pub &'static str);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Usage {}

/// Ctrl-C ended a job that keeps what it has. The text says what that is, and how to go on.
#[derive(Debug)]
pub struct Stopped(pub String);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stopped {}

/// The exit status of a command; an error is printed.
pub fn code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(report(&error)),
    }
}

/// Prints on standard error why a command ended, and returns the exit status.
pub fn report(error: &anyhow::Error) -> u8 {
    if let Some(Usage(what)) = error.downcast_ref::<Usage>() {
        eprintln!("error: {what}");
        return 2;
    }
    if let Some(Stopped(what)) = error.downcast_ref::<Stopped>() {
        eprintln!("vitrine: stopped; {what}");
        return 130;
    }
    if matches!(error.downcast_ref::<Error>(), Some(Error::Cancelled)) {
        eprintln!("vitrine: stopped; what was complete is kept");
        return 130;
    }
    eprintln!("vitrine: {}", sentence(error));
    1
}
