//! The network between clients and the coordinator. Its generator decides which calls are late, lost,
//! duplicated or cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use kindling_coordinator::Embedded;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::body::Body;
use tower::Service as _;

use crate::message::{self, Message};

/// How unreliable the network is. Probabilities are per call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// A call does not arrive.
    pub(crate) lost_calls: f64,
    /// A call is carried out, but its answer is lost.
    pub(crate) lost_answers: f64,
    /// A call arrives again, up to `latest` later.
    pub(crate) doubled: f64,
    pub(crate) latest: Duration,
    /// The longest one-way delay.
    pub(crate) delay: Duration,
}

/// A path to the coordinator. Clones share it.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    seed: u64,
    /// How many messages of each kind or content each client has sent or received.
    messages: BTreeMap<(String, Vec<u8>), u64>,
    weather: Weather,
    /// Clients that are cut off.
    cut: BTreeSet<String>,
    coordinator: Option<Running>,
}

/// A running coordinator and its calls in progress.
struct Running {
    coordinator: Embedded,
    calls: JoinSet<()>,
    /// Different for each start.
    life: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        let (messages, cut, coordinator) = (BTreeMap::new(), BTreeSet::new(), None);
        Self(Arc::new(Mutex::new(State { seed, messages, weather, cut, coordinator })))
    }

    /// The luck of a client's next message of that kind or content.
    ///
    /// It does not depend on other clients, so the order of simultaneous events does not matter.
    pub(crate) fn luck(&self, client: &str, kind: &[u8]) -> Luck {
        let mut state = self.state();
        let count = state.messages.entry((client.to_owned(), kind.to_vec())).or_default();
        *count += 1;
        let mut hasher = DefaultHasher::new();
        (*count, client, kind).hash(&mut hasher);
        let rng = ChaCha8Rng::seed_from_u64(hasher.finish() ^ state.seed);
        Luck { rng, network: self.clone() }
    }

    pub(crate) fn calm_down(&self) {
        let mut state = self.state();
        state.weather = Weather { delay: state.weather.delay, ..Weather::default() };
        state.cut.clear();
    }

    pub(crate) fn set_cut(&self, client: &str, is_cut: bool) {
        let mut state = self.state();
        if is_cut {
            state.cut.insert(client.to_owned());
        } else {
            state.cut.remove(client);
        }
    }

    /// Starts a coordinator.
    pub(crate) fn start(&self, coordinator: Embedded, life: u64) {
        self.state().coordinator = Some(Running { coordinator, calls: JoinSet::new(), life });
    }

    /// Simulates kill -9.
    pub(crate) fn crash(&self) {
        self.state().coordinator = None;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().coordinator.is_some()
    }

    /// Whether messages now pass between the client and this life of the coordinator.
    pub(crate) fn passes(&self, client: &str, life: u64) -> bool {
        let state = self.state();
        let is_same = state.coordinator.as_ref().is_some_and(|c| c.life == life);
        is_same && !state.cut.contains(client)
    }

    /// The life of the coordinator that the client reaches, if any.
    pub(crate) fn life(&self, client: &str) -> Option<u64> {
        let state = self.state();
        let reached = state.coordinator.as_ref().filter(|_| !state.cut.contains(client))?;
        Some(reached.life)
    }

    /// A call and its answer.
    pub(crate) async fn exchange(&self, client: &str, call: Message) -> Result<Message, Status> {
        let lost = || Err(Status::unavailable("the network lost it"));
        let mut luck = self.luck(client, call.content());
        luck.travel().await;
        if self.life(client).is_none() || luck.has(|w| w.lost_calls) {
            return lost();
        }
        if luck.has(|w| w.doubled) {
            self.deliver_later(call.clone(), &mut luck);
        }
        let answer = self.deliver(call).await;
        luck.travel().await;
        if self.life(client).is_none() || luck.has(|w| w.lost_answers) {
            return lost();
        }
        answer
    }

    /// Opens a bidirectional stream. The caller delays and drops its messages.
    pub(crate) async fn open(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Status> {
        let routes = self.state().coordinator.as_ref().map(|c| c.coordinator.routes());
        let mut routes = routes.ok_or_else(|| Status::unavailable("nobody is there"))?;
        let Ok(response) = routes.call(request).await;
        Ok(response)
    }

    /// Has the coordinator carry out the call, unless it crashes meanwhile.
    async fn deliver(&self, call: Message) -> Result<Message, Status> {
        let (done, answer) = tokio::sync::oneshot::channel();
        if let Some(running) = &mut self.state().coordinator
            && !call.is_lost()
        {
            let mut routes = running.coordinator.routes();
            running.calls.spawn(async move {
                let Ok(response) = routes.call(call.into_request()).await;
                _ = done.send(message::read_response(response).await);
            });
            while running.calls.try_join_next().is_some() {}
        }
        answer.await.unwrap_or_else(|_| Err(Status::unavailable("the coordinator is gone")))
    }

    fn deliver_later(&self, call: Message, luck: &mut Luck) {
        let network = self.clone();
        let latest = self.state().weather.latest.as_secs_f64();
        let delay = Duration::from_secs_f64(luck.rng.random_range(0.0..=latest));
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            _ = network.deliver(call).await;
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The random fate of one message, or of the messages in one stream.
pub(crate) struct Luck {
    rng: ChaCha8Rng,
    network: Network,
}

impl Luck {
    /// Waits for a message's delay.
    pub(crate) async fn travel(&mut self) {
        let longest = self.network.state().weather.delay;
        // Most messages are quick.
        let part = self.rng.random_range(0.0_f64..1.0).powi(4);
        tokio::time::sleep(longest.mul_f64(part)).await;
    }

    fn has(&mut self, of: impl Fn(&Weather) -> f64) -> bool {
        let probability = of(&self.network.state().weather);
        self.rng.random_bool(probability)
    }
}

/// The whole body and its trailers.
pub(crate) async fn collect(body: Body) -> Result<(Vec<u8>, Option<http::HeaderMap>), Status> {
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned();
    Ok((collected.to_bytes().to_vec(), trailers))
}
