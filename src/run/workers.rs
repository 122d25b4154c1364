//! The child processes of a run.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use kindling_telemetry::say;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout};
use tokio::task::JoinHandle;

use super::plan::Plan;
use crate::hint::{UNFIT, unfit};

/// The total number of replacements for dead workers; more indicate a problem.
const MAX_REPLACEMENTS: usize = 20;
/// How much of a worker's last words is kept.
const LAST_WORDS: u64 = 64 * 1024;

/// The worker processes.
pub(super) struct Workers {
    all: Vec<Worker>,
    drain: Duration,
    spawn: Box<dyn Fn(usize, usize) -> anyhow::Result<Worker> + Send + Sync>,
}

struct Worker {
    child: Child,
    /// What it says on standard output: nothing, but why it is unfit.
    last_words: JoinHandle<String>,
}

impl Workers {
    pub(super) fn start(plan: Plan) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let (count, idle, drain) = (plan.size.workers, plan.size.idle, plan.drain());
        if idle > 0 {
            say!("warning: {count} workers leave {idle} of the devices without work");
        }
        let spawn = move |place, number| {
            let mut command = plan.command(&program, place, number);
            // A process group of its own, so that Ctrl-C reaches only this process, which then drains the
            // workers. Their standard input closes when this process ends, however it ends.
            command.stdin(Stdio::piped()).process_group(0).kill_on_drop(true);
            let mut child =
                command.stdout(Stdio::piped()).spawn().context("cannot start a worker")?;
            let last_words = tokio::spawn(read(child.stdout.take()));
            anyhow::Ok(Worker { child, last_words })
        };
        let workers = (0..count).map(|place| spawn(place, place)).collect::<Result<_, _>>()?;
        Ok(Self { all: workers, drain, spawn: Box::new(spawn) })
    }

    /// Replaces workers that die. Returns after too many replacements, or once a worker cannot run the trials at all:
    /// another in its place could not, either.
    pub(super) async fn keep_alive(&mut self) -> anyhow::Error {
        for replaced in 0.. {
            let (index, status) = loop {
                let ended = |worker: &mut Worker| worker.child.try_wait().transpose();
                let mut dead = self.all.iter_mut().map(ended).enumerate();
                match dead.find_map(|(index, ended)| Some((index, ended?))) {
                    Some((index, status)) => break (index, status.ok().and_then(|s| s.code())),
                    None => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            };
            if status == Some(UNFIT.into()) {
                let said = (&mut self.all[index].last_words).await.unwrap_or_default();
                let reason = said.trim_end();
                return unfit(
                    &format!("this machine cannot run the study: {reason}"),
                    "the study waits; mend it and run the same command again",
                );
            }
            if replaced == MAX_REPLACEMENTS {
                break;
            }
            say!("worker {} ended; starting another in its place", index + 1);
            match (self.spawn)(index, self.all.len() + replaced) {
                Ok(worker) => self.all[index] = worker,
                Err(error) => return error,
            }
        }
        anyhow::anyhow!(
            "workers ended {MAX_REPLACEMENTS} times; the study is on disk and goes on with the same command"
        )
    }

    /// Tells the workers to stop, and waits for them.
    pub(super) async fn drain(&mut self) {
        for worker in &mut self.all {
            drop(worker.child.stdin.take());
        }
        let all = async {
            for worker in &mut self.all {
                _ = worker.child.wait().await;
            }
        };
        _ = tokio::time::timeout(self.drain, all).await;
    }
}

/// Reads to the end, so that the worker never waits for a reader.
async fn read(stdout: Option<ChildStdout>) -> String {
    let Some(mut stdout) = stdout else { return String::new() };
    let mut said = Vec::new();
    _ = (&mut stdout).take(LAST_WORDS).read_to_end(&mut said).await;
    _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&said).into_owned()
}
