//! Picks that several files of a folder give, such as a table of all picks beside a file for each micrograph:
//! each counts once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::PickTable;
use super::names::{Match, match_name, version_of};

/// Two centres of different files no further apart than this in x and in y are one pick, px. Some programs
/// round to whole px; two particles are never so near.
const SAME: f64 = 1.0;

/// Picks that were taken out of a file because an earlier one gives them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated {
    /// The file, as an index into what [`count_once`] was given.
    pub file: usize,
    /// The file that keeps them: the first of those that do.
    pub kept_by: usize,
    /// How many were taken out.
    pub picks: usize,
}

/// A micrograph, and a square of [`SAME`] px on it.
type Square = (usize, i64, i64);

/// The centres seen so far, by micrograph.
#[derive(Default)]
struct Seen {
    /// Name of each micrograph, as the first file gives it.
    names: Vec<String>,
    /// Micrographs whose names agree in their core.
    by_core: HashMap<String, Vec<usize>>,
    /// How many picks each has.
    counts: Vec<usize>,
    /// Centres in squares of [`SAME`] px, with the file that gave them.
    squares: HashMap<Square, Vec<(f64, f64, usize)>>,
}

impl Seen {
    /// The micrographs that the names of one file mean; a name that no earlier file has makes a new one. Names
    /// that differ within a file are different micrographs.
    fn micrographs<'a>(&mut self, names: &HashSet<&'a str>) -> BTreeMap<&'a str, usize> {
        let mut sorted: Vec<&str> = names.iter().copied().collect();
        sorted.sort_unstable();
        let known: Vec<Option<usize>> = sorted.iter().map(|name| self.find(name)).collect();
        let mut means = BTreeMap::new();
        for (name, found) in sorted.into_iter().zip(&known) {
            let alone = found.filter(|at| known.iter().filter(|other| **other == Some(*at)).count() == 1);
            let at = alone.unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.counts.push(0);
                let at = self.names.len() - 1;
                self.by_core.entry(version_of(Path::new(name)).0).or_default().push(at);
                at
            });
            means.insert(name, at);
        }
        means
    }

    fn find(&self, name: &str) -> Option<usize> {
        let candidates = self.by_core.get(&version_of(Path::new(name)).0)?;
        let names: Vec<&str> =
            candidates.iter().filter_map(|&at| self.names.get(at)).map(String::as_str).collect();
        match match_name(name, &names) {
            Match::Found(at) => candidates.get(at).copied(),
            Match::Nothing | Match::Ambiguous(_) => None,
        }
    }

    /// The file that gave a centre at this place.
    fn near(&self, micrograph: usize, x: f64, y: f64) -> Option<usize> {
        let (column, row) = square(x, y);
        (-1..=1)
            .flat_map(|dy| (-1..=1).map(move |dx| (micrograph, column + dx, row + dy)))
            .filter_map(|key| self.squares.get(&key))
            .flatten()
            .find(|(a, b, _)| (a - x).abs() <= SAME && (b - y).abs() <= SAME)
            .map(|(.., file)| *file)
    }

    fn add(&mut self, micrograph: usize, x: f64, y: f64, file: usize) {
        let (column, row) = square(x, y);
        self.squares.entry((micrograph, column, row)).or_default().push((x, y, file));
        if let Some(count) = self.counts.get_mut(micrograph) {
            *count += 1;
        }
    }
}

fn square(x: f64, y: f64) -> (i64, i64) {
    ((x / SAME).floor() as i64, (y / SAME).floor() as i64)
}

