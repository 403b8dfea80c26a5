//! How far the scores of a micrograph lie above or below those of the others: thick ice, defocus or dose move all of
//! them alike.

use super::picker::Candidate;

/// Fewer places than this say nothing of a shift.
const MIN_PLACES: usize = 20;

/// Median logit of the places of a micrograph; `None` where there are too few.
pub fn median_logit(places: &[Candidate]) -> Option<f64> {
    if places.len() < MIN_PLACES {
        return None;
    }
    let logits = places.iter().map(|place| f64::from(place.logit)).collect();
    Some(median(logits))
}

/// The middle of the medians of all micrographs, from which shifts are counted; 0 where there is none.
pub fn common_median(medians: impl IntoIterator<Item = f64>) -> f64 {
    let medians: Vec<f64> = medians.into_iter().collect();
    if medians.is_empty() { 0.0 } else { median(medians) }
}

/// The shift of a micrograph, in logits: its median against the common one. Where its own is not known, none.
pub fn shift(own: Option<f64>, common: f64) -> f64 {
    own.map_or(0.0, |own| own - common)
}

/// Takes a shift out of the logits of places.
pub fn without_shift(places: &mut [Candidate], shift: f64) {
    for place in places {
        place.logit = (f64::from(place.logit) - shift) as f32;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    match values.len() % 2 {
        1 => upper,
        _ => 0.5 * (upper + values.get(middle.wrapping_sub(1)).copied().unwrap_or(upper)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: usize, first: f32) -> Vec<Candidate> {
        (0..count).map(|at| Candidate { x: 0.0, y: 0.0, logit: first + at as f32 }).collect()
    }

    #[test]
    fn micrographs_whose_scores_are_all_lower_have_a_shift() {
        let (bright, usual, dark) = (places(21, 1.0), places(21, 0.0), places(21, -2.0));
        let medians = [&bright, &usual, &dark].map(|places| median_logit(places));
        assert_eq!(medians, [Some(11.0), Some(10.0), Some(8.0)]);
        let common = common_median(medians.into_iter().flatten());
        assert_eq!(medians.map(|own| shift(own, common)), [1.0, 0.0, -2.0]);
        let mut moved = dark.clone();
        without_shift(&mut moved, -2.0);
        assert_eq!(moved, usual);
        // An even number: between the two in the middle.
        assert_eq!(median_logit(&places(22, 0.0)), Some(10.5));
    }

    #[test]
    fn few_places_say_nothing() {
        assert_eq!(median_logit(&places(19, 0.0)), None);
        assert_eq!(shift(None, 3.0), 0.0);
        assert_eq!(common_median([]), 0.0);
    }
}
