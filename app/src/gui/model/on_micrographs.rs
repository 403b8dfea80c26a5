//! Which patches lie on which micrograph, with their counts, kept as labels change and patches come.

use std::collections::{HashMap, HashSet};

use vitrine_core::project::{MicrographId, PatchColumns, PatchId};
use vitrine_core::{Label, LabelCounts};

/// What is known of one micrograph's patches.
#[derive(Debug, Clone, Default)]
struct Entry {
    patches: Vec<PatchId>,
    counts: LabelCounts,
    /// A person has set a label here.
    corrected: bool,
    /// Sum and number of the scores.
    scores: (f64, u64),
}

/// The patches of each micrograph.
#[derive(Debug, Clone, Default)]
pub struct OnMicrographs {
    by_number: HashMap<u32, Entry>,
}

/// How far a person has come with a micrograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MicrographProgress {
    /// Nobody has set a label on it in this project.
    Untouched,
    /// A person has set labels on it.
    Corrected,
    /// A person has excluded it.
    Excluded,
}

impl MicrographProgress {
    /// The word on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Corrected => "corrected",
            Self::Excluded => "excluded",
        }
    }
}

impl OnMicrographs {
    /// Sorts patches by micrograph. `imports` are the journal entries by which labels came with files: other entries
    /// are those of a person.
    pub fn new(columns: &PatchColumns, imports: &HashSet<u32>) -> Self {
        let mut all = Self::default();
        for (patch, &number) in columns.micrograph.iter().enumerate() {
            if number == 0 {
                continue;
            }
            let entry = all.by_number.entry(number).or_default();
            entry.patches.push(patch as PatchId);
            if let Some(label) = columns.labels.get(patch) {
                *entry.counts.get_mut(*label) += 1;
            }
            let last = columns.last_entry.get(patch).copied().unwrap_or(0);
            entry.corrected |= last != 0 && !imports.contains(&last);
        }
        all
    }

    fn entry(&self, micrograph: MicrographId) -> Option<&Entry> {
        self.by_number.get(&u32::try_from(micrograph.0).ok()?)
    }

    /// The patches on a micrograph, ascending.
    pub fn patches(&self, micrograph: MicrographId) -> &[PatchId] {
        self.entry(micrograph).map_or(&[], |entry| &entry.patches)
    }

    /// How many of them carry each label.
    pub fn counts(&self, micrograph: MicrographId) -> LabelCounts {
        self.entry(micrograph).map_or_else(LabelCounts::default, |entry| entry.counts)
    }

    /// How far a person has come with it.
    pub fn progress(&self, micrograph: MicrographId) -> MicrographProgress {
        match self.entry(micrograph).is_some_and(|entry| entry.corrected) {
            true => MicrographProgress::Corrected,
            false => MicrographProgress::Untouched,
        }
    }

    /// Mean score of its patches under the run in use.
    pub fn mean_score(&self, micrograph: MicrographId) -> Option<f64> {
        let (sum, count) = self.entry(micrograph)?.scores;
        (count > 0).then(|| sum / count as f64)
    }

    /// A person has changed the label of a patch.
    pub fn change(&mut self, micrograph: MicrographId, before: Label, after: Label) {
        let entry = u32::try_from(micrograph.0).ok().and_then(|number| self.by_number.get_mut(&number));
        if let Some(entry) = entry {
            let count = entry.counts.get_mut(before);
            *count = count.saturating_sub(1);
            *entry.counts.get_mut(after) += 1;
            entry.corrected = true;
        }
    }

    /// A person has added a patch.
    pub fn add(&mut self, micrograph: MicrographId, patch: PatchId, label: Label) {
        if let Ok(number) = u32::try_from(micrograph.0) {
            let entry = self.by_number.entry(number).or_default();
            entry.patches.push(patch);
            *entry.counts.get_mut(label) += 1;
            entry.corrected = true;
        }
    }

    /// Takes up the scores of the run in use, one a patch, NaN for none.
    pub fn take_scores(&mut self, scores: &[f32]) {
        for entry in self.by_number.values_mut() {
            let known = entry.patches.iter().filter_map(|&patch| scores.get(patch as usize));
            entry.scores = known
                .filter(|score| score.is_finite())
                .fold((0.0, 0), |(sum, count), &score| (sum + f64::from(score), count + 1));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_labels_and_new_patches() {
        let columns = PatchColumns {
            labels: vec![Label::Positive, Label::Unlabeled, Label::Negative, Label::Positive],
            source: vec![1; 4],
            micrograph: vec![1, 2, 2, 0],
            xy: vec![[0.0; 2]; 4],
            last_entry: vec![1, 0, 7, 1],
        };
        let mut on = OnMicrographs::new(&columns, &HashSet::from([1]));
        let (first, second) = (MicrographId(1), MicrographId(2));
        assert_eq!((on.patches(first), on.patches(second)), (&[0][..], &[1, 2][..]));
        assert_eq!(on.progress(first), MicrographProgress::Untouched);
        assert_eq!(on.progress(second), MicrographProgress::Corrected);
        on.change(first, Label::Positive, Label::Negative);
        assert_eq!(on.counts(first), LabelCounts { positive: 0, negative: 1, unlabeled: 0 });
        assert_eq!(on.progress(first), MicrographProgress::Corrected);
        on.add(MicrographId(3), 4, Label::Positive);
        assert_eq!((on.patches(MicrographId(3)), on.counts(MicrographId(3)).positive), (&[4][..], 1));
        on.take_scores(&[0.5, 0.25, 0.75, 0.9, f32::NAN]);
        assert_eq!(on.mean_score(second), Some(0.5));
        assert_eq!(on.mean_score(MicrographId(3)), None);
        assert!(on.patches(MicrographId(9)).is_empty());
    }
}
