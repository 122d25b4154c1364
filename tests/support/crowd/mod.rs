//! A crowd of clients that act like workers and users but train nothing.
//!
//! They repeat every call until it is answered, and keep a journal of the answers.

mod check;
mod journal;
mod people;
mod worker;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kindling_proto::v1;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::proofs::Seed;
use super::{PATIENCE, study_file, wire};
pub(crate) use journal::Journal;
use journal::{Fact, What};

/// The size of a crowd and its pace.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) workers: u32,
    /// Trials per study; there is always a study with work.
    pub(crate) trials: u32,
    /// The longest pause of a client between two calls.
    pub(crate) pause: Duration,
}

/// Clients of the coordinator at an address. They run until told to stop.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    channel: Channel,
    /// Clients that add studies and trials.
    adding: JoinSet<()>,
    working: JoinSet<()>,
    audited: u64,
}

/// Shared by all clients.
struct Shared {
    address: SocketAddr,
    journal: Journal,
    size: Size,
    /// The newest study; none at first.
    newest: watch::Sender<Option<String>>,
    /// Failed trials that have not been retried.
    failed: Mutex<Vec<(String, u32)>>,
    /// The number of calls that had to be repeated.
    repeated: AtomicU64,
    no_more: CancellationToken,
    stop: CancellationToken,
}

impl Crowd {
    /// Must be called within a runtime.
    pub(crate) fn start(address: SocketAddr, journal: Journal, seed: &Seed, size: Size) -> Self {
        let shared = Arc::new(Shared {
            address,
            journal,
            size,
            newest: watch::Sender::default(),
            failed: Mutex::default(),
            repeated: AtomicU64::default(),
            no_more: CancellationToken::new(),
            stop: CancellationToken::new(),
        });
        let mut adding = JoinSet::new();
        adding.spawn(people::plan(shared.clone()));
        adding.spawn(people::enqueue(shared.clone(), seed.rng(1)));
        adding.spawn(people::retry(shared.clone(), seed.rng(2)));
        let mut working = JoinSet::new();
        for number in 0..size.workers {
            working.spawn(worker::work(shared.clone(), number, seed.rng(100 + u64::from(number))));
        }
        Self { shared, channel: wire::channel(address), adding, working, audited: 0 }
    }

    /// Compares every call acknowledged since the last audit with the coordinator's current state. Returns
    /// their number.
    ///
    /// The coordinator must stay up meanwhile.
    pub(crate) async fn audit(&mut self) -> usize {
        let facts = self.shared.journal.read_on(&mut self.audited);
        self.audit_all(&facts).await;
        facts.len()
    }

    /// Compares everything acknowledged so far with the coordinator's state.
    pub(crate) async fn audit_again(&self) {
        self.audit_all(&self.shared.journal.read()).await;
    }

    async fn audit_all(&self, facts: &[Fact]) {
        let mut studies: HashMap<&str, Vec<v1::Trial>> = HashMap::new();
        for fact in facts {
            if !studies.contains_key(fact.study.as_str()) {
                let trials = wire::trials(&self.channel, &fact.study).await.expect("its trials");
                studies.insert(&fact.study, trials);
            }
            let trial = studies[fact.study.as_str()].get(fact.trial as usize);
            let held = trial.is_some_and(|trial| check::holds(fact, trial));
            assert!(held, "acknowledged and lost: {fact:?}; there is {trial:?}");
        }
    }

    /// Waits until `calls` more calls were acknowledged.
    pub(crate) async fn go_on(&self, calls: usize) {
        let (start, mut place) = (Instant::now(), self.audited);
        let mut seen = 0;
        while seen < calls {
            assert!(start.elapsed() < PATIENCE, "only {seen} calls were answered");
            tokio::time::sleep(Duration::from_millis(10)).await;
            seen += self.shared.journal.read_on(&mut place).len();
        }
    }

