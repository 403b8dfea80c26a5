//! Words that the command line and the window share: errors as sentences, counts, who is there.

use std::path::PathBuf;

use vitrine_core::Error;
use vitrine_core::project::Actor;

/// An error with its causes on one line; a cause already told in the sentence before is not told
/// again.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&cause);
        }
    }
    if let Some(Error::Io { source, .. }) = error.downcast_ref::<Error>() {
        use std::io::ErrorKind;
        said.push_str(match source.kind() {
            ErrorKind::NotFound => "; check the path",
            ErrorKind::PermissionDenied => "; check the permissions of the file and its folder",
            ErrorKind::StorageFull => "; free some space and try again",
            _ => "",
        });
    }
    said.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Who is at the keyboard, for the journal.
pub fn person() -> Actor {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    Actor::Person(name.unwrap_or_else(|_| "unknown".to_owned()))
}

/// The person's home folder, where the system says it.
pub fn home() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    std::env::var_os(name).filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// A count with thousands separated: `1 234 567`, the separator a narrow no-break space.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// "1 patch", "2 patches".
pub fn patches(number: u64) -> String {
    if number == 1 { "1 patch".to_owned() } else { format!("{} patches", count(number)) }
}

#[cfg(test)]
mod tests {
    use super::{count, patches};

    #[test]
    fn thousands_are_separated() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1000), "1\u{202f}000");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((patches(1).as_str(), patches(0).as_str()), ("1 patch", "0 patches"));
    }
}
