//! The connection to the coordinator and the calls on it. Both are retried for as long as it takes, with
//! jittered backoff.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kindling_artifacts::Key;
use kindling_client::{Bearer, speaks_no_grpc};
use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_telemetry::carry;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Code, Response, Status, Streaming};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;
use tracing::{Instrument as _, info_span};

use super::parcel::{Parcel, Pieces};
use crate::convert;
use crate::lease::{Assignment, Claim, Finish, Identity, Refusal, Report, Verdict, What, Why};

/// The first wait before a retry; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait. Once a coordinator is back, its workers return within about this time.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Carries a call to the coordinator and returns its answer: a connection, or a simulated one.
pub type Transport = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

pub(super) type Client = WorkerServiceClient<Transport>;

/// A way to the coordinator; clones share the connection.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    up: Arc<watch::Sender<bool>>,
    /// Whether the coordinator has ever accepted this worker.
    admitted: Arc<AtomicBool>,
    /// The worker's name.
    worker: Arc<str>,
    /// The number of backoffs so far; part of their seed.
    calls: Arc<AtomicU64>,
}

/// Why a call that is not repeated here did not succeed.
pub(super) enum Failure {
    /// Another try would end the same.
    Refused(Refusal),
    /// Another try may succeed. Who is out of reach may be the coordinator, or only its artifact store.
    Passing(Status),
}

/// A connection that is opened when first needed, and again whenever it breaks.
pub(super) fn dial(endpoint: &Endpoint, bearer: Bearer) -> Transport {
    let connection = InterceptedService::new(endpoint.connect_lazy(), bearer)
        .map_response(|response| response.map(Body::new))
        .map_err(|error| Status::from_error(error.into()));
    BoxCloneSyncService::new(connection)
}

impl Link {
    pub(super) fn new(transport: Transport, worker: &str) -> Self {
        Self {
            client: WorkerServiceClient::new(transport),
            up: Arc::new(watch::Sender::new(true)),
            admitted: Arc::default(),
            worker: worker.into(),
            calls: Arc::default(),
        }
    }

