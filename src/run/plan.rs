//! The workers of a run: how many, on which devices, and how each is started.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_telemetry::TelemetryArgs;
use kindling_worker::DeviceName;
use tokio::process::Command;

use super::options::RunOptions;
use super::own_code::OwnCode;

/// How long workers have to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// The workers to start.
pub(super) struct Plan {
    /// The coordinator's address.
    pub(super) coordinator: String,
    pub(super) size: Size,
    /// Threads per slot.
    pub(super) threads: u32,
    pub(super) data_dir: Option<PathBuf>,
    /// The folder for results that the coordinator does not have yet.
    pub(super) spool: PathBuf,
    pub(super) telemetry: TelemetryArgs,
    /// What the trials are, if they are processes.
    pub(super) own_code: Option<OwnCode>,
}

/// How many workers, and what each has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// The number of workers.
    pub(super) workers: usize,
    /// How many trials each trains at a time on each of its devices.
    slots: u32,
    /// The devices of each worker. If there are more workers than shares, they begin anew.
    pub(super) shares: Vec<Vec<DeviceName>>,
    /// How many devices are left without a worker.
    pub(super) idle: usize,
}

impl Size {
    /// For a network of ours one worker per GPU, or else as many as the cores allow for their slots and threads.
    ///
    /// A process that trains needs no worker of its own beside it: without GPUs one worker has a slot for each.
    pub(super) fn of(
        options: &RunOptions,
        devices: &[DeviceName],
        own_code: Option<&OwnCode>,
        cores: usize,
    ) -> Self {
        let (shares, has_gpus) = shares(devices, own_code.and_then(|own| own.gpus));
        let slots_that_fit = |threads: u32| (cores / threads as usize).max(1);
        let (workers, slots) = (options.workers.map(usize::from), options.slots);
        let (workers, slots) = match own_code {
            _ if has_gpus => (workers.unwrap_or(shares.len()), slots.unwrap_or(1)),
            Some(_) if workers.is_none() => {
                (1, slots.unwrap_or(slots_that_fit(options.threads) as u32))
            }
            _ => {
                let slots = slots.unwrap_or(1);
                (workers.unwrap_or(slots_that_fit(slots * options.threads)), slots)
            }
        };
        let busy: usize = shares.iter().take(workers).map(Vec::len).sum();
        let idle =
            if has_gpus { devices.len() - busy } else { shares.len().saturating_sub(workers) };
        Self { workers, slots, shares, idle }
    }
}

/// Each worker's devices, and whether they are GPUs. A trial that needs several has them in one worker.
fn shares(devices: &[DeviceName], gpus: Option<usize>) -> (Vec<Vec<DeviceName>>, bool) {
    if gpus == Some(0) {
        return (vec![vec![DeviceName::Cpu]], false);
    }
    let has_gpus = devices.iter().any(|device| device.is_gpu());
    let together = gpus.filter(|_| has_gpus).unwrap_or(1);
    // If there are too few, the worker says so.
    if devices.len() < together {
        return (vec![devices.to_vec()], has_gpus);
    }
    (devices.chunks_exact(together).map(<[_]>::to_vec).collect(), has_gpus)
}

impl Plan {
    /// The command for a worker at `place`, with a unique `number`.
    pub(super) fn command(&self, program: &Path, place: usize, number: usize) -> Command {
        let mut command = Command::new(program);
        command.args(["worker", "--stop-with-stdin", "--grace", "0"]);
        command.args(["--coordinator", &self.coordinator]);
        let share = &self.size.shares[place % self.size.shares.len()];
        let devices: Vec<_> = share.iter().map(DeviceName::to_string).collect();
        command.args(["--device", &devices.join(",")]);
        command.args(["--slots", &self.size.slots.to_string()]);
        command.args(["--threads", &self.threads.to_string()]);
        let id = format!("worker-{}-{}", number + 1, std::process::id());
        command.args(["--id", &id]);
        command.arg(option("--spool", &self.spool));
        if let Some(dir) = &self.data_dir {
            command.arg(option("--data-dir", dir));
        }
        if let Some(own_code) = &self.own_code {
            // One's own machine and one's own study. A worker of this kind alone opens no device itself.
            command.args(["--allow-commands", "--kind", &own_code.kind]);
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

    /// How long workers have to stop. A process is asked, and after its grace told with SIGTERM; after the same time
    /// again it is killed.
    pub(super) fn drain(&self) -> Duration {
        let own = self.own_code.as_ref().map(|own| own.grace * 2 + Duration::from_secs(5));
        own.unwrap_or_default().max(DRAIN)
    }
}

/// An option and its value as one argument, so that a value is never mistaken for an option.
fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    argument
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: RunOptions,
    }

