//! Searches a folder and the folders inside it for micrographs and for files that may hold picks. Takes one
//! version of each micrograph, and lists everything it leaves out with the reason.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::LeftOut;
use super::form::named_like_picks;
use super::micrograph::{Format, first_bytes};
use super::names::{Version, extension, version_of};
use super::{micrograph, mrc};
use crate::error::{Error, Result};

/// Folders inside one another that are looked into.
const DEEPEST: usize = 12;

/// The contents of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Micrographs, sorted by path, among them files that are named like one and may be broken.
    pub micrographs: Vec<PathBuf>,
    /// Files named like pick files, sorted by path.
    pub picks: Vec<PathBuf>,
    /// Images that are no micrograph, or another version of one that is taken.
    pub left_out: Vec<LeftOut>,
}

/// Files and folders in a folder, sorted by name; hidden ones are passed over.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::io("read", folder, e);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        if !hidden {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

/// The files in a folder and in the folders inside it, as far as they can be listed now; hidden ones are passed over. Asks the
/// disk for no file by itself, except for links.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((at, depth)) = folders.pop() {
        // A link may lead back to a folder above it.
        if !seen.insert(std::fs::canonicalize(&at).unwrap_or_else(|_| at.clone())) {
            continue;
        }
        for entry in std::fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let is_folder =
                entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && path.is_dir());
            if !is_folder {
                files.push(path);
            } else if depth < DEEPEST {
                folders.push((path, depth + 1));
            }
        }
    }
    files
}

/// Looks through a folder and the folders inside it.
///
/// # Errors
/// When the folder itself cannot be read, or [`Error::Cancelled`] once `go_on` says no.
pub(crate) fn contents(folder: &Path, go_on: &mut dyn FnMut() -> bool) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut images = Vec::new();
    let mut seen = HashSet::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((at, depth)) = folders.pop() {
        // A link may lead back to a folder above it.
        if !seen.insert(std::fs::canonicalize(&at).unwrap_or_else(|_| at.clone())) {
            continue;
        }
        let here = match entries(&at) {
            Ok(here) => here,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                contents.left_out.push(LeftOut { path: at, reason: format!("{error}") });
                continue;
            }
        };
        for path in here {
            if path.is_dir() {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            if !go_on() {
                return Err(Error::Cancelled);
            }
            if named_like_picks(&path) {
                contents.picks.push(path);
            } else if let Some(image) = Image::of(&path) {
                images.push(image);
            }
        }
    }
    contents.picks.sort();
    images.sort_by(|a, b| a.path.cmp(&b.path));
    choose(images, &mut contents);
    Ok(contents)
}

/// A file that is an image, or is named like one.
struct Image {
    path: PathBuf,
    /// What it is instead of a micrograph.
    instead: Option<String>,
    movie: bool,
    core: String,
    version: Version,
    /// Which of several formats of one picture is taken: the smallest number.
    format: u8,
}

impl Image {
    fn of(path: &Path) -> Option<Self> {
        let start = first_bytes(path, 1024).unwrap_or_default();
        let format = Format::of(&start);
        let ext = extension(path);
        let named =
            matches!(ext.as_str(), "mrc" | "mrcs" | "map" | "tif" | "tiff" | "eer" | "png" | "jpg" | "jpeg");
        if format.is_none() && !named {
            return None;
        }
        let (core, version) = version_of(path);
        let sections = mrc::sections_in(&start).unwrap_or(1);
        let stem = path.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
        let instead = if ext == "mrcs" || path.to_string_lossy().to_lowercase().ends_with(".mrcs.gz") {
            Some("it is a stack of particle images".to_owned())
        } else if ext == "ctf" {
            Some("it is a power spectrum".to_owned())
        } else if stem == "gain"
            || stem.ends_with("_gain")
            || stem.starts_with("countref")
            || stem.starts_with("superref")
        {
            Some("it is a gain reference".to_owned())
        } else {
            None
        };
        let movie = sections > 1 || (format == Some(Format::Tiff) && micrograph::is_movie(path));
        let format = match format {
            Some(Format::Mrc) => 0,
            Some(Format::Tiff) => 1,
            Some(Format::Png) => 2,
            Some(Format::Jpeg) => 3,
            None => 4,
        };
        Some(Self { path: path.to_owned(), instead, movie, core, version, format })
    }
}

/// Takes one image of each micrograph and says why the others are left out. Only images of the same
/// folder are versions of one another, except that a movie anywhere gives way to its average.
fn choose(images: Vec<Image>, contents: &mut Contents) {
    let averages: HashSet<String> =
        images.iter().filter(|i| i.instead.is_none() && !i.movie).map(|i| i.core.clone()).collect();
    let mut groups: BTreeMap<(PathBuf, String), Vec<Image>> = BTreeMap::new();
    for image in images {
        let folder = image.path.parent().map(Path::to_owned).unwrap_or_default();
        if let Some(reason) = image.instead.clone() {
            contents.left_out.push(LeftOut { path: image.path, reason });
        } else if image.movie && averages.contains(&image.core) {
            let reason = "it is a movie, and its average is taken".to_owned();
            contents.left_out.push(LeftOut { path: image.path, reason });
        } else {
            groups.entry((folder, image.core.clone())).or_default().push(image);
        }
    }
    for (_, mut versions) in groups {
        versions.sort_by(|a, b| (a.version, a.format, &a.path).cmp(&(b.version, b.format, &b.path)));
        let mut versions = versions.into_iter();
        let Some(taken) = versions.next() else { continue };
        let name = taken.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for other in versions {
            let reason = match other.version {
                _ if other.version == taken.version => format!("{name} is the same micrograph"),
                Version::PowerSpectrum => format!("it is the power spectrum of {name}"),
                Version::Background => format!("it is the background of {name}"),
                Version::Thumbnail => format!("it is a small picture of {name}"),
                Version::Even => format!("it is the average of the even frames of {name}"),
                Version::Odd => format!("it is the average of the odd frames of {name}"),
                Version::NotDoseWeighted => format!("it is not dose-weighted, {name} is taken"),
                _ => format!("{name} is another version of the same micrograph and is taken"),
            };
            contents.left_out.push(LeftOut { path: other.path, reason });
        }
        contents.micrographs.push(taken.path);
    }
    contents.micrographs.sort();
    contents.left_out.sort_by(|a, b| a.path.cmp(&b.path));
}
