//! What a store must do. The trait is small on purpose: load everything, commit a batch of events, say when an
//! outage is over, and look after it.

use kindling_study::{Record, Registry, Tick};

use super::error::StoreError;
use super::history::History;

/// A durable home for studies.
pub trait Store: Send + 'static {
    /// Everything that was committed. Open leases end at `lease_until`: a restart gives each of
    /// them a full term.
    fn load(&mut self, lease_until: Tick) -> Result<Registry, StoreError>;

    /// Which history it tells.
    fn history(&self) -> History;

    /// Keeps all of these records or none. When it returns, they survive a crash of the machine.
    fn commit(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Whether it can keep something again after an error that may pass, tried out with nothing at
    /// stake. Does not wait. An error that may not pass is one that no commit would survive.
    fn probe(&mut self) -> Result<(), StoreError>;

    /// Looks after it, twice a second or so. An error that may not pass says that it was lost.
    fn tend(&mut self) -> Result<Upkeep, StoreError> {
        Ok(Upkeep::default())
    }
}

/// What a store says of itself as it is looked after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The length of its log.
    pub log_bytes: u64,
}
