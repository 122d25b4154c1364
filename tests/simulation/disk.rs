//! A store that survives its coordinator, and may be full.

use std::sync::{Arc, Mutex, PoisonError};

use kindling_coordinator::{Store, StoreError};
use kindling_study::{Record, Registry, Tick};

/// What was committed; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    records: Vec<Record>,
    is_full: bool,
}

impl Disk {
    pub(crate) fn set_full(&self, is_full: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_full = is_full;
    }
}

impl Store for Disk {
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError> {
        let mut registry = Registry::default();
        for record in &self.0.lock().unwrap_or_else(PoisonError::into_inner).records {
            registry.apply(record, lease_until);
        }
        Ok(registry)
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if content.is_full {
            return Err(StoreError::Full { path: "study.db".into() });
        }
        content.records.extend_from_slice(batch);
        Ok(())
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.commit(&[])
    }
}
