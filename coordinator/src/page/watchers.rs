//! Counts people with a page open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of study pages that are open. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Arc<AtomicUsize>);

/// One open page, counted until it is dropped.
pub(super) struct Watching(Watchers);

impl Watchers {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn one_more(&self) -> Watching {
        self.0.fetch_add(1, Ordering::Relaxed);
        Watching(self.clone())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
