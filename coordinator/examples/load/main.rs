//! A coordinator under load: trials per second, latencies, memory, and how fast a large store
//! opens. The Kindling side of `tests/peers/throughput.py`.
//!
//! ```sh
//! cargo build --release -p kindling-coordinator --example load
//! target/release/examples/load rate --clients 64 --sampler tpe --history 1000
//! target/release/examples/load fill --trials 100000 --reports 10
//! target/release/examples/load optuna --clients 8
//! target/release/examples/load overload --workers 1000 --callers 4000
//! target/release/examples/load talk --trials 200 --clients 64
//! target/release/examples/load attack answers workers claims replays streams results
//! ```
//!
//! The coordinator runs in its own process, on a store in a real file. It is this program's own
//! `coordinator` command, which does what `kindling coordinator` does, or another program. Clients
//! make the same calls as workers, each over its own connection, and train nothing. Prints JSON.

mod attacks;
mod beside;
mod clients;
mod coordinator;
mod optuna;
mod overload;
mod talk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use kindling_proto::v1;
use kindling_study::StudySpec;
use kindling_study::sampler::{GpOptions, SamplerSpec, TpeOptions};
use serde_json::json;
use tokio::runtime;

use clients::{Crowd, Ends};
use coordinator::{CoordinatorArgs, Running};

/// As in the `kindling` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The search space of the flagship study.
const STUDY: &str = include_str!("../../../studies/weight-init.toml");
/// How long clients run before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// More trials than any run finishes.
const ENDLESS: u32 = 1_000_000_000;

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How many trials a second, and how long each call takes
    Rate(RateArgs),
    /// How much memory a filled study takes, and how long its store takes to open again
    Fill(FillArgs),
    /// How many trials a second of Optuna's clients, here or on Optuna's own server
    Optuna(optuna::OptunaArgs),
    /// What happens with many times more calls than can be served
    Overload(overload::OverloadArgs),
    /// What trials that print without end do to others' leases
    Talk(talk::TalkArgs),
    /// What one caller can do to all others with large requests, and with many
    Attack(attacks::AttackArgs),
    /// Serve a store
    Coordinator(CoordinatorArgs),
}

