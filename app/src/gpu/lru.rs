//! Which patch occupies which slot of the pages. When all slots are taken, the least recently used one is
//! reused.

use std::collections::HashMap;

use vitrine_core::project::PatchId;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    patch: Option<PatchId>,
    newer: u32,
    older: u32,
}

/// A least-recently-used map from patches to slots. Every operation takes constant time.
#[derive(Debug)]
pub struct Slots {
    places: HashMap<PatchId, u32>,
    nodes: Vec<Node>,
    newest: u32,
    oldest: u32,
    capacity: usize,
}

impl Slots {
    /// An empty map with `capacity` slots, at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            places: HashMap::new(),
            nodes: Vec::new(),
            newest: NONE,
            oldest: NONE,
            capacity: capacity.max(1),
        }
    }

    /// How many slots have been used so far. Slots are used from 0 up.
    pub fn used(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a patch has a slot. This does not count as a use.
    pub fn contains(&self, patch: PatchId) -> bool {
        self.places.contains_key(&patch)
    }

    /// The slot of a patch; marks it as the most recently used.
    pub fn get(&mut self, patch: PatchId) -> Option<u32> {
        let slot = *self.places.get(&patch)?;
        self.unlink(slot);
        self.push_newest(slot);
        Some(slot)
    }

    /// The slot of a patch: the one it has, else a new one, else that of the least recently used patch.
    pub fn insert(&mut self, patch: PatchId) -> u32 {
        if let Some(slot) = self.get(patch) {
            return slot;
        }
        let slot = if self.nodes.len() < self.capacity {
            self.nodes.push(Node { patch: None, newer: NONE, older: NONE });
            (self.nodes.len() - 1) as u32
        } else {
            let slot = self.oldest;
            self.unlink(slot);
            if let Some(old) = self.nodes[slot as usize].patch.take() {
                self.places.remove(&old);
            }
            slot
        };
        self.nodes[slot as usize].patch = Some(patch);
        self.places.insert(patch, slot);
        self.push_newest(slot);
        slot
    }

    /// Removes all patches.
    pub fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    fn unlink(&mut self, slot: u32) {
        let Node { newer, older, .. } = self.nodes[slot as usize];
        match self.nodes.get_mut(newer as usize) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
        match self.nodes.get_mut(older as usize) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn push_newest(&mut self, slot: u32) {
        let before = self.newest;
        let node = &mut self.nodes[slot as usize];
        node.newer = NONE;
        node.older = before;
        match self.nodes.get_mut(before as usize) {
            Some(node) => node.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn the_slot_asked_for_longest_ago_goes_first() {
        let mut slots = Slots::new(3);
        assert_eq!([10, 11, 12].map(|p| slots.insert(p)), [0, 1, 2]);
        assert_eq!(slots.get(10), Some(0));
        assert_eq!(slots.insert(13), 1, "11 was asked for longest ago");
        assert!(!slots.contains(11) && slots.contains(10) && slots.contains(12));
        assert_eq!(slots.insert(12), 2, "it keeps its slot");
        assert_eq!(slots.insert(14), 0, "then 10");
        assert_eq!(slots.insert(15), 1, "then 13");
        assert_eq!(slots.used(), 3);
        slots.clear();
        assert_eq!((slots.used(), slots.get(15), slots.insert(9)), (0, None, 0));
        // A single slot, again and again.
        let mut one = Slots::new(0);
        assert_eq!([1, 2, 2, 3].map(|p| one.insert(p)), [0; 4]);
        assert!(one.contains(3) && !one.contains(2));
    }
}
