//! Far more calls than the coordinator can handle: a worker that sends heartbeats keeps its trial.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::trial_service_client::TrialServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use support::proofs::proofs;
use support::scene::Scene;
use support::{Coordinator, Folder, PATIENCE, crowd, wire};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// The load, as a multiple of the capacity.
const TIMES: f64 = 10.0;
/// This many callers, each waiting for its answer before the next call, keep it fully busy.
const BUSY: usize = 32;
/// A caller without an answer by then gives up.
const GIVES_UP: Duration = Duration::from_secs(3);
/// Concurrent calls: more than the coordinator queues.
const UNDER_WAY: usize = 20_000;

/// What happened to the calls.
#[derive(Default)]
struct Calls {
    made: AtomicU64,
    answered: AtomicU64,
    shed: AtomicU64,
    unanswered: AtomicU64,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lease_ends_by_an_overload() {
    let (workers, seconds) = proofs((2, 5), (4, 60));
    let folder = Folder::new();
    let term = Duration::from_secs(3);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let address = coordinator.address().to_owned();
    let command = |id: &str| coordinator.worker_command(id, &[]);
    let _scene = Scene::new(&coordinator, &folder, "s", workers, command).await;
    fill(&wire::channel(&address), 500).await;

    let channels: Vec<_> = (0..100).map(|_| wire::channel(&address)).collect();
    let capacity = capacity(&channels).await;
    let calls = Arc::new(Calls::default());
    let (start, mut calling) = (Instant::now(), JoinSet::new());
    while start.elapsed() < Duration::from_secs(seconds) {
        let due = (start.elapsed().as_secs_f64() * capacity * TIMES) as u64;
        for number in calls.made.load(Ordering::Relaxed)..due {
            if calling.len() >= UNDER_WAY {
                break;
            }
            let channel = channels[number as usize % channels.len()].clone();
            let calls = calls.clone();
            calls.made.fetch_add(1, Ordering::Relaxed);
            calling.spawn(async move {
                match tokio::time::timeout(GIVES_UP, call(channel, number)).await {
                    Ok(Ok(())) => calls.answered.fetch_add(1, Ordering::Relaxed),
                    Ok(Err(status)) if status.code() == Code::ResourceExhausted => {
                        calls.shed.fetch_add(1, Ordering::Relaxed)
                    }
                    // A caller that gives up too often, or is too busy to answer a ping, is disconnected.
                    Ok(Err(_)) | Err(_) => calls.unanswered.fetch_add(1, Ordering::Relaxed),
                };
            });
        }
        while let Some(ended) = calling.try_join_next() {
            ended.expect("no panic");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let elapsed = start.elapsed().as_secs_f64();
    drop((calling, channels));
    let channel = wire::channel(&address);
    // The test's own reads may still be rejected.
    let trials = loop {
        match wire::trials(&channel, "s").await {
            Ok(trials) => break trials,
            Err(status) => assert!(start.elapsed() < PATIENCE, "{status}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    for trial in &trials {
        let holds = trial.state() == TrialState::Running && trial.attempt == 1;
        assert!(holds, "its worker lives, and says so: {trial:?}");
    }
    assert!(!coordinator.log().contains("lease expired"));
    // On a fast build most of the crowd is let down before it can be turned away.
    let refused = calls.shed.load(Ordering::Relaxed) + calls.unanswered.load(Ordering::Relaxed);
    assert!(refused > 0, "everybody was answered: no overload");
    let rate = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / elapsed;
    eprintln!(
        "overload: it takes {capacity:.0} calls/s, was asked {:.0}, answered {:.0} and shed {:.0}, and let {:.0} down; of {} leases \
         0 ended",
        rate(&calls.made),
        rate(&calls.answered),
        rate(&calls.shed),
        rate(&calls.unanswered),
        trials.len()
    );
}

/// A study `h` with `trials` finished trials, so that there is something to read.
async fn fill(channel: &Channel, trials: u32) {
    let request = v1::CreateStudyRequest { spec: Some(crowd::spec("h", trials)) };
    StudyServiceClient::new(channel.clone()).create_study(request).await.expect("created");
    let mut client = WorkerServiceClient::new(channel.clone());
    loop {
        let request = v1::LeaseRequest {
            worker_id: "filler".to_owned(),
            slots: 500,
            objectives: vec!["mnist_cnn".to_owned()],
            ..Default::default()
        };
        let leased = client.lease(request).await.expect("leased").into_inner().assignments;
        if leased.is_empty() {
            return;
        }
        for assignment in leased {
            let completed = v1::Completed { values: vec![0.5] };
            let finish = v1::FinishRequest {
                claim: assignment.claim,
                result: Some(v1::finish_request::Result::Completed(completed)),
                attributes_json: HashMap::new(),
                ..Default::default()
            };
            client.finish(finish).await.expect("finished");
        }
    }
}

/// Calls answered per second when callers ask without pause.
async fn capacity(channels: &[Channel]) -> f64 {
    let (start, length) = (Instant::now(), Duration::from_secs(2));
    let answered = Arc::new(AtomicU64::default());
    let mut callers = JoinSet::new();
    for channel in channels.iter().take(BUSY) {
        let (channel, answered) = (channel.clone(), answered.clone());
        callers.spawn(async move {
            while start.elapsed() < length {
                let number = answered.fetch_add(1, Ordering::Relaxed);
                call(channel.clone(), number).await.expect("answered");
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.expect("no panic");
    }
    answered.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// A typical call: a page of trials, an idle worker's lease request, or a zombie's report.
async fn call(channel: Channel, number: u64) -> Result<(), Status> {
    let mut client = WorkerServiceClient::new(channel.clone());
    match number % 3 {
        0 => {
            let study = "h".to_owned();
            let request = v1::ListTrialsRequest { study, page_size: 1000, ..Default::default() };
            TrialServiceClient::new(channel).list_trials(request).await.map(|_| ())
        }
        1 => {
            let worker_id = format!("idle-{}", number % 100);
            let request = v1::LeaseRequest { worker_id, slots: 1, ..Default::default() };
            client.lease(request).await.map(|_| ())
        }
        _ => {
            let worker_id = "zombie".to_owned();
            let claim =
                Some(v1::Claim { study_id: 1, attempt: 99, worker_id, ..Default::default() });
            let report = v1::ReportRequest { claim, step: 0, value: 0.5, ..Default::default() };
            let refused = client.report(report).await.expect_err("a zombie");
            if refused.code() == Code::FailedPrecondition { Ok(()) } else { Err(refused) }
        }
    }
}
