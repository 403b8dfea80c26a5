//! The general model: a network that learned from simulated particles alone. It ranks patches and picks on micrographs
//! before anybody has labelled anything.
//!
//! `core/examples/general_model.rs` makes its file; `docs/general-model.md` says what it learned from and where it fails.

use std::path::Path;

use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::eval::metrics::{Ranking, check_finite};
use crate::learning::network::SlidingCnn;
use crate::learning::train::checkpoint::Checkpoint;

const FILE: &[u8] = include_bytes!("../../../assets/general_model.safetensors");
/// The weights that see the pixels: turning their sign over turns dark particles into light ones, exactly.
const FIRST_LAYER: &str = "SlidingCnn.block1.conv.weight";
/// Side of the patches from which it learned, px.
pub const PATCH_SIZE: usize = SlidingCnn::SIDE;
/// Diameter of a particle in such a patch that suits it best, px. It learned from 26 to 48 px.
pub const DIAMETER: f64 = 36.0;

/// How well a contrast suits labelled patches; the greater the better.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum ContrastFit {
    /// The positives hardly rank above the unlabeled: the mean p of the positives, since they are particles.
    Likely(f64),
    /// The positives rank clearly above the unlabeled: their AUC.
    Clear(f64),
}

/// AUC of positives against unlabeled that speaks for itself. A lower one may come from unlabeled particles that lie
/// better in the middle of their boxes than the picks, and from whatever else makes pools and picks differ.
const CLEAR_AUC: f64 = 0.8;

/// Patches of each label from which on their ranking says anything: the AUC of a few is chance.
pub const MIN_PATCHES: usize = 10;
/// Share of the highest scores by which the contrast is chosen where there are too few labels.
const TOP_SHARE: f64 = 0.1;

/// How well a contrast suits patches, by the p that the model gives to positives and to unlabeled: by their ranking where there
/// are enough of both, else by the mean of the highest tenth of all, since what is no particle in either contrast has a
/// low p in both.
///
/// # Errors
/// When a p is no finite number.
pub fn contrast_fit(positive: &[f32], unlabeled: &[f32]) -> Result<ContrastFit> {
    if positive.len() < MIN_PATCHES || unlabeled.len() < MIN_PATCHES {
        let mut sorted = [positive, unlabeled].concat();
        check_finite(&sorted, "any")?;
        sorted.sort_by(|a, b| b.total_cmp(a));
        let top = ((sorted.len() as f64 * TOP_SHARE).ceil() as usize).max(1);
        let mean = sorted.iter().take(top).map(|&p| f64::from(p)).sum::<f64>() / top as f64;
        return Ok(ContrastFit::Likely(mean));
    }
    let auc = Ranking::new(positive, unlabeled)?.auc();
    let mean = positive.iter().map(|&p| f64::from(p)).sum::<f64>() / positive.len().max(1) as f64;
    Ok(if auc >= CLEAR_AUC { ContrastFit::Clear(auc) } else { ContrastFit::Likely(mean) })
}

/// The general model for patches of `size` px, for particles that are dark, or light as after inverting the contrast.
///
/// # Errors
/// When `size` is 0, or the file that is part of the program is damaged, which is a defect.
pub fn general_model(size: usize, is_light: bool) -> Result<Checkpoint> {
    let mut model = Checkpoint::parse(FILE, Path::new("the general model of the program"))?;
    model.header.size = size;
    model.header.normaliser = Normaliser::of_each_patch(size)?;
    if is_light {
        let weights = model
            .model
            .get_mut(FIRST_LAYER)
            .ok_or_else(|| Error::defect(format!("the general model has no weights {FIRST_LAYER}")))?;
        weights.values.iter_mut().for_each(|w| *w = -*w);
    }
    Ok(model)
}

