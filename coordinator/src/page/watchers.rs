//! How many look on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many pages of studies are open. Clones count the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Arc<AtomicUsize>);

/// One of them, for as long as it lives.
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
