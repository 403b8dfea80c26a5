//! Which micrograph a table means: names with and without folder, extension, and what processing
//! programs append (`_aligned_mic_DW`) or put in front (cryoSPARC's number).
//!
//! The closest kind of agreement wins: the same path, the same file name, the same name without
//! extension, the same name without suffixes. Where two files agree equally well nothing is
//! guessed, and both are named.

use std::collections::HashMap;
use std::path::Path;

/// Extensions taken off a name, in lower case; others may be part of it (`mic_0.5`).
const EXTENSIONS: &[&str] = &[
    "mrc", "mrcs", "map", "rec", "st", "tif", "tiff", "eer", "png", "jpg", "jpeg", "gz", "bz2", "star",
    "box", "cbox", "csv", "tsv", "txt", "coords", "json",
];

/// What programs append to the name of a movie or micrograph, in lower case.
const SUFFIXES: &[&str] = &[
    "_patch_aligned_doseweighted",
    "_rigid_aligned_doseweighted",
    "_patch_aligned",
    "_rigid_aligned",
    "_aligned_mic_dw",
    "_aligned_mic",
    "_aligned",
    "_doseweighted",
    "_dose_weighted",
    "_dw",
    "_nodw",
    "_sum",
    "_denoised",
    "_autopick",
    "_manualpick",
    "_topazpicks",
    "_topaz",
    "_picks",
    "_pick",
    "_particles",
    "_coords",
    "_boxes",
];

/// Digits that make a leading number cryoSPARC's identifier rather than a date or a counter.
const UID_DIGITS: usize = 12;

/// What a name was found to mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The entry with this index.
    Found(usize),
    /// Nothing.
    Nothing,
    /// Several entries equally well.
    Ambiguous(Vec<usize>),
}

/// Lower-case extension of a path; empty without one.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Finds what `name` means among `available`. For many names build [`Names`] once.
pub fn match_name<S: AsRef<str>>(name: &str, available: &[S]) -> Match {
    Names::new(available).find(name)
}

/// Micrographs that names can be matched to.
#[derive(Debug, Clone, Default)]
pub struct Names {
    paths: Vec<String>,
    by_path: Index,
    by_file: Index,
    by_stem: Index,
    by_core: Index,
    /// Only those that begin with cryoSPARC's number, without it.
    by_core_without_uid: Index,
}

type Index = HashMap<String, Vec<usize>>;

impl Names {
    /// Prepares the names (or paths) of the micrographs that are there.
    pub fn new<S: AsRef<str>>(available: &[S]) -> Self {
        let mut names = Self::default();
        let mut add = |index: fn(&mut Self) -> &mut Index, key: String, at: usize| {
            index(&mut names).entry(key).or_default().push(at);
        };
        for (at, name) in available.iter().enumerate() {
            let path = slashes(name.as_ref());
            let core = core(&path).to_lowercase();
            if let Some(rest) = without_uid(&core) {
                add(|n| &mut n.by_core_without_uid, rest.to_owned(), at);
            }
            add(|n| &mut n.by_core, core, at);
            add(|n| &mut n.by_stem, stem(&path).to_owned(), at);
            add(|n| &mut n.by_file, file(&path).to_owned(), at);
            add(|n| &mut n.by_path, path, at);
        }
        names.paths = available.iter().map(|n| slashes(n.as_ref())).collect();
        names
    }

    /// Finds what `name` means.
    pub fn find(&self, name: &str) -> Match {
        let path = slashes(name);
        let core = core(&path).to_lowercase();
        if core.is_empty() {
            return Match::Nothing;
        }
        let steps = [
            self.by_path.get(&path),
            self.by_file.get(file(&path)),
            self.by_stem.get(stem(&path)),
            self.by_core.get(&core),
            // Only one side may lose its number: two numbers that differ mean two micrographs.
            without_uid(&core).and_then(|rest| self.by_core.get(rest)),
            self.by_core_without_uid.get(&core),
        ];
        match steps.into_iter().flatten().next() {
            None => Match::Nothing,
            Some(only) if only.len() == 1 => Match::Found(only[0]),
            Some(several) => self.nearest(&path, several),
        }
    }

