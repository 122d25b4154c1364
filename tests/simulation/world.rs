//! One seed's world, from start to end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::ArtifactStore;
use kindling_coordinator::Embedded;
use kindling_proto::optuna as wire;
use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_worker::Transport;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::clock::SimulatedClock;
use crate::disk::Disk;
use crate::history::{Entry, History, What};
use crate::network::Network;
use crate::optuna::{self, Guest};
use crate::process::Process;
use crate::scenario::{CHAOS, Fate, Scenario};
use crate::shelf::Kept;
use crate::transport::Client;

/// Once all is well, the study must finish within this time; otherwise something is stuck.
const PATIENCE: Duration = Duration::from_hours(2);
/// How soon after their time the trials of clients that are gone have failed.
const MISSED_WITHIN: Duration = Duration::from_mins(1);
/// How soon a process that was killed by its trial is replaced.
const REPLACED: Duration = Duration::from_secs(2);

/// The name of the client that forges claims.
pub(crate) const FORGER: &str = "forger";

/// The final state of a world.
pub(crate) struct End {
    pub(crate) scenario: Scenario,
    pub(crate) history: Vec<Entry>,
    /// `None` if the study did not finish.
    pub(crate) study: Option<v1::Study>,
    pub(crate) trials: Vec<v1::Trial>,
    /// What operators did, newest first.
    pub(crate) activities: Vec<v1::Activity>,
    pub(crate) replay: v1::ReplayStudyResponse,
    /// What Optuna's clients were told, and their trials.
    pub(crate) optuna: optuna::Log,
    pub(crate) of_optuna: Vec<wire::Trial>,
}

struct World {
    scenario: Scenario,
    clock: SimulatedClock,
    disk: Disk,
    /// What trials saved. It outlives coordinators, too.
    artifacts: ArtifactStore,
    network: Network,
    history: History,
    workers: Vec<Process>,
    /// Additional processes with the same names.
    twins: VecDeque<Process>,
    /// Each worker machine's stored results.
    kept: Vec<Kept>,
    /// Optuna's clients, and what they were told.
    guests: Vec<Guest>,
    told: optuna::Log,
    /// Operators' calls in progress.
    asked: JoinSet<()>,
    processes: u64,
    lives: u64,
}

/// Runs a seed's world to its end.
pub(crate) fn run(seed: u64) -> End {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(World::live(Scenario::of(seed)))
}

impl World {
    async fn live(scenario: Scenario) -> End {
        let mut world = Self {
            clock: SimulatedClock::start(),
            disk: Disk::new(),
            artifacts: ArtifactStore::in_memory(),
            network: Network::new(scenario.seed, scenario.weather),
            history: History::start(),
            workers: Vec::new(),
            twins: VecDeque::new(),
            kept: Vec::new(),
            guests: Vec::new(),
            told: optuna::Log::default(),
            asked: JoinSet::new(),
            processes: 0,
            lives: 0,
            scenario,
        };
        world.start_coordinator();
        world.persist(Call::Create).await;
        for worker in 0..world.scenario.workers {
            world.kept.push(Kept::new(world.history.clone()));
            let process = world.process(worker, format!("w{worker}"));
            world.workers.push(process);
        }
        world.invite();
        world.suffer().await;
        world.heal().await;
        world.dismiss().await;
        let study = world.wait_for_the_end().await;
        let trials = world.trials().await;
        let of_optuna = optuna::trials(world.transport("end")).await;
        let mut studies = StudyServiceClient::new(world.transport("end"));
        let request = v1::ListActivityRequest {
            study: "s".into(),
            page_size: 1000,
            page_token: String::new(),
        };
        let activities = studies.list_activity(request).await.expect("an answer").into_inner();
        let replay = studies.replay_study(v1::ReplayStudyRequest { name: "s".into() }).await;
        End {
            history: world.history.take(),
            scenario: world.scenario,
            study,
            trials,
            activities: activities.activities,
            replay: replay.expect("an answer").into_inner(),
            optuna: world.told,
            of_optuna,
        }
    }

