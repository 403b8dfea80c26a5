//! Words that the command line and the window share: errors as sentences, counts, the name of the person.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vitrine_core::learning::eval::Share;
use vitrine_core::project::{Actor, LastImport};
use vitrine_core::{Error, Label, LabelCounts, Remedy};

/// An error with its causes on one line, and what to do about it in the words of `phrase`. A cause already
/// told in the sentence before is not told again.
pub fn sentence(error: &anyhow::Error, phrase: fn(&Remedy) -> String) -> String {
    let mut told = String::new();
    let mut remedy = None;
    for cause in error.chain() {
        let own = cause.downcast_ref::<Error>();
        let text = own.map_or_else(|| cause.to_string(), Error::problem);
        remedy = remedy.or_else(|| own?.remedy());
        if !told.contains(&text) {
            if !told.is_empty() {
                told.push_str(": ");
            }
            told.push_str(&text);
        }
    }
    let told = with_remedy(&told, remedy.as_ref(), phrase);
    told.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What is the matter, and what to do about it in the words of `phrase`.
pub fn with_remedy(text: &str, remedy: Option<&Remedy>, phrase: fn(&Remedy) -> String) -> String {
    remedy.map_or_else(|| text.to_owned(), |remedy| format!("{text}; {}", phrase(remedy)))
}

pub use vitrine_core::words::capitalised;

/// Who is at the keyboard, for the journal.
pub fn person() -> Actor {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    Actor::Person(name.unwrap_or_else(|_| "unknown".to_owned()))
}

/// Who submits a job, as the system calls the person.
pub fn user() -> String {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

/// The person's home folder, where the system says it.
pub fn home() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    std::env::var_os(name).filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// A share in per cent. What is estimated is never certain, so it is not rounded to 0 or 100 %.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 0.0 && p < 0.5 => "under 1 %".to_owned(),
        p if (99.5..100.0).contains(&p) => "over 99 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// An estimated share with its interval. Where the interval is too wide to act on, it stands alone.
pub fn share_interval(share: Share) -> String {
    let interval = format!("{:.0} to {:.0} %", 100.0 * share.low, (100.0 * share.high).min(99.0));
    if share.is_narrow() { format!("{} ({interval})", percent(share.value.min(0.99))) } else { interval }
}

/// The name of a project: its folder's, or for a folder `project` the one around it.
pub fn project_name(dir: &Path) -> String {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match name(&absolute) {
        Some(own) if own == "project" => absolute.parent().and_then(name).unwrap_or(own),
        Some(own) => own,
        None => absolute.display().to_string(),
    }
}

/// Reads a number typed into a field: `None` for nothing typed.
///
/// # Errors
/// The sentence that stands beside the field.
pub fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<Option<T>, String> {
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<T>() {
        Ok(value) if value >= least && value <= most => Ok(Some(value)),
        _ => Err(format!("a number from {least} to {most}")),
    }
}

/// A typed path, `~` for the home folder.
pub fn typed_path(text: &str) -> PathBuf {
    let text = text.trim();
    match (text.strip_prefix('~'), home()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}

/// A count with thousands separated: `1 234 567`, the separator a no-break space.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            // The narrow one would break at the end of a line.
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// "48 positive, 96 unlabeled, 0 negative".
pub fn label_counts(counts: &LabelCounts) -> String {
    let of = |label| format!("{} {label}", count(counts.get(label)));
    [Label::Positive, Label::Unlabeled, Label::Negative].map(of).join(", ")
}

/// "1 patch", "2 patches".
pub fn patches(number: u64) -> String {
    if number == 1 { "1 patch".to_owned() } else { format!("{} patches", count(number)) }
}

/// What an import has brought: "24 patches of set.npz and 2 other files, with 4 micrographs".
pub fn import_named(import: &LastImport) -> String {
    let name = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let micrographs = match import.micrographs {
        1 => "1 micrograph".to_owned(),
        many => format!("{} micrographs", count(many as u64)),
    };
    if import.patches == 0 {
        return micrographs;
    }
    let files = match import.files.as_slice() {
        [] => String::new(),
        [file] => format!(" of {}", name(file)),
        [file, _] => format!(" of {} and 1 other file", name(file)),
        [file, others @ ..] => format!(" of {} and {} other files", name(file), count(others.len() as u64)),
    };
    let with = if import.micrographs > 0 { format!(", with {micrographs}") } else { String::new() };
    format!("{}{files}{with}", patches(import.patches as u64))
}

/// Room on a disk, as disks are sold: "41 MB", "1.3 GB".
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (number as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95 && unit > 0);
    format!("{value:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// How long something took: "48 s", "9 min", "2 h 05 min".
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    match (seconds / 3600, seconds.div_euclid(60) % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) if minutes < 10 => format!("{minutes} min {:02} s", seconds % 60),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// Shows a file (or what is nearest to it and still there) in the system's file manager.
///
/// # Errors
/// When the system has none that can be started.
pub fn reveal(path: &Path) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let there = path.ancestors().find(|place| place.exists()).unwrap_or(path);
    let folder = if there.is_dir() { there } else { there.parent().unwrap_or(there) };
    let mut command = if cfg!(windows) {
        let mut command = Command::new("explorer");
        command.arg(folder);
        command
    } else if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(there);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(folder);
        command
    };
    let what = || format!("no file manager could be started to show {}", folder.display());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().with_context(what)?;
    // Explorer says 1 also when all went well.
    anyhow::ensure!(status.success() || cfg!(windows), what());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_told_in_the_largest_unit_that_leaves_a_number() {
        let told = [0, 512, 41_000_000, 999_600_000, 1_340_000_000, 2_000_000_000_000].map(bytes);
        assert_eq!(told, ["0 kB", "1 kB", "41 MB", "1.0 GB", "1.3 GB", "2.0 TB"]);
    }

    #[test]
    fn times_are_told_as_far_as_they_matter() {
        let told = [0.4, 48.2, 71.0, 540.0, 725.0, 7500.0].map(duration);
        assert_eq!(told, ["0 s", "48 s", "1 min 11 s", "9 min 00 s", "12 min", "2 h 05 min"]);
    }

    #[test]
    fn numbers_are_read_or_refused() {
        assert_eq!(super::number::<usize>(" 12 ", 1, 20), Ok(Some(12)));
        assert_eq!(super::number::<usize>("", 1, 20), Ok(None));
        assert!(super::number::<usize>("0", 1, 20).is_err() && super::number::<usize>("1.5", 1, 20).is_err());
        assert_eq!(super::number::<f64>("1,25", 0.1, 20.0), Ok(Some(1.25)));
        assert!(super::number::<f64>("NaN", 0.1, 20.0).is_err());
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1000), "1\u{a0}000");
        assert_eq!(count(1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!((patches(1).as_str(), patches(0).as_str()), ("1 patch", "0 patches"));
    }

    #[test]
    fn an_error_is_told_once_with_its_remedy_at_the_end() {
        let phrase = |remedy: &Remedy| format!("<{remedy}>");
        let inner = Error::io("read", "a.mrc", std::io::ErrorKind::NotFound.into());
        let error = anyhow::Error::from(inner).context("importing into apo");
        let told = sentence(&error, phrase);
        assert!(told.starts_with("importing into apo: could not read a.mrc: "), "{told}");
        assert!(
            told.ends_with("; <check the path>") && told.matches("could not read").count() == 1,
            "{told}"
        );
        assert_eq!(sentence(&anyhow::anyhow!("two\nlines"), phrase), "two lines");
    }
}
