//! What studies refer to.

use std::collections::HashSet;

use kindling_artifacts::Key;
use kindling_study::{Blob, Registry};

/// The keys that studies refer to, and how many bytes these are.
pub(super) struct Counted {
    keys: HashSet<Key>,
    bytes: u64,
    /// The newest ones first, a few.
    newest: Vec<(Key, u64)>,
}

/// How many of the newest are looked for.
const NEWEST: usize = 8;

impl Counted {
    /// Walks over all studies.
    pub(super) fn of(registry: &Registry) -> Self {
        let mut counted = Self { keys: HashSet::new(), bytes: 0, newest: Vec::new() };
        for Blob { key, size, .. } in registry.blobs() {
            // Nothing else is recorded, whatever a store says that somebody else wrote.
            let Some(key) = Key::parse(key) else { continue };
            // Several trials may go on from one checkpoint.
            if counted.keys.insert(key) {
                counted.bytes = counted.bytes.saturating_add(*size);
                counted.newest.push((key, *size));
                if counted.newest.len() > 2 * NEWEST {
                    counted.newest.drain(..NEWEST);
                }
            }
        }
        counted.newest.reverse();
        counted.newest.truncate(NEWEST);
        counted
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }

    /// Some that were saved lately.
    pub(super) fn newest(&self) -> &[(Key, u64)] {
        &self.newest
    }

    /// Those of a history that were referred to before and are not any more.
    pub(super) fn dropped_since(&self, before: &Self, history: [u8; 16]) -> Vec<Key> {
        let is_dropped = |key: &&Key| key.history == history && !self.has(**key);
        before.keys.iter().filter(is_dropped).copied().collect()
    }

    /// Counts these as referred to, so that they are found to be dropped once more.
    pub(super) fn remember(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.keys.extend(keys);
    }
}
