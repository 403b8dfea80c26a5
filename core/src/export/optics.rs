//! The optics table of an exported STAR file, carried over from the sources.

use std::collections::HashMap;

use crate::error::Result;
use crate::export::rows::used_sources;
use crate::formats::OpticsGroup;
use crate::formats::relion::number_in;
use crate::project::{PatchId, Project, Source, SourceId};

/// What RELION's Import job asks every optics group for.
const NEEDED: [&str; 3] = ["rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"];

/// The groups of an export and which patch belongs to which.
pub(super) struct OpticsTable {
    /// The groups, each once, also where several sources have it.
    pub groups: Vec<OpticsGroup>,
    /// By source and index there: index in `groups`, and Å per px of the images the source's
    /// columns count in.
    places: HashMap<(SourceId, Option<usize>), (usize, Option<f64>)>,
}

impl OpticsTable {
    /// Collects the groups of the sources of `ids`; with `images` they describe the pixels of the
    /// project, which may be binned, else the images the source had.
    pub fn new(project: &Project, ids: &[PatchId], images: bool) -> Result<Self> {
        let mut table = Self { groups: Vec::new(), places: HashMap::new() };
        for source in used_sources(project, ids)? {
            let of_source = source.info.optics.iter().map(Some).chain([None]);
            for (at, group) in of_source.enumerate() {
                let built = build(&source, group, images);
                let number = match table.groups.iter().position(|known| *known == built) {
                    Some(number) => number,
                    None => {
                        table.groups.push(built);
                        table.groups.len() - 1
                    }
                };
                let original = group
                    .and_then(|g| g.pixel_size.or_else(|| number_in(&g.columns, "rlnImagePixelSize")))
                    .or(source.info.pixel_size);
                table.places.insert((source.id, group.map(|_| at)), (number, original));
            }
        }
        Ok(table)
    }

    /// Index of the group of a patch, and Å per px of the images its columns count in.
    pub fn find(&self, source: SourceId, group: Option<usize>) -> (Option<usize>, Option<f64>) {
        match self.places.get(&(source, group)) {
            Some(&(number, pixel)) => (Some(number), pixel),
            None => (None, None),
        }
    }

    /// What RELION will miss in the groups numbered `used`.
    pub fn missing(&self, used: &[usize]) -> Vec<&'static str> {
        let lacks = |name: &str| {
            used.iter().filter_map(|&g| self.groups.get(g)).any(|group| !group.columns.contains_key(name))
        };
        NEEDED.into_iter().filter(|name| lacks(name)).collect()
    }
}

fn build(source: &Source, group: Option<&OpticsGroup>, images: bool) -> OpticsGroup {
    let mut built = group.cloned().unwrap_or_default();
    // The table is numbered anew.
    built.columns.remove("rlnOpticsGroup");
    let mut state = |name: &str, value: f64, replace: bool| {
        let told = number_in(&built.columns, name);
        // A number that is right stays in the words of its source.
        if told.is_none() || (replace && told != Some(value)) {
            built.columns.insert(name.to_owned(), value.to_string());
        }
    };
    if let Some(size) = source.info.micrograph_pixel_size {
        // Both names are in use: RELION 3.1 writes the second into particle tables.
        state("rlnMicrographPixelSize", size, false);
        state("rlnMicrographOriginalPixelSize", size, false);
    }
    if images && let Some(size) = source.info.pixel_size {
        state("rlnImagePixelSize", size, true);
        built.pixel_size = Some(size);
    }
    built
}
