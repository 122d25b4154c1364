//! The gRPC services. Each handler parses its request, asks the ledger, and answers.

pub(crate) mod access;
mod artifact;
#[cfg(test)]
mod bounds;
mod connections;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hand_backs;
mod intake;
mod load;
mod optuna;
mod output;
#[cfg(test)]
mod outputs;
mod save;
#[cfg(test)]
mod saves;
mod status;
mod study;
mod trial;
pub(crate) mod watch;
mod weigh;
mod worker;

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use kindling_proto::limits;
use kindling_proto::optuna::storage_service_server::StorageServiceServer;
use kindling_proto::v1::artifact_service_server::ArtifactServiceServer;
use kindling_proto::v1::study_service_server::StudyServiceServer;
use kindling_proto::v1::trial_service_server::TrialServiceServer;
use kindling_proto::v1::worker_service_server::WorkerServiceServer;
use prost::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::artifacts::Artifacts;
use crate::budget::{Budget, Caller};
use crate::ledger::Ledger;
use crate::output::Outputs;
use connections::Connections;
use weigh::Asked;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) ledger: Ledger,
    /// When it is cancelled, long polls and streams end.
    pub(crate) shutdown: CancellationToken,
    artifacts: Artifacts,
    /// What trials write.
    outputs: Outputs,
    shares: Shares,
    /// Room for calls of Optuna's clients.
    external_calls: Arc<Semaphore>,
    external_connections: Connections,
    advisors: optuna::Advisors,
}

/// Limits on what callers hold at the same time.
#[derive(Clone)]
struct Shares {
    /// Bytes of requests.
    asked: Asked,
    /// Bytes of answers that were not read yet.
    unread: Budget,
    watches: Budget,
    replays: Budget,
    /// Calls that read output.
    readers: Budget,
    /// Uploads, and downloads.
    saves: Budget,
    loads: Budget,
    external_unread: Budget,
}

impl Service {
    pub(crate) fn new(ledger: Ledger, shutdown: CancellationToken, artifacts: Artifacts) -> Self {
        let budget = |(all, each)| Budget::new(all, each);
        let shares = Shares {
            asked: Asked {
                output: budget(limits::WRITTEN_BYTES),
                others: budget(limits::ASKED_BYTES),
            },
            unread: budget(limits::UNREAD_BYTES),
            watches: budget(limits::WATCHES),
            replays: budget(limits::REPLAYS),
            readers: budget(limits::OUTPUT_READERS),
            saves: budget(limits::SAVES),
            loads: budget(limits::LOADS),
            external_unread: budget(limits::EXTERNAL_UNREAD_BYTES),
        };
        let external_calls = Arc::new(Semaphore::new(limits::EXTERNAL_CALLS));
        let external_connections = Connections::default();
        let advisors = optuna::Advisors::default();
        let outputs = Outputs::none();
        Self {
            ledger,
            shutdown,
            artifacts,
            outputs,
            shares,
            external_calls,
            external_connections,
            advisors,
        }
    }

    /// Keeps what trials write, or shows what is kept.
    pub(crate) fn with_outputs(self, outputs: Outputs) -> Self {
        Self { outputs, ..self }
    }

    /// All services as one, without a socket and without access control.
    pub(crate) fn routes(self) -> Routes {
        let asked = self.shares.asked.clone();
        let studies = StudyServiceServer::new(self.clone());
        let trials = TrialServiceServer::new(self.clone());
        let artifacts = ArtifactServiceServer::new(self.clone());
        let storage = StorageServiceServer::new(self.clone());
        Routes::new(studies.max_decoding_message_size(limits::REQUEST))
            .add_service(trials.max_decoding_message_size(limits::REQUEST))
            .add_service(artifacts.max_decoding_message_size(limits::PIECE + limits::SMALL))
            .add_service(storage.max_encoding_message_size(usize::MAX))
            .add_service(WorkerServiceServer::new(self))
            .into_axum_router()
            .layer(from_fn_with_state(asked, weigh::weigh))
            .into()
    }

    /// An answer that may be large. It counts as the caller's until it was read.
    fn to_be_read<T: Message>(&self, caller: Caller, message: T) -> Result<Response<T>, Status> {
        let bytes = message.encoded_len();
        let mut response = Response::new(message);
        if bytes > limits::SMALL {
            let share = self.shares.unread.take(caller, bytes).ok_or_else(|| {
                Status::resource_exhausted(
                    "too many answers wait to be read; read those, or try again in a moment",
                )
            })?;
            response.extensions_mut().insert(Arc::new(share));
        }
        Ok(response)
    }
}

/// Who makes a call.
fn caller<T>(request: &Request<T>) -> Caller {
    Caller::of(request.extensions())
}