    /// Plays the seed's events, each with its beginning and its end.
    async fn suffer(&mut self) {
        let origin = Instant::now();
        let mut due: Vec<(Duration, Fate, bool)> =
            self.scenario.events.iter().map(|(at, fate)| (*at, fate.clone(), false)).collect();
        let end = |fate: &Fate| match fate {
            Fate::Crash { down }
            | Fate::Kill { down, .. }
            | Fate::Drain { down, .. }
            | Fate::PutBack { down, .. } => Some(*down),
            Fate::Cut { lasts, .. }
            | Fate::FullDisk { lasts }
            | Fate::Pause { lasts }
            | Fate::Stop { lasts }
            | Fate::Twin { lasts, .. } => Some(*lasts),
            _ => None,
        };
        due.extend(
            self.scenario
                .events
                .iter()
                .filter_map(|(at, fate)| Some((*at + end(fate)?, fate.clone(), true))),
        );
        due.sort_by_key(|(at, ..)| *at);
        for (at, fate, is_over) in due {
            while origin.elapsed() < at {
                self.replace_the_dead();
                tokio::time::sleep(REPLACED.min(at.saturating_sub(origin.elapsed()))).await;
            }
            self.history.fate(format!("{}{fate:?}", if is_over { "over: " } else { "" }));
            if is_over { self.end(&fate) } else { self.begin(&fate) }
        }
        tokio::time::sleep(CHAOS.saturating_sub(origin.elapsed())).await;
    }

    fn begin(&mut self, fate: &Fate) {
        match fate {
            Fate::Crash { .. } => self.network.crash(),
            Fate::PutBack { age, .. } => {
                self.network.crash();
                let lost = self.disk.put_back(*age);
                let since = self.history.now().saturating_sub(*age);
                self.history.note(What::PutBack { since, lost });
                // Optuna's clients name a trial by its id, which may now become another one's.
                for guest in self.guests.drain(..) {
                    guest.kill();
                }
            }
            Fate::Forge => self.ask(Call::Forge),
            Fate::Cut { worker, .. } => self.network.set_cut(&self.workers[*worker].name, true),
            Fate::Kill { worker, .. } => {
                self.workers[*worker].is_away = true;
                self.workers[*worker].dead.cancel();
            }
            Fate::Drain { worker, .. } => {
                self.workers[*worker].is_away = true;
                self.workers[*worker].stop.cancel();
            }
            Fate::FullDisk { .. } => self.disk.set_full(true),
            Fate::SetWallClock { seconds } => self.clock.set_wall(*seconds),
            Fate::Enqueue { place } => self.ask(Call::Enqueue(*place)),
            Fate::Retry => self.ask(Call::RetryAFailedOne),
            Fate::Look => self.ask(Call::Look),
            Fate::Note { place } => self.ask(Call::Note(*place)),
            Fate::Freeze { lasts } => self.clock.freeze(*lasts),
            Fate::Twin { worker, .. } => {
                let twin = self.process(*worker, self.workers[*worker].name.clone());
                self.twins.push_back(twin);
            }
            Fate::Pause { .. } => self.ask(Call::Pause),
            Fate::Stop { .. } => self.ask(Call::Stop),
        }
    }

    fn end(&mut self, fate: &Fate) {
        match fate {
            Fate::Crash { .. } | Fate::PutBack { .. } if !self.network.is_up() => {
                self.start_coordinator();
                self.invite();
            }
            Fate::Cut { worker, .. } => self.network.set_cut(&self.workers[*worker].name, false),
            Fate::Kill { worker, same_name, .. } => self.replace(*worker, *same_name),
            Fate::Drain { worker, .. } => {
                // The grace period is over, so whatever has not left is killed.
                self.workers[*worker].dead.cancel();
                self.replace(*worker, false);
            }
            Fate::FullDisk { .. } => self.disk.set_full(false),
            Fate::Twin { .. } => self.end_a_twin(),
            Fate::Pause { .. } | Fate::Stop { .. } => self.ask(Call::Resume),
            _ => {}
        }
    }

    /// From now on nothing goes wrong, except for deadly trials.
    async fn heal(&mut self) {
        self.history.fate("all is well");
        self.disk.set_full(false);
        self.network.calm_down();
        while !self.twins.is_empty() {
            self.end_a_twin();
        }
        if !self.network.is_up() {
            self.start_coordinator();
        }
        for worker in 0..self.workers.len() {
            if self.workers[worker].stop.is_cancelled() {
                self.workers[worker].dead.cancel();
            }
            self.replace(worker, true);
        }
        while self.asked.join_next().await.is_some() {}
        // Wait for duplicated calls to arrive, such as a pause.
        tokio::time::sleep(self.scenario.weather.latest).await;
        self.persist(Call::Resume).await;
    }

