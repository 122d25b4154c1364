//! A worker, as the page shows it.

use kindling_proto::v1;
use serde::Serialize;

use super::time::seconds;

/// A worker, as known to the coordinator.
#[derive(Debug, Clone, Serialize)]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// The machine.
    pub host: String,
    /// Its devices, for example flex or cuda:0.
    pub device: String,
    /// How many trials it trains at a time.
    pub slots: u32,
    /// Whether it is connected.
    pub connected: bool,
    /// Seconds since the last message from it.
    pub silent_seconds: f64,
    /// The trials of this study that it trains.
    pub running: Vec<Running>,
}

/// A trial that a worker trains.
#[derive(Debug, Clone, Serialize)]
pub struct Running {
    /// The trial.
    pub number: u32,
    /// The attempt at the trial.
    pub attempt: u32,
    /// The step of its newest intermediate value.
    pub step: Option<u64>,
    /// The newest intermediate value.
    pub value: Option<f64>,
}

impl Worker {
    /// Converts a wire message for the page of `study`. Other studies' trials are left out.
    pub fn new(worker: &v1::Worker, study: &str) -> Self {
        let running = worker.trials.iter().filter(|trial| trial.study == study);
        Self {
            id: worker.id.clone(),
            host: worker.host.clone(),
            device: worker.device.clone(),
            slots: worker.slots,
            connected: worker.connected,
            silent_seconds: worker.silent.map_or(0.0, seconds),
            running: running.map(Running::new).collect(),
        }
    }
}

impl Running {
    fn new(trial: &v1::RunningTrial) -> Self {
        Self {
            number: trial.number,
            attempt: trial.attempt,
            step: trial.newest.as_ref().map(|newest| newest.step),
            value: trial.newest.as_ref().map(|newest| newest.value).filter(|x| x.is_finite()),
        }
    }
}
