//! A worker's session with its coordinator: heartbeat, lease, train, report, finish.
//!
//! Training goes on when the connection breaks. A trial's reports wait in its own queue, in order, until the
//! coordinator accepts or refuses them.

mod aside;
mod deliver;
mod direct;
mod drawers;
mod fetch;
mod files;
mod heartbeat;
mod keeper;
mod link;
mod output;
mod parcel;
mod put;
mod shelf;
mod slots;
mod spool;
#[cfg(test)]
mod tests;
mod threads;
mod told;
mod training;
mod trial;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kindling_artifacts::{ArtifactStore, Location};
use kindling_client::{ConnectArgs, ConnectError, NO_GRPC};
use kindling_proto::limits;
use kindling_telemetry::{TelemetryError, follow};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error_span};

use crate::device::{self, DeviceChoice, DeviceError, Devices};
use crate::lease::{Assignment, Claim, Identity, Refusal, Why};
use crate::objective::Objective;
use crate::observe;
use aside::Aside;
use direct::Direct;
use drawers::Drawers;
use link::Link;
use output::Outputs;
use slots::Slots;
use spool::{Kept, Spool, Undelivered};
use threads::{Prepared, Threads};
use told::{Ending, Told};

pub use link::Transport;
pub use shelf::Shelf;
pub use training::{Noted, Outbox, Outcome, Ran, Training};

/// How long a lease call waits for work before it is repeated.
const LEASE_WAIT: Duration = Duration::from_secs(30);
/// How long each of a worker's last calls may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many lines of a reason are logged when a study is set aside.
const SHOWN_LINES: usize = 10;

/// How to run a worker.
pub struct WorkerOptions {
    /// The coordinator's address and credentials.
    pub connect: ConnectArgs,
    /// This worker's name; by default one that is unique to the process.
    pub id: Option<String>,
    /// The devices that its trials train on.
    pub devices: DeviceChoice,
    /// How many trials it trains at a time on each device.
    pub slots: usize,
    /// Threads per slot.
    pub threads: usize,
    /// The folder with data sets.
    pub data_dir: Option<PathBuf>,
    /// How long running trials may go on after a stop request before they are handed back.
    pub grace: Duration,
    /// The folder for results that the coordinator does not have yet; by default one in the user's state
    /// directory.
    pub spool: Option<PathBuf>,
    /// The coordinator's artifact store, if what trials save and load is not to pass the coordinator.
    pub artifacts: Option<Location>,
    /// Whether it sets a study aside that it cannot train, and goes on with others, rather than end.
    pub sets_aside: bool,
}

/// Why a worker did not start, or ended on its own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkerError {
    /// Metrics cannot be served.
    #[error("{0}")]
    Telemetry(Arc<TelemetryError>),
    /// Requested output could not be printed.
    #[error("standard output cannot be written: {0}")]
    Output(Arc<std::io::Error>),
    /// The artifact store that was named cannot be used.
    #[error("artifacts: {reason}")]
    Artifacts {
        /// What is wrong, with a hint if there is one.
        reason: String,
    },
    /// The coordinator's address or credentials are invalid.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The coordinator rejects this worker.
    #[error("the coordinator refuses this worker: {reason}\nhint: {hint}")]
    Refused {
        /// The coordinator's message.
        reason: String,
        /// What may help.
        hint: &'static str,
    },
    /// A device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A trial broke a device for the whole process.
    #[error("a trial failed and left its device unusable to this worker, which ends: {reason}")]
    Broken {
        /// The backend's message.
        reason: String,
    },
    /// A device failed, or one of several trials broke it.
    #[error("this worker's device is lost, and its trial will be leased again: {reason}")]
    DeviceLost {
        /// The backend's message.
        reason: String,
    },
    /// The objective cannot run on this machine.
    #[error("this worker cannot train, and handed its trial back: {reason}")]
    Unfit {
        /// The objective's message.
        reason: String,
    },
}

impl WorkerError {
    /// The error for a refusal, with a hint.
    fn refused(Refusal { why, reason }: Refusal) -> Self {
        let hint = match why {
            Why::KeptOut => "give the coordinator's worker token with --token-file FILE",
            Why::Taken => "give each worker a name of its own with --id, or leave --id out",
            Why::NoGrpc => {
                let reason = "what answers there does not speak gRPC".to_owned();
                return Self::Refused { reason, hint: NO_GRPC };
            }
            _ => "are both of the same version?",
        };
        Self::Refused { reason, hint }
    }
}

