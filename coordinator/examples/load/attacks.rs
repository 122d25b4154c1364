//! What one caller can do to all others with large requests, or with many: its cost, and what still
//! works afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use kindling_proto::v1;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Status;
use tonic::transport::Channel;

use super::clients::{Crowd, Ends};
use super::coordinator::Running;
use super::{Sampler, create_study, study_name};

#[derive(clap::Args)]
pub(crate) struct AttackArgs {
    /// What to try
    #[arg(value_enum, required = true)]
    attacks: Vec<Attack>,
    /// The program to run as a coordinator, such as an older one [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Attack {
    /// A result of 3.75 MiB of numbers, and who can be asked about its study then
    Answers,
    /// 10,000 workers with long names
    Workers,
    /// 349,000 claims in one lease call, and in 80 heartbeats
    Claims,
    /// 250 replays at once of 2,000 trials
    Replays,
    /// 1,000 streams that nobody reads, of a study with large results
    Streams,
    /// Five results of 3.75 MiB, each byte of which takes much memory, and two restarts
    Results,
}

/// How often another caller makes a call meanwhile.
const BESIDE: Duration = Duration::from_millis(20);
/// Calls without an answer after this time are given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Attributes of 64 KiB that fit into a message with the rest.
const LARGE: usize = 60;
const ATTRIBUTE: usize = 65_536;

pub(crate) async fn attacks(args: AttackArgs) -> anyhow::Result<Value> {
    let mut all = serde_json::Map::new();
    for attack in args.attacks {
        let folder = tempfile::tempdir()?;
        let coordinator = Running::start(args.program.as_deref(), folder.path()).await?;
        let sampler =
            if matches!(attack, Attack::Replays) { Sampler::Tpe } else { Sampler::Random };
        create_study(&coordinator, sampler).await?;
        let program = args.program.as_deref();
        let came_to = match attack {
            Attack::Answers => answers(&coordinator).await?,
            Attack::Workers => workers(&coordinator).await?,
            Attack::Claims => claims(&coordinator).await?,
            Attack::Replays => replays(&coordinator).await?,
            Attack::Streams => streams(&coordinator).await?,
            Attack::Results => results(coordinator, program, folder.path()).await?,
        };
        all.insert(format!("{attack:?}").to_lowercase(), came_to);
    }
    Ok(all.into())
}

async fn answers(coordinator: &Running) -> anyhow::Result<Value> {
    let finished = finish(coordinator, "1e15,", LARGE).await?;
    let mut studies = coordinator.studies().await?;
    let name = study_name()?;
    let get = studies.get_study(v1::GetStudyRequest { name: name.clone() }).await;
    let list = studies.list_studies(v1::ListStudiesRequest::default()).await;
    let pause = studies.pause_study(v1::PauseStudyRequest { name: name.clone() }).await;
    let resume = v1::ResumeStudyRequest { name: name.clone(), ..Default::default() };
    let resume = studies.resume_study(resume).await;
    let mut trials = TrialServiceClient::new(coordinator.connect().await?);
    let list_trials = v1::ListTrialsRequest { study: name, ..Default::default() };
    let list_trials = trials.list_trials(list_trials).await;
    Ok(json!({
        "finish": said(&finished),
        "get_study": said(&get),
        "list_studies": said(&list),
        "pause_study": said(&pause),
        "resume_study": said(&resume),
        "list_trials": said(&list_trials),
        "coordinator_mib": coordinator.memory_mib()?,
    }))
}

async fn workers(coordinator: &Running) -> anyhow::Result<Value> {
    let mut client = WorkerServiceClient::new(coordinator.connect().await?);
    let mut known = BTreeMap::<String, u32>::new();
    for number in 0..10_000 {
        let place = "x".repeat(256);
        let request = v1::LeaseRequest {
            worker_id: format!("w{number:05}"),
            host: place.clone(),
            device: place,
            ..Default::default()
        };
        *known.entry(said(&client.lease(request).await)).or_default() += 1;
    }
    let mut studies = coordinator.studies().await?;
    let list = studies.list_workers(v1::ListWorkersRequest::default()).await;
    let mut watched = watch(coordinator).await?;
    let update = watched.message().await;
    Ok(json!({ "known": known, "list_workers": said(&list), "watch_study": said(&update) }))
}

