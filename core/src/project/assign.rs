//! Which group of patches goes to which side of a split.
//!
//! Patches that must stay together (one micrograph, overlapping boxes, equal pixels) form a group.
//! Groups are dealt out so that every label's share on each side comes as near as possible to the
//! wanted fraction: large groups first, each to the side where it lowers the sum of
//! (found − wanted)² / wanted the most, then single moves and swaps as long as they help.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::label::Label;
use crate::project::{PatchId, PixelFile};

/// Sides: train, validation, test.
const SIDES: usize = 3;
/// Patches of each label in a group, indexed by the label's byte.
pub(super) type Counts = [u64; 3];

/// Disjoint sets of patches that must stay together.
pub(super) struct Groups {
    parent: Vec<u32>,
}

impl Groups {
    /// Every patch alone.
    pub fn new(count: usize) -> Self {
        Self { parent: (0..count as u32).collect() }
    }

    fn root(&mut self, id: u32) -> u32 {
        let mut at = id;
        while let Some(&up) = self.parent.get(at as usize)
            && up != at
        {
            // Path halving.
            let above = self.parent.get(up as usize).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(at as usize) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    /// From now on the two stay together.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller id is the root, so that the order of joining does not matter.
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.parent.get_mut(high as usize) {
            *slot = low;
        }
    }

    /// The number of the group of every patch, and how many patches of each label a group has.
    pub fn finish(mut self, labels: &[Label]) -> (Vec<u32>, Vec<Counts>) {
        let mut number: HashMap<u32, u32> = HashMap::new();
        let mut groups = Vec::with_capacity(labels.len());
        let mut counts: Vec<Counts> = Vec::new();
        for (id, &label) in (0_u32..).zip(labels) {
            let root = self.root(id);
            let group = *number.entry(root).or_insert_with(|| {
                counts.push([0; 3]);
                counts.len() as u32 - 1
            });
            if let Some(count) = counts.get_mut(group as usize) {
                count[label as usize] += 1;
            }
            groups.push(group);
        }
        (groups, counts)
    }
}

/// Joins patches with exactly the same pixels. Patches of one single value are left alone: they
/// say nothing, and blank boxes would tie unrelated micrographs together.
///
/// `progress` hears how many patches were looked at and may stop the work with an error.
pub(super) fn join_equal_pixels(
    groups: &mut Groups,
    pixels: &PixelFile,
    progress: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<()> {
    let width = pixels.pixel_type().bytes();
    // By hash, patches that differ; more than one only where hashes collide.
    let mut seen: HashMap<u64, Vec<PatchId>> = HashMap::new();
    for id in 0..pixels.len() as PatchId {
        if id % 1024 == 0 {
            progress(id as usize)?;
        }
        let Some(bytes) = pixels.bytes(id) else { continue };
        let (first, rest) = bytes.split_at(width.min(bytes.len()));
        if rest.chunks(width).all(|value| value == first) {
            continue;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        let same = seen.entry(hasher.finish()).or_default();
        match same.iter().find(|&&other| pixels.bytes(other) == Some(bytes)) {
            Some(&other) => groups.join(other, id),
            None => same.push(id),
        }
    }
    progress(pixels.len())
}

/// A box on a micrograph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub id: PatchId,
    /// Centre, px.
    pub x: f64,
    pub y: f64,
    /// Side, px.
    pub side: f64,
}

/// Joins boxes of one micrograph that share any area.
pub(super) fn join_overlapping(groups: &mut Groups, boxes: &[Placed]) {
    let cell = boxes.iter().map(|b| b.side).fold(1.0, f64::max);
    let mut grid: HashMap<(i64, i64), Vec<&Placed>> = HashMap::new();
    for one in boxes {
        let (column, row) = ((one.x / cell).floor() as i64, (one.y / cell).floor() as i64);
        for key in (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (column.saturating_add(dx), row.saturating_add(dy))))
        {
            for other in grid.get(&key).into_iter().flatten() {
                let reach = (one.side + other.side) / 2.0;
                if (one.x - other.x).abs() < reach && (one.y - other.y).abs() < reach {
                    groups.join(one.id, other.id);
                }
            }
        }
        grid.entry((column, row)).or_default().push(one);
    }
}

/// What a side lacks when groups cannot be dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lacking {
    /// 0 train, 1 validation, 2 test.
    pub side: usize,
    /// Whether positives are missing, else everything else.
    pub positives: bool,
}

struct Deal<'a> {
    groups: &'a [Counts],
    wanted: [[f64; 3]; SIDES],
    /// What a deviation of one patch of a label counts.
    weight: [f64; 3],
    found: [[f64; 3]; SIDES],
    side: Vec<usize>,
}

