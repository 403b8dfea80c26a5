//! Reads the stacks that a table of particles points to (RELION STAR, cryoSPARC `.cs`). Stacks are found and
//! checked once, then read section by section with few files open at a time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::mrc::{self, MrcFile};
use crate::error::{Error, Result};

/// Stacks that stay open; a table of thousands must not run out of file handles, and an unpacked
/// one takes memory.
const OPEN: usize = 8;

/// Collects which particle lies where, before the stacks are looked for.
#[derive(Default)]
pub(crate) struct References {
    names: Vec<String>,
    by_name: HashMap<String, u32>,
    /// Stack and section, from 0, of every particle.
    places: Vec<(u32, u32)>,
}

impl References {
    /// The next particle is section `section` (from 0) of the stack called `name`.
    pub(crate) fn push(&mut self, name: &str, section: u32) {
        let stack = match self.by_name.get(name) {
            Some(&stack) => stack,
            None => {
                let stack = self.names.len() as u32;
                self.names.push(name.to_owned());
                self.by_name.insert(name.to_owned(), stack);
                stack
            }
        };
        self.places.push((stack, section));
    }

    /// Finds and checks all stacks that the table at `table` names.
    pub(crate) fn open(self, table: &Path) -> Result<StackSet> {
        let found: Vec<Option<PathBuf>> = self.names.iter().map(|name| resolve(table, name)).collect();
        let missing: Vec<&str> =
            self.names.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(n, _)| n.as_str()).collect();
        if !missing.is_empty() {
            return Err(Error::format(
                table,
                format!(
                    "{} of its {} stacks are not there: {}",
                    missing.len(),
                    self.names.len(),
                    list(&missing)
                ),
                "put them where the paths in the table lead, seen from its folder, a folder above it, or the current one",
            ));
        }
        let paths: Vec<PathBuf> = found.into_iter().flatten().collect();
        let mut headers: Vec<mrc::Header> = Vec::with_capacity(paths.len());
        for path in &paths {
            let header = mrc::read_header(path)?;
            if header.width != header.height {
                return Err(Error::format(
                    path,
                    format!(
                        "its sections are {} × {} px, patches must be square",
                        header.width, header.height
                    ),
                    "extract the particles again with a square box",
                ));
            }
            if let Some((first, other)) = headers.first().zip(paths.first())
                && first.width != header.width
            {
                return Err(Error::format(
                    table,
                    format!(
                        "its stacks have different box sizes: {} px in {}, {} px in {}",
                        first.width,
                        other.display(),
                        header.width,
                        path.display()
                    ),
                    "import the particles of each box size for themselves, or extract them again with one",
                ));
            }
            headers.push(header);
        }
        let Some(size) = headers.first().map(|h| h.width) else {
            return Err(Error::format(
                table,
                "it lists no particles",
                "check that it is the table you meant",
            ));
        };
        for (row, &(stack, section)) in self.places.iter().enumerate() {
            let sections = headers[stack as usize].sections;
            if section as usize >= sections {
                return Err(Error::format(
                    table,
                    format!(
                        "particle {} is image {} of {}, which holds {sections}",
                        row + 1,
                        u64::from(section) + 1,
                        self.names[stack as usize]
                    ),
                    "use the stack that belongs to this table",
                ));
            }
        }
        let first = headers[0].pixel_size;
        let pixel_size = first.filter(|_| headers.iter().all(|h| h.pixel_size == first));
        Ok(StackSet { paths, places: self.places, size, pixel_size, open: Vec::new() })
    }
}

/// Particles of one table in their stacks.
pub(crate) struct StackSet {
    paths: Vec<PathBuf>,
    places: Vec<(u32, u32)>,
    size: usize,
    /// Å per px that the headers of all stacks agree on.
    pub(crate) pixel_size: Option<f64>,
    /// Open stacks, the one used last at the end.
    open: Vec<(u32, MrcFile)>,
}

impl StackSet {
    /// Side of a patch, px.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many particles there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Reads the pixels of particle `index`.
    pub(crate) fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let Some(&(stack, section)) = self.places.get(index) else {
            return Err(Error::request(
                format!("patch {index} is asked for, the table has {}", self.places.len()),
                "ask for a patch that is there",
            ));
        };
        match self.open.iter().position(|(id, _)| *id == stack) {
            Some(at) => {
                let entry = self.open.remove(at);
                self.open.push(entry);
            }
            None => {
                if self.open.len() >= OPEN {
                    self.open.remove(0);
                }
                self.open.push((stack, MrcFile::open(&self.paths[stack as usize])?));
            }
        }
        match self.open.last_mut() {
            Some((_, file)) => file.read_section(section as usize, out),
            None => Ok(()),
        }
    }
}

/// Finds the file that the table at `table` calls `name`: as it stands when absolute, else seen
/// from the table's folder, from each folder above it (paths in RELION and cryoSPARC projects
/// count from the project's folder), and from the current folder.
pub(crate) fn resolve(table: &Path, name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    if name.as_os_str().is_empty() {
        return None;
    }
    if name.is_absolute() {
        return name.is_file().then(|| name.to_owned());
    }
    let folder = match table.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The folders above are only known of the full path; a link is followed after the path as
    // it was given.
    let given = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    given
        .ancestors()
        .chain(real.ancestors())
        .map(|above| above.join(name))
        .chain([name.to_owned()])
        .find(|path| path.is_file())
}

/// The first names of a list, and how many more there are.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
