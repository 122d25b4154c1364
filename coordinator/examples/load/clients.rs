//! Clients that make the same calls as workers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Channel;

use super::coordinator::Running;

/// How long a lease call waits for work.
const WAIT: prost_types::Duration = prost_types::Duration { seconds: 30, nanos: 0 };

/// How soon a lease call that was turned away is repeated.
const AGAIN: Duration = Duration::from_millis(100);

/// When clients stop.
#[derive(Clone, Copy)]
pub(crate) enum Ends {
    /// After this many trials have finished.
    After(u32),
    /// At `until`. What ended before `from` is not counted.
    At { from: Instant, until: Instant },
}

/// Clients of one coordinator.
pub(crate) struct Crowd {
    clients: Vec<Client>,
    pub(crate) beats: Beats,
    /// Intermediate values of each trial.
    pub(crate) reports: u64,
    /// The attributes of each trial, as JSON by name.
    pub(crate) attributes: Arc<HashMap<String, String>>,
    /// How long a client holds a trial before it finishes it, on average.
    pub(crate) train: Duration,
}

/// How long calls took.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) leases: Times,
    pub(crate) finishes: Times,
}

#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

/// How long heartbeats took to be answered, for all clients together.
pub(crate) type Beats = Arc<Mutex<Times>>;

/// One worker with one slot.
#[derive(Clone)]
struct Client {
    beats: Beats,
    service: WorkerServiceClient<Channel>,
    id: String,
    objective: &'static str,
    holding: watch::Sender<Vec<v1::Claim>>,
}

impl Crowd {
    /// Connects this many clients, each with its own connection.
    pub(crate) async fn new(to: &Running, count: usize, name: &str) -> anyhow::Result<Self> {
        let mut clients = Vec::with_capacity(count);
        let beats = Beats::default();
        for number in 0..count {
            clients.push(Client {
                service: WorkerServiceClient::new(to.connect().await?),
                // As long as the ids that workers make for themselves.
                id: format!("{name}-{number}-{:08x}", std::process::id()),
                objective: "mnist_cnn",
                holding: watch::Sender::default(),
                beats: beats.clone(),
            });
        }
        Ok(Self { clients, beats, reports: 0, attributes: Arc::default(), train: Duration::ZERO })
    }

    /// Clients that train another objective.
    pub(crate) fn of(mut self, objective: &'static str) -> Self {
        for client in &mut self.clients {
            client.objective = objective;
        }
        self
    }

    /// Opens every client's heartbeat stream, for as long as this runs.
    pub(crate) fn beat(&self) -> JoinSet<anyhow::Result<()>> {
        self.clients.iter().map(|client| client.clone().beat()).collect()
    }

    /// Leases each client a trial, which it keeps.
    pub(crate) async fn hold(&self) -> anyhow::Result<()> {
        for client in &self.clients {
            client.clone().lease().await?;
        }
        Ok(())
    }

    /// Leases each client a trial, which it keeps. Returns their claims.
    pub(crate) async fn hold_all(&self) -> anyhow::Result<Vec<v1::Claim>> {
        let mut claims = Vec::new();
        for client in &self.clients {
            claims.push(client.clone().lease().await?.claim.context("no claim")?);
        }
        Ok(claims)
    }

    /// Leases, reports and finishes trials with all clients.
    pub(crate) async fn work(&self, ends: Ends) -> anyhow::Result<Calls> {
        let started = Arc::new(AtomicU32::new(0));
        let mut working = JoinSet::new();
        for client in &self.clients {
            let more = {
                let started = started.clone();
                move || match ends {
                    Ends::After(trials) => started.fetch_add(1, Ordering::Relaxed) < trials,
                    Ends::At { until, .. } => Instant::now() < until,
                }
            };
            let counts = move |end: Instant| match ends {
                Ends::After(_) => true,
                Ends::At { from, until } => (from..until).contains(&end),
            };
            let attributes = self.attributes.clone();
            working.spawn(client.clone().work(self.reports, attributes, self.train, more, counts));
        }
        let mut all = Calls::default();
        while let Some(calls) = working.join_next().await {
            let calls = calls??;
            all.leases.0.extend(calls.leases.0);
            all.finishes.0.extend(calls.finishes.0);
        }
        Ok(all)
    }
}

impl Times {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn add(&mut self, start: Instant, counts: impl Fn(Instant) -> bool) {
        let end = Instant::now();
        if counts(end) {
            self.0.push(end - start);
        }
    }