    /// Of several equally named files the one that shares most folders with `path`.
    fn nearest(&self, path: &str, several: &[usize]) -> Match {
        let folders = |p: &str| p.rsplit('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
        let wanted = folders(path);
        let shared = |at: usize| {
            let there = self.paths.get(at).map(|p| folders(p)).unwrap_or_default();
            wanted.iter().zip(&there).take_while(|(a, b)| a == b).count()
        };
        let best = several.iter().map(|&at| shared(at)).max().unwrap_or(0);
        let nearest: Vec<usize> = several.iter().copied().filter(|&at| shared(at) == best).collect();
        match nearest.as_slice() {
            [only] => Match::Found(*only),
            _ => Match::Ambiguous(nearest),
        }
    }
}

/// A path with `/` between its parts; cryoSPARC's `>` in front is taken off.
fn slashes(name: &str) -> String {
    let name = name.trim().replace('\\', "/");
    let name = name.strip_prefix('>').unwrap_or(&name);
    name.strip_prefix("./").unwrap_or(name).to_owned()
}

/// The part behind the last `/`.
fn file(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file name without known extensions (`a.mrc.gz` → `a`).
fn stem(path: &str) -> &str {
    let mut name = file(path);
    while let Some((head, tail)) = name.rsplit_once('.') {
        if head.is_empty() || !EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(tail)) {
            break;
        }
        name = head;
    }
    name
}

/// The file name without extensions and suffixes.
fn core(path: &str) -> &str {
    let mut name = stem(path);
    'again: loop {
        for suffix in SUFFIXES {
            let Some(at) = name.len().checked_sub(suffix.len()).filter(|at| *at > 0) else { continue };
            if name.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(suffix)) {
                // A suffix may hide another extension (`a.mrc_DW`).
                name = stem(&name[..at]);
                continue 'again;
            }
        }
        return name;
    }
}

/// The name without cryoSPARC's leading number, where it has one.
fn without_uid(name: &str) -> Option<&str> {
    let (number, rest) = name.split_once('_')?;
    let uid = number.len() >= UID_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    (uid && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_extensions_and_suffixes_are_seen_through() {
        let there =
            ["raw/mic_01.mrc", "raw/mic_02.mrc.gz", "raw/mic_03_aligned_mic_DW.mrc", "raw/mic_0.5.mrc"];
        for (name, at) in [
            ("raw/mic_01.mrc", 0),
            ("mic_01", 0),
            ("MotionCorr/job002/raw/mic_01.mrc", 0),
            ("mic_01_aligned_mic_DW.mrc", 0),
            ("mic_01_patch_aligned_doseweighted.tif", 0),
            (">J3/motioncorrected/009270517818331954156_mic_01_patch_aligned_doseweighted.mrc", 0),
            ("mic_01_autopick.star", 0),
            ("other\\mic_02.box", 1),
            ("mic_03", 2),
            ("mic_03_doseweighted.mrc", 2),
            ("mic_0.5", 3),
        ] {
            assert_eq!(match_name(name, &there), Match::Found(at), "{name}");
        }
        for name in ["", "mic", "mic_04", "mic_0", "mic_01b", "_DW"] {
            assert_eq!(match_name(name, &there), Match::Nothing, "{name}");
        }
    }

    #[test]
    fn what_fits_twice_is_not_guessed() {
        let there = ["a/mic.mrc", "b/mic.mrc", "mic_DW.mrc"];
        assert_eq!(match_name("mic", &there), Match::Ambiguous(vec![0, 1]));
        assert_eq!(match_name("x/b/mic.mrc", &there), Match::Found(1));
        assert_eq!(match_name("mic_DW.box", &there), Match::Found(2));
        assert_eq!(match_name("mic_doseweighted", &there), Match::Ambiguous(vec![0, 1, 2]));
    }

    #[test]
    fn an_identifier_comes_off_one_side_only() {
        let there = ["000123456789_mic.mrc", "20180810_mic2.mrc"];
        assert_eq!(match_name("mic.mrc", &there), Match::Found(0));
        assert_eq!(match_name("000999999999_mic.mrc", &there), Match::Nothing);
        assert_eq!(match_name("mic2", &there), Match::Nothing);
        assert_eq!(match_name("000123456789_20180810_mic2", &there), Match::Found(1));
    }
}