impl From<TelemetryError> for WorkerError {
    fn from(error: TelemetryError) -> Self {
        Self::Telemetry(Arc::new(error))
    }
}

/// The leases that a worker trains. Shared by all tasks of its session.
#[derive(Clone)]
struct Holding {
    claims: Arc<watch::Sender<Vec<Held>>>,
}

/// A lease, and the handle that stops its trial.
#[derive(Clone)]
struct Held {
    claim: Claim,
    told: Told,
}

impl Holding {
    fn new() -> Self {
        Self { claims: Arc::new(watch::Sender::new(Vec::new())) }
    }

    fn claims(&self) -> Vec<Claim> {
        self.claims.borrow().iter().map(|held| held.claim.clone()).collect()
    }

    fn add(&self, claim: &Claim, leaving: CancellationToken) -> Told {
        let told = Told::new(leaving);
        let held = Held { claim: claim.clone(), told: told.clone() };
        self.claims.send_modify(|claims| {
            claims.push(held);
            observe::running(claims.len());
        });
        told
    }

    fn remove(&self, claim: &Claim) {
        self.claims.send_modify(|claims| {
            claims.retain(|held| held.claim != *claim);
            observe::running(claims.len());
        });
    }

    fn drop_lost(&self, lost: &[Claim]) {
        for held in self.claims.borrow().iter().filter(|held| lost.contains(&held.claim)) {
            held.told.tell(Ending::Dropped);
        }
    }

    fn hand_back_all(&self) {
        self.claims.borrow().iter().for_each(|held| held.told.tell(Ending::HandBack));
    }

    /// Waits until fewer than `slots` leases are held.
    async fn free_slot(&self, slots: usize) {
        _ = self.claims.subscribe().wait_for(|claims| claims.len() < slots).await;
    }
}

/// What every part of a session needs. Clones share it.
#[derive(Clone)]
pub struct Session {
    link: Link,
    /// A way to the artifact store that does not lead through the coordinator.
    direct: Option<Direct>,
    /// What its trials write.
    outputs: Outputs,
    worker: Identity,
    training: Arc<dyn Training>,
    holding: Holding,
    spool: Option<Spool>,
    /// Where its trials' files are.
    drawers: Drawers,
    /// The studies that it takes no trials of.
    aside: Aside,
    /// Whether a study that it cannot train is set aside, rather than end the session.
    sets_aside: bool,
    /// Once cancelled, no more trials are leased.
    stop: CancellationToken,
    /// Why this worker cannot train any more, if so.
    ended: Arc<OnceLock<WorkerError>>,
    /// Once cancelled, running trials are handed back.
    hand_back: CancellationToken,
}

/// Works until `stop` is cancelled: leases trials of the objectives, trains them on the devices, and reports
/// and finishes them. Retries an unreachable coordinator for as long as it takes.
///
/// After `stop`, running trials may finish within the grace period; then they are handed back.
pub async fn work(
    options: WorkerOptions,
    devices: Arc<dyn Devices>,
    objectives: Vec<Arc<dyn Objective>>,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let (endpoint, bearer) = options.connect.endpoint()?;
    let trained_on = options.devices.resolve(&*devices)?;
    let slots = options.slots.max(1);
    let names = device::join(&trained_on);
    let host = hostname();
    let id = options.id.clone().unwrap_or_else(|| unique_id(&host));
    let address = &options.connect.coordinator;
    tracing::info!(worker = id, coordinator = address, devices = names, slots, "worker starts");
    let worker = Identity {
        id,
        host,
        device: names,
        slots: (slots * trained_on.len()) as u32,
        session: rand::random(),
    };
    let direct = match &options.artifacts {
        Some(location) => Some(Direct::open(location, &stop).await?),
        None => None,
    };
    let threads = Threads {
        slots: Slots::open(&devices, &trained_on, slots, options.threads.max(1))?,
        devices: Arc::clone(&devices),
        objectives: Arc::new(objectives.clone()),
        data_dir: options.data_dir.clone(),
        prepared: Prepared::default(),
    };
    let mut session = Session::new(link::dial(&endpoint, bearer), worker, Arc::new(threads), stop);
    session.direct = direct;
    session.sets_aside = options.sets_aside;
    let place = spool::folder(options.spool.as_deref(), address);
    let spool = place.and_then(|place| Ok((Spool::open(&place)?, place)));
    match spool {
        Ok((spool, place)) => {
            session.spool = Some(spool);
            session.drawers = Drawers::within(Some(place));
        }
        Err(error) => {
            let hint = "name a folder with --spool";
            tracing::warn!(%error, hint, "a result could not outlive this worker");
        }
    }
    session.drawers.clean();
    let holding = session.holding.clone();
    let memory = Arc::clone(&devices);
    let watch = observe::watch(trained_on, memory, move || holding.claims().len());
    let watch = tokio::spawn(watch);
    let ended = session.run(options.grace).await;
    watch.abort();
    leave(objectives).await;
    session.drawers.remove();
    // Must come last: exit handlers run in reverse order of registration.
    devices.before_exit();
    ended
}

