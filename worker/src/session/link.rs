//! The connection: made anew as often as needed, with jittered backoff, for as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

/// The first wait before a call is repeated; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait; a coordinator that is back has its workers back within this time and a bit.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection without an answer to a ping for so long is dead.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type Client = WorkerServiceClient<Channel>;

/// A way to the coordinator; clones share the connection.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    up: Arc<watch::Sender<bool>>,
}

impl Link {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            // Without this the pings stop exactly when nothing else would tell that the peer died.
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .connect_lazy();
        Self { client: WorkerServiceClient::new(channel), up: Arc::new(watch::Sender::new(true)) }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits until the newest call did not reach the coordinator.
    pub(super) async fn down(&self) {
        _ = self.up.subscribe().wait_for(|up| !up).await;
    }

    /// Makes a call until it gets an answer: a response, or a refusal that no repetition changes.
    pub(super) async fn persist<T, F>(
        &self,
        what: &'static str,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut backoff = Backoff::default();
        loop {
            match call(self.client()).await {
                Ok(response) => {
                    self.note_up(what);
                    return Ok(response.into_inner());
                }
                Err(status) if is_final(status.code()) => {
                    self.note_up(what);
                    return Err(status);
                }
                Err(status) => self.note_down(what, &status),
            }
            backoff.wait().await;
        }
    }

    pub(super) fn note_up(&self, what: &'static str) {
        if !self.up.send_replace(true) {
            tracing::info!(what, "the coordinator answers again");
        }
    }

    pub(super) fn note_down(&self, what: &'static str, status: &Status) {
        if self.up.send_replace(false) {
            let code = status.code();
            tracing::warn!(what, ?code, message = status.message(), "no answer; trying again");
        }
    }
}

/// Whether the coordinator has answered: repeating the call would change nothing.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
    )
}

/// Waits that double, with jitter so that a thousand workers do not come back as one.
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_WAIT }
    }
}

impl Backoff {
    pub(super) async fn wait(&mut self) {
        let jitter = 0.5 + rand::random::<f64>() / 2.0;
        tokio::time::sleep(self.next.mul_f64(jitter)).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_not_an_answer() {
        for code in [Code::Unavailable, Code::ResourceExhausted, Code::Cancelled, Code::Unknown] {
            assert!(!is_final(code), "{code:?}");
        }
        assert!(is_final(Code::FailedPrecondition));
    }
}
