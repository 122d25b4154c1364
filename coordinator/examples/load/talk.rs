//! Trials that print without end, and others' leases that must not notice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Endpoint;

use super::clients::{Crowd, Ends};
use super::coordinator::Running;

#[derive(clap::Args)]
pub(crate) struct TalkArgs {
    /// Trials that print a megabyte in a second, each on a worker of its own
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// Clients that lease and finish meanwhile, one trial at a time
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Milliseconds that a client holds a trial before it finishes it, on average
    #[arg(long, default_value_t = 200)]
    train: u64,
    /// Seconds to measure, each time
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How often to measure with the talkative trials, and as often without
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// As workers do: how much at once, how often, and how long they wait at most once they were turned away.
const BATCH: usize = 64 * 1024;
const GATHER: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);
/// A line of output.
const LINE: usize = 100;
/// What a trial prints in a second.
const PRINTED: u64 = 1_000_000;

#[derive(Default)]
struct Counts {
    taken: AtomicU64,
    turned_away: AtomicU64,
    failed: AtomicU64,
}

pub(crate) async fn talk(args: TalkArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let coordinator = Running::start(None, folder.path()).await?;
    super::create_study(&coordinator, super::Sampler::Random).await?;
    let talkers = Crowd::new(&coordinator, args.trials, "talker").await?;
    let _beating = talkers.beat();
    let claims = talkers.hold_all().await?;
    let mut crowd = Crowd::new(&coordinator, args.clients, "client").await?;
    crowd.train = Duration::from_millis(args.train);

    let counts = Arc::<Counts>::default();
    let (is_on, on) = watch::channel(false);
    // On a thread of its own, so that leases wait for the coordinator and not for what prints in this process.
    let talking = std::thread::spawn({
        let (counts, endpoint) = (counts.clone(), coordinator.endpoint()?);
        move || talk_all(&endpoint, claims, &on, &counts)
    });
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..2 * args.rounds {
        let talks = round % 2 == 1;
        is_on.send_replace(talks);
        tokio::time::sleep(super::WARM_UP * 3).await;
        let cpu = coordinator.cpu()?;
        let from = Instant::now();
        let until = from + Duration::from_secs_f64(args.seconds);
        let calls = crowd.work(Ends::At { from, until }).await?;
        let cpu =
            coordinator.cpu()?.saturating_sub(cpu).as_secs_f64() / from.elapsed().as_secs_f64();
        let measured = json!({
            "trials": calls.finishes.len(),
            "lease_ms": calls.leases.summary(),
            "finish_ms": calls.finishes.summary(),
            "coordinator_cores": cpu,
        });
        if talks { with.push(measured) } else { without.push(measured) }
    }
    let memory = coordinator.memory_mib()?;
    let seconds = args.rounds as f64 * (args.seconds + 3.0);
    // Switched off: those who wait to be switched on learn that nobody does that any more.
    is_on.send_replace(false);
    drop(is_on);
    talking.join().map_err(|_| anyhow::anyhow!("the talkers panicked"))??;
    let p99 = |of: &[serde_json::Value]| {
        let mut all: Vec<_> = of.iter().filter_map(|one| one["lease_ms"]["p99"].as_f64()).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let ratio = p99(&with) / p99(&without);
    let mib = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / f64::from(1 << 20);
    Ok(json!({
        "talkative_trials": args.trials,
        "clients": args.clients,
        "without": without,
        "with": with,
        "median_p99_with_over_without": ratio,
        "taken_mib_per_second": mib(&counts.taken) / seconds,
        "calls_turned_away": counts.turned_away.load(Ordering::Relaxed),
        "calls_failed": counts.failed.load(Ordering::Relaxed),
        "coordinator_mib": memory,
        "output_on_disk_mib": size(&folder.path().join("study.db.output")) as f64 / f64::from(1 << 20),
    }))
}

fn talk_all(
    endpoint: &Endpoint,
    claims: Vec<v1::Claim>,
    on: &watch::Receiver<bool>,
    counts: &Arc<Counts>,
) -> anyhow::Result<()> {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    threads.block_on(async {
        let mut talking = JoinSet::new();
        for claim in claims {
            let client = WorkerServiceClient::new(endpoint.connect_lazy());
            talking.spawn(print(client, claim, on.clone(), counts.clone()));
        }
        while talking.join_next().await.is_some() {}
    });
    Ok(())
}

/// Sends what fits of a trial's output, as a worker does, until nobody switches it on any more.
async fn print(
    mut client: WorkerServiceClient<tonic::transport::Channel>,
    claim: v1::Claim,
    mut on: watch::Receiver<bool>,
    counts: Arc<Counts>,
) {
    let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 };
    let line = v1::OutputLine {
        stream: v1::OutputStream::Stdout.into(),
        time: Some(time),
        text: "x".repeat(LINE),
        ..Default::default()
    };
    let mut lines = vec![line; BATCH / (LINE + 48)];
    let (mut first, mut wait, mut since) = (0, GATHER, Instant::now());
    while on.wait_for(|on| *on).await.is_ok() {
        tokio::time::sleep(wait).await;
        let printed = (since.elapsed().as_secs_f64() * PRINTED as f64) as u64 / LINE as u64;
        let left_out = printed.saturating_sub(lines.len() as u64);
        (lines[0].lines_left_out, lines[0].bytes_left_out) = (left_out, left_out * LINE as u64);
        since = Instant::now();
        let request = v1::WriteRequest { claim: Some(claim.clone()), first, lines: lines.clone() };
        match client.write(request).await {
            Ok(_) => {
                first += lines.len() as u64;
                counts.taken.fetch_add((lines.len() * LINE) as u64, Ordering::Relaxed);
                wait = GATHER.max(wait / 2);
            }
            Err(status) => {
                let is_busy = status.code() == Code::ResourceExhausted;
                let count = if is_busy { &counts.turned_away } else { &counts.failed };
                count.fetch_add(1, Ordering::Relaxed);
                wait = LONGEST.min(wait * 2);
            }
        }
    }
}

/// The bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
