//! Ranking metrics and the class prior, held to hand-computed values, to slow definitions, and to
//! simulated truth.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};
use vitrine_core::learning::eval::bins::*;
use vitrine_core::learning::eval::metrics::*;
use vitrine_core::learning::prior::best_bin::*;
use vitrine_core::learning::prior::binormal::{BinormalPrior, Checked, binormal_prior};

/// Every pair compared, ties one half.
fn slow_auc(positive: &[f32], other: &[f32]) -> f64 {
    let mut wins = 0.0;
    for p in positive {
        for o in other {
            wins += if p > o {
                1.0
            } else if p == o {
                0.5
            } else {
                0.0
            };
        }
    }
    wins / (positive.len() * other.len()) as f64
}

/// Precision and recall counted anew at every distinct score.
fn slow_average_precision(positive: &[f32], other: &[f32]) -> f64 {
    let mut thresholds: Vec<f32> = positive.iter().chain(other).copied().collect();
    thresholds.sort_by(|a, b| b.partial_cmp(a).unwrap());
    thresholds.dedup();
    let (mut sum, mut before) = (0.0, 0.0);
    for t in thresholds {
        let tp = positive.iter().filter(|&&s| s >= t).count() as f64;
        let fp = other.iter().filter(|&&s| s >= t).count() as f64;
        let recall = tp / positive.len() as f64;
        sum += (recall - before) * tp / (tp + fp);
        before = recall;
    }
    sum
}

/// DeLong's variance from its definition, with the placement value of every score.
fn slow_standard_error(positive: &[f32], other: &[f32]) -> f64 {
    let variance = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() - 1) as f64
    };
    let v10: Vec<f64> = positive.iter().map(|&p| slow_auc(&[p], other)).collect();
    let v01: Vec<f64> = other.iter().map(|&o| slow_auc(positive, &[o])).collect();
    (variance(&v10) / v10.len() as f64 + variance(&v01) / v01.len() as f64).sqrt()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

/// The estimate where nobody has checked any patch.
fn binormal(positive: &[f32], unlabeled: &[f32]) -> Result<BinormalPrior, MetricError> {
    binormal_prior(positive, unlabeled, Checked::default())
}

#[test]
fn auc_and_average_precision_by_hand() {
    // Pairs: 0.8 beats both, 0.35 beats 0.1 only: 3 of 4. (The example of scikit-learn's manual:
    // AUC 0.75, AP 0.8333.)
    let (p, o) = ([0.35, 0.8], [0.1, 0.4]);
    let r = Ranking::new(&p, &o).unwrap();
    close(r.auc(), 0.75);
    close(r.average_precision(), 0.5 * 1.0 + 0.5 * 2.0 / 3.0);
    // A tie: 0.5 against {0.5, 0.2} is ½ + 1, 0.9 wins twice: 3.5 of 4.
    let r = Ranking::new(&[0.5, 0.9], &[0.5, 0.2]).unwrap();
    close(r.auc(), 0.875);
    // Steps: 0.9 (recall ½, precision 1), 0.5 (recall 1, precision 2/3).
    close(r.average_precision(), 0.5 + 0.5 * 2.0 / 3.0);
    // All equal: no information.
    let r = Ranking::new(&[0.3; 3], &[0.3; 5]).unwrap();
    close(r.auc(), 0.5);
    close(r.average_precision(), 3.0 / 8.0);
    close(r.auc_standard_error().unwrap(), 0.0);
    // Upside down.
    close(auc(&[0.0], &[1.0]).unwrap(), 0.0);
    // −0 and +0 are one score.
    close(auc(&[0.0, -0.0], &[-0.0, 0.0]).unwrap(), 0.5);
}

#[test]
fn standard_error_by_hand() {
    // Placement values of positives: 0.35 → ½, 0.8 → 1 (variance ⅛);
    // of the others: 0.1 → 1, 0.4 → ½ (variance ⅛). √(⅛/2 + ⅛/2) = √⅛.
    let r = Ranking::new(&[0.35, 0.8], &[0.1, 0.4]).unwrap();
    close(r.auc_standard_error().unwrap(), 0.125_f64.sqrt());
}

