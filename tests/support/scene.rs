//! Workers that each hold a trial, and a worker that waits to take over.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::{Coordinator, Folder, PATIENCE, Process, study_file, wire};

/// A study whose trials take longer than any test.
pub(crate) fn endless(name: &str, trials: u32) -> String {
    let study = study_file(name, trials).replace("train = 64", "train = 1000");
    study.replace("max_epochs = 3", "max_epochs = 100000\npatience = 100000")
}

pub(crate) struct Scene {
    study: String,
    channel: Channel,
    pub(crate) workers: Vec<Process>,
    /// The trial that each worker holds.
    held: Vec<v1::Trial>,
}

impl Scene {
    /// Starts workers on a new study with one trial each, and waits until each holds its trial.
    pub(crate) async fn new(
        coordinator: &Coordinator,
        folder: &Folder,
        study: &str,
        workers: u32,
        command: impl Fn(&str) -> Command,
    ) -> Self {
        let file = folder.write(&format!("{study}.toml"), endless(study, workers));
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
        let channel = wire::channel(coordinator.address());
        let id = |number| format!("{study}-{number}");
        let start = |number| Process::start(&mut command(&id(number)));
        let workers: Vec<_> = (0..workers).map(start).collect();
        let since = Instant::now();
        let held = loop {
            let trials = wire::trials(&channel, study).await.expect("its trials");
            let held = (0..workers.len() as u32).map(id);
            let held = held.map(|id| trials.iter().find(|trial| trial.worker == id).cloned());
            if let Some(held) = held.collect::<Option<Vec<_>>>() {
                break held;
            }
            assert!(since.elapsed() < PATIENCE, "somebody has no trial: {trials:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(held.iter().all(|trial| trial.attempt == 1), "{held:?}");
        Self { study: study.to_owned(), channel, workers, held }
    }

    /// Leases every worker's trial as soon as possible and finishes it. Returns when each was leased, by
    /// worker.
    pub(crate) fn heir(&self) -> JoinHandle<Vec<Instant>> {
        let held = self.held.clone();
        let request = v1::LeaseRequest {
            worker_id: format!("{}-heir", self.study),
            slots: 1,
            objectives: vec!["mnist_cnn".to_owned()],
            wait: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            ..Default::default()
        };
        let mut client = WorkerServiceClient::new(self.channel.clone());
        tokio::spawn(async move {
            let mut leased = vec![None; held.len()];
            while leased.contains(&None) {
                let answer = client.lease(request.clone()).await.expect("leased").into_inner();
                let now = Instant::now();
                for assignment in answer.assignments {
                    let claim = assignment.claim.expect("a claim");
                    let whose = held.iter().position(|trial| trial.number == claim.trial);
                    let whose = whose.expect("a trial of the scene's");
                    assert_eq!(assignment.params, held[whose].params, "the same parameters");
                    assert_eq!(claim.attempt, 2);
                    leased[whose] = Some(now);
                    let result = v1::Completed { values: vec![0.5] };
                    let result = Some(v1::finish_request::Result::Completed(result));
                    let attributes_json = HashMap::new();
                    let finish = v1::FinishRequest {
                        claim: Some(claim),
                        result,
                        attributes_json,
                        ..Default::default()
                    };
                    client.finish(finish).await.expect("finished");
                }
            }
            leased.into_iter().flatten().collect()
        })
    }
}

/// Stops the worker in the middle of one of the study's trials, and returns that trial.
pub(crate) async fn stop_while_it_trains(
    channel: &Channel,
    study: &str,
    process: &Process,
    worker: &str,
) -> v1::Trial {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "it never trains");
        if running(channel, study, worker).await.is_some() {
            process.signal("STOP");
            // Its last message may still be in transit.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Some(trial) = running(channel, study, worker).await {
                return trial;
            }
            process.signal("CONT");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The trial that the worker is running, if any.
async fn running(channel: &Channel, study: &str, worker: &str) -> Option<v1::Trial> {
    let trials = wire::trials(channel, study).await.expect("its trials");
    let is_its = |t: &v1::Trial| t.worker == worker && t.state() == TrialState::Running;
    trials.into_iter().find(is_its)
}

/// Waits until the study's trials satisfy `wanted`.
pub(crate) async fn wait_for<T>(
    channel: &Channel,
    study: &str,
    wanted: impl Fn(&[v1::Trial]) -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        let trials = wire::trials(channel, study).await.expect("its trials");
        if let Some(found) = wanted(&trials) {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "still {trials:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn is_over(trial: &v1::Trial) -> bool {
    !matches!(trial.state(), TrialState::Waiting | TrialState::Running)
}
