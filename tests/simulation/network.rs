//! The network between clients and the coordinator: calls are late, lost, doubled and cut off, as its
//! generator decides.

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

/// How bad it is. Probabilities are per call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// A call does not arrive.
    pub(crate) lost_calls: f64,
    /// A call is carried out, but its answer does not arrive.
    pub(crate) lost_answers: f64,
    /// A call arrives again, up to `latest` later.
    pub(crate) doubled: f64,
    pub(crate) latest: Duration,
    /// The longest way from one end to the other.
    pub(crate) delay: Duration,
}

/// A way to the coordinator; clones share it.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    seed: u64,
    /// How many messages of each kind or content each client has had.
    messages: BTreeMap<(String, Vec<u8>), u64>,
    weather: Weather,
    /// Clients that nothing reaches.
    cut: BTreeSet<String>,
    coordinator: Option<Running>,
}

/// A coordinator, and the calls that it works on.
struct Running {
    coordinator: Embedded,
    calls: JoinSet<()>,
    /// Another one for each start.
    life: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        let (messages, cut, coordinator) = (BTreeMap::new(), BTreeSet::new(), None);
        Self(Arc::new(Mutex::new(State { seed, messages, weather, cut, coordinator })))
    }

    /// The luck of a client's next message of that kind or content. It hangs on nothing that others do, so that it
    /// does not matter which of two things comes first that happen at the same moment.
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

    /// A coordinator answers from now on.
    pub(crate) fn start(&self, coordinator: Embedded, life: u64) {
        self.state().coordinator = Some(Running { coordinator, calls: JoinSet::new(), life });
    }

    /// kill -9.
    pub(crate) fn crash(&self) {
        self.state().coordinator = None;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().coordinator.is_some()
    }

    /// Whether messages between the client and this life of the coordinator pass at the moment.
    pub(crate) fn passes(&self, client: &str, life: u64) -> bool {
        let state = self.state();
        let is_same = state.coordinator.as_ref().is_some_and(|c| c.life == life);
        is_same && !state.cut.contains(client)
    }

    /// Which life of the coordinator the client reaches, if any.
    pub(crate) fn life(&self, client: &str) -> Option<u64> {
        let state = self.state();
        let reached = state.coordinator.as_ref().filter(|_| !state.cut.contains(client))?;
        Some(reached.life)
    }

    /// One call there and back.
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

    /// The request and the stream of answers of a call that streams both ways. Whoever calls keeps the
    /// messages on their way.
    pub(crate) async fn open(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, Status> {
        let routes = self.state().coordinator.as_ref().map(|c| c.coordinator.routes());
        let mut routes = routes.ok_or_else(|| Status::unavailable("nobody is there"))?;
        let Ok(response) = routes.call(request).await;
        Ok(response)
    }

    /// The coordinator carries it out, unless it crashes meanwhile.
    async fn deliver(&self, call: Message) -> Result<Message, Status> {
        let (done, answer) = tokio::sync::oneshot::channel();
        if let Some(running) = &mut self.state().coordinator {
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

/// What happens to one message, or to those of one stream.
pub(crate) struct Luck {
    rng: ChaCha8Rng,
    network: Network,
}

impl Luck {
    /// The way of a message.
    pub(crate) async fn travel(&mut self) {
        let longest = self.network.state().weather.delay;
        // Most are quick.
        let part = self.rng.random_range(0.0_f64..1.0).powi(4);
        tokio::time::sleep(longest.mul_f64(part)).await;
    }

    fn has(&mut self, of: impl Fn(&Weather) -> f64) -> bool {
        let probability = of(&self.network.state().weather);
        self.rng.random_bool(probability)
    }
}

/// All of a body, and what trails it.
pub(crate) async fn collect(body: Body) -> Result<(Vec<u8>, Option<http::HeaderMap>), Status> {
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned();
    Ok((collected.to_bytes().to_vec(), trailers))
}