/// Has every objective end what it started, all at the same time.
async fn leave(objectives: Vec<Arc<dyn Objective>>) {
    let mut leaving = JoinSet::new();
    for objective in objectives {
        leaving.spawn_blocking(move || objective.leave());
    }
    while leaving.join_next().await.is_some() {}
}

impl Session {
    /// A session with its own way of training. Once `stop` is cancelled, no more trials are leased.
    pub fn new(
        transport: Transport,
        worker: Identity,
        training: Arc<dyn Training>,
        stop: CancellationToken,
    ) -> Self {
        let link = Link::new(transport, &worker.id);
        Self {
            outputs: Outputs::new(&link),
            link,
            direct: None,
            worker,
            training,
            holding: Holding::new(),
            spool: None,
            drawers: Drawers::within(None),
            aside: Aside::default(),
            sets_aside: false,
            stop,
            ended: Arc::default(),
            hand_back: CancellationToken::new(),
        }
    }

    /// Adds a shelf for results that the coordinator does not have yet.
    #[must_use]
    pub fn with_shelf(self, kept: Arc<dyn Shelf>) -> Self {
        Self { spool: Some(Spool::on(kept)), ..self }
    }

    /// Adds the coordinator's artifact store, so that what trials save and load need not pass the coordinator.
    #[must_use]
    pub fn with_artifacts(self, store: ArtifactStore) -> Self {
        Self { direct: Some(Direct::new(store)), ..self }
    }

    /// Works until stopped, then drains: running trials may finish within `grace`.
    pub async fn run(&self, grace: Duration) -> Result<(), WorkerError> {
        let heartbeat = tokio::spawn(heartbeat::beat(self.clone()));
        let mut trials = JoinSet::new();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = self.lease_trials(&mut trials) => {}
        }
        while trials.try_join_next().is_some() {}
        tracing::info!(running = trials.len(), "worker drains");
        let session = self.clone();
        trials.spawn(async move { session.hand_back_missed().await });
        let all_done = async { while trials.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_done).await.is_err() {
            self.hand_back.cancel();
            self.holding.hand_back_all();
            while trials.join_next().await.is_some() {}
        }
        self.outputs.end().await;
        heartbeat.abort();
        // The task holds a clone of this session. Wait until it is dropped, so that nothing outlives the
        // session.
        _ = heartbeat.await;
        self.ended.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Hands back what a lease call had been given whose answer came too late: it was on its way as the worker was
    /// told to stop. So the worker asks once more, without offering to train anything.
    async fn hand_back_missed(&self) {
        if self.ended.get().is_some() {
            // What this worker broke its device with is not handed back.
            return;
        }
        let asked =
            self.link.lease(&self.worker, self.holding.claims(), vec![], vec![], Duration::ZERO);
        let Ok(Ok(missed)) = tokio::time::timeout(FAREWELL, asked).await else { return };
        for Assignment { claim, .. } in missed {
            let Claim { study_id: study, trial, attempt, .. } = claim.clone();
            let released = tokio::time::timeout(FAREWELL, self.link.release(&claim, "")).await;
            let handed_back = released.is_ok_and(|released| released.is_ok());
            tracing::info!(study, trial, attempt, handed_back, "leased too late to be trained");
        }
    }

    /// Ends the session, because this worker cannot go on.
    fn end(&self, why: WorkerError) {
        _ = self.ended.set(why);
        self.stop.cancel();
    }

    /// This worker cannot train the study's trials. Goes on without it, or ends the session.
    fn unfit(&self, study: i64, reason: &str) {
        if !self.sets_aside {
            tracing::error!(reason, "this worker cannot train");
            self.end(WorkerError::Unfit { reason: reason.to_owned() });
        } else if self.aside.set(study, reason) {
            let lines: Vec<_> = reason.lines().take(SHOWN_LINES).collect();
            let reason = limits::cut(lines.join("\n"), limits::HAND_BACK);
            let hint = "mend it and restart this worker to have it try again, or delete the study";
            tracing::error!(reason, hint, "this worker cannot train the study and sets it aside");
        }
    }

