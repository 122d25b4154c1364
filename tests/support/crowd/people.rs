//! Clients that create studies, enqueue trials and retry failed ones.

use std::sync::Arc;
use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use rand::rngs::StdRng;
use tonic::Code;

use super::journal::What;
use super::{Shared, spec};
use crate::support::wire;

/// Creates a study, and another one whenever it is finished.
pub(super) async fn plan(shared: Arc<Shared>) {
    let client = StudyServiceClient::new(wire::channel(shared.address));
    for number in 0.. {
        let name = format!("s{number}");
        let request = v1::CreateStudyRequest { spec: Some(spec(&name, shared.size.trials)) };
        let create = || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.create_study(request).await }
        };
        shared.persist(create).await.0.expect("created");
        shared.newest.send_replace(Some(name.clone()));
        loop {
            tokio::select! {
                () = shared.no_more.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            let get = || {
                let (mut client, name) = (client.clone(), name.clone());
                async move { client.get_study(v1::GetStudyRequest { name }).await }
            };
            let (study, _) = wire::persist(get).await;
            if study.expect("it is there").study.is_some_and(|study| study.finished) {
                break;
            }
        }
    }
}

/// Adds trials to the newest study, each with a different learning rate.
pub(super) async fn enqueue(shared: Arc<Shared>, mut rng: StdRng) {
    let client = TrialServiceClient::new(wire::channel(shared.address));
    for number in 0..90_000_u32 {
        shared.pause(&mut rng).await;
        let Some(study) = newest(&shared).await else { return };
        let learning_rate = 0.0005 + f64::from(number) * 1e-7;
        let value = Some(v1::Value { kind: Some(v1::value::Kind::Float(learning_rate)) });
        let request = v1::EnqueueTrialRequest {
            study: study.clone(),
            params: vec![v1::NamedValue { name: "learning_rate".to_owned(), value }],
            request_id: format!("enqueue-{number}"),
            warm_start: None,
        };
        let call = || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.enqueue_trial(request).await }
        };
        match shared.persist(call).await.0 {
            Ok(response) => {
                let trial = response.trial.expect("a trial").number;
                let what = What::Enqueued { request: request.request_id, learning_rate };
                shared.note(&study, trial, what).await;
            }
            // The study's budget is used up.
            Err(status) => {
                assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        // Leave enough trials to the sampler.
        tokio::time::sleep(shared.size.pause * 2).await;
    }
}

/// Retries failed trials.
pub(super) async fn retry(shared: Arc<Shared>, mut rng: StdRng) {
    let client = TrialServiceClient::new(wire::channel(shared.address));
    while !shared.no_more.is_cancelled() {
        shared.pause(&mut rng).await;
        let Some((study, failed)) = shared.failed.lock().expect("no panic").pop() else { continue };
        let request_id = format!("retry-{failed}");
        let request = v1::RetryTrialRequest { study: study.clone(), number: failed, request_id };
        let call = || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.retry_trial(request).await }
        };
        let response = shared.persist(call).await.0.expect("it failed");
        let trial = response.trial.expect("a trial").number;
        shared.note(&study, trial, What::Retried { request: request.request_id, failed }).await;
    }
}

/// The newest study, once there is one; `None` once nothing more should be added.
async fn newest(shared: &Shared) -> Option<String> {
    let mut newest = shared.newest.subscribe();
    tokio::select! {
        newest = newest.wait_for(Option::is_some) => newest.expect("it is there").clone(),
        () = shared.no_more.cancelled() => None,
    }
    .filter(|_| !shared.no_more.is_cancelled())
}
