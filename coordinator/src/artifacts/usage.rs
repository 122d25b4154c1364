//! How much is in use: what is recorded, and what is being saved.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kindling_artifacts::Key;

use super::{Artifacts, NoRoom};
use crate::observe;

pub(super) struct Usage {
    limit: u64,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    recorded: u64,
    reserved: u64,
    under_way: HashSet<Key>,
}

impl Usage {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::default() }
    }

    /// What is recorded was counted.
    pub(super) fn set(&self, recorded: u64) {
        self.used().recorded = recorded;
        observe::artifacts(recorded, self.limit);
    }

    /// Poisoning does not matter: nothing panics while it is locked.
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for what is being saved. While there is one for a key, what lies there is not removed.
pub(crate) struct Reservation {
    artifacts: Artifacts,
    key: Key,
    bytes: u64,
}

impl Reservation {
    pub(super) fn of(artifacts: Artifacts, key: Key, bytes: u64) -> Result<Self, NoRoom> {
        {
            let usage = &artifacts.0.usage;
            let mut used = usage.used();
            let all = used.recorded.saturating_add(used.reserved);
            if all.saturating_add(bytes) > usage.limit {
                return Err(NoRoom::Full { used: all, limit: usage.limit, wanted: bytes });
            }
            if !used.under_way.insert(key) {
                return Err(NoRoom::InUse(key));
            }
            used.reserved += bytes;
        }
        Ok(Self { artifacts, key, bytes })
    }

    /// It was recorded. Said on the ledger's thread, so that a count has either both or none.
    pub(crate) fn note_recorded(&self) {
        let usage = &self.artifacts.0.usage;
        let mut used = usage.used();
        used.recorded = used.recorded.saturating_add(self.bytes);
        observe::artifacts(used.recorded, usage.limit);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.artifacts.0.usage.used();
        used.reserved -= self.bytes;
        used.under_way.remove(&self.key);
    }
}

/// Keys under which nobody is saving, nor begins to before this is dropped.
pub(super) struct AtRest {
    artifacts: Artifacts,
    keys: Vec<Key>,
}

impl AtRest {
    /// Those of the keys under which nobody is saving now.
    pub(super) fn of(artifacts: Artifacts, mut keys: Vec<Key>) -> Self {
        {
            let mut used = artifacts.0.usage.used();
            keys.retain(|key| used.under_way.insert(*key));
        }
        Self { artifacts, keys }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.keys.iter().copied()
    }
}

impl Drop for AtRest {
    fn drop(&mut self) {
        let mut used = self.artifacts.0.usage.used();
        for key in &self.keys {
            used.under_way.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use kindling_artifacts::ArtifactStore;

    use super::*;

    #[test]
    fn what_is_being_saved_counts_and_a_key_is_used_once() {
        let artifacts = Artifacts::new(ArtifactStore::in_memory(), 100);
        let key = |number| Key { history: [0; 16], random: [number; 16] };
        let reserve = |number, bytes| Reservation::of(artifacts.clone(), key(number), bytes);
        artifacts.0.usage.set(30);
        let first = reserve(1, 40).expect("room");
        assert!(matches!(reserve(2, 31), Err(NoRoom::Full { used: 70, limit: 100, wanted: 31 })));
        assert!(matches!(reserve(1, 0), Err(NoRoom::InUse(_))));
        let second = reserve(2, 30).expect("just enough");
        drop(second);
        first.note_recorded();
        drop(first);
        assert!(matches!(reserve(1, 31), Err(NoRoom::Full { used: 70, .. })), "it stays in use");
        assert!(reserve(1, 30).is_ok());
        assert!(matches!(reserve(1, u64::MAX), Err(NoRoom::Full { .. })));
    }

    #[test]
    fn what_is_at_rest_stays_so_while_it_is_looked_at() {
        let artifacts = Artifacts::new(ArtifactStore::in_memory(), 100);
        let key = |number| Key { history: [0; 16], random: [number; 16] };
        let reserve = |number| Reservation::of(artifacts.clone(), key(number), 1);
        let under_way = reserve(1).expect("room");
        let at_rest = AtRest::of(artifacts.clone(), vec![key(1), key(2)]);
        assert_eq!(at_rest.keys().collect::<Vec<_>>(), [key(2)]);
        assert!(matches!(reserve(2), Err(NoRoom::InUse(_))), "it may be removed now");
        drop(at_rest);
        assert!(reserve(2).is_ok());
        assert!(matches!(reserve(1), Err(NoRoom::InUse(_))), "it was not touched");
        drop(under_way);
    }
}
