//! A full disk, and one that fails to sync: the coordinator reports it, and keeps what it acknowledged.

mod support;

use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use support::address::lasting_address;
use support::crowd::{self, Crowd, Journal, Size};
use support::disk::SmallDisk;
use support::proofs::{Seed, proofs};
use support::shim::Shim;
use support::{Coordinator, Folder, PATIENCE, kindling, quiet, wire};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

const SIZE: Size = Size { workers: 8, trials: 100, pause: Duration::from_millis(5) };

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_it_read_only_until_there_is_room() {
    let Some(mut disk) = SmallDisk::new("24m") else { return };
    let seed = Seed::new();
    let folder = Folder::new();
    let (store, address) = (SmallDisk::path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", "86400"];
    let mut coordinator = Coordinator::start_command(&mut quiet(disk.kindling(&args)));
    let channel = wire::channel(address);
    let mut crowd = Crowd::start(address, Journal::new(&folder.path("journal")), &seed, SIZE);
    let times = proofs(3, 30);
    for time in 0..times {
        crowd.go_on(100).await;
        disk.fill();
        wait_for(&channel, ServingStatus::NotServing).await;
        let refused = refusal(&channel).await;
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        assert!(refused.message().contains("disk is full"), "{refused}");
        // Reads continue and show everything acknowledged.
        crowd.audit_again().await;
        // A small write may still have fitted; the next one will not.
        wait_for(&channel, ServingStatus::NotServing).await;
        if time % 3 == 2 {
            // Starting and reading need no free space either.
            coordinator.process().kill();
            coordinator = Coordinator::start_command(&mut quiet(disk.kindling(&args)));
            crowd.audit_again().await;
        }
        disk.make_room();
        wait_for(&channel, ServingStatus::Serving).await;
        crowd.audit().await;
    }
    assert_eq!(coordinator.process().ended(), None, "it still runs");
    let settled = crowd.settle().await;
    eprintln!("full disk: {times} times full, {settled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_the_process_and_loses_nothing() {
    let seed = Seed::new();
    let folder = Folder::new();
    let shim = Shim::new(&folder);
    let (store, address) = (folder.path("study.db"), lasting_address());
    let (store, listen) = (store.to_str().expect("plain"), address.to_string());
    let args = ["coordinator", "--store", store, "--listen", &listen, "--lease-term", "86400"];
    let command = || shim.before(quiet(kindling(&args)));
    let mut coordinator = Coordinator::start_command(&mut command());
    let mut crowd = Crowd::start(address, Journal::new(&folder.path("journal")), &seed, SIZE);
    let rounds = proofs(1, 10);
    // All files; the log, which every commit syncs; and the store itself, which is synced when the log grows
    // long.
    let files = ["", "study.db-wal", "study.db"];
    for suffix in files.iter().cycle().take(rounds * files.len()) {
        crowd.go_on(50).await;
        shim.fail_syncs_of(suffix);
        let (success, log) = coordinator.last_words();
        assert!(!success, "it ends with an error: {log}");
        assert!(log.contains(store) && log.contains("hint: "), "it says why: {log}");
        assert!(log.contains("disk I/O error"), "{log}");
        shim.let_all_sync();
        coordinator = Coordinator::start_command(&mut command());
        crowd.audit().await;
    }
    let settled = crowd.settle().await;
    eprintln!("failed sync: {} times, {settled}", rounds * files.len());
}

async fn wait_for(channel: &Channel, wanted: ServingStatus) {
    let start = Instant::now();
    loop {
        let health = wire::health(channel).await;
        if health.as_ref().ok() == Some(&wanted) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "still {health:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Writes until a write is refused.
async fn refusal(channel: &Channel) -> Status {
    let start = Instant::now();
    loop {
        let name = format!("probe-{}", rand::random::<u64>());
        let request = v1::CreateStudyRequest { spec: Some(crowd::spec(&name, 1)) };
        if let Err(status) = StudyServiceClient::new(channel.clone()).create_study(request).await {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "there is still room");
    }
}
