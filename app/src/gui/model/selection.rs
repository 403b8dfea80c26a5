//! The selected patches: one bit per patch and a running count. Two million patches take 250 kB, and asking
//! for one takes constant time.

use vitrine_core::project::PatchId;

/// A set of patches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchSelection {
    words: Vec<u64>,
    patches: usize,
    count: usize,
    /// Goes up with every change, for what is worked out from the selection.
    revision: u64,
}

impl PatchSelection {
    /// Nothing selected out of `patches`.
    pub fn new(patches: usize) -> Self {
        Self { words: vec![0; patches.div_ceil(64)], patches, count: 0, revision: 0 }
    }

    /// The number of patches has grown to `patches`; the new ones are not selected.
    pub fn grow(&mut self, patches: usize) {
        if patches > self.patches {
            self.words.resize(patches.div_ceil(64), 0);
            self.patches = patches;
        }
    }

    /// How many are selected.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Another number after every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether none is selected.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether this patch is selected.
    pub fn contains(&self, patch: PatchId) -> bool {
        self.words.get(patch as usize / 64).is_some_and(|word| word >> (patch % 64) & 1 == 1)
    }

    /// Selects a patch or takes it out. Patches that do not exist are ignored.
    pub fn set(&mut self, patch: PatchId, selected: bool) {
        if patch as usize >= self.patches {
            return;
        }
        let Some(word) = self.words.get_mut(patch as usize / 64) else { return };
        let bit = 1 << (patch % 64);
        self.revision += 1;
        match (selected, *word & bit != 0) {
            (true, false) => {
                *word |= bit;
                self.count += 1;
            }
            (false, true) => {
                *word &= !bit;
                self.count -= 1;
            }
            _ => {}
        }
    }

    /// Selects all of `patches`.
    pub fn extend(&mut self, patches: impl IntoIterator<Item = PatchId>) {
        for patch in patches {
            self.set(patch, true);
        }
    }

    /// Selects what was not selected among `shown`, and the other way round; what is not shown
    /// stays as it is.
    pub fn invert(&mut self, shown: &[PatchId]) {
        for &patch in shown {
            self.set(patch, !self.contains(patch));
        }
    }

    /// Selects nothing.
    pub fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
        self.revision += 1;
    }

    /// The selected patches, ascending.
    pub fn iter(&self) -> impl Iterator<Item = PatchId> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| (at * 64) as PatchId + rest.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PatchSelection;

    #[test]
    fn a_selection_counts_and_lists_what_it_holds() {
        let mut chosen = PatchSelection::new(130);
        chosen.extend([3, 64, 129, 3, 500]);
        assert_eq!((chosen.len(), chosen.iter().collect::<Vec<_>>()), (3, vec![3, 64, 129]));
        chosen.invert(&[3, 4]);
        assert_eq!(chosen.iter().collect::<Vec<_>>(), [4, 64, 129]);
        chosen.set(64, false);
        assert!(!chosen.contains(64) && chosen.contains(129) && !chosen.contains(500));
        chosen.clear();
        assert!(chosen.is_empty() && chosen.iter().next().is_none());
    }
}
