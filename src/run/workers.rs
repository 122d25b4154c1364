//! The child processes of a run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use kindling_telemetry::{TelemetryArgs, say};
use kindling_worker::DeviceName;
use tokio::process::{Child, Command};

/// The total number of replacements for dead workers; more indicate a problem.
const MAX_REPLACEMENTS: usize = 20;
/// How long workers have to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// The workers to start.
pub(super) struct Plan {
    /// The coordinator's address.
    pub(super) coordinator: String,
    /// Their number; by default as many as the devices can use.
    pub(super) workers: Option<usize>,
    /// The devices, shared out among the workers.
    pub(super) devices: Vec<DeviceName>,
    /// Trials per worker at a time.
    pub(super) slots: u32,
    /// Threads per slot.
    pub(super) threads: u32,
    pub(super) data_dir: Option<PathBuf>,
    /// The folder for results that the coordinator does not have yet.
    pub(super) spool: PathBuf,
    pub(super) telemetry: TelemetryArgs,
}

impl Plan {
    /// By default one worker per GPU, or else as many as the cores allow for their slots and threads.
    fn count(&self, cores: usize) -> usize {
        self.workers.unwrap_or_else(|| {
            if self.devices.iter().any(|device| device.is_gpu()) {
                self.devices.len()
            } else {
                (cores / (self.slots * self.threads) as usize).max(1)
            }
        })
    }

    /// The command for a worker at `place`, with a unique `number`.
    fn command(&self, program: &Path, place: usize, number: usize) -> Command {
        let mut command = Command::new(program);
        command.args(["worker", "--stop-with-stdin", "--grace", "0"]);
        command.args(["--coordinator", &self.coordinator]);
        let device = self.devices[place % self.devices.len()];
        command.args(["--device", &device.to_string()]);
        command.args(["--slots", &self.slots.to_string()]);
        command.args(["--threads", &self.threads.to_string()]);
        let id = format!("worker-{}-{}", number + 1, std::process::id());
        command.args(["--id", &id]);
        command.arg(option("--spool", &self.spool));
        if let Some(dir) = &self.data_dir {
            command.arg(option("--data-dir", dir));
        }
        command.args(["--log-format", self.telemetry.log_format.name()]);
        if let Some(url) = &self.telemetry.otlp {
            command.arg(option("--otlp", url));
        }
        // Credentials for other coordinators do not apply to this one.
        for name in
            ["KINDLING_TOKEN_FILE", "KINDLING_TLS_CA", "KINDLING_TLS_CERT", "KINDLING_TLS_KEY"]
        {
            command.env_remove(name);
        }
        if std::env::var_os("KINDLING_LOG").is_none() {
            command.env("KINDLING_LOG", "error");
        }
        command
    }
}

/// An option and its value as one argument, so that a value is never mistaken for an option.
fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    argument
}

/// The worker processes.
pub(super) struct Workers {
    children: Vec<Child>,
    spawn: Box<dyn Fn(usize, usize) -> anyhow::Result<Child> + Send + Sync>,
}

impl Workers {
    pub(super) fn start(plan: Plan) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = plan.count(cores);
        let idle = plan.devices.len().saturating_sub(count);
        if idle > 0 {
            say!("warning: {count} workers leave {idle} of the devices without work");
        }
        let spawn = move |place, number| {
            let mut command = plan.command(&program, place, number);
            // A process group of its own, so that Ctrl-C reaches only this process, which then drains the
            // workers. Their standard input closes when this process ends, however it ends.
            let child = command.stdin(Stdio::piped()).process_group(0).kill_on_drop(true).spawn();
            child.context("cannot start a worker")
        };
        let children = (0..count).map(|place| spawn(place, place)).collect::<Result<_, _>>()?;
        Ok(Self { children, spawn: Box::new(spawn) })
    }

    /// Replaces workers that die. Returns after too many replacements.
    pub(super) async fn keep_alive(&mut self) -> anyhow::Error {
        for replaced in 0.. {
            let index = loop {
                let dead = self.children.iter_mut().position(|c| !matches!(c.try_wait(), Ok(None)));
                match dead {
                    Some(index) => break index,
                    None => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            };
            if replaced == MAX_REPLACEMENTS {
                break;
            }
            say!("worker {} ended; starting another in its place", index + 1);
            match (self.spawn)(index, self.children.len() + replaced) {
                Ok(child) => self.children[index] = child,
                Err(error) => return error,
            }
        }
        anyhow::anyhow!(
            "workers ended {MAX_REPLACEMENTS} times; the study is on disk and goes on with the same command"
        )
    }

    /// Tells the workers to stop, and waits for them.
    pub(super) async fn drain(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        let all = async {
            for child in &mut self.children {
                _ = child.wait().await;
            }
        };
        _ = tokio::time::timeout(DRAIN, all).await;
    }
}
