//! Display settings of patches: contrast, colours, band-pass. They change no pixel of the project.

use serde::{Deserialize, Serialize};
use vitrine_core::grayscale::CLIP_PERCENT;

use super::colour_map::ColourMap;

/// What decides which values are drawn black and white.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contrast {
    /// Percentiles of each patch by itself.
    #[default]
    Patch,
    /// The same two values for all patches: percentiles of a sample of the patches.
    All,
    /// Two values entered by the user.
    Manual,
}

impl Contrast {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Patch, Self::All, Self::Manual];

    /// The words on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "each patch",
            Self::All => "all patches alike",
            Self::Manual => "by hand",
        }
    }
}

/// The display settings of patches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// What decides which values are drawn black and white.
    pub contrast: Contrast,
    /// Share of pixels clipped at each end of the contrast range, percent.
    pub cut: f32,
    /// The values drawn black and white with [`Contrast::Manual`], in the unit of the pixels.
    pub manual: [f32; 2],
    /// Whether high values are drawn dark.
    pub invert: bool,
    /// The colour map.
    pub colours: ColourMap,
    /// Whether patches are shown band-passed.
    pub band: bool,
    /// Shortest and longest period kept: Å where the pixel size is known, else px.
    pub periods: [f32; 2],
}

impl Default for Look {
    fn default() -> Self {
        Self {
            contrast: Contrast::Patch,
            cut: CLIP_PERCENT,
            manual: [0.0, 1.0],
            invert: false,
            colours: ColourMap::Grey,
            band: false,
            periods: [15.0, 200.0],
        }
    }
}

impl Look {
    /// Replaces values that cannot be drawn by the defaults.
    #[must_use]
    pub fn made_sane(mut self) -> Self {
        let normal = Self::default();
        if !self.cut.is_finite() {
            self.cut = normal.cut;
        }
        self.cut = self.cut.clamp(0.0, 20.0);
        if !self.manual.iter().all(|v| v.is_finite()) {
            self.manual = normal.manual;
        }
        let [short, long] = self.periods;
        if !(short.is_finite() && long.is_finite() && short > 0.0 && long > short) {
            self.periods = normal.periods;
        }
        self
    }
}