#[test]
fn curves_by_hand() {
    let r = Ranking::new(&[0.5, 0.9], &[0.5, 0.2]).unwrap();
    let xy = |c: Vec<CurvePoint>| c.into_iter().map(|p| (p.x, p.y)).collect::<Vec<_>>();
    assert_eq!(xy(r.roc()), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    assert_eq!(xy(r.precision_recall()), [(0.0, 1.0), (0.5, 1.0), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
}

#[test]
fn thinning_keeps_the_ends_and_bounds_the_count() {
    let curve: Vec<CurvePoint> =
        (0..=10_000).map(|i| CurvePoint { x: i as f64 / 1e4, y: (i as f64 / 1e4).sqrt() }).collect();
    let kept = thin(&curve, 200);
    assert!(kept.len() <= 402 && kept.len() >= 200, "{} points", kept.len());
    assert_eq!(kept.first(), curve.first());
    assert_eq!(kept.last(), curve.last());
    assert!(thin(&[], 10).is_empty());
}

#[test]
fn pu_auc_ceiling_and_correction_by_hand() {
    close(auc_ceiling(0.3).unwrap(), 0.85);
    close(corrected_auc(0.85, 0.3).unwrap().value().unwrap(), 1.0);
    close(corrected_auc(0.5, 0.3).unwrap().value().unwrap(), 0.5);
    // Above the ceiling there is no corrected value. The formula would give (0.943 − 0.367)/0.266 = 2.165.
    let found = corrected_auc(0.943, 0.734).unwrap();
    assert_eq!(found.value(), None);
    let CorrectedAuc::AboveCeiling(above) = found else { panic!("{found:?}") };
    assert_eq!(above.auc, 0.943);
    close(above.ceiling, 0.633);
    assert!(above.to_string().contains("0.943") && above.to_string().contains("0.633"), "{above}");
    // Perfect scores, 3 of 10 unlabeled are particles that tie with the positives: exactly the ceiling.
    let unlabeled = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    close(auc(&[1.0; 4], &unlabeled).unwrap(), 0.85);
    for prior in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(corrected_auc(0.8, prior), Err(MetricError::Prior(_))));
        assert!(matches!(auc_ceiling(prior), Err(MetricError::Prior(_))));
    }
}

#[test]
fn calibration_by_hand() {
    // Two bins. Low: one negative at 0.2. High: positives 0.9 and 0.7, negative 0.8.
    let (bins, error) = calibration(&[0.9, 0.7], &[0.2, 0.8], 2, None).unwrap();
    assert_eq!((bins[0].positives, bins[0].negatives), (0, 1));
    assert_eq!((bins[1].positives, bins[1].negatives), (2, 1));
    assert!((bins[1].mean_score.unwrap() - 0.8).abs() < 1e-6);
    close(bins[1].share_positive.unwrap(), 2.0 / 3.0);
    // ¼·|0 − 0.2| + ¾·|⅔ − 0.8| = 0.05 + 0.1
    assert!((error - 0.15).abs() < 1e-6);
    // With π = 0.2 a positive weighs 0.1 and a negative 0.4: share in the high bin 0.2/0.6.
    let (bins, _) = calibration(&[0.9, 0.7], &[0.2, 0.8], 2, Some(0.2)).unwrap();
    close(bins[1].share_positive.unwrap(), 1.0 / 3.0);
    assert_eq!(histogram(&[0.0, 0.49, 0.5, 1.0, 7.0, -3.0, f32::NAN], 2), [3, 3]);
}

#[test]
fn too_little_and_broken_input_is_named() {
    let error = Ranking::new(&[], &[0.1]).unwrap_err();
    assert_eq!(error.to_string(), "there are 0 positive scores where at least 1 are needed");
    assert!(Ranking::new(&[0.1], &[]).is_err());
    let error = auc(&[0.1, f32::NAN], &[0.2]).unwrap_err();
    assert_eq!(error.to_string(), "positive score number 1 is NaN, not a finite number");
    assert!(auc(&[0.1], &[f32::INFINITY]).is_err());
    let shown = vitrine_core::Error::from(error).to_string();
    assert!(shown.contains("earlier checkpoint"), "{shown}");
    let one = Ranking::new(&[0.5], &[0.1, 0.2]).unwrap();
    assert!(matches!(one.auc_standard_error(), Err(MetricError::TooFew { class: "positive", .. })));
    assert!(matches!(estimate_prior(&[0.5; 9], &[0.5; 50]), Err(MetricError::TooFew { have: 9, .. })));
    assert!(matches!(
        estimate_prior(&[0.5; 20], &[f32::NAN; 50]),
        Err(MetricError::NotFinite { class: "unlabeled", .. })
    ));
}

/// Scores on a coarse grid, so that ties are common.
fn scores() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((0u8..20).prop_map(|v| f32::from(v) / 20.0), 2..40)
}

