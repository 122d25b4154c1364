//! A client's side of the network, which tonic's clients call instead of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use kindling_coordinator::Connection;
use kindling_worker::Transport;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::history::{self, History, What};
use crate::message::Message;
use crate::network::Network;

/// A connection that carries nothing for this long is found dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How often a client checks whether the network is still there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One process's connection to the coordinator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) network: Network,
    pub(crate) history: History,
    /// Simulates kill -9: once cancelled, nothing more is heard from this process.
    pub(crate) dead: CancellationToken,
    /// Of Optuna's clients, whom the coordinator knows by it.
    pub(crate) connection: Option<Connection>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

impl Client {
    pub(crate) fn transport(&self) -> Transport {
        BoxCloneSyncService::new(self.clone())
    }

    async fn call(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        if request.uri().path().ends_with("/Heartbeat") {
            return self.stream(request).await;
        }
        let call = Message::read(request, self.connection.clone()).await?;
        let request = history::Request::read(&call.path, call.content());
        let client = self.name.clone();
        let place = self.history.note(What::Call { client, request: request.clone() });
        let answer = self.network.exchange(&self.name, call).await;
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
        let read = match &answer {
            Ok(message) => Ok(request.read_answer(message.content())),
            Err(status) => Err(status.code()),
        };
        self.history.note(What::Answer { call: place, answer: read });
        Ok(answer?.into_response())
    }

    async fn stream(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let lost = || Status::unavailable("the connection broke");
        let mut luck = self.network.luck(&self.name, b"stream");
        luck.travel().await;
        let Some(life) = self.network.life(&self.name) else { return Err(lost()) };
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, self.clone().relay(body, life, b"beats"));
        let (parts, body) = self.network.open(request).await?.into_parts();
        luck.travel().await;
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
        Ok(Response::from_parts(parts, self.relay(body, life, b"answers")))
    }

    /// A body whose messages are delayed, in order, until the connection breaks.
    fn relay(self, mut body: Body, life: u64, kind: &[u8]) -> Body {
        let mut luck = self.network.luck(&self.name, kind);
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(async move {
            loop {
                let frame = tokio::select! {
                    biased;
                    () = self.broken(life) => None,
                    () = sender.closed() => return,
                    frame = body.frame() => frame,
                };
                let Some(Ok(frame)) = frame else { break };
                luck.travel().await;
                tokio::select! {
                    biased;
                    () = self.broken(life) => break,
                    () = self.passing(life) => {}
                }
                if sender.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
            _ = sender.send(Err(Status::unavailable("the connection broke"))).await;
        });
        Body::new(StreamBody::new(ReceiverStream::new(receiver)))
    }

    /// Waits until messages pass.
    async fn passing(&self, life: u64) {
        while !self.network.passes(&self.name, life) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until both ends know that the connection is broken.
    async fn broken(&self, life: u64) {
        let mut silent_since = None;
        loop {
            if self.dead.is_cancelled() {
                return;
            }
            if self.network.passes(&self.name, life) {
                silent_since = None;
            } else {
                let since = *silent_since.get_or_insert_with(tokio::time::Instant::now);
                // A coordinator that died closed its sockets; a cut is noticed only by silence.
                let is_gone = self.network.life(&self.name).is_some_and(|now| now != life);
                if is_gone || !self.network.is_up() || since.elapsed() >= KEEP_ALIVE {
                    return;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let client = self.clone();
        let dead = self.dead.clone();
        Box::pin(async move {
            if dead.is_cancelled() {
                std::future::pending::<()>().await;
            }
            Self::call(client, request).await
        })
    }
}
