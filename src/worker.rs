//! `kindling worker`.

use std::process::ExitCode;
use std::sync::Arc;

use kindling_process::{GpuPool, NamedBy, ProcessDevices};
use kindling_worker::{DeviceChoice, DeviceName, Devices, Objective, WorkerArgs, WorkerError};

use crate::hint::{UNFIT, hinted};
use crate::{objectives, out};

#[derive(clap::Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    worker: WorkerArgs,
    /// Run the commands and Python functions that studies name, as this user. Whoever can create a study
    /// can then execute programs here
    #[arg(long)]
    allow_commands: bool,
    /// Offer only objectives of this kind; may be given more than once. With `command` and `python` alone,
    /// trials get GPUs without libtorch, too [default: all]
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
}

pub(crate) async fn work(mut args: WorkArgs) -> anyhow::Result<ExitCode> {
    args.check()?;
    let devices = args.devices();
    let objectives = args.objectives(&devices)?;
    let is_child_of_run = args.worker.stop_with_stdin;
    // Others' studies go on, whatever one study names. A run has one study, and ends with what is wrong with it.
    args.worker.sets_aside = args.allow_commands && !is_child_of_run;
    match kindling_worker::run_worker(args.worker, devices, objectives).await {
        // The run says it in its own words, once, however many of its workers find out.
        Err(WorkerError::Unfit { reason }) if is_child_of_run => {
            _ = out::try_print(&reason);
            Ok(ExitCode::from(UNFIT))
        }
        ended => Ok(ended.map(|()| ExitCode::SUCCESS)?),
    }
}

impl WorkArgs {
    /// Refuses kinds that this worker could never offer.
    fn check(&self) -> anyhow::Result<()> {
        if let Some(kind) = self.kinds.iter().find(|kind| !objectives::is_known(kind)) {
            return Err(hinted(
                objectives::not_built_in(kind),
                "a worker of your own offers your own objectives: see docs/how-to/objective.md",
            ));
        }
        match self.kinds.iter().find(|kind| objectives::is_own_code(kind)) {
            Some(kind) if !self.allow_commands && !self.worker.list_devices => Err(hinted(
                format!("`--kind {kind}` executes what studies name, which nobody has allowed"),
                "add --allow-commands if whoever can create a study may execute programs as this user",
            )),
            _ => Ok(()),
        }
    }

    /// Whether all trials are processes of their own, so that this one opens no device.
    fn trains_nothing(&self) -> bool {
        !self.kinds.is_empty() && self.kinds.iter().all(|kind| objectives::is_own_code(kind))
    }

    fn devices(&self) -> Arc<dyn Devices> {
        if self.trains_nothing() {
            return Arc::new(ProcessDevices::find());
        }
        objectives::devices()
    }

    fn offers(&self, objective: &Arc<dyn Objective>) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == objective.kind())
    }

    /// The objectives to offer. Trials of others never reach this worker.
    fn objectives(&self, devices: &Arc<dyn Devices>) -> anyhow::Result<Vec<Arc<dyn Objective>>> {
        if self.worker.list_devices {
            return Ok(Vec::new());
        }
        let mut offered = objectives::built_in();
        if self.allow_commands {
            // If there is no such device, the worker says so itself.
            let slots = self.worker.device.resolve(&**devices).unwrap_or_default();
            let named_by = if self.trains_nothing() { NamedBy::Driver } else { NamedBy::Framework };
            self.warn_of_idle_gpus(&slots);
            let gpus = GpuPool::new(&slots, self.worker.slots as usize, named_by);
            offered.extend(objectives::own_code(&gpus)?);
        }
        offered.retain(|objective| self.offers(objective));
        Ok(offered)
    }

    /// A build without libtorch sees no GPUs for its own objectives, but its trials' processes could have them.
    fn warn_of_idle_gpus(&self, slots: &[DeviceName]) {
        let chosen = self.trains_nothing() || self.worker.device != DeviceChoice::Auto;
        if chosen || slots.iter().any(|device| device.is_gpu()) {
            return;
        }
        if ProcessDevices::find().best().iter().any(|device| device.is_gpu()) {
            tracing::warn!(
                hint = "a worker with `--kind command --kind python` gives them to its trials",
                "no slot of this worker has a GPU, though this machine does"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: WorkArgs,
    }

    fn args(line: &str) -> WorkArgs {
        Line::parse_from(["worker"].into_iter().chain(line.split_whitespace())).args
    }

    /// The kinds that a worker offers.
    fn offered(line: &str) -> Vec<String> {
        let args = args(line);
        args.check().expect("valid arguments");
        let offered = args.objectives(&args.devices()).expect("objectives");
        offered.iter().map(|objective| objective.kind().to_owned()).collect()
    }

    #[test]
    fn a_worker_runs_no_commands_unless_that_is_allowed() {
        assert_eq!(offered(""), ["mnist_cnn"]);
        let error = args("--kind command").check().expect_err("not allowed").to_string();
        assert!(error.contains("`--kind command` executes what studies name"), "{error}");
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused() {
        let error = args("--kind comand").check().expect_err("unknown").to_string();
        assert!(
            error.contains("objective `comand` is not built in; did you mean `command`?"),
            "{error}"
        );
    }

    #[test]
    fn a_worker_of_processes_alone_opens_no_device() {
        assert!(args("--allow-commands --kind command --kind python").trains_nothing());
        for line in ["", "--allow-commands", "--allow-commands --kind command --kind mnist_cnn"] {
            assert!(!args(line).trains_nothing(), "{line}");
        }
    }
}
