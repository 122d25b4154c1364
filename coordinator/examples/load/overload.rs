//! Many times more calls than can be served, and workers that must not notice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::clients::{Crowd, Ends};
use super::coordinator::Running;

#[derive(clap::Args)]
pub(crate) struct OverloadArgs {
    /// Workers that hold a trial each, and beat
    #[arg(long, default_value_t = 1000)]
    workers: usize,
    /// Callers that look, begin or report, each again as soon as it is answered
    #[arg(long, default_value_t = 4000)]
    callers: usize,
    /// How many of a hundred callers look; half of the others begin work, and half report
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u8).range(..=100))]
    lookers: u8,
    /// Trials that have finished before: so much is walked by those who look
    #[arg(long, default_value_t = 20_000)]
    history: u32,
    /// Workers that complete trials meanwhile
    #[arg(long, default_value_t = 16)]
    finishers: usize,
    /// Streams of a study that nobody reads
    #[arg(long, default_value_t = 50)]
    watchers: usize,
    /// Seconds to measure; a lease lasts 30
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
}

/// Few enough callers per connection that none waits there for another.
const CALLERS_OF_A_CONNECTION: usize = 200;

/// The number of calls by kind and result.
type Counts = Arc<Mutex<BTreeMap<(&'static str, bool), u64>>>;

#[derive(Clone, Copy)]
enum Kind {
    Look,
    Begin,
    Report,
}

pub(crate) async fn overload(args: OverloadArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let coordinator = Running::start(None, folder.path()).await?;
    super::create_study(&coordinator, super::Sampler::Random).await?;
    let history = Crowd::new(&coordinator, 64, "earlier").await?;
    history.work(Ends::After(args.history)).await?;
    drop(history);
    let workers = Crowd::new(&coordinator, args.workers, "worker").await?;
    let mut beating = workers.beat();
    workers.hold().await?;
    let mut unread = Vec::new();
    for _ in 0..args.watchers {
        let watch = v1::WatchStudyRequest { name: super::study_name()? };
        unread.push(coordinator.studies().await?.watch_study(watch).await?);
    }
    let finishers = Crowd::new(&coordinator, args.finishers, "finisher").await?;
    let calm = coordinator.memory_mib()?;

    let counts = Counts::default();
    let mut channels = Vec::new();
    for _ in 0..args.callers.div_ceil(CALLERS_OF_A_CONNECTION) {
        channels.push(coordinator.endpoint()?);
    }
    // On a separate thread, so that heartbeats wait for the coordinator and not for the crowd in
    // this process.
    let enough = CancellationToken::new();
    let crowd = std::thread::spawn({
        let (enough, counts) = (enough.clone(), counts.clone());
        move || call_all(&channels, args.callers, args.lookers, &counts, &enough)
    });
    tokio::time::sleep(super::WARM_UP).await;
    std::mem::take(&mut *workers.beats.lock().expect("not poisoned"));
    counts.lock().expect("not poisoned").clear();
    let from = Instant::now();
    let until = from + Duration::from_secs_f64(args.seconds);
    // An error here ends the run, since a call that ends work must never be turned away.
    let calls = finishers.work(Ends::At { from, until }).await?;
    let seconds = from.elapsed().as_secs_f64();
    enough.cancel();
    crowd.join().map_err(|_| anyhow::anyhow!("the crowd panicked"))??;
    if let Some(ended) = beating.try_join_next() {
        ended?.context("a heartbeat ended")?;
        anyhow::bail!("a heartbeat ended");
    }
    let counts = counts.lock().expect("not poisoned").clone();
    let sum =
        |done: bool| counts.iter().filter(|((_, d), _)| *d == done).map(|(_, n)| n).sum::<u64>();
    let by_kind: serde_json::Map<_, _> = ["look", "begin", "report"]
        .map(|kind| {
            let of = |done| counts.get(&(kind, done)).copied().unwrap_or(0);
            (kind.to_owned(), json!({ "answered": of(true), "turned_away": of(false) }))
        })
        .into_iter()
        .collect();
    let beats = std::mem::take(&mut *workers.beats.lock().expect("not poisoned"));
    let (heartbeats, heartbeat_ms) = (beats.len(), beats.summary());
    let leases_lost = lost_leases(&coordinator, args.workers).await?;
    let is_prompt = heartbeat_ms["p99"].as_f64().is_some_and(|p99| p99 < 1000.0);
    Ok(json!({
        // A refused finisher or heartbeat has already ended the run above.
        "promises_hold": leases_lost == 0 && is_prompt && sum(false) > 0,
        "workers": args.workers,
        "callers": args.callers,
        "lookers_in_a_hundred": args.lookers,
        "history": args.history,
        "unread_watchers": unread.len(),
        "seconds": seconds,
        "calls": by_kind,
        "offered_per_second": (sum(true) + sum(false)) as f64 / seconds,
        "answered_per_second": sum(true) as f64 / seconds,
        "offered_for_each_answered": (sum(true) + sum(false)) as f64 / sum(true).max(1) as f64,
        "heartbeats": heartbeats,
        "heartbeat_ms": heartbeat_ms,
        "finishes": calls.finishes.len(),
        "finish_ms": calls.finishes.summary(),
        "leases_lost": leases_lost,
        "coordinator_mib": { "before": calm, "after": coordinator.memory_mib()? },
    }))
}

/// Runs this many callers until there is enough.
fn call_all(
    endpoints: &[Endpoint],
    callers: usize,
    lookers: u8,
    counts: &Counts,
    enough: &CancellationToken,
) -> anyhow::Result<()> {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    threads.block_on(async {
        let channels: Vec<_> = endpoints.iter().map(Endpoint::connect_lazy).collect();
        let mut calling = JoinSet::new();
        for number in 0..callers {
            let kind = match number % 100 {
                place if place < usize::from(lookers) => Kind::Look,
                place if place % 2 == 0 => Kind::Begin,
                _ => Kind::Report,
            };
            let channel = channels[number % channels.len()].clone();
            calling.spawn(call_on(channel, kind, counts.clone()));
        }
        enough.cancelled().await;
    });
    Ok(())
}

/// Calls until it is aborted. Its calls change nobody's trials.
async fn call_on(channel: Channel, kind: Kind, counts: Counts) {
    let mut trials = TrialServiceClient::new(channel.clone());
    let mut workers = WorkerServiceClient::new(channel.clone());
    let mut studies = StudyServiceClient::new(channel);
    let name = super::study_name().unwrap_or_default();
    loop {
        let (what, answer) = match kind {
            Kind::Look => {
                // Returns little, but walks the whole study.
                let states = vec![v1::TrialState::Fail as i32];
                let list =
                    v1::ListTrialsRequest { study: name.clone(), states, ..Default::default() };
                ("look", trials.list_trials(list).await.map(drop))
            }
            Kind::Begin => {
                let pause =
                    v1::ResumeStudyRequest { name: name.clone(), trials: None, confirm: None };
                ("begin", studies.resume_study(pause).await.map(drop))
            }
            Kind::Report => {
                let claim = v1::Claim {
                    study_id: 1,
                    attempt: 9,
                    worker_id: "z".into(),
                    ..Default::default()
                };
                let report = v1::ReportRequest {
                    claim: Some(claim),
                    step: 0,
                    value: 0.5,
                    ..Default::default()
                };
                ("report", workers.report(report).await.map(drop))
            }
        };
        let is_turned_away = answer.is_err_and(|status| status.code() == Code::ResourceExhausted);
        *counts.lock().expect("not poisoned").entry((what, !is_turned_away)).or_default() += 1;
    }
}

/// How many workers lost their lease. Each holds a trial in its first attempt.
async fn lost_leases(coordinator: &Running, workers: usize) -> anyhow::Result<usize> {
    let mut trials = TrialServiceClient::new(coordinator.connect().await?);
    let states = vec![v1::TrialState::Running as i32];
    let mut list = v1::ListTrialsRequest {
        study: super::study_name()?,
        page_size: 1000,
        states,
        ..Default::default()
    };
    let mut running = Vec::new();
    loop {
        let Ok(page) = trials.list_trials(list.clone()).await else {
            // The crowd's last calls are still waiting.
            tokio::time::sleep(super::WARM_UP).await;
            continue;
        };
        let page = page.into_inner();
        running.extend(page.trials);
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            break;
        }
    }
    let held = running.iter().filter(|t| t.attempt == 1 && t.worker.starts_with("worker-"));
    Ok(workers.min(1000).saturating_sub(held.count()))
}
