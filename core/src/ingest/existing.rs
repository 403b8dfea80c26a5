//! Reads what a project already holds: the names of its micrographs, so that a micrograph is recognised
//! under another file name, and the places of its patches, so that no patch is cut twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::formats::micrograph::{Match, Names};
use crate::imaging::Mask;
use crate::label::Label;
use crate::project::{Micrograph, MicrographId, Project};

/// Centre and label of a patch.
pub(super) type Labeled = ((f64, f64), Label);

/// Micrograph names and patch places of a project.
#[derive(Default)]
pub(super) struct Existing {
    micrographs: HashMap<String, Micrograph>,
    /// Names of the project's micrographs by their files, symbolic links resolved.
    by_file: HashMap<PathBuf, String>,
    places: HashMap<MicrographId, Vec<Labeled>>,
    masks: BTreeMap<MicrographId, Mask>,
    /// Names of the project and of this import, as far as settled.
    all: Vec<String>,
    settled: HashSet<String>,
    names: Names,
}

impl Existing {
    /// Reads what the project holds. Places are read only `with_places`: there may be a million.
    pub fn read(project: Option<&Project>, with_places: bool) -> Result<Self> {
        let Some(project) = project else { return Ok(Self::default()) };
        let micrographs = project.micrographs()?;
        let mut places: HashMap<MicrographId, Vec<_>> = HashMap::new();
        if with_places && !micrographs.is_empty() {
            let labels = project.labels()?;
            for (place, label) in project.places()?.into_iter().zip(labels) {
                if let (Some(micrograph), Some(xy)) = (place.micrograph, place.xy) {
                    places.entry(micrograph).or_default().push((xy, label));
                }
            }
        }
        let masks = project.masks()?;
        let all: Vec<String> = micrographs.iter().map(|m| m.name.clone()).collect();
        let names = Names::new(&all);
        let settled = all.iter().cloned().collect();
        let file = |m: &Micrograph| Some((real(m.path.as_deref()?)?, m.name.clone()));
        let by_file = micrographs.iter().filter_map(file).collect();
        let micrographs = micrographs.into_iter().map(|m| (m.name.clone(), m)).collect();
        Ok(Self { micrographs, by_file, places, masks, all, settled, names })
    }

    /// What a person has ruled out on the project's micrograph of that name.
    pub fn mask(&self, name: &str) -> Option<&Mask> {
        self.masks.get(&self.micrograph(name)?.id)
    }

    /// The name of the project's micrograph that lies at `path`.
    pub fn at(&self, path: &Path) -> Option<&str> {
        self.by_file.get(&real(path)?).map(String::as_str)
    }

    /// Whether the project's micrograph of that exact name may be the file `path`: its own file is
    /// this one, is not known, or is no longer there.
    pub fn may_be(&self, name: &str, path: &Path) -> bool {
        let file = self.micrograph(name).and_then(|m| m.path.as_deref()).and_then(real);
        file.is_none_or(|file| real(path) == Some(file))
    }

    /// Several names that the micrograph called `name` fits equally well.
    pub fn several(&self, name: &str) -> Vec<&str> {
        match self.names.find(name) {
            Match::Ambiguous(several) => {
                several.iter().filter_map(|&at| self.all.get(at).map(String::as_str)).collect()
            }
            Match::Found(_) | Match::Nothing => Vec::new(),
        }
    }

    /// The name under which the micrograph called `name` is known already.
    pub fn name(&self, name: &str) -> Option<&str> {
        match self.names.find(name) {
            Match::Found(at) => self.all.get(at).map(String::as_str),
            Match::Nothing | Match::Ambiguous(_) => None,
        }
    }

    /// Makes names known that came up since. Done between sources: two names of one source are
    /// two micrographs, whatever they look like.
    pub fn learn(&mut self, names: impl IntoIterator<Item = String>) {
        let before = self.all.len();
        for name in names {
            if self.settled.insert(name.clone()) {
                self.all.push(name);
            }
        }
        if self.all.len() > before {
            self.names = Names::new(&self.all);
        }
    }

    /// The micrograph of that exact name in the project.
    pub fn micrograph(&self, name: &str) -> Option<&Micrograph> {
        self.micrographs.get(name)
    }

    /// Places and labels of the project's patches on the micrograph of that exact name.
    pub fn places(&self, name: &str) -> &[Labeled] {
        self.micrograph(name).and_then(|m| self.places.get(&m.id)).map_or(&[], Vec::as_slice)
    }
}

/// A file that is there, symbolic links resolved.
fn real(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}
