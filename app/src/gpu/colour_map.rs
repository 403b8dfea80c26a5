//! Colour maps: one table for the shader and for pictures coloured on the CPU.

use eframe::egui::Color32;
use serde::{Deserialize, Serialize};

/// A colour map: maps the share of the contrast range, 0 to 1, to a colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourMap {
    /// Black to white.
    #[default]
    Grey,
    /// Blue to yellow, made for people with and without colour blindness to see alike.
    Cividis,
    /// Violet over green to yellow.
    Viridis,
    /// Black over violet to a pale yellow.
    Magma,
}

/// Number of colours of a map in [`table`].
pub const STEPS: usize = 256;

impl ColourMap {
    /// All, in the order in which they are offered; also the rows of [`table`].
    pub const ALL: [Self; 4] = [Self::Grey, Self::Cividis, Self::Viridis, Self::Magma];

    /// The word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Cividis => "cividis",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
        }
    }

    /// Its row in [`table`].
    pub fn row(self) -> usize {
        Self::ALL.iter().position(|&map| map == self).unwrap_or(0)
    }

    /// The colour of a share of the contrast range. Shares outside 0 to 1 are clipped.
    pub fn colour(self, share: f32) -> Color32 {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let gradient = match self {
            Self::Grey => return Color32::from_gray((share * 255.0).round() as u8),
            Self::Cividis => colorous::CIVIDIS,
            Self::Viridis => colorous::VIRIDIS,
            Self::Magma => colorous::MAGMA,
        };
        let colour = gradient.eval_continuous(f64::from(share));
        Color32::from_rgb(colour.r, colour.g, colour.b)
    }

    /// The colours of all [`STEPS`] shares.
    pub fn steps(self) -> Vec<Color32> {
        (0..STEPS).map(|i| self.colour(i as f32 / (STEPS - 1) as f32)).collect()
    }
}

/// All maps as RGBA, one row each.
pub fn table() -> Vec<u8> {
    ColourMap::ALL.iter().flat_map(|map| map.steps()).flat_map(|c| c.to_array()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lightness (CIE 1976 L*) of an sRGB colour.
    fn lightness(c: Color32) -> f32 {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let y = 0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b());
        if y > 0.008856 { 116.0 * y.cbrt() - 16.0 } else { 903.3 * y }
    }

    #[test]
    fn every_map_gets_lighter_all_the_way() {
        for map in ColourMap::ALL {
            let steps = map.steps();
            for pair in steps.chunks(8).collect::<Vec<_>>().windows(2) {
                assert!(lightness(pair[1][0]) > lightness(pair[0][0]), "{}", map.as_str());
            }
        }
        assert_eq!(table().len(), ColourMap::ALL.len() * STEPS * 4);
        assert_eq!(ColourMap::Grey.colour(f32::NAN), Color32::BLACK);
    }
}