    async fn wait_for_the_end(&mut self) -> Option<v1::Study> {
        let mut studies = StudyServiceClient::new(self.transport("end"));
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.replace_the_dead();
            let request = v1::GetStudyRequest { name: "s".to_owned() };
            let study = studies.get_study(request).await.expect("an answer").into_inner().study;
            if study.as_ref().is_some_and(|study| study.finished) {
                return study;
            }
            if study.is_some_and(|study| !study.pause_reason.is_empty()) {
                self.history.fate("too many trials failed in a row; somebody resumes the study");
                self.persist(Call::Resume).await;
            }
            tokio::time::sleep(REPLACED).await;
        }
        None
    }

    async fn trials(&self) -> Vec<v1::Trial> {
        let mut trials = TrialServiceClient::new(self.transport("end"));
        trials.list_trials(everything()).await.expect("an answer").into_inner().trials
    }

    fn start_coordinator(&mut self) {
        self.lives += 1;
        let mut marks = ChaCha8Rng::seed_from_u64(self.scenario.seed);
        marks.set_stream(self.lives);
        let (clock, marks) = (Arc::new(self.clock.clone()), Box::new(marks));
        let Scenario { lease_term, most_effort, .. } = self.scenario;
        let (disk, artifacts) = (self.disk.opened(), self.artifacts.clone());
        let started = Embedded::start(disk, artifacts, clock, lease_term, marks, most_effort);
        self.network.start(started.expect("the disk is sound"), self.lives);
    }

    /// Starts Optuna's clients, unless they are there.
    fn invite(&mut self) {
        let Scenario { seed, guests, optuna, .. } = self.scenario;
        let missing = guests - self.guests.len() as u64;
        for _ in 0..missing {
            self.processes += 1;
            let client = self.client(format!("guest {}", self.processes));
            let guest = Guest::start(client, self.processes, seed, optuna, &self.told);
            self.guests.push(guest);
        }
    }

    /// Lets Optuna's clients finish, and waits until those that died are missed.
    async fn dismiss(&mut self) {
        for guest in self.guests.drain(..) {
            guest.end().await;
        }
        let lost_after = Duration::from_secs(self.scenario.optuna.lost_after.into());
        tokio::time::sleep(lost_after + MISSED_WITHIN).await;
    }

    /// Ends the oldest twin, whatever it is doing.
    fn end_a_twin(&mut self) {
        if let Some(twin) = self.twins.pop_front() {
            self.history.note(What::TwinDies { process: twin.number });
            twin.dead.cancel();
        }
    }

    fn process(&mut self, worker: usize, name: String) -> Process {
        self.processes += 1;
        let client = self.client(name);
        let Scenario { slots, training, .. } = self.scenario;
        Process::start(&client, slots, self.processes, training, self.kept[worker].clone())
    }

    fn replace(&mut self, worker: usize, same_name: bool) {
        if !self.workers[worker].dead.is_cancelled() {
            return;
        }
        let before = &self.workers[worker].name;
        let name = if same_name { before.clone() } else { format!("{before}'") };
        self.workers[worker] = self.process(worker, name);
    }

    /// Replaces those that were killed by a trial; the others are replaced by their fates.
    fn replace_the_dead(&mut self) {
        for worker in 0..self.workers.len() {
            if !self.workers[worker].is_away {
                self.replace(worker, true);
            }
        }
    }

    fn client(&self, name: String) -> Client {
        Client {
            name,
            network: self.network.clone(),
            history: self.history.clone(),
            dead: CancellationToken::new(),
            connection: None,
        }
    }

    fn transport(&self, name: &str) -> Transport {
        self.client(name.to_owned()).transport()
    }

    /// Makes a call in the background, repeated until it is answered.
    fn ask(&mut self, call: Call) {
        let name = if matches!(call, Call::Forge) { FORGER } else { "operator" };
        let transport = self.transport(name);
        let spec = self.scenario.spec();
        self.asked.spawn(async move { call.until_answered(transport, &spec).await });
    }

    async fn persist(&self, call: Call) {
        call.until_answered(self.transport("operator"), &self.scenario.spec()).await;
    }
}

/// Operators' calls.
#[derive(Debug, Clone, Copy)]
enum Call {
    Create,
    Pause,
    Stop,
    Resume,
    Enqueue(u32),
    Note(u32),
    RetryAFailedOne,
    Look,
    Forge,
}

impl Call {
    async fn until_answered(self, transport: Transport, spec: &v1::StudySpec) {
        loop {
            match self.once(transport.clone(), spec.clone()).await {
                Err(status)
                    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) =>
                {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                _ => return,
            }
        }
    }

