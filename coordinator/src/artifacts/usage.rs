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

    /// Which of these nobody is saving now.
    pub(super) fn at_rest(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let used = self.used();
        keys.into_iter().filter(|key| !used.under_way.contains(key)).collect()
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
        assert_eq!(artifacts.0.usage.at_rest([key(1), key(2), key(3)]), [key(3)]);
        drop(second);
        first.note_recorded();
        drop(first);
        assert!(matches!(reserve(1, 31), Err(NoRoom::Full { used: 70, .. })), "it stays in use");
        assert!(reserve(1, 30).is_ok());
        assert!(matches!(reserve(1, u64::MAX), Err(NoRoom::Full { .. })));
    }
}
