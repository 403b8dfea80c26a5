//! Picking on one micrograph: a network slid over the whole of it proposes places, exact scores of patches cut
//! there decide.
//!
//! The map is quick and nearly right; the score of a patch goes through the checkpoint's own normaliser and is
//! averaged over all symmetries of the square, as everywhere in the program. Only exact scores are kept. Where the run
//! has a [`ContrastRule`], it lowers those of places that stand out little, and changes which place has which of them.

use rayon::prelude::*;

use super::peaks::peaks;
use super::standardise::standardise;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::imaging::cut::{CutSettings, cut_patch};
use crate::imaging::normalise::Normaliser;
use crate::imaging::resample::resample;
use crate::imaging::spread::{log_spread, log_spreads, usual_spread};
use crate::imaging::{Border, bin, replicated_border};
use crate::learning::infer::contrast::{ContrastRule, FLOOR_LOGIT, SURE, lowered};
use crate::learning::infer::predict::probability;
use crate::learning::infer::scorer::Scorer;
use crate::learning::infer::slide::{LogitMap, STRIDE};
use crate::learning::network::SlidingCnn;

/// Places below this logit (a score of 0.0025) are not kept: thresholds are free above it.
pub const FLOOR: f32 = FLOOR_LOGIT;
/// Places of the map below this are not scored. It lies below [`FLOOR`], for the map is not exact.
const MAP_FLOOR: f32 = -8.0;
/// Number of patches scored at once. If none of a batch reaches [`FLOOR`], those lower in the map are left out.
const PATCHES_PER_BATCH: usize = 256;
/// How many times contrast counts in the order of the places of a micrograph. A place is proposed because its logit is higher
/// than around it, so there the logit says less than that of a patch.
const CONTRAST_IN_ORDER: f64 = 2.5;
/// A centre lies at least this share of the box inside the picture, where an edge holds none: about the radius of a
/// particle, since a box is 1.5 to 2 times as wide as one.
const INSIDE: f64 = 0.25;

/// A place on a micrograph with its exact score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Centre, px of the unbinned micrograph.
    pub x: f64,
    /// Centre, px, from the first stored row.
    pub y: f64,
    /// Exact logit, mean over the symmetries. Where the run has a rule for contrast it is one of the logits that the rule has
    /// lowered on this micrograph, and places that stand out little get the low ones. 1/(1 + exp(−logit)) is the score.
    pub logit: f32,
}

/// What picking found on one micrograph.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Columns and rows of the micrograph, px.
    pub size: (usize, usize),
    /// Edges without a picture, where nothing is picked.
    pub border: Border,
    /// Every place above [`FLOOR`], the highest first. Places may lie near each other: spacing is up to the reader.
    pub places: Vec<Candidate>,
}

/// [`log_spread`] all over a micrograph.
struct Spreads {
    all: Vec<f64>,
    usual: f64,
}

/// A micrograph ready to be picked on.
pub struct Prepared {
    image: Image,
    border: Border,
    /// What its places stand out from, where contrast counts.
    spreads: Option<Spreads>,
    /// Binned as patches are and brought to the network's scale.
    picture: Image,
}

/// The network's logit at every place of a micrograph, from which places are proposed. Nearly exact: what is kept and
/// compared with thresholds is the score of the patch that is cut there.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreMap {
    /// The logits, row by row.
    pub logits: LogitMap,
    /// From one place to the next, px of the micrograph.
    pub step: f64,
    /// Column and row of the first place, px of the micrograph.
    pub first: f64,
    /// Columns and rows of the micrograph, px.
    pub size: (usize, usize),
}

impl ScoreMap {
    /// Where a column or a row of the map is, px of the micrograph.
    pub fn position(&self, place: f64) -> f64 {
        place * self.step + self.first
    }
}

/// Picks with the network of a run.
pub struct Picker {
    scorer: Scorer,
    cut: CutSettings,
}

