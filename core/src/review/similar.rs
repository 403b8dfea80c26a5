//! Patches that look alike to a network: nearest neighbours in its feature space.

use half::f16;
use rayon::prelude::*;

use super::NetworkFeatures;
use crate::project::PatchId;

/// The `count` patches nearest to `examples`, the nearest first, the examples themselves left out.
///
/// Nearness is the cosine between features after the mean over all patches was taken away (without
/// that, features behind a ReLU all point the same way); with several examples the largest of the
/// cosines counts, so that examples of two kinds find both kinds.
pub fn nearest(features: &NetworkFeatures, examples: &[PatchId], count: usize) -> Vec<PatchId> {
    let width = features.width;
    let centred = |row: &[f16], mean: &[f32]| -> Vec<f32> {
        let mut values: Vec<f32> = row.iter().zip(mean).map(|(v, m)| v.to_f32() - m).collect();
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 0.0 {
            values.iter_mut().for_each(|v| *v /= norm);
        }
        values
    };
    let wanted: Vec<Vec<f32>> = examples
        .iter()
        .filter_map(|&patch| features.of(patch))
        .map(|row| centred(row, &features.mean))
        .collect();
    if width == 0 || wanted.is_empty() || count == 0 {
        return Vec::new();
    }
    let mut given = examples.to_vec();
    given.sort_unstable();
    let mut found: Vec<(f32, PatchId)> = features
        .values
        .par_chunks_exact(width)
        .enumerate()
        .map(|(patch, row)| {
            let row = centred(row, &features.mean);
            let nearness = wanted
                .iter()
                .map(|one| one.iter().zip(&row).map(|(a, b)| a * b).sum::<f32>())
                .fold(f32::NEG_INFINITY, f32::max);
            (nearness, patch as PatchId)
        })
        .collect();
    found.retain(|(_, patch)| given.binary_search(patch).is_err());
    let count = count.min(found.len());
    let order = |a: &(f32, PatchId), b: &(f32, PatchId)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if count < found.len() && count > 0 {
        found.select_nth_unstable_by(count - 1, order);
    }
    found.truncate(count);
    found.sort_unstable_by(order);
    found.into_iter().map(|(_, patch)| patch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(rows: &[[f32; 2]]) -> NetworkFeatures {
        NetworkFeatures::new(2, rows.iter().flatten().map(|&v| f16::from_f32(v)).collect())
    }

    #[test]
    fn the_nearest_come_first() {
        // Mean (0, 0): directions right, right-up, up, left, down-left.
        let all = features(&[[2.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-2.0, 0.0], [-1.0, -2.0]]);
        assert_eq!(all.mean, [0.0, 0.0]);
        assert_eq!(nearest(&all, &[0], 2), [1, 2]);
        assert_eq!(nearest(&all, &[3], 9), [4, 2, 1, 0]);
        assert_eq!(nearest(&all, &[0, 3], 2), [1, 4], "cosines 0.71 to the first and 0.45 to the second");
        assert!(nearest(&all, &[], 3).is_empty());
        assert!(nearest(&all, &[77], 3).is_empty());
    }

    #[test]
    fn what_all_share_does_not_count() {
        // Far from zero, and told apart by the second number only.
        let all = features(&[[100.0, 1.0], [100.0, -1.0], [100.0, 0.8], [100.0, -0.8]]);
        assert_eq!(nearest(&all, &[0], 1), [2]);
        assert_eq!(nearest(&all, &[1], 1), [3]);
    }
}
