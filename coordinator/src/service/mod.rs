//! The gRPC services: each handler parses its request, asks the ledger, and answers.

pub(crate) mod access;
#[cfg(test)]
mod fuzz;
mod status;
pub(crate) mod study;
mod trial;
mod worker;

use kindling_proto::v1::study_service_server::StudyServiceServer;
use kindling_proto::v1::trial_service_server::TrialServiceServer;
use kindling_proto::v1::worker_service_server::WorkerServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::ledger::Ledger;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) ledger: Ledger,
    /// Long polls and streams end when it is cancelled.
    pub(crate) shutdown: CancellationToken,
}

impl Service {
    /// All of them as one, on no socket and with nobody at the door.
    pub(crate) fn routes(self) -> Routes {
        Routes::new(StudyServiceServer::new(self.clone()))
            .add_service(TrialServiceServer::new(self.clone()))
            .add_service(WorkerServiceServer::new(self))
    }
}