impl Picker {
    /// A picker that cuts patches as the run's were cut.
    ///
    /// # Errors
    /// When the network can judge patches only, or box and bin do not give patches of its size.
    pub fn new(scorer: Scorer, cut: CutSettings) -> Result<Self> {
        if !scorer.slides() {
            return Err(Error::request(
                "the network of this run judges single patches only: it tells the centre of a patch from its border, and \
                 a micrograph has no such borders",
                "train a run whose backbone is sliding_cnn, and pick with that",
            ));
        }
        let size = cut.patch_size()?;
        if size != scorer.size() {
            return Err(Error::request(
                format!(
                    "a box of {} px averaged by {} gives patches of {size} px, but the run was trained on {} px",
                    cut.box_size,
                    cut.bin,
                    scorer.size()
                ),
                "give box and bin factor of the patches that the run learned from",
            ));
        }
        Ok(Self { scorer, cut: CutSettings { margin: 0, ..cut } })
    }

    /// How patches are cut.
    pub fn cut(&self) -> &CutSettings {
        &self.cut
    }

    /// Whether scores of places that stand out less than most particles are lowered.
    pub fn lowers_by_contrast(&self) -> bool {
        self.scorer.contrast().is_some() || self.scorer.finds_contrast_by_scores()
    }

    /// How many px of a patch one px of the network's input stands for.
    fn reduction(&self) -> f64 {
        SlidingCnn::reduction(self.scorer.size())
    }

    /// What can be done without the network: borders, binning, normalising.
    ///
    /// # Errors
    /// When the micrograph is smaller than a bin or holds a value that is no finite number.
    pub fn prepare(&self, image: Image) -> Result<Prepared> {
        let border = replicated_border(&image)?;
        let binned = bin(&image, self.cut.bin)?;
        let spreads = self.lowers_by_contrast().then(|| {
            let all = log_spreads(&binned, &border, self.cut.bin, self.scorer.size());
            usual_spread(all.clone()).map(|usual| Spreads { all, usual })
        });
        let binned = standardise(&binned, self.scorer.normaliser())?;
        let factor = self.reduction();
        let picture = if factor == 1.0 {
            binned
        } else {
            // As the network does with patches of this size.
            standardise(&resample(&binned, factor), &Normaliser::of_each_patch(SlidingCnn::SIDE)?)?
        };
        Ok(Prepared { image, border, spreads: spreads.flatten(), picture })
    }

    /// Px of the micrograph that one px of the picture stands for, over which the network is slid.
    fn scale(&self) -> f64 {
        self.reduction() * self.cut.bin as f64
    }

    /// The map from which places are proposed.
    pub fn map(&self, prepared: &Prepared) -> ScoreMap {
        let picture = &prepared.picture;
        let logits = self.scorer.logit_map(&picture.data, picture.width);
        let scale = self.scale();
        ScoreMap {
            logits: logits.unwrap_or(LogitMap { columns: 0, rows: 0, values: Vec::new() }),
            step: STRIDE as f64 * scale,
            first: LogitMap::centre(0) as f64 * scale,
            size: (prepared.image.width, prepared.image.height),
        }
    }

    /// The rule for contrast by the scores of this micrograph alone, where the run has none and may find one.
    fn rule_here(
        &self,
        prepared: &Prepared,
        places: &[Candidate],
        contrasts: &[Option<f64>],
    ) -> Option<ContrastRule> {
        let Spreads { all, usual } =
            prepared.spreads.as_ref().filter(|_| self.scorer.finds_contrast_by_scores())?;
        let scored = places.iter().zip(contrasts);
        let sure = scored
            .filter(|(place, _)| probability(place.logit) >= SURE)
            .filter_map(|(_, contrast)| *contrast);
        let others: Vec<f64> = all.iter().map(|spread| spread - usual).collect();
        ContrastRule::fit(&sure.collect::<Vec<_>>(), &others)
    }

