//! What trials and studies have saved: how much of it there may be, and that nothing is kept that nobody refers to. The
//! bytes lie in an artifact store, and never pass the ledger.

mod counted;
mod start;
mod tend;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::{ArtifactStore, Content, Key};
use kindling_proto::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::ledger::{Ledger, LedgerError};
use counted::Counted;
pub use start::ArtifactsError;
pub(crate) use usage::Reservation;
use usage::Usage;

/// How long an upload waits for its turn.
const TURN: Duration = Duration::from_mins(1);

/// A store of artifacts, and what is in use of it. Clones share it.
#[derive(Clone)]
pub(crate) struct Artifacts(Arc<Inner>);

struct Inner {
    store: ArtifactStore,
    usage: Usage,
    /// Uploads that are read at the same time.
    turns: Arc<Semaphore>,
}

/// Why there is no room for an upload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRoom {
    /// All is in use. Begins as [`kindling_proto::refusals::NO_ROOM`] says.
    #[error(
        "the artifacts have {used} of the {limit} bytes that they may have, and {wanted} more do not fit; delete \
         studies, or give the coordinator a larger --artifacts-limit"
    )]
    Full { used: u64, limit: u64, wanted: u64 },
    /// Something is being saved under the key, or what lay there is being removed.
    #[error("{0} is in use; try again in a moment")]
    InUse(Key),
    /// What is in use cannot be counted now.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Artifacts {
    /// With room for so many bytes.
    pub(crate) fn new(store: ArtifactStore, limit: u64) -> Self {
        let turns = Arc::new(Semaphore::new(limits::SAVES_AT_A_TIME));
        Self(Arc::new(Inner { store, usage: Usage::new(limit), turns }))
    }

    pub(crate) fn store(&self) -> &ArtifactStore {
        &self.0.store
    }

    /// Makes room for what is about to be saved. It is in use from now on, and stays so once it is recorded.
    pub(crate) async fn reserve(
        &self,
        ledger: &Ledger,
        key: Key,
        content: Content,
    ) -> Result<Reservation, NoRoom> {
        match self.try_reserve(key, content) {
            // Some of it may have been dropped since it was counted.
            Err(NoRoom::Full { .. }) => {
                self.count(ledger).await?;
                self.try_reserve(key, content)
            }
            reserved => reserved,
        }
    }

    fn try_reserve(&self, key: Key, content: Content) -> Result<Reservation, NoRoom> {
        Reservation::of(self.clone(), key, content.size)
    }

    /// Waits until fewer uploads are read than may be. `None`: it takes too long.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        timeout(TURN, self.0.turns.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Counts all that studies refer to.
    async fn count(&self, ledger: &Ledger) -> Result<Counted, LedgerError> {
        let artifacts = self.clone();
        // Savings are noted on the ledger's thread, too, so none is counted twice or not at all.
        ledger
            .look_after_write(move |state| {
                let counted = Counted::of(state.registry());
                artifacts.0.usage.set(counted.bytes());
                counted
            })
            .await
    }
}
