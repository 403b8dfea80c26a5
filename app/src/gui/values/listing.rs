//! What a folder holds, as the file browser shows it.

use std::path::{Path, PathBuf};

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path, beginning with that of the folder.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether it is a folder that holds a project.
    pub is_project: bool,
    /// Size of a file, bytes.
    pub bytes: u64,
}

/// What a folder holds: folders first, each in the order of the alphabet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries.
    pub entries: Vec<Entry>,
}

impl Listing {
    /// From entries in any order.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_cached_key(|entry| (!entry.is_folder, entry.name.to_lowercase(), entry.name.clone()));
        Self { entries }
    }

    /// The entry at this path.
    pub fn at(&self, path: &Path) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// What the typed beginning of a name can be completed to: the name, with a separator behind that of a folder, or
    /// what all that begin like it have in common; `None` where nothing is to be added. Only entries that `fit` count.
    pub fn completed(&self, typed: &str, fit: impl Fn(&Entry) -> bool) -> Option<String> {
        let like = |entry: &&Entry| fit(entry) && begins(&entry.name, typed);
        let mut found = self.entries.iter().filter(like);
        let first = found.next()?;
        let mut common: Vec<char> = first.name.chars().collect();
        let mut alone = true;
        for other in found {
            alone = false;
            let same = common.iter().zip(other.name.chars()).take_while(|(a, b)| alike(**a, *b)).count();
            common.truncate(same);
        }
        let mut text: String = common.into_iter().collect();
        if alone && first.is_folder {
            text.push(std::path::MAIN_SEPARATOR);
        }
        (text.chars().count() > typed.chars().count() || (alone && text != typed)).then_some(text)
    }
}

/// Whether a name begins with what was typed, in letters of either size.
fn begins(name: &str, typed: &str) -> bool {
    let mut name = name.chars();
    typed.chars().all(|letter| name.next().is_some_and(|known| alike(known, letter)))
}

fn alike(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// The folder that a typed path is in, and the name typed so far: a path that ends with a separator names no file yet.
pub fn parts(path: &Path) -> (PathBuf, String) {
    let text = path.to_string_lossy();
    if text.is_empty() || text.ends_with(std::path::is_separator) {
        return (path.to_owned(), String::new());
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => (parent.join(""), name),
        _ => (path.join(""), String::new()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let entry = |name: &str, is_folder: bool| Entry {
            path: Path::new("/data").join(name),
            name: name.to_owned(),
            is_folder,
            is_project: false,
            bytes: 7,
        };
        Listing::new(vec![
            entry("run2.star", false),
            entry("Micrographs", true),
            entry("run1.star", false),
            entry("apo", true),
            entry("Äpfel", true),
        ])
    }

    #[test]
    fn folders_come_first_in_the_order_of_the_alphabet() {
        let names: Vec<String> = listing().entries.into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["apo", "Micrographs", "Äpfel", "run1.star", "run2.star"]);
    }

    #[test]
    fn a_beginning_is_completed_as_far_as_it_is_clear() {
        let listing = listing();
        let complete = |typed: &str| listing.completed(typed, |_| true);
        assert_eq!(complete("mic").unwrap(), format!("Micrographs{}", std::path::MAIN_SEPARATOR));
        assert_eq!(complete("ru").unwrap(), "run");
        assert_eq!(complete("run"), None);
        assert_eq!(complete("run1").unwrap(), "run1.star");
        assert_eq!(complete("run1.star"), None);
        assert_eq!(complete("x"), None);
        assert_eq!(complete("ä").unwrap(), format!("Äpfel{}", std::path::MAIN_SEPARATOR));
        let folders = |entry: &Entry| entry.is_folder;
        assert_eq!(listing.completed("r", folders), None);
    }

    #[test]
    fn a_typed_path_has_a_folder_and_the_beginning_of_a_name() {
        assert_eq!(parts(Path::new("/data/ru")), (PathBuf::from("/data/"), "ru".to_owned()));
        assert_eq!(parts(Path::new("/data/")), (PathBuf::from("/data/"), String::new()));
        assert_eq!(parts(Path::new("ru")), (PathBuf::from(""), "ru".to_owned()));
        assert_eq!(parts(Path::new("/")), (PathBuf::from("/"), String::new()));
    }
}
