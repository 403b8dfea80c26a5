//! Words that the command line and the window share: errors as sentences, counts, who is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// A sentence begun with a capital letter.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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

/// A sentence of the library in the window's words: where it names an option of the command line, the
/// field of the window that does the same.
pub fn in_window(text: &str) -> String {
    // Longer ones first.
    const FIELDS: &[(&str, &str)] = &[
        ("leave out --y-up", "turn off \"y counts from the bottom\""),
        ("if so, import with --y-up", "if so, turn on \"y counts from the bottom\""),
        ("use --y-up", "turn on \"y counts from the bottom\""),
        (
            "name these micrographs, or their folder, with --micrographs",
            "add these micrographs, or their folder",
        ),
        ("name them with --micrographs", "add them"),
        ("name them with --picks", "add their files by name"),
        ("give one box size with --box", "give one box size"),
        ("give it with --box, px of the unbinned micrograph", "give it under \"Box size\""),
        (
            "choose --box and --bin so that box / bin agrees",
            "choose box size and averaging so that box / averaging agrees",
        ),
        ("px or more (--margin)", "px or more"),
        ("or replace it with --force", "or allow it to be replaced"),
        ("(--what stack)", "(choose \"Stack\")"),
        ("score the project first: vitrine score PROJECT --run ", "score the project first with the run "),
        ("see `vitrine devices`, or use --device cpu", "choose another device"),
        ("make one with `vitrine new`", "make one by importing files"),
        ("make a project with `vitrine new`", "make one by importing files"),
        ("export the pixels", "export their pixels"),
        (" (`vitrine info` lists them)", ""),
        ("score the project with it (`vitrine score --help`)", "score the patches with it under Train"),
        ("score the project first (`vitrine score --help`)", "score the patches with it first, under Train"),
        ("import some first (`vitrine import --help`)", "import some first"),
        ("train one first (`vitrine train --help`)", "train one first"),
        ("name another file, or use --force", "name another file, or allow it to be replaced"),
        (
            "start again with --device cpu, and report this with the versions of `vitrine devices`",
            "go on from the last good epoch on the processor, and report this with the text of About",
        ),
        ("use auto, cpu, gpu or gpu:N (see `vitrine devices`)", "choose another device"),
        ("report this with the report of --json", "report this with the text of About"),
        ("--prior", "prior"),
        ("report this with --json", "report this with the text of About"),
    ];
    FIELDS.iter().fold(text.to_owned(), |text, (option, field)| text.replace(option, field))
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
    use super::{count, in_window, patches};

    #[test]
    fn room_is_told_in_the_largest_unit_that_leaves_a_number() {
        let told = [0, 512, 41_000_000, 999_600_000, 1_340_000_000, 2_000_000_000_000].map(super::bytes);
        assert_eq!(told, ["0 kB", "1 kB", "41 MB", "1.0 GB", "1.3 GB", "2.0 TB"]);
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
        assert_eq!(count(1000), "1\u{202f}000");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((patches(1).as_str(), patches(0).as_str()), ("1 patch", "0 patches"));
    }

    /// Every option the library or the window names in a sentence has words of the window.
    #[test]
    fn no_option_of_the_command_line_is_named_in_the_window() {
        fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { files(&path, found) } else { found.push(path) }
            }
        }
        let mut sources = Vec::new();
        let core = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src"));
        for area in [
            "ingest",
            "export",
            "imaging",
            "formats",
            "project",
            "review",
            "workflow",
            "learning",
            "diagnosis",
        ] {
            files(&core.join(area), &mut sources);
        }
        // Where there is no window its words are of no use: `gui/mod.rs`.
        let gui = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gui"));
        for area in ["app", "model", "views", "widgets"] {
            files(&gui.join(area), &mut sources);
        }
        assert!(sources.len() > 120, "{}", sources.len());
        let mut seen = 0;
        for path in sources {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let named = |line: &str| {
                    line.contains("`vitrine ")
                        || line.match_indices("--").any(|(at, _)| {
                            let before = line[..at].chars().next_back();
                            let after = line[at + 2..].chars().next();
                            before != Some('-') && after.is_some_and(|c| c.is_ascii_lowercase())
                        })
                };
                seen += usize::from(named(line));
                assert!(!named(&in_window(line)), "{}: {line}", path.display());
            }
        }
        assert!(seen > 8, "only {seen} lines name an option; does this test still look in the right place?");
    }
}
