//! The services as a third-party client sees them: health, reflection, and a list of all calls.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_proto::v1::{self, study_service_client::StudyServiceClient};
use support::{Coordinator, Folder, Process, kindling, study_file};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::test]
async fn health_and_reflection_need_nothing_at_hand() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let mut health = HealthClient::new(channel(&coordinator).await);
    for service in [
        "",
        "kindling.v1.ArtifactService",
        "kindling.v1.StudyService",
        "kindling.v1.TrialService",
        "kindling.v1.WorkerService",
    ] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.expect("answers").into_inner().status;
        assert_eq!(status, 1, "{service:?} is SERVING");
    }
    let mut reflection = ServerReflectionClient::new(channel(&coordinator).await);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers =
        reflection.server_reflection_info(tokio_stream::once(ask)).await.expect("answers");
    let answer = answers.into_inner().next().await.expect("one").expect("good");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.iter().map(|s| s.name.as_str()).collect();
    for name in ["ArtifactService", "StudyService", "TrialService", "WorkerService"] {
        assert!(names.contains(&format!("kindling.v1.{name}").as_str()), "{names:?}");
    }
}

#[tokio::test]
async fn older_clients_find_the_services_too() {
    use tonic_reflection::pb::v1alpha;

    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let channel = channel(&coordinator).await;
    let mut reflection = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let symbol = "kindling.v1.StudyService".to_owned();
    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol),
        ),
    };
    let answers = reflection.server_reflection_info(tokio_stream::once(ask)).await;
    let answer = answers.expect("answers").into_inner().next().await.expect("one").expect("good");
    let found = v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse;
    assert!(
        answer.message_response.is_some_and(|m| std::mem::discriminant(&m)
            == std::mem::discriminant(&found(v1alpha::FileDescriptorResponse::default()))),
        "its description"
    );
}

async fn channel(coordinator: &Coordinator) -> Channel {
    let endpoint = Endpoint::from_shared(coordinator.url()).expect("an address");
    endpoint.connect().await.expect("connects")
}

/// Leases the study's next trial to the worker.
async fn lease(client: &mut WorkerServiceClient<Channel>, worker: &str) -> v1::Assignment {
    let request = v1::LeaseRequest {
        worker_id: worker.to_owned(),
        slots: 1,
        objectives: vec!["mnist_cnn".to_owned()],
        ..Default::default()
    };
    let response = client.lease(request).await.expect("leased").into_inner();
    response.assignments.into_iter().next().expect("one trial")
}

#[tokio::test]
async fn a_zombie_cannot_write_and_repeats_are_answered_alike() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 2));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut client = WorkerServiceClient::connect(coordinator.url()).await.expect("connects");

    let first = lease(&mut client, "w1").await;
    assert_eq!(lease(&mut client, "w1").await, first, "asking again gives one's own trial again");
    let claim = first.claim.clone();
    let report =
        |value| v1::ReportRequest { claim: claim.clone(), step: 0, value, ..Default::default() };
    for _ in 0..2 {
        let verdict = client.report(report(0.5)).await.expect("taken").into_inner().verdict();
        assert_eq!(verdict, v1::Verdict::Continue);
    }
    let conflict = client.report(report(0.6)).await.expect_err("another payload");
    assert_eq!(conflict.code(), Code::AlreadyExists);

    client
        .release(v1::ReleaseRequest { claim: claim.clone(), ..Default::default() })
        .await
        .expect("released");
    let second = lease(&mut client, "w2").await;
    assert_eq!(second.params, first.params, "the same trial with the same parameters");
    assert_eq!(second.claim.as_ref().map(|c| c.attempt), Some(2));
    let before = coordinator.trials("s");
    let finish = |claim: &Option<v1::Claim>, value| v1::FinishRequest {
        claim: claim.clone(),
        result: Some(v1::finish_request::Result::Completed(v1::Completed { values: vec![value] })),
        attributes_json: HashMap::new(),
        ..Default::default()
    };
    let zombie = client.report(report(0.7)).await.expect_err("an old attempt");
    assert_eq!(zombie.code(), Code::FailedPrecondition);
    let zombie = client.finish(finish(&first.claim, 0.9)).await.expect_err("an old attempt");
    assert_eq!(zombie.code(), Code::FailedPrecondition);
    assert_eq!(coordinator.trials("s"), before, "state unchanged");

    for _ in 0..2 {
        client.finish(finish(&second.claim, 0.8)).await.expect("the same answer each time");
    }
    let other = client.finish(finish(&second.claim, 0.9)).await.expect_err("another payload");
    assert_eq!(other.code(), Code::AlreadyExists);

    // NaN fails the trial, with a reason.
    let third = lease(&mut client, "w3").await;
    client.finish(finish(&third.claim, f64::NAN)).await.expect("taken");
    let failed = coordinator.ask_json(&["trial", "show", "s", "1"]);
    assert_eq!(failed["state"], "FAIL");
    assert_eq!(failed["fail_reason"], "the objective value is NaN");
    let retried = coordinator.ask_json(&["trial", "retry", "s", "1"]);
    assert_eq!(retried["number"], 2);
    assert_eq!(retried["params"], failed["params"]);
}