    /// In milliseconds.
    pub(crate) fn summary(mut self) -> serde_json::Value {
        self.0.sort_unstable();
        let quantile = |q: f64| {
            let place = ((self.0.len() as f64 * q) as usize).min(self.0.len().saturating_sub(1));
            self.0.get(place).map(|time| time.as_secs_f64() * 1e3)
        };
        json!({ "p50": quantile(0.5), "p99": quantile(0.99), "max": quantile(1.0) })
    }
}

impl Client {
    async fn work(
        mut self,
        reports: u64,
        attributes: Arc<HashMap<String, String>>,
        train: Duration,
        more: impl Fn() -> bool,
        counts: impl Fn(Instant) -> bool,
    ) -> anyhow::Result<Calls> {
        let mut calls = Calls::default();
        while more() {
            let start = Instant::now();
            let assignment = self.lease().await?;
            calls.leases.add(start, &counts);
            let value = assignment.seed as f64 / u64::MAX as f64;
            for step in 0..reports {
                let claim = assignment.claim.clone();
                self.service
                    .report(v1::ReportRequest { claim, step, value, ..Default::default() })
                    .await?;
            }
            if !train.is_zero() {
                // Half to one and a half times as long, so that the workers do not march in step.
                tokio::time::sleep(train.mul_f64(0.5 + value)).await;
            }
            let start = Instant::now();
            self.finish(assignment, value, &attributes).await?;
            calls.finishes.add(start, &counts);
        }
        Ok(calls)
    }

    async fn lease(&mut self) -> anyhow::Result<v1::Assignment> {
        let request = v1::LeaseRequest {
            worker_id: self.id.clone(),
            host: "load".to_owned(),
            device: "none".to_owned(),
            slots: 1,
            objectives: vec![self.objective.to_owned()],
            holding: Vec::new(),
            wait: Some(WAIT),
            session: 0,
            without_studies: Vec::new(),
        };
        let answer = loop {
            match self.service.lease(request.clone()).await {
                // Turned away. Workers try again, too.
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(AGAIN).await;
                }
                answer => break answer?,
            }
        };
        let mut leased = answer.into_inner().assignments;
        let assignment = leased.pop().context("no trial was leased")?;
        self.holding.send_replace(assignment.claim.clone().into_iter().collect());
        Ok(assignment)
    }

    async fn finish(
        &mut self,
        assignment: v1::Assignment,
        value: f64,
        attributes: &HashMap<String, String>,
    ) -> anyhow::Result<()> {
        let mut attributes_json = attributes.clone();
        // The attribute that the flagship study's objective sets.
        attributes_json.insert("test_accuracy".to_owned(), value.to_string());
        let completed = v1::Completed { values: vec![value] };
        let request = v1::FinishRequest {
            claim: assignment.claim,
            result: Some(v1::finish_request::Result::Completed(completed)),
            attributes_json,
            ..Default::default()
        };
        self.service.finish(request).await?;
        self.holding.send_replace(Vec::new());
        Ok(())
    }

    /// Sends heartbeats as often as the coordinator asks, and whenever a trial begins or ends.
    async fn beat(mut self) -> anyhow::Result<()> {
        let (beats, outgoing) = mpsc::channel(1);
        let mut holding = self.holding.subscribe();
        beats.send(self.message()).await?;
        let answers = self.service.heartbeat(ReceiverStream::new(outgoing)).await?;
        let mut answers = answers.into_inner();
        let mut interval = Duration::from_secs(1);
        let mut asked = Some(Instant::now());
        loop {
            tokio::select! {
                answer = answers.message() => {
                    let answer = answer?.context("the stream ended")?;
                    if let Some(asked) = asked.take() {
                        self.beats.lock().expect("not poisoned").0.push(asked.elapsed());
                    }
                    anyhow::ensure!(answer.lost.is_empty(), "a lease was lost");
                    interval = answer.interval.unwrap_or_default().try_into()?;
                    continue;
                }
                () = tokio::time::sleep(interval) => {}
                changed = holding.changed() => changed?,
            }
            asked.get_or_insert_with(Instant::now);
            beats.send(self.message()).await?;
        }
    }

    fn message(&self) -> v1::HeartbeatRequest {
        v1::HeartbeatRequest {
            worker_id: self.id.clone(),
            host: "load".to_owned(),
            device: "none".to_owned(),
            slots: 1,
            holding: self.holding.borrow().clone(),
            session: 0,
        }
    }
}
