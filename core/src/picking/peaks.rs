//! Places where a score map is higher than around them.

use crate::learning::infer::slide::LogitMap;

/// A local maximum of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Column, with the fraction that the neighbours say.
    pub column: f64,
    /// Row, with the fraction.
    pub row: f64,
    /// The value at the nearest place.
    pub value: f32,
}

/// Every place above `floor` that is higher than its eight neighbours (of equal ones the first counts), the
/// highest first. Places for which `allowed` (column, row) says no are passed over, and so are the outermost
/// ones, which have no neighbours on one side.
pub fn peaks(map: &LogitMap, floor: f32, allowed: impl Fn(usize, usize) -> bool) -> Vec<Peak> {
    let mut found = Vec::new();
    for row in 1..map.rows.saturating_sub(1) {
        for column in 1..map.columns.saturating_sub(1) {
            let value = map.at(column, row);
            if value.is_nan() || value <= floor || !allowed(column, row) {
                continue;
            }
            let highest = (row - 1..=row + 1).all(|y| {
                (column - 1..=column + 1).all(|x| {
                    let other = map.at(x, y);
                    let earlier = (y, x) < (row, column);
                    (y, x) == (row, column) || if earlier { other < value } else { other <= value }
                })
            });
            if highest {
                found.push(Peak {
                    column: column as f64 + vertex([map.at(column - 1, row), value, map.at(column + 1, row)]),
                    row: row as f64 + vertex([map.at(column, row - 1), value, map.at(column, row + 1)]),
                    value,
                });
            }
        }
    }
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    found
}

/// Where the parabola through three neighbouring values has its top, from the middle one: −½ to ½.
fn vertex([before, middle, after]: [f32; 3]) -> f64 {
    let (before, middle, after) = (f64::from(before), f64::from(middle), f64::from(after));
    let bend = before - 2.0 * middle + after;
    if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

/// Goes through places from the best to the worst and keeps each that lies at least `distance` px from all
/// kept before; the indices of those kept, in that order. `order` holds the indices from the best on.
pub fn spaced(places: &[(f64, f64)], order: &[usize], distance: f64) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    if distance <= 0.0 {
        return order.to_vec();
    }
    let mut cells: std::collections::HashMap<(i64, i64), Vec<usize>> = std::collections::HashMap::new();
    let cell = |(x, y): (f64, f64)| ((x / distance).floor() as i64, (y / distance).floor() as i64);
    for &at in order {
        let (cx, cy) = cell(places[at]);
        let crowded = (cy - 1..=cy + 1).flat_map(|y| (cx - 1..=cx + 1).map(move |x| (x, y))).any(|key| {
            cells.get(&key).is_some_and(|there| {
                there.iter().any(|&other| {
                    let (a, b) = (places[at], places[other]);
                    (a.0 - b.0).hypot(a.1 - b.1) < distance
                })
            })
        });
        if !crowded {
            cells.entry((cx, cy)).or_default().push(at);
            kept.push(at);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(columns: usize, values: &[f32]) -> LogitMap {
        LogitMap { columns, rows: values.len() / columns, values: values.to_vec() }
    }

    #[test]
    fn peaks_are_found_between_places() {
        // A parabola −(x − 2.25)² along the row, −(y − 1)² down.
        let values: Vec<f32> = (0..3)
            .flat_map(|y| (0..5).map(move |x| -(x as f32 - 2.25).powi(2) - (y as f32 - 1.0).powi(2)))
            .collect();
        let found = peaks(&map(5, &values), -1.0, |_, _| true);
        assert_eq!(found.len(), 1);
        assert!((found[0].column - 2.25).abs() < 1e-6 && (found[0].row - 1.0).abs() < 1e-6);
        assert!((found[0].value + 0.0625).abs() < 1e-6);
        assert!(peaks(&map(5, &values), 0.0, |_, _| true).is_empty(), "the floor");
        assert!(peaks(&map(5, &values), -1.0, |x, _| x != 2).is_empty(), "the mask");
    }

    #[test]
    fn of_equal_neighbours_one_counts_and_nothing_is_no_peak() {
        let mut values = vec![0.0; 6 * 4];
        (values[7], values[8]) = (1.0, 1.0);
        let found = peaks(&map(6, &values), 0.5, |_, _| true);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].row, found[0].value), (1.0, 1.0));
        values[7] = f32::NAN;
        assert!(peaks(&map(6, &values), 0.5, |_, _| true).iter().all(|p| p.value == 1.0));
        assert!(peaks(&map(1, &[3.0]), 0.0, |_, _| true).is_empty());
    }

    #[test]
    fn the_better_of_two_near_places_stays() {
        let places = [(0.0, 0.0), (8.0, 0.0), (10.0, 0.0), (100.0, -3.0)];
        assert_eq!(spaced(&places, &[1, 0, 2, 3], 10.0), [1, 3]);
        // Exactly the distance is far enough.
        assert_eq!(spaced(&places, &[0, 1, 2, 3], 10.0), [0, 2, 3]);
        assert_eq!(spaced(&places, &[2, 1], 0.0), [2, 1]);
    }
}
