//! What several pickers agree on.

use serde::Serialize;

use super::matching::match_picks;
use super::measures::{Counts, Point, point};

/// Places that at least a given number of pickers found, judged like picks of their own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreed {
    /// At least this many pickers.
    pub pickers: usize,
    /// Precision, recall and F1 of these places.
    pub point: Point,
}

/// A place that one or more pickers found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Mean position, px.
    pub place: (f64, f64),
    /// How many pickers found it.
    pub pickers: usize,
}

/// Groups the picks of several pickers on one micrograph. The picks of the first picker begin a group each.
/// Of every further picker the nearest pairs of pick and group within `radius` px join one to one; what
/// stays alone begins a group. The position of a group is the mean of its picks.
pub fn group(pickers: &[&[(f64, f64)]], radius: f64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for picks in pickers {
        let places: Vec<(f64, f64)> = groups.iter().map(|g| g.place).collect();
        let joined = match_picks(picks, None, &places, radius);
        for (&pick, joined) in picks.iter().zip(joined) {
            match joined {
                Some(hit) => {
                    let group = &mut groups[hit.centre];
                    let n = group.pickers as f64;
                    group.place.0 += (pick.0 - group.place.0) / (n + 1.0);
                    group.place.1 += (pick.1 - group.place.1) / (n + 1.0);
                    group.pickers += 1;
                }
                None => groups.push(Group { place: pick, pickers: 1 }),
            }
        }
    }
    groups
}

/// Judges what at least 1, 2, … all pickers found, one micrograph after the other. `picks[p][m]` are the
/// picks of picker p on micrograph m, `centres[m]` the true centres there, px.
pub fn agreed(picks: &[Vec<Vec<(f64, f64)>>], centres: &[Vec<(f64, f64)>], radius: f64) -> Vec<Agreed> {
    let by_micrograph: Vec<Vec<Group>> = (0..centres.len())
        .map(|m| {
            let here: Vec<&[(f64, f64)]> = picks.iter().map(|of| of[m].as_slice()).collect();
            group(&here, radius)
        })
        .collect();
    (1..=picks.len())
        .map(|pickers| {
            let counts: Vec<Counts> = by_micrograph
                .iter()
                .zip(centres)
                .map(|(groups, centres)| {
                    let places: Vec<(f64, f64)> =
                        groups.iter().filter(|g| g.pickers >= pickers).map(|g| g.place).collect();
                    let hits = match_picks(&places, None, centres, radius);
                    Counts {
                        picks: places.len(),
                        hits: hits.iter().flatten().count(),
                        centres: centres.len(),
                    }
                })
                .collect();
            Agreed { pickers, point: point(None, &counts) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_one_pick_of_each_picker() {
        let first = [(0.0, 0.0), (100.0, 0.0)];
        let second = [(4.0, 0.0), (1.0, 0.0), (300.0, 0.0)];
        let groups = group(&[&first, &second], 5.0);
        // The nearer of the two joins; the other begins a group of its own.
        assert_eq!(
            groups,
            [
                Group { place: (0.5, 0.0), pickers: 2 },
                Group { place: (100.0, 0.0), pickers: 1 },
                Group { place: (4.0, 0.0), pickers: 1 },
                Group { place: (300.0, 0.0), pickers: 1 },
            ]
        );
    }

    #[test]
    fn what_both_found_is_judged_by_hand() {
        let picks = [vec![vec![(0.0, 0.0), (100.0, 0.0)]], vec![vec![(2.0, 0.0), (200.0, 0.0)]]];
        let centres = [vec![(0.0, 0.0), (200.0, 0.0), (300.0, 0.0)]];
        let agreed = agreed(&picks, &centres, 5.0);
        // Three places, two hits of three centres; both found one place, a hit.
        assert_eq!(agreed[0].point.counts, Counts { picks: 3, hits: 2, centres: 3 });
        assert_eq!(agreed[1].point.counts, Counts { picks: 1, hits: 1, centres: 3 });
        assert_eq!(agreed.len(), 2);
    }
}
