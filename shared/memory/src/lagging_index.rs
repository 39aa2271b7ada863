//! An index of a table. DynamoDB updates an index later than its table, so that a read of the index
//! shows an earlier state.

use std::collections::{BTreeMap, VecDeque};

use bulk_domain::time::Timestamp;

/// The entries of an index, and the updates that reads do not show yet.
#[derive(Debug)]
pub(crate) struct LaggingIndex<K, V> {
    shown: BTreeMap<K, V>,
    updates: VecDeque<(Timestamp, K, Option<V>)>,
}

impl<K, V> Default for LaggingIndex<K, V> {
    fn default() -> Self {
        Self { shown: BTreeMap::new(), updates: VecDeque::new() }
    }
}

impl<K: Ord, V> LaggingIndex<K, V> {
    /// Sets an entry, or removes it, for reads from `visible` on. An update is never visible before
    /// an earlier one.
    pub fn update(&mut self, visible: Timestamp, key: K, value: Option<V>) {
        let visible = self.updates.back().map_or(visible, |(last, ..)| visible.max(*last));
        self.updates.push_back((visible, key, value));
    }

    /// Returns the entries that a read at `now` shows.
    pub fn at(&mut self, now: Timestamp) -> &BTreeMap<K, V> {
        while let Some((_, key, value)) = self.updates.pop_front_if(|(visible, ..)| *visible <= now)
        {
            match value {
                Some(value) => self.shown.insert(key, value),
                None => self.shown.remove(&key),
            };
        }
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_shows_updates_from_their_time_on_and_in_their_order() {
        let at = Timestamp::from_millis;
        let mut index = LaggingIndex::default();
        index.update(at(10), "a", Some(1));
        index.update(at(5), "a", Some(2));
        assert_eq!(index.at(at(9)).get("a"), None);
        assert_eq!(index.at(at(10)).get("a"), Some(&2));
        index.update(at(20), "a", None);
        assert_eq!(index.at(at(19)).get("a"), Some(&2));
        assert_eq!(index.at(at(20)).get("a"), None);
    }
}
