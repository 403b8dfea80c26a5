//! Names of columns in RELION's tables, and what can be told from them alone. The reader, the writer
//! and the recognition of files all use this file, which uses none of them.

use std::collections::BTreeMap;

use super::star::{StarFile, Table};

/// Name of the micrograph.
pub(crate) const MICROGRAPH: &str = "rlnMicrographName";
/// Name of the movie a micrograph was made of.
pub(crate) const MOVIE: &str = "rlnMicrographMovieName";
/// File with the coordinates of one micrograph, in an index of such files.
const COORDINATES: &str = "rlnMicrographCoordinates";
/// `number@stack` of a particle image.
pub(crate) const IMAGE: &str = "rlnImageName";
/// Centre, px of the unbinned micrograph, from the left.
pub(crate) const X: &str = "rlnCoordinateX";
/// Centre, px of the unbinned micrograph, from the first stored row.
pub(crate) const Y: &str = "rlnCoordinateY";
/// Number of the optics group.
pub(crate) const GROUP: &str = "rlnOpticsGroup";
/// Score of RELION's and other programs' pickers.
pub(crate) const FIGURE_OF_MERIT: &str = "rlnAutopickFigureOfMerit";
/// What RELION writes where a picker gave no value (`manualpicker.cpp`).
pub(crate) const NOT_GIVEN: &str = "-999";
/// Columns in which RELION marks a value that was not given.
pub(crate) const MARKED: [&str; 3] = [FIGURE_OF_MERIT, "rlnClassNumber", "rlnAnglePsi"];
/// Column under which Vitrine writes labels; RELION keeps columns it does not know.
pub(crate) const LABEL: &str = "vitrineLabel";
/// Column under which Vitrine writes scores.
pub(crate) const SCORE: &str = "vitrineScore";

/// What RELION 3.0 writes for every particle and later versions for every optics group.
pub(crate) const OPTICS_30: [&str; 7] = [
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnMagnification",
    "rlnDetectorPixelSize",
    "rlnBeamTiltX",
    "rlnBeamTiltY",
];

/// Number of the group of beam tilts in RELION 3.0: particles of different classes belong to
/// different optics groups even where the tilt itself is not known yet.
pub(crate) const BEAM_TILT_CLASS: &str = "rlnBeamTiltClass";

/// A positive number among the columns of an optics group.
pub(crate) fn number_in(columns: &BTreeMap<String, String>, name: &str) -> Option<f64> {
    columns.get(name)?.parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0)
}

/// Å per px that RELION 3.0 means: the detector's pixel (µm) seen through the magnification.
pub(crate) fn pixel_size_30(columns: &BTreeMap<String, String>) -> Option<f64> {
    number_in(columns, "rlnDetectorPixelSize")
        .zip(number_in(columns, "rlnMagnification"))
        .map(|(detector, magnification)| detector * 1e4 / magnification)
        .filter(|size| size.is_finite() && *size > 0.0)
}

/// Whether a table is RELION's index of coordinate files.
pub(crate) fn is_coordinate_list(table: &Table) -> bool {
    table.column(COORDINATES).is_some()
}

/// What a STAR file holds, told from its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StarContents {
    /// Particle images.
    pub images: bool,
    /// Positions, or an index of files with positions.
    pub positions: bool,
    /// Micrographs without images or positions.
    pub micrographs: bool,
    /// Movies only.
    pub movies: bool,
}

impl StarContents {
    /// Looks through the columns of all blocks.
    pub(crate) fn of(star: &StarFile) -> Self {
        let has = |name: &str| {
            star.blocks.iter().any(|block| match &block.table {
                Some(table) => table.column(name).is_some(),
                None => block.values.iter().any(|(own, _)| own == name),
            })
        };
        let images = has(IMAGE);
        let positions = has(X) || has(COORDINATES);
        let micrographs = has(MICROGRAPH) && !images && !positions;
        Self { images, positions, micrographs, movies: has(MOVIE) && !micrographs && !images && !positions }
    }
}
