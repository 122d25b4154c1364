//! Processes die, but the study survives.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use serde_json::Value;
use support::address::lasting_address;
use support::scene::{endless, is_over, stop_while_it_trains, wait_for};
use support::{Coordinator, Folder, count, study_file, wire};

/// The finished trials, by number.
fn finished(trials: &[Value]) -> HashMap<u64, Value> {
    let complete = trials.iter().filter(|t| t["state"] == "COMPLETE");
    complete.map(|t| (t["number"].as_u64().expect("a number"), t.clone())).collect()
}

#[test]
fn a_killed_coordinator_loses_nothing_and_stops_nobody() {
    let folder = Folder::new();
    let (store, file) = (folder.path("study.db"), folder.write("s.toml", study_file("s", 12)));
    let address = lasting_address().to_string();
    // Longer than any outage in this test.
    let start = || Coordinator::start_with(&store, &address, Duration::from_secs(30));
    let mut coordinator = start();
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let logs = ["w1", "w2"].map(|id| folder.path(id));
    let _workers =
        [coordinator.worker_with_log("w1", &logs[0]), coordinator.worker_with_log("w2", &logs[1])];
    let mut acknowledged = HashMap::new();
    for round in 1..=3 {
        coordinator.wait_until("s", |s| count(s, "complete") >= round * 3);
        let before = finished(&coordinator.trials("s"));
        coordinator.process().kill();
        // Longer than an epoch, so that reports queue up.
        std::thread::sleep(Duration::from_secs(1));
        coordinator = start();
        let after = finished(&coordinator.trials("s"));
        for (number, trial) in before {
            assert_eq!(after.get(&number), Some(&trial), "what was acknowledged is still there");
            acknowledged.insert(number, trial);
        }
    }
    let study = coordinator.wait_until_finished("s");
    assert_eq!(count(&study, "complete"), 12, "exactly the budget: {study}");
    let trials = coordinator.trials("s");
    assert_eq!(trials.len(), 12);
    let now = finished(&trials);
    for (number, trial) in acknowledged {
        assert_eq!(now[&number], trial, "a finished trial never changes");
    }
    let logs = logs.map(|log| std::fs::read_to_string(log).expect("a log")).concat();
    assert!(logs.contains("the call failed; trying again"), "the outages were noticed: {logs}");
    for trial in &trials {
        let begun = format!(" trial={} ", trial["number"]);
        let begun = logs.lines().filter(|l| l.contains("training") && l.contains(&begun));
        assert_eq!(begun.count(), 1, "no training was begun anew: {logs}");
        // The outages were shorter than a lease, so the workers continued with the same leases.
        assert_eq!(trial["attempt"], 1, "{trial}");
        let steps = trial["intermediate_values"].as_array().expect("a curve");
        let steps: Vec<_> = steps.iter().map(|s| s["step"].as_u64().expect("a step")).collect();
        assert!(steps.is_sorted() && !steps.is_empty(), "{steps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_trial_is_leased_again_with_the_same_parameters() {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 1_000_000));
    // The term never expires within this test: only the lost connection can end the lease.
    let term = Duration::from_hours(1);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let channel = wire::channel(coordinator.address());
    let mut doomed = coordinator.worker("doomed");
    // Stopped first, so that the trial cannot finish before the kill.
    let held = stop_while_it_trains(&channel, "s", &doomed, "doomed").await;
    assert_eq!(held.attempt, 1);
    doomed.kill();
    let as_it_stands = |trials: &[v1::Trial]| trials[held.number as usize].clone();
    let lost = wait_for(&channel, "s", |trials| {
        Some(as_it_stands(trials)).filter(|trial| trial.state() == TrialState::Waiting)
    });
    assert_eq!(lost.await.params, held.params);
    let _heir = coordinator.worker("heir");
    let over = wait_for(&channel, "s", |trials| Some(as_it_stands(trials)).filter(is_over)).await;
    assert_eq!((over.state(), over.worker.as_str()), (TrialState::Complete, "heir"), "{over:?}");
    assert_eq!((over.attempt, over.params), (2, held.params));
}

#[test]
fn a_worker_that_is_told_to_stop_hands_its_trial_back() {
    let folder = Folder::new();
    let file = folder.write("s.toml", endless("s", 50));
    let mut coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    let args = ["worker", "--coordinator", &url, "--id", "w", "--grace", "0"];
    let mut worker = support::Process::start(&mut support::kindling(&args));
    coordinator.wait_until("s", |s| count(s, "running") == 1);
    worker.signal("TERM");
    assert!(worker.wait(), "it leaves in peace");
    let study = coordinator.wait_until("s", |s| count(s, "running") == 0);
    assert_eq!((count(&study, "waiting"), count(&study, "fail")), (1, 0), "{study}");
    coordinator.process().signal("TERM");
    assert!(coordinator.process().wait(), "so does the coordinator");
}

#[test]
fn the_second_coordinator_on_a_store_refuses() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let _first = Coordinator::start(&store);
    let store = store.to_str().expect("plain");
    let error = support::failure(&["coordinator", "--store", store, "--listen", "127.0.0.1:0"]);
    assert!(error.contains("another coordinator"), "{error}");
    assert!(error.contains("hint:"), "{error}");
}
