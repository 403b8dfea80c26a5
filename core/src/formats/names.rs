//! Finds the micrograph that a table means. Names may differ in folder, extension, the suffixes that
//! processing programs append (`_aligned_mic_DW`) and the number that cryoSPARC puts in front.
//!
//! The closest kind of agreement wins: the same path, the same file name, the same name without
//! extension, then the names after the fewest suffixes are taken off, one at a time and from either
//! side. Where two files agree equally well, the match is ambiguous and names both.

use std::collections::HashMap;
use std::path::Path;

/// Extensions taken off a name, in lower case; others may be part of it (`mic_0.5`).
const EXTENSIONS: &[&str] = &[
    "mrc", "mrcs", "map", "rec", "st", "tif", "tiff", "eer", "png", "jpg", "jpeg", "gz", "bz2", "star",
    "box", "cbox", "csv", "tsv", "txt", "coord", "coords", "xy", "json",
];

/// What an image is, as the end of its name says, best first: of several versions of one micrograph
/// the first is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// Dose-weighted average.
    DoseWeighted,
    /// No word about it.
    Plain,
    /// Average of all frames of which the name says no more.
    Aligned,
    /// Denoised.
    Denoised,
    /// Average that is not dose-weighted.
    NotDoseWeighted,
    /// Average of the even frames.
    Even,
    /// Average of the odd frames.
    Odd,
    /// The background that cryoSPARC took off.
    Background,
    /// Power spectrum.
    PowerSpectrum,
    /// Small picture to look at.
    Thumbnail,
}

/// What programs append to the name of a movie or micrograph, in lower case. Of two that fit the
/// earlier one is taken off, so longer ones come first.
const SUFFIXES: &[(&str, Version)] = &[
    ("_patch_aligned_doseweighted", Version::DoseWeighted),
    ("_rigid_aligned_doseweighted", Version::DoseWeighted),
    ("_aligned_doseweighted", Version::DoseWeighted),
    ("_patch_aligned", Version::NotDoseWeighted),
    ("_rigid_aligned", Version::NotDoseWeighted),
    ("_aligned_mic_dws", Version::DoseWeighted),
    ("_aligned_mic_dw", Version::DoseWeighted),
    ("_aligned_mic", Version::Aligned),
    ("_aligned", Version::Aligned),
    ("_non_doseweighted", Version::NotDoseWeighted),
    ("_nodoseweighted", Version::NotDoseWeighted),
    ("_doseweighted", Version::DoseWeighted),
    ("_dose_weighted", Version::DoseWeighted),
    ("_nodw", Version::NotDoseWeighted),
    ("_dws", Version::DoseWeighted),
    ("_dw", Version::DoseWeighted),
    ("_sum", Version::Aligned),
    ("_fractions", Version::Plain),
    ("_frames", Version::Plain),
    ("_movie", Version::Plain),
    ("_eer", Version::Plain),
    ("_corrected", Version::Aligned),
    ("_motioncor2", Version::Aligned),
    ("_motioncorr", Version::Aligned),
    ("_denoised", Version::Denoised),
    ("_evn", Version::Even),
    ("_even", Version::Even),
    ("_odd", Version::Odd),
    ("_background", Version::Background),
    ("_ps", Version::PowerSpectrum),
    ("_ctffind4", Version::PowerSpectrum),
    ("_ctf", Version::PowerSpectrum),
    ("_pow", Version::PowerSpectrum),
    ("_fft", Version::PowerSpectrum),
    ("_thumb@1x", Version::Thumbnail),
    ("_thumb@2x", Version::Thumbnail),
    ("_thumbnail", Version::Thumbnail),
    ("_thumb", Version::Thumbnail),
    ("_autopick", Version::Plain),
    ("_vitrine", Version::Plain),
    ("_manualpick", Version::Plain),
    ("_extract", Version::Plain),
    ("_topazpicks", Version::Plain),
    ("_topaz", Version::Plain),
    ("_picks", Version::Plain),
    ("_pick", Version::Plain),
    ("_particles", Version::Plain),
    ("_coords", Version::Plain),
    ("_boxes", Version::Plain),
    ("_info", Version::Plain),
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
    /// By stem, in the case it is written in.
    by_stem: Index,
    /// By stem in lower case after this many suffixes were taken off.
    by_bare: Vec<Index>,
    /// As `by_bare`; only those that begin with cryoSPARC's number, without it.
    by_bare_without_uid: Vec<Index>,
}

type Index = HashMap<String, Vec<usize>>;

impl Names {
    /// Prepares the names (or paths) of the micrographs that are there.
    pub fn new<S: AsRef<str>>(available: &[S]) -> Self {
        let mut names = Self::default();
        let add = |index: &mut Index, key: &str, at: usize| {
            index.entry(key.to_owned()).or_default().push(at);
        };
        for (at, name) in available.iter().enumerate() {
            let path = slashes(name.as_ref());
            add(&mut names.by_path, &path, at);
            add(&mut names.by_file, file(&path), at);
            add(&mut names.by_stem, stem(&path), at);
            let bare = bared(&path);
            for (level, key) in bare.iter().enumerate() {
                if names.by_bare.len() <= level {
                    names.by_bare.push(Index::new());
                    names.by_bare_without_uid.push(Index::new());
                }
                if let Some(index) = names.by_bare.get_mut(level) {
                    add(index, key, at);
                }
                if let (Some(rest), Some(index)) =
                    (without_uid(key), names.by_bare_without_uid.get_mut(level))
                {
                    add(index, rest, at);
                }
            }
            names.paths.push(path);
        }
        names
    }