async fn claims(coordinator: &Running) -> anyhow::Result<Value> {
    let mut client = WorkerServiceClient::new(coordinator.connect().await?);
    let mut holding = Vec::new();
    while holding.len() < 1000 {
        let leased = client.lease(lease(1000, &holding)).await?.into_inner().assignments;
        holding.extend(leased.into_iter().filter_map(|assignment| assignment.claim));
    }
    // Claims that belong to nobody, as short as claims can be.
    let nobodys =
        v1::Claim { trial: 3000, attempt: 1, worker_id: "w".to_owned(), ..holding[0].clone() };
    let claims = vec![nobodys; 349_000];
    let beside = Beside::start(coordinator.connect().await?);
    let start = Instant::now();
    let leased = client.lease(lease(1000, &claims)).await;
    let lease_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut beats = BTreeMap::<String, u32>::new();
    for _ in 0..80 {
        let beat = v1::HeartbeatRequest {
            worker_id: "w".to_owned(),
            slots: 1000,
            holding: claims.clone(),
            ..Default::default()
        };
        let beat = client.heartbeat(tokio_stream::once(beat)).await;
        let answer = match beat {
            Ok(answers) => answers.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        };
        *beats.entry(said(&answer)).or_default() += 1;
    }
    let beats_seconds = start.elapsed().as_secs_f64();
    Ok(json!({
        "lease": said(&leased),
        "lease_seconds": lease_seconds,
        "heartbeats": beats,
        "heartbeats_seconds": beats_seconds,
        "others_waited_seconds": beside.longest().await,
        "coordinator_mib": coordinator.memory_mib()?,
    }))
}

async fn replays(coordinator: &Running) -> anyhow::Result<Value> {
    Crowd::new(coordinator, 64, "earlier").await?.work(Ends::After(2000)).await?;
    let beside = Beside::start(coordinator.connect().await?);
    let before = coordinator.cpu()?;
    let mut replaying = JoinSet::new();
    for _ in 0..250 {
        let mut studies = coordinator.studies().await?;
        let request = v1::ReplayStudyRequest { name: study_name()? };
        replaying.spawn(async move { studies.replay_study(request).await });
    }
    let came_to = outcomes(replaying).await;
    Ok(json!({
        "replays": came_to,
        "coordinator_cpu_seconds": coordinator.cpu()?.saturating_sub(before).as_secs_f64(),
        "others_waited_seconds": beside.longest().await,
        "coordinator_mib": coordinator.memory_mib()?,
    }))
}

