//! The scored places of each micrograph on disk: one file a micrograph in the folder of the run, so that another
//! threshold, spacing or number needs no second run, and a run that was stopped goes on with the next micrograph.

use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::picker::{Candidate, Candidates, FLOOR};
use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::imaging::Border;
use crate::imaging::cut::CutSettings;
use crate::remedy::Remedy;

/// Raised when the meaning of a stored file changes; files of other versions are made anew.
const VERSION: u32 = 2;
/// The folder in that of a run.
const FOLDER: &str = "picks";
/// Characters of a micrograph's name kept in the name of its file.
const NAME: usize = 80;

/// A micrograph file as it was when it was picked on. A file that was replaced since is picked on again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Its length, bytes.
    pub bytes: u64,
    /// When it was last changed, ns since 1970; 0 where the file system does not say.
    pub modified: u64,
}

impl FileState {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn of(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            path: path.to_owned(),
            bytes: meta.len(),
            modified: modified.map_or(0, |at| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)),
        })
    }
}

/// What a file of the store holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    micrograph: FileState,
    model: String,
    cut: CutSettings,
    width: usize,
    height: usize,
    /// Left, right, top, bottom, px.
    border: [usize; 4],
    floor: f32,
    /// x and y in tenths of a px, and the logit in thousandths: what is known of a place, in few bytes.
    places: Vec<(i64, i64, i32)>,
}

/// The folder with the scored places of a run.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    model: String,
    cut: CutSettings,
}

impl Store {
    /// The store of a run whose folder is `run_dir`; `checkpoint` is the file of its network. Places that another
    /// network, box or bin factor found are not taken for those of this one.
    ///
    /// # Errors
    /// When the checkpoint cannot be read or the folder not be made.
    pub fn open(run_dir: &Path, checkpoint: &Path, cut: CutSettings) -> Result<Self> {
        let dir = run_dir.join(FOLDER);
        std::fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
        let bytes = std::fs::read(checkpoint).map_err(|e| Error::io("read", checkpoint, e))?;
        Ok(Self { dir, model: hexadecimal(&Sha256::digest(&bytes), 16), cut })
    }

    /// The file in which the places of a micrograph are kept.
    pub fn file(&self, micrograph: &Path) -> PathBuf {
        self.dir.join(file_name(micrograph))
    }

    /// The places of a micrograph, if they are there and the file is still the same. A file that cannot be read counts
    /// as not there.
    pub fn read(&self, micrograph: &FileState) -> Option<Candidates> {
        let text = std::fs::read(self.file(&micrograph.path)).ok()?;
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        let same = stored.version == VERSION
            && stored.micrograph.bytes == micrograph.bytes
            && stored.micrograph.modified == micrograph.modified
            && stored.model == self.model
            && stored.cut == self.cut
            && stored.floor == FLOOR;
        let [left, right, top, bottom] = stored.border;
        same.then(|| Candidates {
            size: (stored.width, stored.height),
            border: Border { left, right, top, bottom },
            places: stored
                .places
                .into_iter()
                .map(|(x, y, logit)| Candidate {
                    x: x as f64 / 10.0,
                    y: y as f64 / 10.0,
                    logit: (f64::from(logit) / 1000.0) as f32,
                })
                .collect(),
        })
    }

    /// Keeps the places of a micrograph; the file appears whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, micrograph: &FileState, found: &Candidates) -> Result<()> {
        let path = self.file(&micrograph.path);
        let Border { left, right, top, bottom } = found.border;
        let stored = Stored {
            version: VERSION,
            micrograph: micrograph.clone(),
            model: self.model.clone(),
            cut: self.cut,
            width: found.size.0,
            height: found.size.1,
            border: [left, right, top, bottom],
            floor: FLOOR,
            places: found.places.iter().map(rounded).collect(),
        };
        let text = serde_json::to_vec(&stored)
            .map_err(|e| Error::format(&path, format!("cannot be written: {e}"), Remedy::ReportDefect))?;
        write_atomically(&path, &text)
    }
}

/// Whether the run whose folder is `run_dir` has picked on a micrograph.
pub fn has_picked(run_dir: &Path, micrograph: &Path) -> bool {
    run_dir.join(FOLDER).join(file_name(micrograph)).exists()
}

