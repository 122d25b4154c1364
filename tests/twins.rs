//! Two workers with the same name, and a coordinator that freezes.

mod support;

use std::time::Duration;

use kindling_proto::v1::TrialState;
use support::scene::{Scene, is_over, wait_for};
use support::{Coordinator, Folder, study_file, wire};

#[tokio::test(flavor = "multi_thread")]
async fn the_second_worker_of_a_name_is_refused_and_told_why() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 40));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let channel = wire::channel(coordinator.address());
    let log = |name: &str| folder.path(name);
    let _first = coordinator.worker_with_log("gpu-node", &log("first"));
    wait_for(&channel, "s", |trials| trials.iter().any(is_over).then_some(())).await;

    let mut second = coordinator.worker_with_log("gpu-node", &log("second"));
    assert!(!second.wait(), "it ends with an error");
    let said = std::fs::read_to_string(log("second")).expect("a log");
    assert!(said.contains("another process works under the id `gpu-node`, on "), "{said}");
    assert!(said.contains("hint: give each worker a name of its own with --id"), "{said}");

    let trials = wait_for(&channel, "s", |trials| {
        (trials.len() == 40 && trials.iter().all(is_over)).then(|| trials.to_vec())
    });
    for trial in trials.await {
        assert_eq!((trial.state(), trial.attempt), (TrialState::Complete, 1), "{trial:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_is_replaced_under_its_name_at_once() {
    let folder = Folder::new();
    let term = Duration::from_hours(1);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let command = |id: &str| coordinator.worker_command(id, &[]);
    let mut scene = Scene::new(&coordinator, &folder, "s", 1, command).await;
    scene.workers[0].kill();
    let _next = coordinator.worker("s-0");
    let channel = wire::channel(coordinator.address());
    let again = wait_for(&channel, "s", |trials| {
        let is_again = trials[0].attempt == 2 && trials[0].state() == TrialState::Running;
        is_again.then(|| trials[0].clone())
    });
    assert_eq!(again.await.worker, "s-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_stood_still_ends_no_lease() {
    let folder = Folder::new();
    let term = Duration::from_secs(2);
    let mut coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    let url = coordinator.url();
    let command = |id: &str| support::kindling(&["worker", "--coordinator", &url, "--id", id]);
    let scene = Scene::new(&coordinator, &folder, "s", 3, command).await;
    let channel = wire::channel(coordinator.address());
    for _ in 0..3 {
        coordinator.process().signal("STOP");
        tokio::time::sleep(term * 2).await;
        coordinator.process().signal("CONT");
        // Long enough for a lease to expire.
        tokio::time::sleep(term + Duration::from_secs(1)).await;
        for trial in wire::trials(&channel, "s").await.expect("its trials") {
            assert_eq!((trial.state(), trial.attempt), (TrialState::Running, 1), "{trial:?}");
        }
    }
    drop(scene);
}
