//! Sorting and filtering the gallery. A job computes the order from arrays that it shares with the model, so
//! no frame waits for it.

use std::sync::Arc;

use vitrine_core::Label;
use vitrine_core::project::{PatchColumns, PatchId, Side};

use crate::gui::values::{Filter, Order, SortKey};

/// What an order is computed from. All of it is shared, not copied.
#[derive(Debug, Clone)]
pub struct OrderInput {
    /// Labels, micrographs, sources.
    pub columns: Arc<PatchColumns>,
    /// Sides of the current split.
    pub sides: Option<Arc<Vec<Side>>>,
    /// Scores of the current run.
    pub scores: Option<Arc<Vec<f32>>>,
    /// The label each patch had at [`Filter::changed_since`].
    pub then: Option<Arc<Vec<Label>>>,
}

/// The patches to show, first to last. Patches without a score come last when scores decide.
pub fn arrange(order: &Order, input: &OrderInput) -> Vec<PatchId> {
    let count = input.columns.len() as PatchId;
    if order.filter.is_all() && order.key == SortKey::Import {
        return if order.descending { (0..count).rev().collect() } else { (0..count).collect() };
    }
    // The key above, the id below: one sort of plain integers, and ties stay in import order.
    let mut keyed: Vec<u64> = (0..count)
        .filter(|&patch| passes(&order.filter, input, patch))
        .map(|patch| u64::from(sort_key(order, input, patch)) << 32 | u64::from(patch))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|both| both as PatchId).collect()
}

fn passes(filter: &Filter, input: &OrderInput, patch: PatchId) -> bool {
    let columns = &input.columns;
    let at = patch as usize;
    let score = || input.scores.as_ref().and_then(|scores| scores.get(at).copied());
    (filter.labels.is_empty() || columns.labels.get(at).is_some_and(|label| filter.labels.contains(label)))
        && filter.side.is_none_or(|side| input.sides.as_ref().is_some_and(|all| all.get(at) == Some(&side)))
        && filter.micrograph.is_none_or(|wanted| columns.micrograph_of(patch) == Some(wanted))
        && filter.source.is_none_or(|wanted| columns.source_of(patch) == Some(wanted))
        && filter.score.is_none_or(|(low, high)| score().is_some_and(|s| (low..=high).contains(&s)))
        && filter.only.as_ref().is_none_or(|only| only.binary_search(&patch).is_ok())
        // A label that was changed and changed back is the same to a run.
        && filter.changed_since.is_none_or(|_| {
            input.then.as_ref().is_some_and(|then| columns.labels.get(at) != then.get(at))
        })
}

fn sort_key(order: &Order, input: &OrderInput, patch: PatchId) -> u32 {
    let columns = &input.columns;
    let at = patch as usize;
    let score = || input.scores.as_ref().and_then(|all| all.get(at)).copied().filter(|s| !s.is_nan());
    let directed = |key: u32| if order.descending { !key } else { key };
    // What has no value stays last in both directions.
    let number = |value: Option<f32>| value.map_or(u32::MAX, |v| directed(ordered(v)).min(u32::MAX - 1));
    match order.key {
        SortKey::Import => directed(patch),
        SortKey::Score => number(score()),
        // "Largest first" shows the most uncertain first.
        SortKey::Uncertainty => number(score().map(|s| 0.5 - (s - 0.5).abs())),
        SortKey::Disagreement => number(match columns.labels.get(at) {
            Some(Label::Positive) => score().map(|s| 1.0 - s),
            Some(Label::Negative) => score(),
            _ => None,
        }),
        SortKey::Micrograph => match columns.micrograph.get(at) {
            Some(&id) if id > 0 => directed(id).min(u32::MAX - 1),
            _ => u32::MAX,
        },
        SortKey::LabelTime => match columns.last_entry.get(at) {
            Some(&entry) if entry > 0 => directed(entry).min(u32::MAX - 1),
            _ => u32::MAX,
        },
        SortKey::Random => scramble(patch, order.seed),
    }
}

/// A number as bits that sort like the number.
fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The finaliser of MurmurHash3: every input bit changes every output bit.
fn scramble(patch: PatchId, seed: u32) -> u32 {
    let mut x = patch ^ seed.wrapping_mul(0x9e37_79b9);
    x = (x ^ x >> 16).wrapping_mul(0x85eb_ca6b);
    x = (x ^ x >> 13).wrapping_mul(0xc2b2_ae35);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::project::{EntryId, MicrographId, SourceId};

    fn input() -> OrderInput {
        use Label::{Negative, Positive, Unlabeled};
        OrderInput {
            columns: Arc::new(PatchColumns {
                labels: vec![Positive, Unlabeled, Negative, Unlabeled, Positive],
                source: vec![1, 1, 1, 2, 2],
                micrograph: vec![2, 1, 1, 0, 2],
                xy: vec![[0.0; 2]; 5],
                last_entry: vec![1, 0, 7, 0, 3],
            }),
            sides: Some(Arc::new(vec![
                Side::Train,
                Side::Train,
                Side::Validation,
                Side::Train,
                Side::Unused,
            ])),
            scores: Some(Arc::new(vec![0.2, 0.55, 0.9, f32::NAN, 0.95])),
            then: Some(Arc::new(vec![Positive, Unlabeled, Unlabeled, Unlabeled, Negative])),
        }
    }

    fn by(key: SortKey, descending: bool) -> Vec<PatchId> {
        arrange(&Order { key, descending, ..Order::default() }, &input())
    }

    #[test]
    fn every_key_sorts_as_it_says() {
        assert_eq!(by(SortKey::Import, true), [4, 3, 2, 1, 0]);
        assert_eq!(by(SortKey::Score, false), [0, 1, 2, 4, 3]);
        assert_eq!(by(SortKey::Score, true), [4, 2, 1, 0, 3], "what has no score stays last");
        assert_eq!(by(SortKey::Uncertainty, true), [1, 0, 2, 4, 3]);
        assert_eq!(by(SortKey::Disagreement, true), [2, 0, 4, 1, 3], "a negative at 0.9, a positive at 0.2");
        assert_eq!(by(SortKey::Micrograph, false), [1, 2, 0, 4, 3]);
        assert_eq!(by(SortKey::LabelTime, true), [2, 4, 0, 1, 3]);
        let mut shuffled = by(SortKey::Random, false);
        shuffled.sort_unstable();
        assert_eq!(shuffled, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn filters_join_by_and() {
        let show = |filter: Filter| arrange(&Order { filter, ..Order::default() }, &input());
        assert_eq!(show(Filter { labels: vec![Label::Unlabeled], ..Filter::default() }), [1, 3]);
        assert_eq!(
            show(Filter { side: Some(Side::Train), source: Some(SourceId(1)), ..Filter::default() }),
            [0, 1]
        );
        assert_eq!(show(Filter { micrograph: Some(MicrographId(1)), ..Filter::default() }), [1, 2]);
        assert_eq!(show(Filter { score: Some((0.55, 0.9)), ..Filter::default() }), [1, 2]);
        let only = Some(Arc::new(vec![1, 4]));
        assert_eq!(show(Filter { only, ..Filter::default() }), [1, 4]);
        assert_eq!(show(Filter { changed_since: Some(EntryId(1)), ..Filter::default() }), [2, 4]);
    }
}