/// The name under which a file is looked up, however it was named: relative to this process or not, with or without `..`.
/// Links are not followed, since that asks the disk for each file.
pub fn named(file: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}

/// The name of the file in which the places of a micrograph are kept.
fn file_name(micrograph: &Path) -> String {
    // Two micrographs of the same name in different folders are two.
    let whole = named(micrograph);
    let digest = hexadecimal(&Sha256::digest(whole.to_string_lossy().as_bytes()), 10);
    let name = micrograph.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().take(NAME).collect();
    format!("{name}-{digest}.json")
}

/// A place in the units of a stored file.
fn rounded(place: &Candidate) -> (i64, i64, i32) {
    let tenths = |v: f64| (v * 10.0).round() as i64;
    (tenths(place.x), tenths(place.y), (f64::from(place.logit) * 1000.0).round() as i32)
}

/// The places as they come back from the disk, so that a picker says the same before and after.
pub fn as_stored(found: Candidates) -> Candidates {
    let places = found.places.iter().map(rounded);
    Candidates {
        places: places
            .map(|(x, y, logit)| Candidate {
                x: x as f64 / 10.0,
                y: y as f64 / 10.0,
                logit: (f64::from(logit) / 1000.0) as f32,
            })
            .collect(),
        ..found
    }
}

fn hexadecimal(bytes: &[u8], digits: usize) -> String {
    bytes.iter().take(digits.div_ceil(2)).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CUT: CutSettings = CutSettings { box_size: 192, bin: 3, margin: 0 };

    fn found() -> Candidates {
        let place = |x: f64, y: f64, logit: f32| Candidate { x, y, logit };
        as_stored(Candidates {
            size: (300, 200),
            border: Border { left: 3, ..Border::default() },
            places: vec![place(100.04, 99.96, 7.123_449), place(50.5, 20.0, -5.9996)],
        })
    }

    #[test]
    fn a_file_has_one_name_however_it_is_called() {
        let name = named(Path::new("mics/a.mrc"));
        assert!(name.is_absolute());
        assert_eq!(named(&name), name);
        assert_eq!(named(Path::new("mics/deep/../a.mrc")), name);
        assert_eq!(named(Path::new("./mics/a.mrc")), name);
        assert_eq!(file_name(Path::new("other/../mics/a.mrc")), file_name(&name));
    }

    #[test]
    fn what_was_kept_comes_back_as_long_as_nothing_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (checkpoint, mic) = (dir.path().join("best"), dir.path().join("mic.mrc"));
        std::fs::write(&checkpoint, b"weights").unwrap();
        std::fs::write(&mic, b"pixels").unwrap();
        let store = Store::open(dir.path(), &checkpoint, CUT).unwrap();
        let state = FileState::of(&mic).unwrap();
        assert_eq!(store.read(&state), None);
        store.write(&state, &found()).unwrap();
        assert_eq!(store.read(&state), Some(found()));
        assert_eq!(found().places[0], Candidate { x: 100.0, y: 100.0, logit: 7.123 });
        // A longer file, another network, another bin factor.
        assert_eq!(store.read(&FileState { bytes: 7, ..state.clone() }), None);
        std::fs::write(&checkpoint, b"others").unwrap();
        assert_eq!(Store::open(dir.path(), &checkpoint, CUT).unwrap().read(&state), None);
        std::fs::write(&checkpoint, b"weights").unwrap();
        let other = CutSettings { bin: 4, ..CUT };
        assert_eq!(Store::open(dir.path(), &checkpoint, other).unwrap().read(&state), None);
        // Half a file is no file.
        let path = store.file(&mic);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert_eq!(store.read(&state), None);
    }

    #[test]
    fn equal_names_in_two_folders_are_two_micrographs() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoint = dir.path().join("best");
        std::fs::write(&checkpoint, b"weights").unwrap();
        let store = Store::open(dir.path(), &checkpoint, CUT).unwrap();
        assert_ne!(store.file(Path::new("a/mic.mrc")), store.file(Path::new("b/mic.mrc")));
        assert!(store.file(Path::new("a/mic.mrc")).starts_with(dir.path().join("picks")));
    }
}
