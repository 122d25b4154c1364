//! A store that no coordinator serves, asked by one caller in this process, without a socket.
//!
//! It answers the same calls as a coordinator, out of the same code. There are no workers, so leases
//! do not end here: whoever serves the store next gives each a full term.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::clock::SystemClock;
use crate::ledger::Ledger;
use crate::service::Service;
use crate::store::{SqliteStore, Store, StoreError, StoreReader};

/// Nobody looks for what is overdue.
const LEASE_TERM: Duration = Duration::from_hours(1);

/// A store and the services on it.
pub struct Offline {
    ledger: Ledger,
    shutdown: CancellationToken,
    failed: oneshot::Receiver<StoreError>,
}

impl Offline {
    /// Only to look. Nothing is written, locked or left beside the file, and a coordinator may serve
    /// it meanwhile: then this is how it stood at one moment.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Self::on(StoreReader::open(path)?)
    }

    /// To change what it holds. No coordinator may serve it meanwhile. Makes the file if it is missing.
    pub fn change(path: &Path) -> Result<Self, StoreError> {
        Self::on(SqliteStore::open(path)?)
    }

    fn on(store: impl Store) -> Result<Self, StoreError> {
        let clock = Arc::new(SystemClock::default());
        let (ledger, failed) = Ledger::start(store, clock, LEASE_TERM)?;
        Ok(Self { ledger, shutdown: CancellationToken::new(), failed })
    }

    /// Its services, to be called.
    pub fn routes(&self) -> Routes {
        Service::new(self.ledger.clone(), self.shutdown.clone()).routes()
    }

    /// Closes the store. The error is one that ended it before.
    pub async fn close(self) -> Result<(), StoreError> {
        self.shutdown.cancel();
        self.ledger.end().await;
        match self.failed.await {
            Ok(error) => Err(error),
            // Its thread has ended, and with it the store.
            Err(_) => Ok(()),
        }
    }
}
