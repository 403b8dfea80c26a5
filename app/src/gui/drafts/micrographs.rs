//! The part of the export draft about micrographs: the optics that sources do not say, the originals of
//! converted pictures, and from which row y counts.

use std::path::PathBuf;

use vitrine_core::export::{GivenOptics, OpticsField, YDirection};

use crate::words::{number, typed_path};

/// What is typed; an empty field gives nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MicrographsDraft {
    /// Voltage, kV.
    pub voltage: String,
    /// Spherical aberration, mm.
    pub spherical_aberration: String,
    /// Amplitude contrast.
    pub amplitude_contrast: String,
    /// Å per px.
    pub pixel_size: String,
    /// An ending, a folder, a table or a list.
    pub names: String,
    /// From which row y counts.
    pub y: YDirection,
}

/// Least and greatest value of a field.
const fn optics_bounds(field: OpticsField) -> (f64, f64) {
    match field {
        OpticsField::Voltage => (10.0, 2000.0),
        OpticsField::SphericalAberration => (0.0, 100.0),
        OpticsField::AmplitudeContrast => (0.0, 1.0),
        OpticsField::PixelSize => (0.01, 1000.0),
    }
}

impl MicrographsDraft {
    /// What is typed into a field.
    pub fn text(&self, field: OpticsField) -> &str {
        match field {
            OpticsField::Voltage => &self.voltage,
            OpticsField::SphericalAberration => &self.spherical_aberration,
            OpticsField::AmplitudeContrast => &self.amplitude_contrast,
            OpticsField::PixelSize => &self.pixel_size,
        }
    }

    /// The text of a field, to be typed into.
    pub fn text_mut(&mut self, field: OpticsField) -> &mut String {
        match field {
            OpticsField::Voltage => &mut self.voltage,
            OpticsField::SphericalAberration => &mut self.spherical_aberration,
            OpticsField::AmplitudeContrast => &mut self.amplitude_contrast,
            OpticsField::PixelSize => &mut self.pixel_size,
        }
    }

    /// The number typed into a field.
    ///
    /// # Errors
    /// When it is none.
    pub fn value(&self, field: OpticsField) -> Result<Option<f64>, String> {
        let (least, most) = optics_bounds(field);
        number(self.text(field), least, most)
    }

    /// The numbers typed.
    ///
    /// # Errors
    /// When one is none.
    pub fn given(&self) -> Result<GivenOptics, String> {
        Ok(GivenOptics {
            voltage: self.value(OpticsField::Voltage)?,
            spherical_aberration: self.value(OpticsField::SphericalAberration)?,
            amplitude_contrast: self.value(OpticsField::AmplitudeContrast)?,
            pixel_size: self.value(OpticsField::PixelSize)?,
        })
    }

    /// Where the names of originals come from.
    pub fn originals(&self) -> Option<PathBuf> {
        let text = self.names.trim();
        (!text.is_empty()).then(|| typed_path(text))
    }
}