proptest! {
    #[test]
    fn fast_equals_slow(positive in scores(), other in scores()) {
        let r = Ranking::new(&positive, &other).unwrap();
        prop_assert!((r.auc() - slow_auc(&positive, &other)).abs() < 1e-12);
        prop_assert!((r.average_precision() - slow_average_precision(&positive, &other)).abs() < 1e-12);
        prop_assert!((r.auc_standard_error().unwrap() - slow_standard_error(&positive, &other)).abs() < 1e-12);
        // The trapezoids under the ROC curve are the same area.
        let roc = r.roc();
        let area: f64 = roc.windows(2).map(|w| (w[1].x - w[0].x) * 0.5 * (w[0].y + w[1].y)).sum();
        prop_assert!((area - r.auc()).abs() < 1e-12);
        // Swapping the sides mirrors the AUC.
        prop_assert!((auc(&other, &positive).unwrap() + r.auc() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn only_the_order_counts(positive in scores(), other in scores()) {
        let stretch = |v: &[f32]| v.iter().map(|s| (s * 3.0).exp()).collect::<Vec<_>>();
        let a = Ranking::new(&positive, &other).unwrap();
        let b = Ranking::new(&stretch(&positive), &stretch(&other)).unwrap();
        prop_assert!((a.auc() - b.auc()).abs() < 1e-12);
        prop_assert!((a.average_precision() - b.average_precision()).abs() < 1e-12);
    }

    #[test]
    fn the_prior_estimate_is_sane(positive in prop::collection::vec(0.0f32..1.0, 10..80), unlabeled in prop::collection::vec(0.0f32..1.0, 10..80)) {
        let e = estimate_prior(&positive, &unlabeled).unwrap();
        prop_assert!(0.0 <= e.low && e.low <= e.estimate && e.estimate <= e.high && e.high <= 1.0);
        prop_assert!((0.0..=1.0).contains(&e.cross_check));
    }
}

#[test]
fn bbe_by_hand() {
    // 20 positives at 0.9. Unlabeled: 10 at 0.9 and 30 at 0.1. At c = 0.9: q_p = 1, q_u = ¼, which
    // is the smallest ratio and the largest q_p, so both criteria choose it.
    let unlabeled: Vec<f32> = [vec![0.9; 10], vec![0.1; 30]].concat();
    let e = estimate_prior(&[0.9; 20], &unlabeled).unwrap();
    close(e.estimate, 0.25);
    close(e.recall, 1.0);
    close(e.unlabeled_rate, 0.25);
    // 1.01·(√(ln 40/80) + √(ln 40/40))
    let ln = 40.0_f64.ln();
    close(e.uniform_bound, 1.01 * ((ln / 80.0).sqrt() + (ln / 40.0).sqrt()));
    // Standard error: ¼·√(0.75/0.25/40) = 0.25·0.27386
    let error = 0.25 * (3.0_f64 / 40.0).sqrt();
    close(e.high, 0.25 + 2.24 * error);
    close(e.low, (0.25 - 2.24 * error).max(0.0));
    // Density ratio: blocks (0, 30) and (20, 10), w = 1/0.25 = 4 on a quarter of the unlabeled; the
    // mean of min(1, 4α) over them is min(¼, α), short by the tolerance at ¼ + 0.166·√(1/20 + 1/40).
    assert!((e.cross_check - (0.25 + 0.166 * 0.075_f64.sqrt())).abs() < 1e-9);
}

#[test]
fn labelling_rates_are_recognised() {
    // The case the rule was made for: 343/1743 = 0.1968.
    let text = LabellingRateSuspicion::of(0.197, 343, 1400).unwrap().to_string();
    assert!(text.contains("P/(P+U) = 343/1743 = 0.197"), "{text}");
    assert!(LabellingRateSuspicion::of(0.2, 343, 1400).is_some());
    // 0.2147 as people write it.
    assert!(LabellingRateSuspicion::of(0.215, 126, 461).is_some());
    assert!(LabellingRateSuspicion::of(0.245, 343, 1400).unwrap().to_string().contains("P/U = 343/1400"));
    assert!(LabellingRateSuspicion::of(0.30, 343, 1400).is_none());
    assert!(LabellingRateSuspicion::of(0.197, 0, 1400).is_none());
    assert!(LabellingRateSuspicion::of(f64::NAN, 343, 1400).is_none());
}

/// Shape of the particles' scores; the others are N(0, 1).
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// N(d, 1).
    Plain,
    /// N(d, 1), and a tenth of them N(0.3, 1): damaged, overlapping, off-centre.
    TenthHard,
    /// N(d, 0.6): some others score higher than any particle.
    Narrow,
}

/// 343 positive and 1400 unlabeled scores in (0, 1).
fn draw(rng: &mut ChaCha8Rng, d: f64, shape: Shape, prior: f64) -> (Vec<f32>, Vec<f32>) {
    let standard = Normal::new(0.0, 1.0).unwrap();
    let squash = |z: f64| (1.0 / (1.0 + (-2.0 * (z - 1.0)).exp())) as f32;
    let particle = |rng: &mut ChaCha8Rng| {
        let z = standard.sample(rng);
        match shape {
            Shape::Plain => d + z,
            Shape::TenthHard if rng.random_bool(0.1) => 0.3 + z,
            Shape::TenthHard => d + z,
            Shape::Narrow => d + 0.6 * z,
        }
    };
    let positive = (0..343).map(|_| squash(particle(rng))).collect();
    let unlabeled = (0..1400)
        .map(|_| if rng.random_bool(prior) { squash(particle(rng)) } else { squash(standard.sample(rng)) })
        .collect();
    (positive, unlabeled)
}

/// Twenty draws of one kind; prints a line.
struct Cell {
    held: usize,
    below_high: usize,
    error: f64,
    check_error: f64,
}

fn twenty(rng: &mut ChaCha8Rng, auc: f64, z: f64, shape: Shape, prior: f64) -> Cell {
    let mut cell = Cell { held: 0, below_high: 0, error: 0.0, check_error: 0.0 };
    let (mut width, mut warned) = (0.0, 0);
    for _ in 0..20 {
        // Φ⁻¹(AUC)·√2; for the other shapes the AUC is that of the plain one.
        let (positive, unlabeled) = draw(rng, z * f64::sqrt(2.0), shape, prior);
        let e = estimate_prior(&positive, &unlabeled).unwrap();
        cell.held += usize::from(e.low <= prior && prior <= e.high);
        cell.below_high += usize::from(prior <= e.high);
        cell.error += (e.estimate - prior).abs() / 20.0;
        cell.check_error += (e.cross_check - prior).abs() / 20.0;
        width += (e.high - e.low) / 20.0;
        warned += usize::from(!e.warnings.is_empty());
    }
    println!(
        "{auc:.2}  {:9}  {prior:.2}  {:8.2}  {:17.3}  {:18.3}  {width:10.3}  {warned:3}/20",
        format!("{shape:?}"),
        cell.held as f64 / 20.0,
        cell.error,
        cell.check_error,
    );
    cell
}

/// (AUC, Φ⁻¹(AUC))
const SEPARATIONS: [(f64, f64); 4] = [(0.90, 1.28155), (0.95, 1.64485), (0.98, 2.05375), (0.99, 2.32635)];
const PRIORS: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.5];
const HEAD: &str =
    "AUC   shape      π     coverage  mean error of BBE  of the cross-check  mean width  warned";

#[test]
fn the_prior_interval_covers_the_truth() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    println!("{HEAD}");
    let mut cells = Vec::new();
    for (auc, z) in SEPARATIONS {
        for shape in [Shape::Plain, Shape::TenthHard] {
            for prior in PRIORS {
                let cell = twenty(&mut rng, auc, z, shape, prior);
                // A single cell may be worse than the whole, yet not by much.
                assert!(cell.held >= 16, "AUC {auc}, {shape:?}, π {prior}: {} of 20", cell.held);
                cells.push(cell);
            }
        }
    }
    let n = cells.len() as f64;
    let coverage = cells.iter().map(|c| c.held as f64).sum::<f64>() / (20.0 * n);
    let error = cells.iter().map(|c| c.error).sum::<f64>() / n;
    let check = cells.iter().map(|c| c.check_error).sum::<f64>() / n;
    println!("all: coverage {coverage:.3}, mean error {error:.3}, cross-check {check:.3}");
    assert!(coverage >= 0.95);
    assert!(error < 0.05 && check < 0.04);
}

