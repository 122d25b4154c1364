//! Memory use with large results in a real process: while they arrive, and after a restart.

mod support;

use std::time::Duration;

use kindling_proto::v1::finish_request::Result as End;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use kindling_proto::v1::worker_service_client::WorkerServiceClient;
use kindling_proto::{limits, v1};
use support::{Coordinator, Folder, crowd, wire};

/// The memory allowed on top of the program itself, which with libtorch maps some 200 MiB at its start. Both
/// fit into a container of 512 MiB.
const MOST: u64 = 200 << 20;
const RESULTS: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn large_results_take_little_memory_and_no_more_after_a_restart() {
    let folder = Folder::new();
    let start = || {
        let term = Duration::from_secs(30);
        Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term)
    };
    let mut coordinator = start();
    let program = peak(&mut coordinator);
    let channel = wire::channel(coordinator.address());
    let create = v1::CreateStudyRequest { spec: Some(crowd::spec("s", RESULTS)) };
    StudyServiceClient::new(channel.clone()).create_study(create).await.expect("created");
    let mut client = WorkerServiceClient::new(channel);
    let lease = v1::LeaseRequest {
        worker_id: "w".to_owned(),
        slots: RESULTS,
        objectives: vec!["mnist_cnn".to_owned()],
        ..Default::default()
    };
    let leased = client.lease(lease).await.expect("leased").into_inner().assignments;
    assert_eq!(leased.len(), RESULTS as usize);
    // Parsed, this takes a hundred times as much memory.
    let items = r#"{"":1},"#.repeat(limits::ATTRIBUTE / 8);
    let text = format!("[{}]", items.trim_end_matches(','));
    let attribute = |number: usize| (format!("a{number}"), text.clone());
    let count = limits::ATTRIBUTES_IN_ALL / limits::ATTRIBUTE;
    let results = leased.into_iter().map(|assignment| {
        let client = client.clone();
        let finish = v1::FinishRequest {
            claim: assignment.claim,
            result: Some(End::Completed(v1::Completed { values: vec![0.5] })),
            attributes_json: (0..count).map(attribute).collect(),
            ..Default::default()
        };
        // All at once.
        tokio::spawn(async move {
            let call = || {
                let (mut client, finish) = (client.clone(), finish.clone());
                async move { client.finish(finish).await }
            };
            wire::persist(call).await.0
        })
    });
    for result in results.collect::<Vec<_>>() {
        result.await.expect("no panic").expect("finished");
    }
    for _ in 0..2 {
        assert_small(&mut coordinator, program);
        coordinator.process().kill();
        coordinator = start();
    }
    assert_small(&mut coordinator, program);
    let trials = wire::trials(&wire::channel(coordinator.address()), "s").await.expect("listed");
    assert!(trials.iter().all(|trial| trial.attributes_json.len() == count && trial.left_out == 0));
}

fn assert_small(coordinator: &mut Coordinator, program: u64) {
    let results = peak(coordinator).saturating_sub(program);
    assert!(
        results < MOST,
        "{} MiB at most beside {} of the program",
        results >> 20,
        program >> 20
    );
}

/// The peak memory use so far, in bytes.
fn peak(coordinator: &mut Coordinator) -> u64 {
    let status = format!("/proc/{}/status", coordinator.process().child().id());
    let status = std::fs::read_to_string(status).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    kib << 10
}
