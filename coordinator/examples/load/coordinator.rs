//! A coordinator in its own process, and what the system reports about it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kindling_coordinator::{Coordinator, Options};
use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_telemetry::TelemetryArgs;
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::{Channel, Endpoint};

/// The time unit of `/proc` (`getconf CLK_TCK`), which is fixed on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// Long, because a large store takes its time to open.
const PATIENCE: Duration = Duration::from_mins(5);

/// The arguments of `kindling coordinator` that matter here.
#[derive(clap::Args)]
pub(crate) struct CoordinatorArgs {
    #[arg(long)]
    store: PathBuf,
    #[arg(long)]
    listen: SocketAddr,
}

/// Serves as `kindling coordinator` does, logs included, until it is told to stop.
pub(crate) async fn serve(args: CoordinatorArgs) -> anyhow::Result<()> {
    let telemetry = TelemetryArgs::default().init("kindling-coordinator", "info")?;
    let options = Options::open(args.store, args.listen, Duration::from_secs(30));
    let mut coordinator = Coordinator::start(options).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = coordinator.ended() => return Ok(ended?),
        _ = terminate.recv() => {}
    }
    coordinator.stop();
    coordinator.ended().await?;
    telemetry.end().await;
    Ok(())
}

pub(crate) fn store_in(folder: &Path) -> PathBuf {
    folder.join("study.db")
}

/// A running coordinator.
pub(crate) struct Running {
    process: Child,
    address: String,
}

impl Running {
    /// Starts a coordinator on the store in the folder, and waits until it answers.
    pub(crate) async fn start(program: Option<&Path>, folder: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let program = program.unwrap_or(&own);
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = std::fs::File::create(folder.join("coordinator.log"))?;
        let process = Command::new(program)
            .arg("coordinator")
            .arg("--store")
            .arg(store_in(folder))
            .args(["--listen", &free.to_string()])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut running = Self { process, address: format!("http://{free}") };
        let start = Instant::now();
        while running.answers().await.is_err() {
            if let Some(status) = running.process.try_wait()? {
                let log = std::fs::read_to_string(folder.join("coordinator.log"))?;
                anyhow::bail!("the coordinator ended: {status}\n{log}");
            }
            anyhow::ensure!(start.elapsed() < PATIENCE, "the coordinator does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(running)
    }

    async fn answers(&self) -> anyhow::Result<()> {
        self.studies().await?.list_workers(v1::ListWorkersRequest::default()).await?;
        Ok(())
    }

    /// A connection like a worker's.
    pub(crate) async fn connect(&self) -> anyhow::Result<Channel> {
        Ok(self.endpoint()?.connect().await?)
    }

    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint::new(self.address.clone())?.tcp_nodelay(true))
    }

    pub(crate) async fn studies(&self) -> anyhow::Result<StudyServiceClient<Channel>> {
        Ok(StudyServiceClient::new(self.connect().await?))
    }

    /// Ends it with a signal, and waits for the end.
    pub(crate) async fn stop(mut self, signal: &str) -> anyhow::Result<()> {
        let pid = self.process.id().to_string();
        Command::new("kill").args(["-s", signal.trim_start_matches("SIG"), &pid]).status()?;
        let end = tokio::task::spawn_blocking(move || self.process.wait());
        end.await??;
        Ok(())
    }

    /// The processor time that it has used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&self.process.id().to_string())
    }

    /// Its memory now, and the most that it had.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<serde_json::Value> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let mib = |key: &str| -> Option<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
        };
        Ok(serde_json::json!({ "now": mib("VmRSS:"), "peak": mib("VmHWM:") }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The processor time that this process has used.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name comes first, in parentheses, and may contain anything. utime and stime are fields 14
    // and 15 of all.
    let (_, fields) = stat.rsplit_once(") ").context("no fields")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Ok(Duration::from_secs_f64(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND))
}
