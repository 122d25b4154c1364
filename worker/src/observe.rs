//! A worker's Prometheus metrics. Dashboards depend on the names, so they do not change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::device::{DeviceName, Devices, Memory};
use crate::lease::End;

/// The interval between updates of the gauges.
const INTERVAL: Duration = Duration::from_secs(5);

const TRIALS: &str = "kindling_worker_trials_total";
const RUNNING: &str = "kindling_worker_trials_running";
const EPOCH: &str = "kindling_worker_epoch_seconds";
const MEMORY: &str = "kindling_worker_device_memory_bytes";

/// Registers the metrics' descriptions.
pub(crate) fn describe() {
    describe_counter!(TRIALS, "Trials that this worker ended, by how");
    describe_gauge!(RUNNING, "Trials that this worker trains");
    describe_histogram!(EPOCH, Unit::Seconds, "One step of a trial, from report to report");
    describe_gauge!(
        MEMORY,
        Unit::Bytes,
        "A GPU's memory: `allocated` to tensors, `reserved` for them by this worker"
    );
}

pub(crate) fn running(trials: usize) {
    gauge!(RUNNING).set(trials as f64);
}

pub(crate) fn ended(end: &End) {
    let state = match end {
        End::Complete(_) => "COMPLETE",
        End::Pruned => "PRUNED",
        End::Failed(_) => "FAIL",
    };
    counter!(TRIALS, "state" => state).increment(1);
}

pub(crate) fn step(since: Instant) {
    histogram!(EPOCH).record(since.elapsed());
}

/// Updates the gauges for running trials and GPU memory for as long as it is polled.
///
/// The exporter forgets a gauge that is not updated regularly.
pub(crate) async fn watch(
    names: Vec<DeviceName>,
    devices: Arc<dyn Devices>,
    trials: impl Fn() -> usize,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        running(trials());
        for device in &names {
            let Some(Memory { allocated, reserved }) = devices.memory(*device) else { continue };
            for (kind, bytes) in [("allocated", allocated), ("reserved", reserved)] {
                gauge!(MEMORY, "device" => device.to_string(), "kind" => kind).set(bytes as f64);
            }
        }
    }
}