#[test]
fn where_no_bin_is_pure_only_the_upper_end_holds() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    println!("{HEAD}");
    let mut below_high = 0;
    for (auc, z) in SEPARATIONS {
        for prior in PRIORS {
            below_high += twenty(&mut rng, auc, z, Shape::Narrow, prior).below_high;
        }
    }
    assert!(below_high >= 380, "{below_high} of 400");
}

#[test]
fn scores_without_information_are_called_an_upper_limit() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (positive, unlabeled) = draw(&mut rng, 0.0, Shape::Plain, 0.3);
    let e = estimate_prior(&positive, &unlabeled).unwrap();
    assert!(e.warnings.iter().any(|w| w.contains("upper limit")), "{e:?}");
}

/// Particles N(d, 1) of which the higher scoring are the likelier picks, as Φ(z)^`bias`; 343 positives and
/// 1400 unlabeled.
fn picked_by_score(rng: &mut ChaCha8Rng, d: f64, bias: i32, prior: f64) -> (Vec<f32>, Vec<f32>) {
    let standard = Normal::new(0.0, 1.0).unwrap();
    let chance = |z: f64| (0.5 * libm::erfc(-z / f64::sqrt(2.0))).powi(bias);
    let mut particles = || loop {
        let z: f64 = standard.sample(rng);
        if rng.random_bool(chance(z)) {
            break (d + z) as f32;
        }
    };
    let positive = (0..343).map(|_| particles()).collect();
    let unlabeled = (0..1400)
        .map(|_| {
            let z = standard.sample(rng);
            if rng.random_bool(prior) { (d + z) as f32 } else { z as f32 }
        })
        .collect();
    (positive, unlabeled)
}

