//! Printing on standard output.

use std::io::Write as _;

/// Prints a value as JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    print_line(&text);
    Ok(())
}

/// Prints a line. A reader that has closed the pipe (`| head`) is no error.
pub fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
