//! A worker as the page shows it.

use kindling_proto::v1;
use serde::Serialize;

use super::time::seconds;

/// A worker as the coordinator knows it.
#[derive(Debug, Clone, Serialize)]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// The machine.
    pub host: String,
    /// Such as flex or cuda:0.
    pub device: String,
    /// How many trials it trains at a time.
    pub slots: u32,
    /// Whether its connection stands.
    pub connected: bool,
    /// Since it was last heard of.
    pub silent_seconds: f64,
    /// What it trains of this study.
    pub running: Vec<Running>,
}

/// A trial that a worker trains.
#[derive(Debug, Clone, Serialize)]
pub struct Running {
    /// The trial.
    pub number: u32,
    /// Which lease of it.
    pub attempt: u32,
    /// The step of its newest intermediate value.
    pub step: Option<u64>,
    /// The newest intermediate value.
    pub value: Option<f64>,
}

impl Worker {
    /// As the page of `study` shows it: other studies' trials are left out.
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
            step: trial.newest.map(|newest| newest.step),
            value: trial.newest.map(|newest| newest.value).filter(|x| x.is_finite()),
        }
    }
}