#[tokio::test]
async fn a_claim_that_somebody_made_up_changes_nothing_and_learns_nothing() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 2));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut client = WorkerServiceClient::connect(coordinator.url()).await.expect("connects");
    let completed =
        |value| v1::finish_request::Result::Completed(v1::Completed { values: vec![value] });
    let finish = |claim: &v1::Claim, value| v1::FinishRequest {
        claim: Some(claim.clone()),
        result: Some(completed(value)),
        attributes_json: HashMap::new(),
        ..Default::default()
    };
    let finished = lease(&mut client, "victim").await.claim.expect("a claim");
    client.finish(finish(&finished, 0.5)).await.expect("its own");
    // Like a worker, which includes its process's session.
    let ask = v1::LeaseRequest {
        worker_id: "victim".to_owned(),
        slots: 1,
        objectives: vec!["mnist_cnn".to_owned()],
        session: 7,
        ..Default::default()
    };
    let mut leased = client.lease(ask.clone()).await.expect("leased").into_inner().assignments;
    let running = leased.remove(0).claim.expect("a claim");
    let before = coordinator.trials("s");

    for own in [&finished, &running] {
        // Everything that a client can read about a trial, with guesses for the mark.
        for mark in [vec![], vec![0; 16], finished.history.clone()] {
            let forged = v1::Claim { mark, ..own.clone() };
            let report = v1::ReportRequest {
                claim: Some(forged.clone()),
                step: 0,
                value: f64::NAN,
                ..Default::default()
            };
            let release = v1::ReleaseRequest { claim: Some(forged.clone()), ..Default::default() };
            let refused = [
                client.report(report).await.map(drop),
                client.finish(finish(&forged, 0.9)).await.map(drop),
                client.finish(finish(&forged, 0.5)).await.map(drop),
                client.release(release).await.map(drop),
            ];
            for refused in refused {
                let status = refused.expect_err("made up");
                assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
                assert!(!status.message().contains("victim"), "{status}");
                let told = [status.message().as_bytes(), status.details()].concat();
                let tells = |mark: &[u8]| told.windows(mark.len()).any(|w| w == mark);
                assert!(!tells(&own.mark), "{status}");
            }
        }
    }
    // Requesting work in the holder's name does not reveal the mark either.
    let told = client
        .lease(v1::LeaseRequest { session: 0, ..ask })
        .await
        .expect("answered")
        .into_inner()
        .assignments;
    assert_eq!(told, []);
    assert_eq!(coordinator.trials("s"), before, "nothing changed");
    client.finish(finish(&running, 0.75)).await.expect("its own");
    client.finish(finish(&running, 0.75)).await.expect("once more");
    assert_eq!(coordinator.ask_json(&["trial", "show", "s", "1"])["values"][0], 0.75);
}

#[tokio::test]
async fn trials_with_large_attributes_come_in_messages_that_every_client_takes() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 100));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut client = WorkerServiceClient::connect(coordinator.url()).await.expect("connects");
    // Six megabytes, but a client accepts four.
    let large = format!("{:?}", "x".repeat(60_000));
    for _ in 0..100 {
        let claim = lease(&mut client, "w").await.claim;
        let completed = v1::Completed { values: vec![0.5] };
        let result = Some(v1::finish_request::Result::Completed(completed));
        let attributes_json = [("large".to_owned(), large.clone())].into();
        let finish = v1::FinishRequest { claim, result, attributes_json, ..Default::default() };
        client.finish(finish).await.expect("taken");
    }
    let channel = channel(&coordinator).await;
    let trials = support::wire::trials(&channel, "s").await.expect("page by page");
    assert_eq!(trials.len(), 100);
    assert!(trials.iter().enumerate().all(|(i, trial)| trial.number as usize == i));

    let request = v1::WatchStudyRequest { name: "s".to_owned() };
    let watch = StudyServiceClient::new(channel).watch_study(request).await;
    let mut updates = watch.expect("watches").into_inner();
    let mut told = BTreeSet::new();
    while told.len() < 100 {
        let update = updates.message().await.expect("taken").expect("a message");
        assert!(!update.changed.is_empty(), "the rest follows at once");
        told.extend(update.changed.iter().map(|trial| trial.number));
    }
}

#[tokio::test]
async fn nonsense_gets_a_typed_status() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let mut workers = WorkerServiceClient::connect(coordinator.url()).await.expect("connects");
    let mut studies = StudyServiceClient::connect(coordinator.url()).await.expect("connects");
    let status = workers.report(v1::ReportRequest::default()).await.expect_err("no claim");
    assert_eq!(status.code(), Code::InvalidArgument);
    let claim = v1::Claim { study_id: 1, worker_id: "w".to_owned(), ..Default::default() };
    let report =
        v1::ReportRequest { claim: Some(claim), step: 0, value: 0.0, ..Default::default() };
    let status = workers.report(report).await.expect_err("no such study");
    assert_eq!(status.code(), Code::NotFound);
    let status =
        studies.create_study(v1::CreateStudyRequest::default()).await.expect_err("no spec");
    assert_eq!(status.code(), Code::InvalidArgument);
    let huge = v1::StudySpec { name: "x".repeat(5_000_000), ..Default::default() };
    let status = studies.create_study(v1::CreateStudyRequest { spec: Some(huge) }).await;
    let code = status.expect_err("oversize").code();
    assert!(matches!(code, Code::OutOfRange | Code::ResourceExhausted), "{code:?}");
    assert_eq!(coordinator.ask_json(&["study", "list"]), serde_json::json!([]));
}

#[test]
fn watching_a_study_succeeds_only_once_it_is_finished() {
    let folder = Folder::new();
    let mut coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 2));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    let mut command = kindling(&["study", "watch", "s", "--json", "--coordinator", &url]);
    let mut watching = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut first = String::new();
    let mut updates = BufReader::new(watching.child().stdout.take().expect("piped"));
    updates.read_line(&mut first).expect("an update");
    coordinator.process().signal("TERM");
    assert!(!watching.wait(), "nothing was finished");
    let mut said = String::new();
    watching.child().stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
    assert!(said.contains("before `s` was finished") && said.contains("hint: "), "{said}");
}
