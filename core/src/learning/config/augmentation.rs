//! The section `augmentation` of a configuration: random changes of patches.

use serde::{Deserialize, Serialize};

/// Random changes of patches, in two strengths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentationConfig {
    /// Weak views: small changes that leave a particle clearly recognisable.
    pub weak: WeakConfig,
    /// Strong views: large changes, for the consistency term and SimSiam.
    pub strong: StrongConfig,
}

/// How patches are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// No rotation.
    None,
    /// By multiples of 90°, without interpolation.
    Quarter,
    /// By any angle, as particles lie in the ice.
    Any,
}

/// Changes of a weak view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeakConfig {
    /// Mirrors at random.
    pub flip: bool,
    /// Rotates at random.
    pub rotation: Rotation,
    /// Largest shift in x and y, 0 to 32 px; shifts are whole px.
    pub shift: f64,
    /// Blends another unlabeled patch into each view, multiplied by a random factor from 0 up to this, 0 to 5; 0
    /// means no overlay. It helps where the network learns which particles people pick instead of what a particle
    /// is.
    pub overlay: f64,
    /// Tries the overlay before the run with quick classifiers. Uses half of it, or none, where held-out positives
    /// rank worse with it than without.
    pub overlay_trial: bool,
    /// Mixup (Zhang et al. 2018): mixes each view and its label with another patch's, by a share drawn from
    /// Beta(`mixup`, `mixup`) for every batch, 0 to 10; 0 means none.
    pub mixup: f64,
}

impl Default for WeakConfig {
    fn default() -> Self {
        Self {
            flip: true,
            rotation: Rotation::Quarter,
            shift: 2.0,
            overlay: 0.0,
            overlay_trial: false,
            mixup: 0.0,
        }
    }
}

/// Changes of a strong view. Patches are normalised, so 1 is about one standard deviation of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrongConfig {
    /// Mirrors at random.
    pub flip: bool,
    /// Rotates at random.
    pub rotation: Rotation,
    /// Largest shift in x and y, 0 to 32 px.
    pub shift: f64,
    /// Magnifies by a factor within 1 ± this, 0 to 0.5.
    pub scale: f64,
    /// Multiplies the contrast by a factor within 1 ± this, 0 to 0.9.
    pub contrast: f64,
    /// Adds a constant within ± this, 0 to 2.
    pub brightness: f64,
    /// Adds white noise whose standard deviation is up to this times that of the patch, 0 to 2.
    pub noise: f64,
    /// Blends in a blurred copy by a share up to this, 0 to 1.
    pub blur: f64,
    /// Replaces a square by the patch's mean; its side is up to this share of the patch, 0 to 0.6.
    pub erase: f64,
}

impl Default for StrongConfig {
    fn default() -> Self {
        Self {
            flip: true,
            rotation: Rotation::Any,
            shift: 3.0,
            scale: 0.1,
            contrast: 0.3,
            brightness: 0.2,
            noise: 0.5,
            blur: 0.5,
            erase: 0.25,
        }
    }
}
