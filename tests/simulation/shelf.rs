//! A machine's disk with workers' results; it outlives the workers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kindling_proto::v1;
use kindling_worker::Shelf;
use prost::Message as _;

use crate::history::{History, What};

/// The stored results, by name. Clones share them.
#[derive(Clone)]
pub(crate) struct Kept {
    results: Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>,
    /// The number of names given. Names are never reused, because another process may have seen an earlier
    /// one.
    names: Arc<AtomicU32>,
    history: History,
}

impl Kept {
    pub(crate) fn new(history: History) -> Self {
        Self { results: Arc::default(), names: Arc::default(), history }
    }

    fn results(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for Kept {
    fn keep(
        &self,
        bytes: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = io::Result<PathBuf>> + Send + '_>> {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let name = PathBuf::from(format!("{number:09}"));
        self.results().insert(name.clone(), bytes);
        Box::pin(std::future::ready(Ok(name)))
    }

    fn left(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        Ok(self.results().iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect())
    }

    fn forget(&self, name: &Path) -> io::Result<()> {
        if let Some(bytes) = self.results().remove(name) {
            let finish = v1::FinishRequest::decode_length_delimited(&*bytes)?;
            self.history.note(What::Forgets { claim: finish.claim.unwrap_or_default() });
        }
        Ok(())
    }
}