/// Takes picks out of files whose picks an earlier file of `order` gives too. On each micrograph at least half
/// of the smaller set must coincide: two sets that meet by chance in single places are left as they are.
pub(super) fn count_once(tables: &mut [&mut PickTable], order: &[usize]) -> Vec<Repeated> {
    let mut seen = Seen::default();
    let mut repeated = Vec::new();
    for &file in order {
        let Some(table) = tables.get_mut(file) else { continue };
        let mut drop = vec![false; table.picks.len()];
        let mut kept_by = None;
        {
            let names: HashSet<&str> = table.picks.iter().filter_map(|p| p.micrograph.as_deref()).collect();
            let means = seen.micrographs(&names);
            let mut of_micrograph: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (at, pick) in table.picks.iter().enumerate() {
                if let Some(&micrograph) = pick.micrograph.as_deref().and_then(|name| means.get(name)) {
                    of_micrograph.entry(micrograph).or_default().push(at);
                }
            }
            for (micrograph, picks) in of_micrograph {
                let before = seen.counts.get(micrograph).copied().unwrap_or(0);
                let hits: Vec<(usize, usize)> = picks
                    .iter()
                    .filter_map(|&at| {
                        let pick = table.picks.get(at)?;
                        seen.near(micrograph, pick.x, pick.y).map(|other| (at, other))
                    })
                    .collect();
                if !hits.is_empty() && 2 * hits.len() >= before.min(picks.len()) {
                    for (at, other) in hits {
                        if let Some(mark) = drop.get_mut(at) {
                            *mark = true;
                        }
                        kept_by = kept_by.or(Some(other));
                    }
                }
                for at in picks {
                    if let (Some(pick), Some(false)) = (table.picks.get(at), drop.get(at)) {
                        seen.add(micrograph, pick.x, pick.y, file);
                    }
                }
            }
        }
        if let Some(kept_by) = kept_by {
            repeated.push(Repeated { file, kept_by, picks: drop.iter().filter(|d| **d).count() });
            let mut marks = drop.into_iter();
            table.picks.retain(|_| !marks.next().unwrap_or(false));
        }
    }
    repeated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Pick;

    fn table(picks: &[(&str, f64, f64)]) -> PickTable {
        let pick = |&(name, x, y): &(&str, f64, f64)| Pick {
            micrograph: Some(name.to_owned()),
            x,
            y,
            ..Pick::default()
        };
        PickTable { picks: picks.iter().map(pick).collect(), ..PickTable::default() }
    }

    fn counts(tables: &mut [PickTable]) -> (Vec<Repeated>, Vec<usize>) {
        let order: Vec<usize> = (0..tables.len()).collect();
        let mut all: Vec<&mut PickTable> = tables.iter_mut().collect();
        let repeated = count_once(&mut all, &order);
        (repeated, tables.iter().map(|t| t.picks.len()).collect())
    }

    #[test]
    fn a_table_beside_files_of_single_micrographs() {
        let all = table(&[("raw/a.mrc", 10.0, 20.0), ("raw/a.mrc", 10.8, 20.0), ("raw/b.mrc", 30.25, 40.75)]);
        // Rounded to whole px, with one pick that is new.
        let a = table(&[("a_autopick", 10.0, 20.0), ("a_autopick", 300.0, 300.0)]);
        let b = table(&[("b", 30.0, 41.0)]);
        let (repeated, left) = counts(&mut [all, a, b]);
        assert_eq!(left, [3, 1, 0], "two picks of one file that lie close both stay");
        let expected = [(1, 1), (2, 1)].map(|(file, picks)| Repeated { file, kept_by: 0, picks });
        assert_eq!(repeated, expected);
    }

    #[test]
    fn other_micrographs_and_meetings_by_chance_stay() {
        // The same name in two folders of one table means two micrographs, so a bare name means neither.
        let all = table(&[("x/a.mrc", 10.0, 20.0), ("y/a.mrc", 10.0, 20.0)]);
        let bare = table(&[("a", 10.0, 20.0)]);
        assert_eq!(counts(&mut [all, bare]), (vec![], vec![2, 1]));
        let five = |first: f64| (0..5).map(|n| ("m", first + 50.0 * f64::from(n), 9.0)).collect::<Vec<_>>();
        let mut other = five(25.0);
        other[0].1 = 0.0;
        assert_eq!(counts(&mut [table(&five(0.0)), table(&other)]), (vec![], vec![5, 5]));
        let edge = table(&[("m", 10.0, 5.0)]);
        assert_eq!(counts(&mut [edge.clone(), table(&[("m", 11.01, 5.0)])]), (vec![], vec![1, 1]));
        assert_eq!(counts(&mut [edge, table(&[("m", 11.0, 4.0)])]).1, [1, 0]);
    }
}