#[test]
fn the_binormal_prior_bears_biased_picks() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    println!("AUC   bias  π     BBE    binormal  held");
    let (mut bins, mut mixture, mut held, mut count) = ([0.0; 2], [0.0; 2], [0; 2], 0);
    for (auc, z) in SEPARATIONS {
        for bias in [0, 1] {
            for prior in PRIORS {
                let (mut of_bins, mut of_mixture, mut inside) = (0.0, 0.0, 0);
                for _ in 0..5 {
                    let (positive, unlabeled) = picked_by_score(&mut rng, z * f64::sqrt(2.0), bias, prior);
                    let b = binormal(&positive, &unlabeled).unwrap();
                    let e = estimate_prior(&positive, &unlabeled).unwrap();
                    assert!((0.0..=b.estimate).contains(&b.low) && (b.estimate..=1.0).contains(&b.high));
                    of_bins += (e.estimate - prior).abs() / 5.0;
                    of_mixture += (b.estimate - prior).abs() / 5.0;
                    inside += usize::from((b.low..=b.high).contains(&prior));
                }
                println!("{auc:.2}  {bias:4}  {prior:.2}  {of_bins:.3}  {of_mixture:.3}  {inside}/5");
                let kind = usize::from(bias > 0);
                bins[kind] += of_bins;
                mixture[kind] += of_mixture;
                held[kind] += inside;
                count += 1;
            }
        }
    }
    let cells = f64::from(count) / 2.0;
    let ([random_bins, biased_bins], [random, biased]) =
        (bins.map(|e| e / cells), mixture.map(|e| e / cells));
    println!("random: BBE {random_bins:.3}, binormal {random:.3}, held {}", held[0]);
    println!("biased: BBE {biased_bins:.3}, binormal {biased:.3}, held {}", held[1]);
    assert!(biased < 0.75 * biased_bins, "it is there for biased picks");
    assert!(random < random_bins + 0.02, "and costs little where they are not");
    assert!(held[0] >= 90 && held[1] >= 80, "of 100 each: {held:?}");
}

#[test]
fn the_binormal_prior_sees_only_the_order_and_says_what_it_cannot_do() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (positive, unlabeled) = picked_by_score(&mut rng, 3.0, 0, 0.3);
    let plain = binormal(&positive, &unlabeled).unwrap();
    let bent = |scores: &[f32]| -> Vec<f32> { scores.iter().map(|s| (s / 2.0).exp()).collect() };
    assert_eq!(binormal(&bent(&positive), &bent(&unlabeled)).unwrap(), plain);
    let few = binormal(&positive[..12], &unlabeled).unwrap();
    assert!(few.high - few.low > plain.high - plain.low, "{few:?} is surer than {plain:?}");
    assert!(matches!(binormal(&[0.5; 9], &[0.5; 50]), Err(MetricError::TooFew { have: 9, .. })));
    assert!(binormal(&[0.5; 20], &[f32::INFINITY; 50]).is_err());
    // All alike: nothing to tell, and no error either.
    let alike = binormal(&[0.5; 20], &[0.5; 50]).unwrap();
    assert!(alike.high - alike.low > 0.3, "{alike:?}");
}