async fn streams(coordinator: &Running) -> anyhow::Result<Value> {
    let (mut unread, mut opened) = (Vec::new(), BTreeMap::<String, u32>::new());
    for _ in 0..1000 {
        let watched = watch(coordinator).await;
        let answer = match watched {
            Ok(stream) => {
                unread.push(stream);
                "Ok".to_owned()
            }
            Err(error) => error
                .downcast_ref::<Status>()
                .map_or_else(|| error.to_string(), |status| format!("{:?}", status.code())),
        };
        *opened.entry(answer).or_default() += 1;
    }
    let beside = Beside::start(coordinator.connect().await?);
    for _ in 0..10 {
        finish(coordinator, "1,", 15).await?.context("not finished")?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(json!({
        "opened": opened,
        "others_waited_seconds": beside.longest().await,
        "coordinator_mib": coordinator.memory_mib()?,
    }))
}

async fn results(
    mut coordinator: Running,
    program: Option<&Path>,
    folder: &Path,
) -> anyhow::Result<Value> {
    let mut finished = BTreeMap::<String, u32>::new();
    for _ in 0..5 {
        // A result that is too large for today's limits is sent as large as it may be.
        let mut answer = finish(&coordinator, r#"{"":1},"#, LARGE).await?;
        if answer.is_err() {
            *finished.entry(said(&answer)).or_default() += 1;
            answer = finish(&coordinator, r#"{"":1},"#, 15).await?;
        }
        *finished.entry(said(&answer)).or_default() += 1;
    }
    let mut memory = vec![coordinator.memory_mib()?];
    for _ in 0..2 {
        coordinator.stop("SIGKILL").await?;
        coordinator = Running::start(program, folder).await?;
        memory.push(coordinator.memory_mib()?);
    }
    Ok(json!({ "finished": finished, "coordinator_mib_and_after_restarts": memory }))
}

/// Leases a trial and finishes it with this many attributes of 64 KiB.
async fn finish(
    coordinator: &Running,
    item: &str,
    attributes: usize,
) -> anyhow::Result<Result<tonic::Response<v1::FinishResponse>, Status>> {
    let mut client = WorkerServiceClient::new(coordinator.connect().await?);
    let leased = client.lease(lease(1, &[])).await?.into_inner().assignments.pop();
    let items = item.repeat((ATTRIBUTE - 2) / item.len());
    let text = format!("[{}]", items.trim_end_matches(','));
    let attribute = |number: usize| (format!("a{number}"), text.clone());
    let result = Some(v1::finish_request::Result::Completed(v1::Completed { values: vec![0.5] }));
    let request = v1::FinishRequest {
        claim: leased.context("no trial")?.claim,
        result,
        attributes_json: (0..attributes).map(attribute).collect(),
        ..Default::default()
    };
    Ok(client.finish(request).await)
}

fn lease(slots: u32, holding: &[v1::Claim]) -> v1::LeaseRequest {
    v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots,
        objectives: vec!["mnist_cnn".to_owned()],
        holding: holding.to_vec(),
        ..Default::default()
    }
}

async fn watch(coordinator: &Running) -> anyhow::Result<tonic::Streaming<v1::WatchStudyResponse>> {
    let request = v1::WatchStudyRequest { name: study_name()? };
    Ok(coordinator.studies().await?.watch_study(request).await?.into_inner())
}

/// The results of the calls that ended in time.
async fn outcomes<T: 'static>(mut calls: JoinSet<Result<T, Status>>) -> Value {
    let mut came_to = BTreeMap::<String, u32>::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Ok(Some(answer)) = tokio::time::timeout_at(deadline, calls.join_next()).await {
        let answer = answer.map_or_else(|error| error.to_string(), |answer| said(&answer));
        *came_to.entry(answer).or_default() += 1;
    }
    if !calls.is_empty() {
        came_to.insert("unanswered".to_owned(), calls.len() as u32);
    }
    json!(came_to)
}

fn said<T>(answer: &Result<T, Status>) -> String {
    answer.as_ref().err().map_or("Ok".to_owned(), |status| format!("{:?}", status.code()))
}

/// Another caller, who asks for little.
struct Beside {
    asking: JoinSet<()>,
    longest: tokio::sync::watch::Receiver<f64>,
}

impl Beside {
    fn start(channel: Channel) -> Self {
        let (longest, seen) = tokio::sync::watch::channel(0.0);
        let mut asking = JoinSet::new();
        asking.spawn(async move {
            let mut client = WorkerServiceClient::new(channel);
            loop {
                // Whether it is refused does not matter.
                let start = Instant::now();
                let claim = v1::Claim { worker_id: "other".to_owned(), ..Default::default() };
                let release = v1::ReleaseRequest { claim: Some(claim), reason: String::new() };
                _ = client.release(release).await;
                let waited = start.elapsed().as_secs_f64();
                longest.send_if_modified(|longest| {
                    let is_longer = waited > *longest;
                    *longest = longest.max(waited);
                    is_longer
                });
                tokio::time::sleep(BESIDE).await;
            }
        });
        Self { asking, longest: seen }
    }

    /// The longest time that it waited for an answer.
    async fn longest(mut self) -> f64 {
        // A call that waits now may still end.
        tokio::time::sleep(BESIDE * 5).await;
        self.asking.abort_all();
        *self.longest.borrow()
    }
}
