//! A device fails during a trial: the consequences for the trial, the worker and the study.

mod support;

use std::sync::Arc;
use std::time::Duration;

use kindling_burn::BurnDevices;
use kindling_client::ConnectArgs;
use kindling_worker::{
    Completion, DeviceChoice, DeviceName, Objective, Trial, TrialError, WorkerError, WorkerOptions,
};
use serde_json::Value;
use support::{Coordinator, Folder, count};
use tokio_util::sync::CancellationToken;

/// An objective that provokes a device fault in one trial and succeeds in all others.
struct Fragile {
    at: f64,
    fault: fn(&Trial<'_>),
}

impl Objective for Fragile {
    fn kind(&self) -> &'static str {
        "fragile"
    }

    fn run(&self, trial: &mut Trial<'_>) -> Result<Completion, TrialError> {
        let x = trial.float("x")?;
        if (x - self.at).abs() < f64::EPSILON {
            (self.fault)(trial);
        }
        Ok(Completion::new(x))
    }
}

/// A study of four trials; the first has x = 1, the others are sampled.
fn study(folder: &Folder, coordinator: &Coordinator) {
    let file = folder.write(
        "s.toml",
        r#"
name = "s"
direction = "minimize"
trials = 4
seed = 1

[objective]
kind = "fragile"

[space.x]
type = "float"
low = 0.0
high = 1.0
"#,
    );
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    coordinator.ask(&["trial", "enqueue", "s", "x=1"]);
}

/// Runs a worker in this process until the study is finished or the worker ends on its own.
fn work(folder: &Folder, coordinator: &Coordinator, objective: Fragile) -> Result<(), WorkerError> {
    let device = if cfg!(feature = "tch") { DeviceName::Cpu } else { DeviceName::Flex };
    let options = WorkerOptions {
        connect: ConnectArgs::plain(coordinator.url()),
        id: None,
        devices: DeviceChoice::from(device),
        slots: 1,
        threads: 1,
        data_dir: None,
        grace: Duration::from_secs(1),
        spool: Some(folder.path("spool")),
        artifacts: None,
        sets_aside: false,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stop = CancellationToken::new();
    let worker = runtime.spawn(kindling_worker::work(
        options,
        Arc::new(BurnDevices),
        vec![Arc::new(objective)],
        stop.clone(),
    ));
    let finished = || {
        let study: Value =
            serde_json::from_str(&coordinator.ask(&["study", "show", "s", "--json"]))
                .expect("JSON");
        study["state"] == "FINISHED"
    };
    while !worker.is_finished() && !finished() {
        std::thread::sleep(Duration::from_millis(50));
    }
    stop.cancel();
    runtime.block_on(worker).expect("no panic")
}

fn trial(coordinator: &Coordinator, number: &str) -> Value {
    let text = coordinator.ask(&["trial", "show", "s", number, "--json"]);
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_trial_too_large_for_the_memory_fails_and_its_worker_goes_on() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    study(&folder, &coordinator);
    work(&folder, &coordinator, Fragile { at: 1.0, fault: exhaust }).expect("the worker goes on");

    let failed = trial(&coordinator, "0");
    assert_eq!(failed["state"], "FAIL", "{failed}");
    let reason = failed["fail_reason"].as_str().expect("a reason");
    assert!(reason.contains("allocate") && reason.contains("hint: "), "{reason}");
    assert!(!reason.contains("frame #"), "libtorch's own stack is no reason: {reason}");
    let study = coordinator.wait_until_finished("s");
    assert_eq!(count(&study, "complete"), 3, "{study}");
}

/// Allocates a petabyte with libtorch.
#[cfg(feature = "tch")]
fn exhaust(trial: &Trial<'_>) {
    let device = kindling_burn::device(trial.device()).expect("open");
    let tensor = burn::tensor::Tensor::<1>::zeros([1_usize << 48], &device);
    panic!("a petabyte was there: {:?}", tensor.dims());
}

/// flex aborts the process when memory runs out, so this panics with libtorch's message.
#[cfg(not(feature = "tch"))]
fn exhaust(_: &Trial<'_>) {
    panic!(
        "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried to allocate 1 PiB\\nframe #0\")"
    );
}

// No GPU can be broken on demand, so these panic with libtorch's messages.

#[test]
fn a_lost_device_ends_its_worker_and_another_gets_the_trial() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    study(&folder, &coordinator);
    let lost =
        |_: &Trial<'_>| panic!("Torch(\"CUDA error: unspecified launch failure\\nframe #0\")");
    let ended = work(&folder, &coordinator, Fragile { at: 1.0, fault: lost });
    let Err(WorkerError::DeviceLost { reason }) = ended else { panic!("{ended:?}") };
    assert_eq!(reason, "CUDA error: unspecified launch failure");

    work(&folder, &coordinator, Fragile { at: 2.0, fault: lost })
        .expect("this one's device is well");
    let again = trial(&coordinator, "0");
    assert_eq!((&again["state"], &again["attempt"]), (&"COMPLETE".into(), &2.into()), "{again}");
    let study = coordinator.wait_until_finished("s");
    assert_eq!(count(&study, "complete"), 4, "{study}");
}

#[test]
fn a_trial_that_breaks_its_device_fails_and_breaks_no_other_workers() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    study(&folder, &coordinator);
    let assert = |_: &Trial<'_>| {
        panic!("Torch(\"CUDA error: device-side assert triggered\\nCUDA kernel errors might be\")")
    };
    let ended = work(&folder, &coordinator, Fragile { at: 1.0, fault: assert });
    assert!(matches!(ended, Err(WorkerError::Broken { .. })), "{ended:?}");
    let failed = trial(&coordinator, "0");
    assert_eq!(failed["state"], "FAIL");
    assert_eq!(failed["fail_reason"], "CUDA error: device-side assert triggered");

    work(&folder, &coordinator, Fragile { at: 1.0, fault: assert })
        .expect("the trial is not tried again");
    let study = coordinator.wait_until_finished("s");
    assert_eq!(count(&study, "complete"), 3, "{study}");
}