/// Box and bin factor that suit particles of a diameter (px of the micrograph): patches of 64 px in which the particle
/// is about 36 px wide.
///
/// # Errors
/// When the diameter is no positive number, or too small.
pub fn box_and_bin(diameter: f64) -> Result<(usize, usize)> {
    if !(diameter.is_finite() && (20.0..=10_000.0).contains(&diameter)) {
        return Err(Error::request(
            format!("{diameter} px is no diameter that the general model can look for"),
            "give the particle's diameter on the micrograph, 20 to 10000 px",
        ));
    }
    let misfit = |bin: usize| (diameter / bin as f64 / DIAMETER).ln().abs();
    let near = (diameter / DIAMETER).floor().max(1.0) as usize;
    let bin = if misfit(near) <= misfit(near + 1) { near } else { near + 1 };
    Ok((PATCH_SIZE * bin, bin))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::device::ComputeDevice;
    use crate::imaging::simulate_patch::simulated_patch;
    use crate::learning::eval::metrics::auc;
    use crate::learning::infer::scorer::Scorer;

    fn logits(is_light: bool, sign: f32, size: usize) -> (Vec<f32>, Vec<f32>) {
        let scorer = Scorer::new(&general_model(size, is_light).unwrap(), ComputeDevice::cpu()).unwrap();
        let (mut particles, mut others) = (Vec::new(), Vec::new());
        for index in 0..160 {
            // A seed from which it did not learn.
            let patch = simulated_patch(77, index).unwrap();
            let mut pixels = enlarged(&patch.pixels, size / PATCH_SIZE);
            pixels.iter_mut().for_each(|v| *v *= sign);
            scorer.normaliser().apply(&mut pixels).unwrap();
            let logit = scorer.logits(&pixels)[0];
            if patch.is_particle { particles.push(logit) } else { others.push(logit) }
        }
        (particles, others)
    }

    /// Every pixel `factor` times in each direction.
    fn enlarged(pixels: &[f32], factor: usize) -> Vec<f32> {
        let side = PATCH_SIZE * factor;
        (0..side * side).map(|at| pixels[at / side / factor * PATCH_SIZE + at % side / factor]).collect()
    }

    #[test]
    fn it_ranks_simulated_patches_that_it_has_not_seen() {
        let (particles, others) = logits(false, 1.0, PATCH_SIZE);
        let found = auc(&particles, &others).unwrap();
        assert!(found > 0.8, "{found}");
    }

    #[test]
    fn light_particles_get_the_scores_of_dark_ones() {
        let (dark, light) = (logits(false, 1.0, PATCH_SIZE), logits(true, -1.0, PATCH_SIZE));
        for (a, b) in dark.0.iter().zip(&light.0) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn larger_patches_are_averaged_down() {
        let (small, large) = (logits(false, 1.0, PATCH_SIZE), logits(false, 1.0, 2 * PATCH_SIZE));
        for (a, b) in small.0.iter().zip(&large.0) {
            assert!((a - b).abs() < 1e-2, "{a} {b}");
        }
    }

    #[test]
    fn box_and_bin_bring_the_particle_to_its_size() {
        assert_eq!(box_and_bin(36.0).unwrap(), (64, 1));
        assert_eq!(box_and_bin(108.0).unwrap(), (192, 3));
        assert_eq!(box_and_bin(165.0).unwrap(), (320, 5));
        for diameter in 26..400 {
            let (_, bin) = box_and_bin(f64::from(diameter)).unwrap();
            let seen = f64::from(diameter) / bin as f64;
            assert!((25.0..=52.0).contains(&seen), "{diameter}: {seen}");
        }
        assert!(box_and_bin(f64::NAN).is_err() && box_and_bin(3.0).is_err());
    }

    #[test]
    fn a_contrast_that_tells_clearly_wins_and_else_the_one_in_which_positives_are_particles() {
        let fit = |positive: &[f32], unlabeled: &[f32]| contrast_fit(positive, unlabeled).unwrap();
        // Pools of blobs turn the ranking over: 0.7 against 0.8 where the contrast is right.
        let many = |values: &[f32]| values.repeat(5);
        let right = fit(&many(&[0.7, 0.7, 0.9]), &many(&[0.8, 0.8, 0.6]));
        let wrong = fit(&many(&[0.2, 0.3, 0.1]), &many(&[0.2, 0.1, 0.2]));
        assert!(right > wrong, "{right:?} {wrong:?}");
        let clear = fit(&many(&[0.2, 0.3]), &many(&[0.0, 0.1]));
        assert!(clear > right && matches!(clear, ContrastFit::Clear(_)), "{clear:?}");
        // A few positives above all others by chance tell nothing; the highest scores of all do.
        let chance = fit(&[0.2, 0.3], &many(&[0.0, 0.1]));
        assert!(
            right > chance
                && chance == ContrastFit::Likely(f64::from(0.3_f32) / 2.0 + f64::from(0.2_f32) / 2.0)
        );
        // A project of micrographs alone holds no patches yet.
        assert_eq!(fit(&[], &[]), ContrastFit::Likely(0.0));
        assert!(contrast_fit(&[], &[f32::NAN]).is_err());
    }
}