impl Deal<'_> {
    /// By how much the cost of `side` changes when `counts` are added (`sign` 1) or taken (−1).
    fn delta(&self, side: usize, counts: &Counts, sign: f64) -> f64 {
        let mut sum = 0.0;
        for (label, &count) in counts.iter().enumerate() {
            let wanted = self.wanted[side][label];
            if count > 0 && wanted > 0.0 {
                let change = sign * count as f64;
                sum += self.weight[label] * change * (2.0 * (self.found[side][label] - wanted) + change)
                    / wanted;
            }
        }
        sum
    }

    fn add(&mut self, side: usize, counts: &Counts, sign: f64) {
        for (found, &count) in self.found[side].iter_mut().zip(counts) {
            *found += sign * count as f64;
        }
    }

    fn shift(&mut self, group: usize, to: usize) {
        let counts = self.groups[group];
        self.add(self.side[group], &counts, -1.0);
        self.add(to, &counts, 1.0);
        self.side[group] = to;
    }

    fn has(&self, side: usize, positives: bool) -> bool {
        let [unlabeled, positive, negative] = self.found[side];
        if positives { positive > 0.5 } else { unlabeled + negative > 0.5 }
    }
}

fn bears(counts: &Counts, positives: bool) -> u64 {
    if positives { counts[Label::Positive as usize] } else { counts[0] + counts[2] }
}

