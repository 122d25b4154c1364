//! What a store must do. The trait is small on purpose: load everything, commit a batch of events,
//! say when an outage is over, and tend the store.

use kindling_study::{Record, Registry, Tick};

use super::error::StoreError;
use super::history::History;

/// A durable home for studies.
pub trait Store: Send + 'static {
    /// Loads everything that was committed. Open leases end at `lease_until`, so that a restart
    /// gives each a full term.
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError>;

    /// The store's history.
    fn history(&self) -> History;

    /// Commits all of these records or none. When it returns, they survive a crash of the machine.
    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Tests, with nothing at stake and without waiting, whether the store can write again after an
    /// error that may pass. Any other error is final.
    fn probe(&mut self) -> Result<(), StoreError>;

    /// Tends the store, about twice a second. An error that may not pass means the store was lost.
    fn tend(&mut self) -> Result<Upkeep, StoreError> {
        Ok(Upkeep::default())
    }
}

/// What a store reports when it is tended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The length of its log.
    pub log_bytes: u64,
}
