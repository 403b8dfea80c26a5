//! A value that takes too long to compute in every frame. It is kept until what it was computed from changes.

use std::sync::{Arc, Weak};

/// A value computed from a shared thing and a number.
#[derive(Debug)]
pub struct Kept<T, V> {
    /// What it was computed from. A weak pointer keeps no data in memory, but its address, so that another thing is
    /// never taken for this one.
    of: Weak<T>,
    at: u64,
    value: Option<V>,
}

impl<T, V> Default for Kept<T, V> {
    fn default() -> Self {
        Self { of: Weak::new(), at: 0, value: None }
    }
}

impl<T, V> Kept<T, V> {
    /// The value for this thing and number; `make` computes it where either has changed.
    pub fn get(&mut self, of: &Arc<T>, at: f64, make: impl FnOnce(&T, f64) -> V) -> &V {
        let key = Arc::downgrade(of);
        if !self.of.ptr_eq(&key) || self.at != at.to_bits() {
            (self.of, self.at, self.value) = (key, at.to_bits(), None);
        }
        self.value.get_or_insert_with(|| make(of, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_computed_once_and_again_where_number_or_thing_change() {
        let mut kept = Kept::default();
        let mut computed = 0;
        let mut get = |of: &Arc<f64>, at: f64| {
            let value = *kept.get(of, at, |of, at| {
                computed += 1;
                of + at
            });
            (value, computed)
        };
        let thing = Arc::new(1.0);
        assert_eq!(get(&thing, 0.5), (1.5, 1));
        assert_eq!(get(&thing, 0.5), (1.5, 1));
        assert_eq!(get(&Arc::clone(&thing), 0.5), (1.5, 1));
        assert_eq!(get(&thing, 0.25), (1.25, 2));
        // Another thing, also one that says the same or lies where one lay that is gone.
        assert_eq!(get(&Arc::new(3.0), 0.25), (3.25, 3));
        assert_eq!(get(&Arc::new(4.0), 0.25), (4.25, 4));
        drop(thing);
        assert_eq!(get(&Arc::new(5.0), 0.25), (5.25, 5));
    }
}