    /// Finds and scores places.
    ///
    /// # Errors
    /// When a patch cannot be cut.
    pub fn pick(&self, prepared: &Prepared) -> Result<Candidates> {
        let Prepared { image, border, .. } = prepared;
        let size = (image.width, image.height);
        let map = self.map(prepared);
        // A px more than half a box: the centre is written half a px before the place, and can be cut there again.
        let half = (self.cut.effective_box()? / 2) as f64 + 1.0;
        let inside = INSIDE * self.cut.box_size as f64;
        let free = |at: f64, length: usize, before: usize, after: usize| {
            let edge = |border: usize| if border > 0 { (border as f64 + inside).max(half) } else { half };
            at >= edge(before) && at <= length as f64 - edge(after)
        };
        let position = |place: f64| map.position(place);
        let found = peaks(&map.logits, MAP_FLOOR, |column, row| {
            free(position(column as f64), size.0, border.left, border.right)
                && free(position(row as f64), size.1, border.top, border.bottom)
        });
        let area = self.scorer.size() * self.scorer.size();
        let contrast =
            |patch: &[f32]| Some(log_spread(patch, self.scorer.size())? - prepared.spreads.as_ref()?.usual);
        let (mut places, mut contrasts) = (Vec::new(), Vec::new());
        for group in found.chunks(PATCHES_PER_BATCH) {
            let mut patches = vec![0.0; group.len() * area];
            let fits: Vec<Option<Option<f64>>> = group
                .par_iter()
                .zip(patches.par_chunks_exact_mut(area))
                .map(|(peak, patch)| {
                    let centre = (position(peak.column).round(), position(peak.row).round());
                    let cut = cut_patch(image, centre, &self.cut, patch)?;
                    let contrast = contrast(patch);
                    // A patch that cannot be normalised (a constant background) is no particle.
                    Ok((cut && self.scorer.normaliser().apply(patch).is_ok()).then_some(contrast))
                })
                .collect::<Result<_>>()?;
            let kept: Vec<f32> = patches
                .chunks_exact(area)
                .zip(&fits)
                .filter(|(_, fits)| fits.is_some())
                .flat_map(|(patch, _)| patch.iter().copied())
                .collect();
            let logits = self.scorer.logits(&kept);
            let before = places.len();
            let scored = group.iter().zip(&fits).filter_map(|(peak, fits)| Some((peak, (*fits)?)));
            for ((peak, contrast), logit) in scored.zip(logits) {
                if logit >= FLOOR {
                    // Patches are scored mirrored too, so what counts as the centre is the middle of the box, half a
                    // pixel before its centre pixel.
                    let at = |place: f64| position(place) - 0.5;
                    places.push(Candidate { x: at(peak.column), y: at(peak.row), logit });
                    contrasts.push(contrast);
                }
            }
            if places.len() == before {
                break;
            }
        }
        if let Some(rule) = self.scorer.contrast().or_else(|| self.rule_here(prepared, &places, &contrasts)) {
            let lowers: Vec<f64> = contrasts
                .iter()
                .map(|contrast| contrast.map_or(0.0, |contrast| rule.lowers_by(contrast)))
                .collect();
            deal_out(&mut places, &lowers);
        }
        places.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        Ok(Candidates { size, border: *border, places })
    }
}

