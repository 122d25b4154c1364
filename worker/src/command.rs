//! The worker's command line, shared by `kindling worker` and by custom workers.

use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kindling_artifacts::Location;
use kindling_client::{ConnectArgs, listen_address};
use kindling_telemetry::serve_metrics;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use crate::device::{DeviceChoice, Devices, Listed};
use crate::objective::Objective;
use crate::observe;
use crate::session::{self, WorkerError, WorkerOptions};
use crate::signals::StopSignals;

/// The arguments of a worker.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct WorkerArgs {
    /// The coordinator, and what it asks for.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Where to train: auto, flex, cpu (libtorch) or cuda:N, or several with commas
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub device: DeviceChoice,
    /// Print what there is to train on, and stop
    #[arg(long)]
    pub list_devices: bool,
    /// With --list-devices: print JSON
    #[arg(long, requires = "list_devices")]
    pub json: bool,
    /// How many trials to train at a time on each device
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: u32,
    /// Threads for each slot; flex always trains on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: u32,
    /// Where data sets lie
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// This worker's name, instead of one that is unique to the process
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Seconds that running trials may go on after a request to stop, before they are handed back
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub grace: u64,
    /// Where results wait until the coordinator has them [default: a folder for the coordinator in
    /// ~/.local/state/kindling/spool]
    #[arg(long, value_name = "DIR", env = "KINDLING_SPOOL")]
    pub spool: Option<PathBuf>,
    /// The coordinator's own --artifacts, if this worker reaches it, too: checkpoints and artifacts then go there directly,
    /// with credentials from this worker's environment [default: all goes through the coordinator]
    #[arg(long, value_name = "PLACE")]
    pub artifacts: Option<Location>,
    /// Serve metrics for Prometheus on this address, to anybody who reaches it
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub metrics: Option<SocketAddr>,
    /// Stop when standard input closes: the parent is gone
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
    /// Whether the worker sets a study aside that it cannot train, and goes on with others, rather than end. No
    /// argument: whoever builds the worker decides.
    #[arg(skip)]
    pub sets_aside: bool,
}

/// Runs a worker until SIGTERM, Ctrl-C or a closing terminal stops it. A second signal ends it at once.
pub async fn run_worker(
    args: WorkerArgs,
    devices: Arc<dyn Devices>,
    objectives: Vec<Arc<dyn Objective>>,
) -> Result<(), WorkerError> {
    if args.list_devices {
        return match print(&devices.list(), args.json) {
            // A reader that closes the pipe early, such as `head`, is not an error.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(WorkerError::Output(Arc::new(error)))
            }
            _ => Ok(()),
        };
    }
    if let Some(address) = args.metrics {
        serve_metrics(address)?;
        observe::describe();
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    if args.stop_with_stdin {
        tokio::spawn(stop_on_end_of_stdin(stop.clone()));
    }
    let options = WorkerOptions {
        connect: args.connect,
        id: args.id,
        devices: args.device,
        slots: args.slots as usize,
        threads: args.threads as usize,
        data_dir: args.data_dir,
        grace: Duration::from_secs(args.grace),
        spool: args.spool,
        artifacts: args.artifacts,
        sets_aside: args.sets_aside,
    };
    let ended = session::work(options, devices, objectives, stop).await;
    kindling_telemetry::flush();
    ended
}

/// Prints the devices, and for each unavailable one the reason.
fn print(devices: &[Listed], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let list = devices.iter().map(|Listed { name, description, available }| {
            serde_json::json!({"name": name, "description": description, "available": available})
        });
        return writeln!(out, "{}", list.collect::<serde_json::Value>());
    }
    for Listed { name, description, available } in devices {
        let absent = if *available { "" } else { "not available: " };
        writeln!(out, "{name:<8} {absent}{description}")?;
    }
    Ok(())
}

async fn stop_on_signal(stop: CancellationToken) {
    let Ok(mut signals) = StopSignals::listen() else {
        tracing::error!("signals cannot be heard; end this worker with kill -9");
        return;
    };
    signals.next().await;
    stop.cancel();
    signals.insisted().await;
    tracing::warn!("second signal: leaving at once");
    kindling_telemetry::flush();
    std::process::exit(130);
}

async fn stop_on_end_of_stdin(stop: CancellationToken) {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while matches!(stdin.read(&mut buffer).await, Ok(n) if n > 0) {}
    stop.cancel();
}
