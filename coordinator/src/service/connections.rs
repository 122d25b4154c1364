//! Connections whose end somebody waits for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A set of connections, each by its number. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<HashSet<u64>>>);

impl Connections {
    /// Whether the connection is new.
    pub(super) fn add(&self, connection: u64) -> bool {
        self.all().insert(connection)
    }

    pub(super) fn remove(&self, connection: u64) {
        self.all().remove(&connection);
    }

    fn all(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