    /// The backoff of one call. It differs between workers and calls but is the same in every simulation.
    pub(super) fn backoff(&self, what: &str) -> Backoff {
        let mut hasher = DefaultHasher::new();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        (&*self.worker, what, call).hash(&mut hasher);
        Backoff { next: FIRST_WAIT, jitter: ChaCha8Rng::seed_from_u64(hasher.finish()) }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Whether the latest call reached the coordinator.
    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Waits until the latest call fails to reach the coordinator.
    pub(super) async fn down(&self) {
        _ = self.up.subscribe().wait_for(|up| !up).await;
    }

    /// Leases trials. Waits at most `wait` for work.
    pub(super) async fn lease(
        &self,
        worker: &Identity,
        holding: Vec<Claim>,
        objectives: Vec<String>,
        without: Vec<i64>,
        wait: Duration,
    ) -> Result<Vec<Assignment>, Refusal> {
        let request = convert::lease(worker, holding, objectives, without, wait);
        let call = self.persist("lease", |mut client| {
            let request = request.clone();
            async move { client.lease(request).await }
        });
        let leased = call.await?.assignments;
        Ok(leased.into_iter().filter_map(convert::assignment).collect())
    }

    /// -
    pub(super) async fn report(&self, claim: &Claim, report: &Report) -> Result<Verdict, Refusal> {
        let span = info_span!("report", step = report.step, value = report.values.value);
        let request = convert::report(claim, report);
        let call = self.persist("report", |mut client| {
            let request = carry(request.clone());
            async move { client.report(request).await }
        });
        Ok(convert::verdict(call.instrument(span).await?.verdict()))
    }

    /// Finishes a trial.
    pub(super) async fn finish(&self, finish: Finish) -> Result<(), Refusal> {
        let request = convert::finish(finish);
        let call = self.persist("finish", |mut client| {
            let request = carry(request.clone());
            async move { client.finish(request).await }
        });
        call.instrument(info_span!("finish")).await?;
        Ok(())
    }

    /// Hands a trial back, for this reason; without one, the worker only stops.
    pub(super) async fn release(&self, claim: &Claim, reason: &str) -> Result<(), Refusal> {
        let request = convert::release(claim, reason);
        let call = self.persist("release", |mut client| {
            let request = request.clone();
            async move { client.release(request).await }
        });
        call.await?;
        Ok(())
    }

    /// Saves a checkpoint or an artifact, once. Returns when it is safe. With a key, its bytes lie there already.
    pub(super) async fn save(
        &self,
        claim: &Claim,
        what: &What,
        parcel: &Parcel,
        key: Option<Key>,
    ) -> Result<(), Failure> {
        let pieces = match key {
            Some(_) => Pieces::none(),
            None => parcel.pieces().map_err(|error| {
                let reason = format!("it cannot be read any more: {error}");
                Failure::Refused(Refusal { why: Why::Other, reason })
            })?,
        };
        let first = convert::saving(claim, what, parcel.content(), key);
        let request = tokio_stream::once(first).chain(pieces.map(convert::piece));
        let span = info_span!("save", bytes = parcel.size);
        let mut client = self.client();
        let saved = client.save(span.in_scope(|| carry(request)));
        saved.instrument(span).await.map_err(|status| self.judge(status))?;
        self.note_up("save");
        Ok(())
    }

    /// The bytes of a checkpoint, once.
    pub(super) async fn load(
        &self,
        claim: &Claim,
        key: &str,
    ) -> Result<Streaming<v1::LoadResponse>, Failure> {
        let loaded = self.client().load(carry(convert::load(claim, key))).await;
        let pieces = loaded.map_err(|status| self.judge(status))?.into_inner();
        self.note_up("load");
        Ok(pieces)
    }

    /// What a status means for a call that is not repeated here.
    pub(super) fn judge(&self, status: Status) -> Failure {
        if self.is_kept_out(&status) || is_final(status.code()) {
            Failure::Refused(convert::refusal(&status))
        } else {
            Failure::Passing(status)
        }
    }

    /// Repeats a call until it gets a response, or a refusal that a retry would not change.
    async fn persist<T, F>(
        &self,
        what: &'static str,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut backoff = self.backoff(what);
        loop {
            match call(self.client()).await {
                Ok(response) => {
                    self.note_up(what);
                    return Ok(response.into_inner());
                }
                Err(status) if self.is_kept_out(&status) => return Err(convert::refusal(&status)),
                Err(status) if is_final(status.code()) => {
                    self.note_up(what);
                    return Err(convert::refusal(&status));
                }
                Err(status) => self.note_down(what, &status),
            }
            backoff.wait().await;
        }
    }

    /// Whether this worker is rejected, or the other side is not a coordinator.
    ///
    /// Once a call has been accepted, this is always false: a token that stops working is an operator's
    /// mistake, which will be put right.
    fn is_kept_out(&self, status: &Status) -> bool {
        let refused = matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied);
        (refused || speaks_no_grpc(status)) && !self.admitted.load(Ordering::Relaxed)
    }

    pub(super) fn note_up(&self, what: &'static str) {
        self.admitted.store(true, Ordering::Relaxed);
        // Wake waiters only if the value changes.
        if self.up.send_if_modified(|up| !std::mem::replace(up, true)) {
            tracing::info!(what, "the coordinator answers again");
        }
    }

    pub(super) fn note_down(&self, what: &'static str, status: &Status) {
        if self.up.send_if_modified(|up| std::mem::replace(up, false)) {
            let code = status.code();
            tracing::warn!(
                what,
                ?code,
                message = status.message(),
                "the call failed; trying again"
            );
        }
    }
}

/// Whether the coordinator has answered, so that a retry would change nothing.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            // The message is too large.
            | Code::OutOfRange
            | Code::Unimplemented
    )
}

/// Waits that double, with jitter so that a thousand workers do not reconnect at the same moment.
pub(super) struct Backoff {
    next: Duration,
    jitter: ChaCha8Rng,
}

impl Backoff {
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.next.mul_f64(self.jitter.random_range(0.5..1.0))).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use kindling_client::ConnectArgs;

    use super::*;

    #[test]
    fn an_outage_is_not_an_answer() {
        for code in [Code::Unavailable, Code::ResourceExhausted, Code::Cancelled, Code::Unknown] {
            assert!(!is_final(code), "{code:?}");
        }
        assert!(is_final(Code::FailedPrecondition));
    }

    #[tokio::test]
    async fn a_worker_that_was_let_in_once_waits_for_its_token_to_be_good_again() {
        let (endpoint, bearer) = ConnectArgs::plain("http://127.0.0.1:1").endpoint().unwrap();
        let link = Link::new(dial(&endpoint, bearer), "w");
        let is_kept_out = |code| link.is_kept_out(&Status::new(code, ""));
        assert!(is_kept_out(Code::Unauthenticated) && is_kept_out(Code::PermissionDenied));
        link.note_up("lease");
        assert!(!is_kept_out(Code::Unauthenticated) && !is_final(Code::Unauthenticated));
    }
}
