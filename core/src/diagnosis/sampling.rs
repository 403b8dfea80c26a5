//! A random sample of each label of a large project.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::label::Label;

/// At most `most[label]` of the `candidates` of each label (`label as usize`), drawn at random; ascending.
pub fn sample_by_label<T: Ord>(
    most: [usize; 3],
    rng: &mut impl Rng,
    candidates: impl Fn(Label) -> Vec<T>,
) -> Vec<T> {
    let mut chosen = Vec::new();
    for (label, most) in Label::ALL.into_iter().map(|label| (label, most[label as usize])) {
        let mut of_label = candidates(label);
        of_label.shuffle(rng);
        of_label.truncate(most);
        chosen.extend(of_label);
    }
    chosen.sort_unstable();
    chosen
}
