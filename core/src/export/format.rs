//! What an export is written as: the formats, what a STAR file names, and from where y counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// RELION 3.1 particle table, read by RELION 3.1 to 5.
    RelionStar,
    /// RELION's coordinate set: a list of micrographs and one STAR file with positions for each.
    RelionCoordinates,
    /// The rows of the RELION table that the patches came from, cell by cell.
    RelionSubset,
    /// STAR for cryoSPARC's *Import Particle Stack* and *Import Particles*.
    CryosparcStar,
    /// The records of the cryoSPARC `.cs` files that the patches came from, with their uids.
    CryosparcCs,
    /// Table of coordinates, labels and scores.
    Csv,
    /// NumPy archive of patches.
    Npz,
    /// MRC stack with a table beside it.
    Mrcs,
    /// Folders of 8-bit pictures.
    Png,
    /// EMAN box files, one per micrograph.
    Box,
}

impl ExportFormat {
    /// All formats in the order in which they are offered.
    pub const ALL: [Self; 10] = [
        Self::RelionStar,
        Self::RelionCoordinates,
        Self::RelionSubset,
        Self::CryosparcStar,
        Self::CryosparcCs,
        Self::Csv,
        Self::Npz,
        Self::Mrcs,
        Self::Png,
        Self::Box,
    ];

    /// The word on the command line and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelionStar => "relion-star",
            Self::RelionCoordinates => "relion-coordinates",
            Self::RelionSubset => "relion-subset",
            Self::CryosparcStar => "cryosparc-star",
            Self::CryosparcCs => "cryosparc-cs",
            Self::Csv => "csv",
            Self::Npz => "npz",
            Self::Mrcs => "mrcs",
            Self::Png => "png",
            Self::Box => "box",
        }
    }

    /// The ending its file must have; `None` where a folder is written.
    pub const fn extension(self) -> Option<&'static str> {
        match self {
            Self::RelionStar | Self::RelionSubset | Self::CryosparcStar => Some("star"),
            Self::CryosparcCs => Some("cs"),
            Self::Csv => Some("csv"),
            Self::Npz => Some("npz"),
            Self::Mrcs => Some("mrcs"),
            Self::RelionCoordinates | Self::Png | Self::Box => None,
        }
    }

    /// Whether it is a particle table with an optics table, where [`ExportWhat`] applies.
    pub const fn is_star(self) -> bool {
        matches!(self, Self::RelionStar | Self::CryosparcStar)
    }

    /// Whether it hands back rows of the file the patches came from.
    pub const fn is_subset(self) -> bool {
        matches!(self, Self::RelionSubset | Self::CryosparcCs)
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or_else(|| {
            Error::request(
                format!("'{text}' is not an export format"),
                format!("use one of {}", Self::ALL.map(Self::as_str).join(", ")),
            )
        })
    }
}

/// What a STAR file names; other formats ignore it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportWhat {
    /// Positions on micrographs; patches without one are left out and counted.
    #[default]
    Coordinates,
    /// A stack written beside the table; positions too where every patch has one.
    Stack,
    /// Stack and positions; patches without a position are left out and counted.
    Both,
}

impl ExportWhat {
    /// The word on the command line and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coordinates => "coordinates",
            Self::Stack => "stack",
            Self::Both => "both",
        }
    }
}

impl FromStr for ExportWhat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "coordinates" => Ok(Self::Coordinates),
            "stack" => Ok(Self::Stack),
            "both" => Ok(Self::Both),
            _ => Err(Error::request(
                format!("'{text}' is nothing a STAR export writes"),
                "use coordinates, stack or both",
            )),
        }
    }
}

/// From which row of a micrograph an export counts y.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YDirection {
    /// As the picks counted it when they were imported; tables for RELION and cryoSPARC as these
    /// programs read the micrograph's file.
    #[default]
    Source,
    /// Down from the first stored row.
    Down,
    /// Up from the last stored row.
    Up,
}

impl YDirection {
    /// All directions in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Source, Self::Down, Self::Up];

    /// The word on the command line and in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

impl FromStr for YDirection {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|direction| direction.as_str() == word)
            .ok_or_else(|| Error::request(format!("'{text}' is no direction of y"), "use source, down or up"))
    }
}
