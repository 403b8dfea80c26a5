//! The score maps of micrographs that were looked at, and how they are drawn.

use std::sync::Arc;

use vitrine_core::picking::picker::ScoreMap;

use crate::gpu::colour_map::ColourMap;
use crate::gui::values::{Failure, Load, MapKey};

/// Maps kept.
const MAX_MAPS: usize = 8;

/// The score maps.
#[derive(Debug)]
pub struct ScoreMaps {
    /// Whether one is laid over the micrograph.
    pub shown: bool,
    /// Colours from the lowest score to the highest.
    pub colours: ColourMap,
    /// Asked for last at the end.
    known: Vec<(MapKey, Load<Arc<ScoreMap>>)>,
}

impl Default for ScoreMaps {
    fn default() -> Self {
        Self { shown: false, colours: ColourMap::Magma, known: Vec::new() }
    }
}

impl ScoreMaps {
    /// How far a map is.
    pub fn of(&self, key: &MapKey) -> Load<&Arc<ScoreMap>> {
        let known = self.known.iter().find(|(known, _)| known == key);
        known.map_or(Load::NotAsked, |(_, load)| load.as_ref())
    }

    /// A map is being computed; the one asked for longest ago makes room.
    pub fn ask(&mut self, key: MapKey) {
        self.known.retain(|(known, _)| *known != key);
        if self.known.len() >= MAX_MAPS {
            self.known.remove(0);
        }
        self.known.push((key, Load::Loading));
    }

    /// Takes up a map, unless nobody waits for it any more.
    pub fn answer(&mut self, key: &MapKey, map: Result<Arc<ScoreMap>, Failure>) {
        if let Some((_, load)) = self.known.iter_mut().find(|(known, _)| known == key) {
            *load = map.into();
        }
    }

    /// Maps that could not be computed are asked for again.
    pub fn retry(&mut self) {
        self.known.retain(|(_, load)| !matches!(load, Load::Failed(_)));
    }
}