    /// Workers, slots and the sizes of the shares, on eight cores.
    fn size(
        line: &str,
        devices: &[DeviceName],
        own_code: Option<&OwnCode>,
    ) -> (usize, u32, Vec<usize>) {
        let words = ["run"].into_iter().chain(line.split_whitespace());
        let Line { options } = Line::parse_from(words);
        let size = Size::of(&options, devices, own_code, 8);
        (size.workers, size.slots, size.shares.iter().map(Vec::len).collect())
    }

    fn own_code(gpus: Option<usize>) -> OwnCode {
        OwnCode { kind: "command".to_owned(), gpus, grace: Duration::from_secs(5) }
    }

    #[test]
    fn networks_of_ours_get_a_worker_per_core_or_gpu() {
        let gpus = [0, 1, 2].map(DeviceName::Cuda);
        for (line, devices, expected) in [
            ("", &[DeviceName::Flex][..], (8, 1, vec![1])),
            ("--slots 2", &[DeviceName::Flex], (4, 2, vec![1])),
            ("--slots 2 --threads 2", &[DeviceName::Flex], (2, 2, vec![1])),
            ("--threads 16", &[DeviceName::Flex], (1, 1, vec![1])),
            ("--workers 3", &[DeviceName::Flex], (3, 1, vec![1])),
            ("", &gpus, (3, 1, vec![1, 1, 1])),
            ("--slots 4", &gpus, (3, 4, vec![1, 1, 1])),
        ] {
            assert_eq!(size(line, devices, None), expected, "{line}");
        }
    }

    #[test]
    fn processes_share_one_worker_that_has_a_slot_per_core() {
        let own = own_code(None);
        for (line, expected) in [
            ("", (1, 8, vec![1])),
            ("--threads 3", (1, 2, vec![1])),
            ("--slots 3", (1, 3, vec![1])),
            ("--workers 3", (3, 1, vec![1])),
            ("--workers 3 --slots 2", (3, 2, vec![1])),
        ] {
            assert_eq!(size(line, &[DeviceName::Cpu], Some(&own)), expected, "{line}");
        }
    }

    #[test]
    fn processes_on_gpus_get_a_worker_for_each_group_of_gpus() {
        let gpus = [0, 1, 2, 3].map(DeviceName::Cuda);
        for (line, wanted, expected) in [
            ("", None, (4, 1, vec![1; 4])),
            ("--slots 2", None, (4, 2, vec![1; 4])),
            ("", Some(1), (4, 1, vec![1; 4])),
            ("", Some(2), (2, 1, vec![2, 2])),
            ("", Some(3), (1, 1, vec![3])),
            // Whoever has too few is told so by the worker.
            ("", Some(5), (1, 1, vec![4])),
            ("--workers 1", Some(2), (1, 1, vec![2, 2])),
            ("", Some(0), (1, 8, vec![1])),
        ] {
            assert_eq!(size(line, &gpus, Some(&own_code(wanted))), expected, "{line} {wanted:?}");
        }
        let Line { options } = Line::parse_from(["run"]);
        let idle = |wanted| Size::of(&options, &gpus, Some(&own_code(wanted)), 8).idle;
        assert_eq!([None, Some(2), Some(3), Some(0)].map(idle), [0, 0, 1, 0]);
    }
}
