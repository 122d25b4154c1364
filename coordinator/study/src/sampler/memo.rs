//! What a sampler worked out from the first trials of a history, kept so that the next proposal need not work it out
//! again.

use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the newest of something that follows from a history alone. All copies of a history share it. Whoever takes
/// it out must check that it belongs to the history at hand. So a proposal is the same with it and without.
pub(super) struct Memo<T>(Arc<Mutex<Option<Arc<T>>>>);

impl<T> Memo<T> {
    /// What was kept last.
    pub(super) fn get(&self) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps this.
    pub(super) fn set(&self, kept: Arc<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Histories are equal whatever anybody worked out from them.
impl<T> PartialEq for Memo<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> std::fmt::Debug for Memo<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}