#[derive(clap::Args)]
struct RateArgs {
    /// Clients that lease and finish, one trial at a time
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Workers whose heartbeat streams stand, those clients included; the others hold a trial each
    #[arg(long, default_value_t = 0)]
    connected: usize,
    /// Milliseconds that a client holds a trial before it finishes it, on average
    #[arg(long, default_value_t = 0)]
    train: u64,
    /// Seconds to measure
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Trials that have finished before
    #[arg(long, default_value_t = 0)]
    history: u32,
    #[arg(long, value_enum, default_value_t = Sampler::Random)]
    sampler: Sampler,
    /// Candidates of another study's TPE in 20 whole numbers, for which one more client works; 25,000 take a
    /// second [default: no such study]
    #[arg(long, value_name = "CANDIDATES")]
    beside: Option<u32>,
    /// The program to run as a coordinator, such as `kindling` [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(clap::Args)]
struct FillArgs {
    /// Trials to finish
    #[arg(long, default_value_t = 100_000)]
    trials: u32,
    /// Intermediate values of each
    #[arg(long, default_value_t = 10)]
    reports: u64,
    /// KiB of attributes of each, in lists of small objects of 60 KiB
    #[arg(long, default_value_t = 0)]
    attributes: usize,
    /// Clients that do it
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Where to keep the store [default: nowhere]
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// The program to run as a coordinator, such as `kindling` [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sampler {
    Random,
    Tpe,
    Gp,
    Auto,
}

fn main() -> anyhow::Result<()> {
    let command = Args::parse().command;
    let mut threads = match command {
        // As in the `kindling` command.
        Command::Coordinator(_) => runtime::Builder::new_multi_thread(),
        // In reality clients are on other machines, so here they should use as little of this one
        // as possible.
        _ => runtime::Builder::new_current_thread(),
    };
    let threads = threads.enable_all().build()?;
    let result = match command {
        Command::Rate(args) => threads.block_on(rate(args))?,
        Command::Fill(args) => threads.block_on(fill(args))?,
        Command::Optuna(args) => threads.block_on(optuna::optuna(args))?,
        Command::Overload(args) => threads.block_on(overload::overload(args))?,
        Command::Talk(args) => threads.block_on(talk::talk(args))?,
        Command::Attack(args) => threads.block_on(attacks::attacks(args))?,
        Command::Coordinator(args) => return threads.block_on(coordinator::serve(args)),
    };
    println!("{result:#}");
    anyhow::ensure!(
        result["promises_hold"] != false,
        "a promise is broken, or there was no overload"
    );
    Ok(())
}

async fn rate(args: RateArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    if let Some(candidates) = args.beside {
        beside::create(folder.path(), candidates)?;
    }
    let coordinator = Running::start(args.program.as_deref(), folder.path()).await?;
    create_study(&coordinator, args.sampler).await?;
    let beside = Crowd::new(&coordinator, usize::from(args.beside.is_some()), "beside").await?;
    let beside = beside.of(beside::OBJECTIVE);
    // Its proposals take long once it has something to learn from.
    beside.work(Ends::After(20)).await?;
    let history = Crowd::new(&coordinator, 64.min(args.history as usize), "earlier");
    history.await?.work(Ends::After(args.history)).await?;

    let idle = args.connected.saturating_sub(args.clients);
    let idle = Crowd::new(&coordinator, idle, "idle").await?;
    let _beating = idle.beat();
    idle.hold().await?;
    let mut crowd = Crowd::new(&coordinator, args.clients, "client").await?;
    crowd.train = Duration::from_millis(args.train);
    let _beating = (args.connected > 0).then(|| crowd.beat());
    let from = Instant::now() + WARM_UP;
    let until = from + Duration::from_secs_f64(args.seconds);
    let cpu_until_then = async {
        tokio::time::sleep_until(from.into()).await;
        Ok([coordinator.cpu()?, coordinator::own_cpu()?])
    };
    let ends = Ends::At { from, until };
    let (calls, beside, before) =
        tokio::try_join!(crowd.work(ends), beside.work(ends), cpu_until_then)?;
    let after = [coordinator.cpu()?, coordinator::own_cpu()?];
    let trials = calls.finishes.len();
    let cpu = |of: usize| after[of].saturating_sub(before[of]).as_secs_f64() * 1e6 / trials as f64;
    Ok(json!({
        "sampler": format!("{:?}", args.sampler).to_lowercase(),
        "clients": args.clients,
        "connected": args.connected,
        "history": args.history,
        "trials": trials,
        "trials_per_second": trials as f64 / args.seconds,
        "lease_ms": calls.leases.summary(),
        "finish_ms": calls.finishes.summary(),
        "beside": args.beside.map(|candidates| json!({
            "candidates": candidates,
            "trials": beside.finishes.len(),
            "lease_ms": beside.leases.summary(),
        })),
        "cpu_us_per_trial": { "coordinator": cpu(0), "clients": cpu(1) },
        "coordinator_mib": coordinator.memory_mib()?,
    }))
}

async fn fill(args: FillArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut coordinator = Running::start(args.program.as_deref(), folder.path()).await?;
    create_study(&coordinator, Sampler::Random).await?;
    let start = Instant::now();
    let mut crowd = Crowd::new(&coordinator, args.clients, "client").await?;
    crowd.reports = args.reports;
    crowd.attributes = Arc::new(attributes(args.attributes));
    crowd.work(Ends::After(args.trials)).await?;
    let filled = start.elapsed();
    drop(crowd);
    let memory = coordinator.memory_mib()?;
    let mut reopened = serde_json::Map::new();
    for end in ["SIGKILL", "SIGTERM"] {
        coordinator.stop(end).await?;
        let start = Instant::now();
        coordinator = Running::start(args.program.as_deref(), folder.path()).await?;
        let seconds = start.elapsed().as_secs_f64();
        let memory = coordinator.memory_mib()?;
        reopened.insert(end.to_owned(), json!({ "seconds": seconds, "coordinator_mib": memory }));
    }
    coordinator.stop("SIGTERM").await?;
    let store = coordinator::store_in(folder.path());
    if let Some(keep) = args.keep {
        std::fs::copy(&store, keep)?;
    }
    let store = std::fs::metadata(store)?.len();
    Ok(json!({
        "trials": args.trials,
        "reports": args.reports,
        "attributes_kib": args.attributes,
        "clients": args.clients,
        "calls_per_second": f64::from(args.trials) * (args.reports + 2) as f64 / filled.as_secs_f64(),
        "coordinator_mib": memory,
        "store_mib": store as f64 / f64::from(1 << 20),
        "reopened_after": reopened,
    }))
}

/// This many KiB of attributes, of the kind that takes most memory once it is parsed.
fn attributes(kib: usize) -> HashMap<String, String> {
    let list = |kib: usize| format!("[{}]", vec![r#"{"a":0}"#; kib * 1024 / 8].join(","));
    let starts = (0..kib).step_by(60);
    starts.map(|start| (format!("a{start}"), list(60.min(kib - start)))).collect()
}

fn study_name() -> anyhow::Result<String> {
    Ok(kindling_coordinator::config::parse(STUDY)?.name.to_string())
}

async fn create_study(coordinator: &Running, sampler: Sampler) -> anyhow::Result<()> {
    let sampler = match sampler {
        Sampler::Random => SamplerSpec::Random {},
        Sampler::Tpe => SamplerSpec::Tpe(TpeOptions::default()),
        Sampler::Gp => SamplerSpec::Gp(GpOptions::default()),
        Sampler::Auto => SamplerSpec::Auto {},
    };
    let spec = kindling_coordinator::config::parse(STUDY)?;
    let spec = StudySpec { sampler, trials: ENDLESS, ..spec };
    let spec = Some(kindling_coordinator::convert::spec_to_wire(&spec));
    let mut studies = coordinator.studies().await?;
    studies.create_study(v1::CreateStudyRequest { spec }).await.context("no study")?;
    Ok(())
}