/// Lowers each logit by its number of `lowers`, and deals the lowered logits out anew, the highest first, in the order that
/// places have where the numbers count [`CONTRAST_IN_ORDER`] times. So as many places as before lie above a threshold, but
/// others.
fn deal_out(places: &mut [Candidate], lowers: &[f64]) {
    let mut logits: Vec<f32> =
        places.iter().zip(lowers).map(|(place, &by)| lowered(place.logit, by as f32)).collect();
    let ranks: Vec<f64> = places
        .iter()
        .zip(lowers)
        .map(|(place, by)| f64::from(place.logit) - CONTRAST_IN_ORDER * by)
        .collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| ranks[b].total_cmp(&ranks[a]));
    logits.sort_by(|a, b| b.total_cmp(a));
    for (at, logit) in order.into_iter().zip(logits) {
        places[at].logit = logit;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::module::Module;

    use super::*;
    use crate::device::ComputeDevice;
    use crate::learning::config::Backbone;
    use crate::learning::general_model::general_model;
    use crate::learning::network::Network;

    const SIDE: usize = 512;

    fn picker(contrast: Option<ContrastRule>) -> Picker {
        let device = ComputeDevice::cpu();
        let network = Network::new(Backbone::SlidingCnn, 3, &device.inner).valid();
        let scorer = Scorer::from_network(network, Normaliser::of_each_patch(64).unwrap(), device);
        Picker::new(scorer.with_contrast(contrast), CutSettings { box_size: 64, bin: 1, margin: 0 }).unwrap()
    }

    /// Noise, a tenth as strong in the upper left quarter.
    fn micrograph() -> Image {
        let faint = |at: usize| at % SIDE < SIDE / 2 && at / SIDE < SIDE / 2;
        let noise = |at: usize| ((at * at % 10_007) as f32 * 0.37).sin();
        let data = (0..SIDE * SIDE).map(|at| noise(at) * if faint(at) { 0.1 } else { 1.0 });
        Image { width: SIDE, height: SIDE, data: data.collect() }
    }

    #[test]
    fn a_lowered_logit_stays_at_the_floor_unless_it_lay_below() {
        assert_eq!([(2.0, 1.5), (2.0, 0.0), (2.0, 50.0)].map(|(l, by)| lowered(l, by)), [0.5, 2.0, FLOOR]);
        assert_eq!(lowered(FLOOR - 1.0, 3.0), FLOOR - 1.0);
    }

    #[test]
    fn only_places_that_stand_out_less_than_picks_are_lowered() {
        let find = |contrast| {
            let picker = picker(contrast);
            picker.pick(&picker.prepare(micrograph()).unwrap()).unwrap().places
        };
        let (plain, ruled) =
            (find(None), find(Some(ContrastRule { floor: -0.5, slope: 1.0, for_patches: 1.0 })));
        // Whether the inner part of the box, 20 px either way, lies in the faint quarter, or outside of it.
        let (edge, half) = (SIDE as f64 / 2.0, 21.0);
        let faint = |place: &&Candidate| place.x.max(place.y) < edge - half;
        let strong = |place: &&Candidate| place.x.max(place.y) > edge + half;
        assert!(plain.iter().filter(faint).count() > 5 && plain.iter().filter(strong).count() > 20);
        let same = |place: &Candidate| {
            ruled.iter().find(|other| (other.x, other.y) == (place.x, place.y)).map(|other| other.logit)
        };
        for place in plain.iter().filter(strong) {
            assert!(same(place).unwrap() >= place.logit);
        }
        for place in plain.iter().filter(faint) {
            // ln 0.1 lies 1.8 below the floor, and counts for more in the order.
            let lowered = place.logit - same(place).unwrap();
            assert!(lowered > 1.6, "{lowered}");
        }
    }

    #[test]
    fn contrast_changes_the_order_more_than_the_logits() {
        let at = |logit| Candidate { x: 0.0, y: 0.0, logit };
        let mut places = [at(3.0), at(2.0), at(1.0), at(-2.0)];
        // Lowered once: 1.5, 2, 1, −2. In the order of −0.75, 2, 1, −2 the first comes third.
        deal_out(&mut places, &[1.5, 0.0, 0.0, 0.0]);
        assert_eq!(places.map(|place| place.logit), [1.0, 2.0, 1.5, -2.0]);
    }

    #[test]
    fn without_a_label_sure_places_tell_what_stands_out() {
        let rule = |by_scores: bool, sure: usize| {
            let mut model = general_model(64, false).unwrap();
            model.header.contrast_by_scores = by_scores;
            let scorer = Scorer::new(&model, ComputeDevice::cpu()).unwrap();
            let picker = Picker::new(scorer, CutSettings { box_size: 64, bin: 1, margin: 0 }).unwrap();
            let prepared = picker.prepare(micrograph()).unwrap();
            let place = |i: usize| Candidate { x: 0.0, y: 0.0, logit: if i < sure { 3.0 } else { 2.0 } };
            let places: Vec<Candidate> = (0..100).map(place).collect();
            let contrasts: Vec<Option<f64>> =
                (0..100).map(|i| Some(if i < sure { 0.5 } else { -3.0 } + 0.01 * (i % 7) as f64)).collect();
            picker.rule_here(&prepared, &places, &contrasts)
        };
        // The floor is that of sure places; what is usual lies below.
        assert!(rule(true, 20).is_some_and(|rule| (0.5..0.6).contains(&rule.floor) && rule.slope > 0.5));
        assert_eq!(rule(true, 9), None, "sure of too few");
        assert_eq!(rule(false, 20), None, "a run that learned from labels");
    }
}
