//! A client that makes the calls of a worker with one slot.

use std::collections::HashMap;
use std::sync::Arc;

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use kindling_proto::v1::finish_request::Result as WireResult;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tonic::Code;
use tonic::transport::Channel;

use super::Shared;
use super::check;
use super::journal::What;
use crate::support::wire;

/// How long a lease call waits for work.
const WAIT: prost_types::Duration = prost_types::Duration { seconds: 0, nanos: 200_000_000 };

struct Worker {
    shared: Arc<Shared>,
    id: String,
    client: WorkerServiceClient<Channel>,
    rng: StdRng,
}

pub(super) async fn work(shared: Arc<Shared>, number: u32, rng: StdRng) {
    let client = WorkerServiceClient::new(wire::channel(shared.address));
    let mut worker = Worker { shared, id: format!("w{number}"), client, rng };
    while !worker.shared.stop.is_cancelled() {
        if let Some(assignment) = worker.lease().await {
            // A repeated lease call must return the same trial.
            if worker.rng.random_ratio(1, 10) {
                assert_eq!(worker.lease().await.as_ref(), Some(&assignment));
            }
            worker.train(&assignment).await;
        }
    }
}

impl Worker {
    async fn lease(&mut self) -> Option<v1::Assignment> {
        let request = v1::LeaseRequest {
            worker_id: self.id.clone(),
            slots: 1,
            objectives: vec!["mnist_cnn".to_owned()],
            wait: Some(WAIT),
            ..Default::default()
        };
        let call = || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { client.lease(request).await }
        };
        let (leased, _) = self.shared.persist(call).await;
        let mut leased = leased.expect("a lease or none").assignments;
        assert!(leased.len() <= 1, "it has one slot: {leased:?}");
        let assignment = leased.pop()?;
        let claim = claim_of(&assignment);
        assert_eq!(claim.worker_id, self.id);
        let (attempt, params) = (claim.attempt, check::params(&assignment.params));
        let what = What::Leased { attempt, worker: self.id.clone(), params };
        self.note(&assignment, what).await;
        Some(assignment)
    }

    async fn train(&mut self, assignment: &v1::Assignment) {
        for step in 0..self.rng.random_range(0..4) {
            self.pause().await;
            self.report(assignment, step).await;
        }
        self.pause().await;
        let attributes = [("note".to_owned(), self.rng.random_range(0..1000).to_string())];
        match self.rng.random_range(0..10) {
            0 => self.release(assignment).await,
            1 => {
                let reason = format!("of {}", self.rng.random::<u64>());
                let failed = WireResult::Failed(v1::Failed { reason });
                self.finish(assignment, failed, attributes.into()).await;
                let failed = (assignment.study.clone(), claim_of(assignment).trial);
                self.shared.failed.lock().expect("no panic").push(failed);
            }
            2 => {
                let pruned = WireResult::Pruned(v1::Pruned {});
                self.finish(assignment, pruned, attributes.into()).await;
            }
            _ => {
                let values = vec![self.rng.random()];
                let completed = WireResult::Completed(v1::Completed { values });
                self.finish(assignment, completed, attributes.into()).await;
            }
        }
    }

    async fn report(&mut self, assignment: &v1::Assignment, step: u64) {
        let (claim, value) = (assignment.claim.clone(), self.rng.random());
        let request = v1::ReportRequest { claim, step, value, ..Default::default() };
        for _ in 0..=u32::from(self.rng.random_ratio(1, 10)) {
            let call = || {
                let (mut client, request) = (self.client.clone(), request.clone());
                async move { client.report(request).await }
            };
            let (taken, _) = self.shared.persist(call).await;
            assert_eq!(taken.expect("one's own trial").verdict(), v1::Verdict::Continue);
            let attempt = claim_of(assignment).attempt;
            self.note(assignment, What::Reported { attempt, step, value }).await;
        }
    }

    async fn finish(
        &mut self,
        assignment: &v1::Assignment,
        result: WireResult,
        attributes_json: HashMap<String, String>,
    ) {
        let outcome = outcome(&result, &attributes_json);
        let (claim, result) = (assignment.claim.clone(), Some(result));
        let mut request =
            v1::FinishRequest { claim, result, attributes_json, ..Default::default() };
        for _ in 0..=u32::from(self.rng.random_ratio(1, 10)) {
            let taken = self.call_finish(&request).await;
            taken.expect("one's own trial, and each time the same");
            let attempt = claim_of(assignment).attempt;
            self.note(assignment, What::Finished { attempt, outcome: outcome.clone() }).await;
        }
        if self.rng.random_ratio(1, 10) {
            request.attributes_json.insert("note".to_owned(), "\"another\"".to_owned());
            let refused = self.call_finish(&request).await.expect_err("it has a result");
            assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
        }
    }

    async fn call_finish(&self, request: &v1::FinishRequest) -> Result<(), tonic::Status> {
        let call = || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { client.finish(request).await }
        };
        self.shared.persist(call).await.0.map(|_| ())
    }

    async fn release(&mut self, assignment: &v1::Assignment) {
        let request = v1::ReleaseRequest { claim: assignment.claim.clone(), ..Default::default() };
        let call = || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { client.release(request).await }
        };
        match self.shared.persist(call).await {
            (Ok(_), _) => {
                let attempt = claim_of(assignment).attempt;
                self.note(assignment, What::Released { attempt }).await;
            }
            // An earlier try was accepted, and the trial has since been leased to somebody else.
            (Err(status), 2..) if status.code() == Code::FailedPrecondition => {}
            (Err(status), _) => panic!("{status}"),
        }
    }

    async fn note(&self, assignment: &v1::Assignment, what: What) {
        self.shared.note(&assignment.study, claim_of(assignment).trial, what).await;
    }

    async fn pause(&mut self) {
        self.shared.clone().pause(&mut self.rng).await;
    }
}

fn claim_of(assignment: &v1::Assignment) -> &v1::Claim {
    assignment.claim.as_ref().expect("a claim")
}

/// The result, as the trial will show it.
fn outcome(result: &WireResult, attributes: &HashMap<String, String>) -> String {
    match result {
        WireResult::Completed(v1::Completed { values }) => {
            check::outcome(TrialState::Complete, values, "", attributes)
        }
        WireResult::Pruned(_) => check::outcome(TrialState::Pruned, &[], "", attributes),
        WireResult::Failed(v1::Failed { reason }) => {
            check::outcome(TrialState::Fail, &[], reason, attributes)
        }
    }
}
