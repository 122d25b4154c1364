//! A store without a coordinator, used by one caller in this process, without a socket.
//!
//! It answers the same calls as a coordinator, with the same code. There are no workers, so leases
//! do not end here. The coordinator that opens the store next gives each of them a full term.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::{ArtifactError, ArtifactStore, Location};
use kindling_proto::limits;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::artifacts::Artifacts;
use crate::clock::SystemClock;
use crate::ledger::Ledger;
use crate::service::Service;
use crate::store::{SqliteStore, Store, StoreError, StoreReader, read_foreign};

/// Arbitrary: nothing here looks for overdue leases.
const LEASE_TERM: Duration = Duration::from_hours(1);

/// A store and the services on it.
pub struct Offline {
    ledger: Ledger,
    artifacts: Artifacts,
    shutdown: CancellationToken,
    failed: oneshot::Receiver<StoreError>,
}

impl Offline {
    /// Opens the store for reading. Nothing is written, locked or left beside the file. A
    /// coordinator may serve it meanwhile, and then this is its state at one moment. Optuna's own
    /// `SQLite` files and journals can be read, too.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        match read_foreign(path)? {
            Some(registry) => Self::on(path, StoreReader::of(path, registry)),
            None => Self::on(path, StoreReader::open(path)?),
        }
    }

    /// Opens the store for changes. No coordinator may serve it meanwhile. Creates the file if it
    /// is missing.
    pub fn change(path: &Path) -> Result<Self, StoreError> {
        Self::on(path, SqliteStore::open(path)?)
    }

    fn on(path: &Path, store: impl Store) -> Result<Self, StoreError> {
        let clock = Arc::new(SystemClock::default());
        let (ledger, failed) = Ledger::start(store, clock, LEASE_TERM)?;
        let artifacts =
            ArtifactStore::open(&Location::beside(path)).expect("a folder is asked nothing yet");
        let artifacts = Artifacts::new(artifacts, limits::ARTIFACTS);
        Ok(Self { ledger, artifacts, shutdown: CancellationToken::new(), failed })
    }

    /// Looks for artifacts there, and not beside the store. Nothing is asked of that place yet.
    pub fn with_artifacts(self, location: &Location) -> Result<Self, ArtifactError> {
        let artifacts = Artifacts::new(ArtifactStore::open(location)?, limits::ARTIFACTS);
        Ok(Self { artifacts, ..self })
    }

    /// The services, to be called directly.
    pub fn routes(&self) -> Routes {
        Service::new(self.ledger.clone(), self.shutdown.clone(), self.artifacts.clone()).routes()
    }

    /// Closes the store. Returns the error that ended it before, if any.
    pub async fn close(self) -> Result<(), StoreError> {
        self.shutdown.cancel();
        self.ledger.end().await;
        match self.failed.await {
            Ok(error) => Err(error),
            // The ledger's thread has ended, and the store is closed.
            Err(_) => Ok(()),
        }
    }
}
