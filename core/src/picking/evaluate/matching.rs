//! Which picks are hits: a one-to-one matching of picks and true centres.

use std::collections::HashMap;

/// A pick that found a centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Index of the centre.
    pub centre: usize,
    /// Distance between pick and centre, px.
    pub distance: f64,
}

/// Centres in square cells, so that a pick looks at its neighbours only.
struct Cells {
    side: f64,
    cells: HashMap<(i64, i64), Vec<usize>>,
}

impl Cells {
    /// Sorts `centres` into cells of `side` px, a positive number.
    fn new(centres: &[(f64, f64)], side: f64) -> Self {
        let mut cells: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
        for (at, centre) in centres.iter().enumerate() {
            cells.entry(Self::cell(*centre, side)).or_default().push(at);
        }
        Self { side, cells }
    }

    fn cell((x, y): (f64, f64), side: f64) -> (i64, i64) {
        // `as` saturates, so a position far outside falls into the outermost cell.
        ((x / side).floor() as i64, (y / side).floor() as i64)
    }

    /// The centres in the nine cells around a position: all within `side` px, and some farther away.
    fn around(&self, place: (f64, f64)) -> impl Iterator<Item = usize> + '_ {
        let (x, y) = Self::cell(place, self.side);
        let near = |v: i64, by: i64| v.saturating_add(by);
        (-1..=1)
            .flat_map(move |dy| (-1..=1).map(move |dx| (near(x, dx), near(y, dy))))
            .filter_map(|cell| self.cells.get(&cell))
            .flatten()
            .copied()
    }
}

/// Distance of two positions, px.
fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// Matches the picks of one micrograph with its true centres. The pick with the best score takes the
/// nearest centre within `radius` px that is still free, then the next one. Among picks of equal score, and
/// where picks have no scores, the nearest pair goes first. Each centre is taken once.
///
/// `scores` holds a finite number a pick, or nothing at all. The answer has one entry a pick; `None` is a
/// false pick.
///
/// This is the protocol of object detection (Everingham et al. 2010, "The Pascal visual object classes
/// challenge", section 4.4) with a distance in place of an overlap.
pub fn match_picks(
    picks: &[(f64, f64)],
    scores: Option<&[f64]>,
    centres: &[(f64, f64)],
    radius: f64,
) -> Vec<Option<Hit>> {
    let mut hits = vec![None; picks.len()];
    if centres.is_empty() {
        return hits;
    }
    let cells = Cells::new(centres, radius);
    let mut free = vec![true; centres.len()];
    let score = |at: usize| scores.map_or(0.0, |s| s[at]);
    let mut order: Vec<usize> = (0..picks.len()).collect();
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    for equal in order.chunk_by(|&a, &b| score(a) == score(b)) {
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for &pick in equal {
            for centre in cells.around(picks[pick]).filter(|&c| free[c]) {
                let away = distance(picks[pick], centres[centre]);
                if away <= radius {
                    pairs.push((away, pick, centre));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        for (away, pick, centre) in pairs {
            if free[centre] && hits[pick].is_none() {
                free[centre] = false;
                hits[pick] = Some(Hit { centre, distance: away });
            }
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centres_of(hits: &[Option<Hit>]) -> Vec<Option<usize>> {
        hits.iter().map(|hit| hit.map(|h| h.centre)).collect()
    }

    #[test]
    fn a_centre_is_found_once_and_the_best_score_goes_first() {
        // Two picks near one centre: the better score has it, though the other is nearer.
        let picks = [(10.0, 10.0), (13.0, 10.0), (200.0, 200.0)];
        let centres = [(11.0, 10.0), (90.0, 90.0)];
        let hits = match_picks(&picks, Some(&[0.2, 0.9, 0.8]), &centres, 5.0);
        assert_eq!(centres_of(&hits), [None, Some(0), None]);
        assert_eq!(hits[1].map(|h| h.distance), Some(2.0));
        // Without scores the nearer one has it.
        assert_eq!(centres_of(&match_picks(&picks, None, &centres, 5.0)), [Some(0), None, None]);
    }

    #[test]
    fn picks_of_equal_score_share_the_centres_by_distance() {
        // Pick 0 lies 3 px from centre 0 and 1 px from centre 1; pick 1 lies 2 px from centre 1 only.
        let picks = [(3.0, 0.0), (6.0, 0.0)];
        let centres = [(0.0, 0.0), (4.0, 0.0)];
        let hits = match_picks(&picks, Some(&[0.5, 0.5]), &centres, 3.0);
        assert_eq!(centres_of(&hits), [Some(1), None]);
        // The better score of pick 1 leaves centre 0 to pick 0.
        let hits = match_picks(&picks, Some(&[0.5, 0.6]), &centres, 3.0);
        assert_eq!(centres_of(&hits), [Some(0), Some(1)]);
    }

    #[test]
    fn the_radius_itself_still_counts_across_cells_and_below_zero() {
        let hits = match_picks(&[(-3.0, 4.0), (1e300, 0.0)], None, &[(0.0, 0.0)], 5.0);
        assert_eq!(centres_of(&hits), [Some(0), None]);
        assert_eq!(centres_of(&match_picks(&[(-3.0, 4.1)], None, &[(0.0, 0.0)], 5.0)), [None]);
        assert!(match_picks(&[], None, &[(0.0, 0.0)], 5.0).is_empty());
    }
}
