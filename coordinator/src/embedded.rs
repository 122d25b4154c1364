//! A coordinator without its own socket, thread or clock, for simulations, which provide all three.

use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::ArtifactStore;
use kindling_proto::limits;
use rand::CryptoRng;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::service::Service;
use crate::store::{Store, StoreError};

/// A coordinator that runs on the runtime it was started on. Dropping it is a crash: whatever was
/// not committed is gone, and no caller gets an answer any more.
pub struct Embedded {
    routes: Routes,
    /// Receives the store's error, if one ends it.
    pub failed: oneshot::Receiver<StoreError>,
    _tasks: JoinSet<()>,
}

impl Embedded {
    /// Loads the store; what trials save goes to the artifacts. The clock is read for every batch of calls, and the
    /// generator for every lease. A lease computes proposals of up to `most_effort` steps (`Study::next_effort`) itself.
    pub fn start(
        store: impl Store,
        artifacts: ArtifactStore,
        clock: Arc<dyn Clock>,
        lease_term: Duration,
        random: Box<dyn CryptoRng + Send>,
        most_effort: usize,
    ) -> Result<Self, StoreError> {
        let mut tasks = JoinSet::new();
        let (ledger, failed) =
            Ledger::start_on(&mut tasks, store, clock, lease_term, random, most_effort)?;
        tasks.spawn(ledger.clone().expire_leases());
        let artifacts = Artifacts::new(artifacts, limits::ARTIFACTS);
        let service = Service::new(ledger, CancellationToken::new(), artifacts);
        Ok(Self { routes: service.routes(), failed, _tasks: tasks })
    }

    /// The services, to be called directly.
    pub fn routes(&self) -> Routes {
        self.routes.clone()
    }
}