    /// Lets all work finish, and checks every study against everything that was acknowledged. Returns the
    /// totals.
    pub(crate) async fn settle(mut self) -> Settled {
        self.shared.no_more.cancel();
        while let Some(ended) = self.adding.join_next().await {
            ended.expect("no panic");
        }
        // On a busy disk this may take long; the failure would be that no more calls are acknowledged.
        let (mut newest, mut place) = (Instant::now(), self.audited);
        loop {
            let (studies, _) = wire::persist(|| self.studies()).await;
            let studies = studies.expect("studies").studies;
            if studies.iter().all(|study| study.finished) {
                break;
            }
            if !self.shared.journal.read_on(&mut place).is_empty() {
                newest = Instant::now();
            }
            let late = newest.elapsed() >= PATIENCE;
            assert!(!late, "the studies do not come to their end: {}", self.open_trials().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.shared.stop.cancel();
        while let Some(ended) = self.working.join_next().await {
            ended.expect("no panic");
        }
        let facts = self.shared.journal.read();
        self.audit_all(&facts).await;
        let studies = wire::studies(&self.channel).await.expect("studies");
        let mut trials = 0;
        for study in &studies {
            let name = &study.spec.as_ref().expect("a spec").name;
            let of_study = wire::trials(&self.channel, name).await.expect("its trials");
            let doubled = check::doubled(&facts, study, &of_study);
            assert!(doubled.is_empty(), "{}", doubled.join("\n"));
            trials += of_study.len();
        }
        let repeated = self.shared.repeated.load(Ordering::Relaxed);
        Settled { calls: facts.len(), repeated, studies: studies.len(), trials }
    }

    /// The unfinished trials, for a failure's message.
    async fn open_trials(&self) -> String {
        let mut open = Vec::new();
        for study in wire::studies(&self.channel).await.expect("studies") {
            let name = &study.spec.as_ref().expect("a spec").name;
            let trials = wire::trials(&self.channel, name).await.expect("its trials");
            let left = trials.into_iter().filter(|trial| trial.complete_time.is_none());
            open.push(format!("{name}: {:?}, {:?}", study.counts, left.collect::<Vec<_>>()));
        }
        open.join("\n")
    }

    async fn studies(&self) -> Result<tonic::Response<v1::ListStudiesResponse>, tonic::Status> {
        let request = v1::ListStudiesRequest { page_size: 1000, page_token: String::new() };
        let channel = self.channel.clone();
        v1::study_service_client::StudyServiceClient::new(channel).list_studies(request).await
    }
}

/// A study with random sampling: the store and the ledger are what is tested.
pub(crate) fn spec(name: &str, trials: u32) -> v1::StudySpec {
    let random = "kind = \"random\"\n";
    let file = study_file(name, trials).replace("kind = \"tpe\"\nstartup_trials = 3\n", random);
    assert!(file.contains(random), "the file's own text");
    let spec = kindling_coordinator::config::parse(&file).expect("a study");
    kindling_coordinator::convert::spec_to_wire(&spec)
}

/// What a crowd did; all of it is kept exactly once.
pub(crate) struct Settled {
    calls: usize,
    repeated: u64,
    studies: usize,
    trials: usize,
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calls, repeated, studies, trials } = self;
        write!(
            f,
            "{calls} acknowledged calls, {repeated} repeated until they were, on {trials} trials of {studies} studies: \
             0 lost, 0 doubled"
        )
    }
}

impl Shared {
    /// Repeats the same call until it is answered. Also returns how often it was made.
    async fn persist<T, F>(&self, call: impl FnMut() -> F) -> (Result<T, tonic::Status>, u32)
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        let (answer, made) = wire::persist(call).await;
        self.repeated.fetch_add(u64::from(made > 1), Ordering::Relaxed);
        (answer, made)
    }

    async fn note(&self, study: &str, trial: u32, what: What) {
        self.journal.add(&Fact { study: study.to_owned(), trial, what }).await;
    }

    async fn pause(&self, rng: &mut StdRng) {
        let pause = rng.random_range(Duration::ZERO..=self.size.pause);
        tokio::time::sleep(pause).await;
    }
}