    async fn once(self, transport: Transport, spec: v1::StudySpec) -> Result<(), Status> {
        let mut studies = StudyServiceClient::new(transport.clone());
        let mut trials = TrialServiceClient::new(transport.clone());
        let (study, name) = (spec.name.clone(), spec.name.clone());
        match self {
            Self::Create => {
                let request = v1::CreateStudyRequest { spec: Some(spec) };
                studies.create_study(request).await?;
            }
            Self::Pause => _ = studies.pause_study(v1::PauseStudyRequest { name }).await?,
            Self::Stop => _ = studies.stop_study(v1::StopStudyRequest { name }).await?,
            Self::Resume => {
                studies
                    .resume_study(v1::ResumeStudyRequest { name, trials: None, confirm: None })
                    .await?;
            }
            Self::Enqueue(place) => {
                let params = enqueued(place);
                let request_id = format!("enqueue {place}");
                trials
                    .enqueue_trial(v1::EnqueueTrialRequest {
                        study,
                        params,
                        request_id,
                        warm_start: None,
                    })
                    .await?;
            }
            Self::Note(place) => add_a_line(&mut studies, &name, place).await?,
            Self::RetryAFailedOne => {
                let all = trials.list_trials(everything()).await?.into_inner().trials;
                let failed = all.iter().find(|t| t.state() == v1::TrialState::Fail);
                let Some(number) = failed.map(|trial| trial.number) else { return Ok(()) };
                let request_id = format!("retry {number}");
                trials.retry_trial(v1::RetryTrialRequest { study, number, request_id }).await?;
            }
            Self::Look => _ = trials.list_trials(everything()).await?,
            Self::Forge => {
                let all = trials.list_trials(everything()).await?.into_inner().trials;
                let running = all.iter().filter(|t| t.state() == v1::TrialState::Running);
                for (place, trial) in running.enumerate() {
                    forge(transport.clone(), trial, place).await?;
                }
            }
        }
        Ok(())
    }
}

/// Adds a line to what the note is now, until nobody else does so at the same time.
async fn add_a_line(
    studies: &mut StudyServiceClient<Transport>,
    name: &str,
    place: u32,
) -> Result<(), Status> {
    let line = place.to_string();
    loop {
        let request = v1::GetStudyRequest { name: name.to_owned() };
        let study = studies.get_study(request).await?.into_inner().study.unwrap_or_default();
        if study.note.lines().any(|known| known == line) {
            return Ok(());
        }
        let request = v1::AnnotateStudyRequest {
            name: name.to_owned(),
            note: Some(format!("{}{line}\n", study.note)),
            note_version: Some(study.note_version),
            ..Default::default()
        };
        match studies.annotate_study(request).await {
            Err(status) if status.code() == Code::Aborted => {}
            answer => return answer.map(drop),
        }
    }
}

/// Sends every call that a worker can make about a trial, with everything known about it except its mark.
async fn forge(transport: Transport, trial: &v1::Trial, place: usize) -> Result<(), Status> {
    let mut workers = WorkerServiceClient::new(transport);
    let claim = Some(v1::Claim {
        study_id: 1,
        trial: trial.number,
        attempt: trial.attempt,
        worker_id: trial.worker.clone(),
        mark: [vec![], vec![0; 16]][place % 2].clone(),
        history: Vec::new(),
    });
    let step = trial.intermediate_values.last().map_or(0, |newest| newest.step + 1);
    let report = v1::ReportRequest { claim: claim.clone(), step, value: 0.5, ..Default::default() };
    let completed = v1::finish_request::Result::Completed(v1::Completed { values: vec![0.5] });
    let finish = v1::FinishRequest {
        claim: claim.clone(),
        result: Some(completed),
        attributes_json: HashMap::new(),
        ..Default::default()
    };
    // The checks inspect the answers.
    _ = workers.report(report).await;
    _ = workers.finish(finish).await;
    _ = workers.release(v1::ReleaseRequest { claim, ..Default::default() }).await;
    Ok(())
}

/// What a request fixes, different for each: the momentum, and every second time the rate, too. No sampler draws these
/// values. One that learns may repeat them in other trials, but never all of a configuration.
pub(crate) fn enqueued(place: u32) -> Vec<v1::NamedValue> {
    let kind = v1::value::Kind::Float(0.5 + f64::from(place) / 1024.0);
    let fixed = |name: &&str| v1::NamedValue {
        name: (*name).to_owned(),
        value: Some(v1::Value { kind: Some(kind.clone()) }),
    };
    let names = ["momentum", "rate"];
    names[..=place as usize % 2].iter().map(fixed).collect()
}

fn everything() -> v1::ListTrialsRequest {
    v1::ListTrialsRequest { study: "s".to_owned(), page_size: 1000, ..Default::default() }
}