/// Deals `groups` out to the sides with a `fraction` above 0; returns the side of each group.
///
/// Every such side gets at least one positive and one other patch.
///
/// # Errors
/// What is lacking where that cannot be.
pub(super) fn deal(groups: &[Counts], fractions: [f64; SIDES], seed: u64) -> Result<Vec<usize>, Lacking> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut totals = [0.0; 3];
    for counts in groups {
        for (total, &count) in totals.iter_mut().zip(counts) {
            *total += count as f64;
        }
    }
    let used: Vec<usize> = (0..SIDES).filter(|&s| fractions[s] > 0.0).collect();
    let mut deal = Deal {
        groups,
        wanted: fractions.map(|f| totals.map(|t| f * t)),
        weight: totals.map(|t| if t > 0.0 { 1.0 / t } else { 0.0 }),
        found: [[0.0; 3]; SIDES],
        side: vec![used.first().copied().unwrap_or(0); groups.len()],
    };
    // Large groups first, but not strictly: the seed must be able to make a difference.
    let mut order: Vec<(usize, f64)> = groups
        .iter()
        .enumerate()
        .map(|(index, counts)| {
            let share: f64 = counts.iter().zip(deal.weight).map(|(&c, w)| c as f64 * w).sum();
            let single = counts.iter().sum::<u64>() <= 1;
            (index, if single { 0.0 } else { share * rng.random_range(0.6..1.0) })
        })
        .collect();
    order.shuffle(&mut rng);
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (group, _) in order {
        let counts = groups[group];
        let best = used
            .iter()
            .map(|&side| (side, deal.delta(side, &counts, 1.0)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((side, _)) = best {
            deal.add(side, &counts, 1.0);
            deal.side[group] = side;
        }
    }
    if groups.len() <= 400 {
        improve(&mut deal, &used);
    }
    repair(&mut deal, &used)?;
    Ok(deal.side)
}

/// Single moves and swaps, always the one that helps most.
fn improve(deal: &mut Deal<'_>, used: &[usize]) {
    for _ in 0..200 {
        let mut best = (-1e-9, None);
        for a in 0..deal.groups.len() {
            let from = deal.side[a];
            let out = deal.delta(from, &deal.groups[a], -1.0);
            for &to in used.iter().filter(|&&to| to != from) {
                let change = out + deal.delta(to, &deal.groups[a], 1.0);
                if change < best.0 {
                    best = (change, Some((a, None, to)));
                }
            }
            for b in a + 1..deal.groups.len() {
                let to = deal.side[b];
                if to == from {
                    continue;
                }
                let (ca, cb) = (deal.groups[a], deal.groups[b]);
                let mut change = 0.0;
                for (side, minus, plus) in [(from, ca, cb), (to, cb, ca)] {
                    for label in 0..3 {
                        let wanted = deal.wanted[side][label];
                        if wanted > 0.0 {
                            let d = plus[label] as f64 - minus[label] as f64;
                            change += deal.weight[label] * d * (2.0 * (deal.found[side][label] - wanted) + d)
                                / wanted;
                        }
                    }
                }
                if change < best.0 {
                    best = (change, Some((a, Some(b), to)));
                }
            }
        }
        match best.1 {
            Some((a, swap, to)) => {
                let from = deal.side[a];
                deal.shift(a, to);
                if let Some(b) = swap {
                    deal.shift(b, from);
                }
            }
            None => break,
        }
    }
}

/// Gives every side positives and others, taking the smallest group that another side can spare.
fn repair(deal: &mut Deal<'_>, used: &[usize]) -> Result<(), Lacking> {
    for &side in used {
        for positives in [true, false] {
            if deal.has(side, positives) {
                continue;
            }
            let mut candidates: Vec<usize> = (0..deal.groups.len())
                .filter(|&g| deal.side[g] != side && bears(&deal.groups[g], positives) > 0)
                .collect();
            candidates.sort_by_key(|&g| deal.groups[g].iter().sum::<u64>());
            let mut done = false;
            for group in candidates {
                let donor = deal.side[group];
                let had = [deal.has(donor, true), deal.has(donor, false)];
                deal.shift(group, side);
                if had == [deal.has(donor, true), deal.has(donor, false)] {
                    done = true;
                    break;
                }
                deal.shift(group, donor);
            }
            if !done {
                return Err(Lacking { side, positives });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shares(groups: &[Counts], sides: &[usize], label: usize) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (g, &s) in groups.iter().zip(sides) {
            sum[s] += g[label] as f64;
        }
        let total: f64 = sum.iter().sum();
        sum.map(|s| s / total)
    }

    #[test]
    fn single_patches_meet_the_fractions_to_the_patch() {
        let groups: Vec<Counts> = (0..1743).map(|i| if i < 343 { [0, 1, 0] } else { [1, 0, 0] }).collect();
        let sides = deal(&groups, [0.7, 0.2, 0.1], 1).unwrap();
        for (label, total) in [(1, 343.0), (0, 1400.0)] {
            for (found, wanted) in shares(&groups, &sides, label).iter().zip([0.7, 0.2, 0.1]) {
                assert!((found - wanted).abs() * total <= 1.0, "{found} {wanted}");
            }
        }
        assert_eq!(sides, deal(&groups, [0.7, 0.2, 0.1], 1).unwrap());
        assert_ne!(sides, deal(&groups, [0.7, 0.2, 0.1], 2).unwrap());
    }

    #[test]
    fn uneven_micrographs_come_near_the_fractions() {
        // Twelve micrographs with 5 to 80 positives and 100 unlabeled each.
        let groups: Vec<Counts> =
            [5, 9, 12, 20, 22, 30, 31, 40, 44, 55, 60, 80].map(|p| [100, p, 0]).to_vec();
        let mut different = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let sides = deal(&groups, [0.75, 0.25, 0.0], seed).unwrap();
            let positives = shares(&groups, &sides, 1);
            assert!((positives[1] - 0.25).abs() < 0.05, "seed {seed}: {positives:?}");
            assert!((shares(&groups, &sides, 0)[1] - 0.25).abs() < 0.09, "seed {seed}");
            assert_eq!(positives[2], 0.0);
            different.insert(sides);
        }
        assert!(different.len() > 3, "the seed must matter: {}", different.len());
    }

    #[test]
    fn a_small_side_gets_its_positive() {
        // Two groups with positives, one of them huge; validation wants only 5 %.
        let mut groups = vec![[10, 200, 0], [400, 3, 0]];
        groups.extend([[50, 0, 0]; 10]);
        let sides = deal(&groups, [0.95, 0.05, 0.0], 3).unwrap();
        assert!(shares(&groups, &sides, 1)[1] > 0.0);
        assert!(shares(&groups, &sides, 1)[0] > 0.0);
    }

    #[test]
    fn what_cannot_be_dealt_out_is_named() {
        let groups = [[10, 5, 0], [10, 0, 0], [10, 0, 0]];
        assert!(deal(&groups, [0.5, 0.5, 0.0], 0).map(|_| ()).unwrap_err().positives);
        let groups = [[0, 1, 0], [1, 0, 0]];
        assert!(deal(&groups, [0.8, 0.2, 0.0], 0).is_err());
    }

    #[test]
    fn boxes_that_touch_only_at_an_edge_do_not_overlap() {
        let at = |id, x: f64, y: f64| Placed { id, x, y, side: 10.0 };
        let mut groups = Groups::new(5);
        join_overlapping(
            &mut groups,
            &[at(0, 5.0, 5.0), at(1, 15.0, 5.0), at(2, 24.9, 5.0), at(3, 5.0, 100.0), at(4, 33.0, 14.0)],
        );
        let (of, _) = groups.finish(&[Label::Unlabeled; 5]);
        assert_ne!(of[0], of[1]);
        assert_eq!(of[1], of[2]);
        // A chain: 2 and 4 overlap in x and y, so 1 and 4 stay together too.
        assert_eq!(of[1], of[4]);
        assert_ne!(of[0], of[3]);
    }
}
