//! What a file is, in words that its users know.

use std::fmt;

/// The format of a file of patches or picks. The formats by which something is decided have a variant each; a project
/// stores the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A RELION table of particles, with the generation that wrote it ("3.1"; empty where it is not known).
    RelionParticles(String),
    /// A RELION table of coordinates, with the generation that wrote it.
    RelionCoordinates(String),
    /// A RELION table that lists a coordinate file for each micrograph.
    RelionCoordinateList,
    /// cryoSPARC particles with their pixels.
    CryosparcParticles,
    /// cryoSPARC particles of which only the places are known.
    CryosparcLocations,
    /// Another format: "EMAN box file".
    Other(String),
}

/// A program to which an export can give back the records that it wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsOf {
    /// Rows of a RELION table.
    Relion,
    /// Records of cryoSPARC's `.cs` files.
    Cryosparc,
}

const LIST: &str = "RELION list of coordinate files";
const PARTICLES: &str = "cryoSPARC particles";
const LOCATIONS: &str = "cryoSPARC particle locations";

impl Format {
    /// Whose records the file holds, where an export can give them back.
    pub const fn records(&self) -> Option<RecordsOf> {
        match self {
            Self::RelionParticles(_) | Self::RelionCoordinates(_) | Self::RelionCoordinateList => {
                Some(RecordsOf::Relion)
            }
            Self::CryosparcParticles | Self::CryosparcLocations => Some(RecordsOf::Cryosparc),
            Self::Other(_) => None,
        }
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relion = |f: &mut fmt::Formatter<'_>, generation: &str, what| {
            let space = if generation.is_empty() { "" } else { " " };
            write!(f, "RELION {generation}{space}{what}")
        };
        match self {
            Self::RelionParticles(generation) => relion(f, generation, "particles"),
            Self::RelionCoordinates(generation) => relion(f, generation, "coordinates"),
            Self::RelionCoordinateList => f.write_str(LIST),
            Self::CryosparcParticles => f.write_str(PARTICLES),
            Self::CryosparcLocations => f.write_str(LOCATIONS),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// The words as a project stores them.
impl From<&str> for Format {
    fn from(words: &str) -> Self {
        let relion = |what| -> Option<String> {
            let generation = words.strip_prefix("RELION ")?.strip_suffix(what)?.trim_end();
            (!generation.contains(' ')).then(|| generation.to_owned())
        };
        match words {
            LIST => Self::RelionCoordinateList,
            PARTICLES => Self::CryosparcParticles,
            LOCATIONS => Self::CryosparcLocations,
            _ => relion("particles")
                .map(Self::RelionParticles)
                .or_else(|| relion("coordinates").map(Self::RelionCoordinates))
                .unwrap_or_else(|| Self::Other(words.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_has_stored_is_read_as_what_it_was() {
        let relion = Some(RecordsOf::Relion);
        for (words, records) in [
            ("RELION 3.1 particles", relion),
            ("RELION 5 coordinates", relion),
            ("RELION coordinates", relion),
            ("RELION list of coordinate files", relion),
            ("cryoSPARC particles", Some(RecordsOf::Cryosparc)),
            ("cryoSPARC particle locations", Some(RecordsOf::Cryosparc)),
            ("cryoSPARC exposures", None),
            ("RELION table of micrographs", None),
            ("EMAN box file", None),
            ("folder of pick files", None),
            ("", None),
        ] {
            let format = Format::from(words);
            assert_eq!((format.to_string().as_str(), format.records()), (words, records));
        }
        assert_eq!(Format::from("RELION 3.0 particles"), Format::RelionParticles("3.0".into()));
    }
}
