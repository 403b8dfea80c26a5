//! Where the patches of a source come from.

use std::fmt;

use crate::formats::Format;

/// Where the patches of a source come from. A project stores the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A file or folder of patches or picks.
    File(Format),
    /// An unlabeled pool, at places that this program found.
    Pool(PoolPlaces),
    /// Places that a person has marked.
    ByHand,
}

/// How the places of a pool were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolPlaces {
    /// The places of a grid.
    Grid,
    /// At random.
    Random,
    /// At random, and around picks.
    Picking,
    /// Blobs of the particle's size.
    Blobs,
}

impl PoolPlaces {
    const ALL: [Self; 4] = [Self::Grid, Self::Random, Self::Picking, Self::Blobs];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Grid => "unlabeled pool on a grid",
            Self::Random => "unlabeled pool at random places",
            Self::Picking => "unlabeled pool at random places and around picks",
            Self::Blobs => "unlabeled pool of blobs",
        }
    }
}

const BY_HAND: &str = "picked by hand";

impl SourceKind {
    /// The format of the file; `None` where there is no file.
    pub const fn format(&self) -> Option<&Format> {
        match self {
            Self::File(format) => Some(format),
            Self::Pool(_) | Self::ByHand => None,
        }
    }
}

impl Default for SourceKind {
    fn default() -> Self {
        Self::File(Format::default())
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(format) => format.fmt(f),
            Self::Pool(places) => f.write_str(places.as_str()),
            Self::ByHand => f.write_str(BY_HAND),
        }
    }
}

impl From<Format> for SourceKind {
    fn from(format: Format) -> Self {
        Self::File(format)
    }
}

/// The words as a project stores them.
impl From<&str> for SourceKind {
    fn from(words: &str) -> Self {
        let pool = PoolPlaces::ALL.into_iter().find(|places| places.as_str() == words);
        match (words, pool) {
            (BY_HAND, _) => Self::ByHand,
            (_, Some(places)) => Self::Pool(places),
            _ => Self::File(words.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_has_stored_is_read_as_what_it_was() {
        let pools = PoolPlaces::ALL.map(SourceKind::Pool);
        let others =
            [SourceKind::ByHand, SourceKind::File(Format::CryosparcParticles), SourceKind::default()];
        for kind in pools.into_iter().chain(others) {
            assert_eq!(SourceKind::from(kind.to_string().as_str()), kind);
        }
        assert_eq!(SourceKind::from("unlabeled pool of blobs"), SourceKind::Pool(PoolPlaces::Blobs));
        assert_eq!(SourceKind::from("picked by hand"), SourceKind::ByHand);
        assert_eq!(SourceKind::from("EMAN box file").to_string(), "EMAN box file");
    }
}