    /// Finds what `name` means.
    pub fn find(&self, name: &str) -> Match {
        let path = slashes(name);
        let bare = bared(&path);
        if bare.last().is_none_or(String::is_empty) {
            return Match::Nothing;
        }
        let exact = [self.by_path.get(&path), self.by_file.get(file(&path)), self.by_stem.get(stem(&path))];
        let found = exact.into_iter().flatten().next().cloned().or_else(|| {
            // Only one side may lose cryoSPARC's number: two numbers that differ mean two micrographs.
            let own: Vec<Option<&str>> = bare.iter().map(|name| Some(name.as_str())).collect();
            let numberless: Vec<Option<&str>> = bare.iter().map(|name| without_uid(name)).collect();
            fewest(&own, &self.by_bare)
                .or_else(|| fewest(&numberless, &self.by_bare))
                .or_else(|| fewest(&own, &self.by_bare_without_uid))
        });
        match found.as_deref() {
            None => Match::Nothing,
            Some([only]) => Match::Found(*only),
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

/// The entries that agree after the fewest suffixes in all were taken off `names` (one by one) and off
/// the entries of `indices`.
fn fewest(names: &[Option<&str>], indices: &[Index]) -> Option<Vec<usize>> {
    (0..names.len() + indices.len()).find_map(|off| {
        let mut found: Vec<usize> = (0..=off)
            .filter_map(|own| indices.get(off - own)?.get((*names.get(own)?)?))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        (!found.is_empty()).then_some(found)
    })
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

/// A name without its last suffix, and what the suffix says of it.
fn without_suffix(name: &str) -> Option<(&str, Version)> {
    SUFFIXES.iter().find_map(|(suffix, version)| {
        let at = name.len().checked_sub(suffix.len()).filter(|at| *at > 0)?;
        // A suffix may hide another extension (`a.mrc_DW`).
        name.get(at..)?.eq_ignore_ascii_case(suffix).then(|| (stem(&name[..at]), *version))
    })
}

/// The stem in lower case, then the stem with one suffix taken off after the other.
fn bared(path: &str) -> Vec<String> {
    let mut name = stem(path);
    let mut all = vec![name.to_lowercase()];
    while let Some((rest, _)) = without_suffix(name) {
        name = rest;
        all.push(name.to_lowercase());
    }
    all
}

/// The name of a micrograph without folder, extensions and all suffixes, in lower case, and which
/// version of it the file is.
pub(crate) fn version_of(path: &Path) -> (String, Version) {
    let path = slashes(&path.to_string_lossy());
    let mut name = stem(&path);
    let mut version = Version::Plain;
    while let Some((rest, said)) = without_suffix(name) {
        name = rest;
        // `mic_doseweighted_EVN` is an average of even frames.
        version = match (version, said) {
            (Version::Plain, _) => said,
            (_, Version::Plain) => version,
            _ => version.max(said),
        };
    }
    (name.to_lowercase(), version)
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
        // One suffix is taken off for the first two, two for the third.
        assert_eq!(match_name("mic_doseweighted", &there), Match::Ambiguous(vec![0, 1]));
        assert_eq!(match_name("mic", &["mic_EVN.mrc", "mic_ODD.mrc"]), Match::Ambiguous(vec![0, 1]));
    }

    #[test]
    fn suffixes_come_off_one_at_a_time() {
        // RELION's names: MotionCorr writes mic.mrc and mic_noDW.mrc, the pickers append theirs.
        let there = ["m/mic.mrc", "m/mic_noDW.mrc", "m/mic_EVN.mrc", "m/FoilHole_7_Fractions.mrc"];
        for (name, at) in [
            ("mic_autopick.star", 0),
            ("mic_manualpick.star", 0),
            ("mic_extract.star", 0),
            ("mic_noDW_autopick.star", 1),
            ("mic_EVN_autopick.star", 2),
            ("mic_ODD", 0),
            ("FoilHole_7_Fractions_autopick.star", 3),
            ("FoilHole_7_fractions_patch_aligned_doseweighted.mrc", 3),
            ("FoilHole_7", 3),
        ] {
            assert_eq!(match_name(name, &there), Match::Found(at), "{name}");
        }
    }

    #[test]
    fn the_end_of_a_name_says_which_version_it_is() {
        for (name, core, version) in [
            ("m/Mic_1.mrc", "mic_1", Version::Plain),
            ("m/mic_1_PS.mrc", "mic_1", Version::PowerSpectrum),
            ("m/mic_1_EVN.mrc", "mic_1", Version::Even),
            ("m/mic_1_noDW.mrc", "mic_1", Version::NotDoseWeighted),
            ("m/mic_1_aligned_mic_DW.mrc", "mic_1", Version::DoseWeighted),
            ("m/9_mic_1_patch_aligned_doseweighted.mrc", "9_mic_1", Version::DoseWeighted),
            ("m/9_mic_1_patch_aligned.mrc", "9_mic_1", Version::NotDoseWeighted),
            ("m/9_mic_1_background.mrc", "9_mic_1", Version::Background),
            ("m/FoilHole_1_Fractions_DW.mrc", "foilhole_1", Version::DoseWeighted),
        ] {
            assert_eq!(version_of(Path::new(name)), (core.to_owned(), version), "{name}");
        }
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