    /// Ends the session without finishing the trial.
    ///
    /// Its lease expires with this worker and counts as lost. So a trial that breaks devices does so only a
    /// few times.
    fn lose_device(&self, reason: String) {
        tracing::error!(reason, "the device is lost to this worker");
        self.end(WorkerError::DeviceLost { reason });
    }

    /// Keeps a result on disk until the coordinator has it.
    async fn keep(&self, undelivered: &Undelivered) -> Option<Kept> {
        let kept = self.spool.as_ref()?.keep(undelivered).await;
        kept.inspect_err(|error| tracing::warn!(%error, "a result could not be kept on disk")).ok()
    }

    /// Delivers the results that earlier workers left.
    async fn deliver_left(&self) {
        let Some(spool) = &self.spool else { return };
        let left = spool.left().unwrap_or_else(|error| {
            tracing::warn!(%error, "results of earlier workers could not be read");
            Vec::new()
        });
        for (kept, undelivered) in left {
            let Claim { study_id: study, trial, attempt, mark, .. } =
                undelivered.finish.claim.clone();
            let file = kept.path().display().to_string();
            if mark.is_empty() {
                let why = "of an earlier version, whose leases nobody can tell apart";
                tracing::warn!(study, trial, attempt, file, why, "a result is left where it is");
                continue;
            }
            match deliver::deliver(&self.link, undelivered).await {
                Ok(()) => {
                    tracing::info!(
                        study,
                        trial,
                        attempt,
                        "delivered the result of an earlier worker"
                    );
                    kept.forget();
                }
                Err(refusal) if refusal.why == Why::NotYours => {
                    tracing::info!(
                        study,
                        trial,
                        attempt,
                        "an earlier worker's result comes too late"
                    );
                    kept.forget();
                }
                // No later attempt can succeed.
                Err(refusal) if refusal.is_for_good() => {
                    let (reason, file) = (refusal.reason, kept.set_aside());
                    tracing::error!(
                        study,
                        trial,
                        attempt,
                        reason,
                        file = %file.display(),
                        "the result of an earlier worker was refused and is set aside"
                    );
                }
                // The coordinator uses another store, or an older copy of this one.
                Err(Refusal { reason, .. }) => {
                    tracing::warn!(reason, file, "an earlier worker's result was refused");
                }
            }
        }
    }

    async fn lease_trials(&self, trials: &mut JoinSet<()>) {
        self.deliver_left().await;
        let slots = self.worker.slots as usize;
        loop {
            self.holding.free_slot(slots).await;
            while trials.try_join_next().is_some() {}
            for assignment in self.lease().await {
                let claim = assignment.claim.clone();
                if self.holding.claims().contains(&claim) {
                    continue;
                }
                let told = self.holding.add(&claim, self.stop.child_token());
                let session = self.clone();
                let Claim { trial, attempt, .. } = claim;
                // An error-level span: even at the lowest log level, an error names its trial.
                let span = error_span!("trial", study = assignment.study, trial, attempt);
                follow(&span, &assignment.traceparent);
                let work = async move {
                    trial::train(&session, assignment, &claim, &told).await;
                    session.holding.remove(&claim);
                };
                trials.spawn(work.instrument(span));
            }
        }
    }

    async fn lease(&self) -> Vec<Assignment> {
        // A slot may become free while the call waits, which changes the request. But a call that waits has
        // found no work, so letting it wait loses nothing.
        let (holding, objectives) = (self.holding.claims(), self.training.objectives());
        let now = Instant::now();
        let (without, rested) = self.aside.now(now);
        // A study that has rested is asked for at once.
        let wait = rested.map_or(LEASE_WAIT, |rested| LEASE_WAIT.min(rested - now));
        match self.link.lease(&self.worker, holding, objectives, without, wait).await {
            Ok(leased) => leased,
            Err(refusal) => {
                self.end(WorkerError::refused(refusal));
                // `end` has cancelled `stop`, and `run` will drop this future.
                std::future::pending().await
            }
        }
    }
}

fn hostname() -> String {
    kindling_client::hostname().unwrap_or_else(|| "worker".into())
}

/// Unique to this process, so that no later process is mistaken for it.
fn unique_id(host: &str) -> String {
    format!("{host}-{}-{:04x}", std::process::id(), rand::random::<u16>())
}
