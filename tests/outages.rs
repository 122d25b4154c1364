//! The coordinator is away, for seconds or for minutes, while workers train.

mod support;

use std::time::{Duration, Instant};

use kindling_proto::v1::TrialState;
use serde_json::Value;
use support::address::lasting_address;
use support::metrics::{free_address, metrics, number};
use support::proofs::long;
use support::{Coordinator, Folder, PATIENCE, Process, count, study_file, wire};

/// All workers are back within this time of the coordinator's return.
const BACK_WITHIN: Duration = Duration::from_secs(15);
/// A worker's metric: how many epochs it has trained.
const EPOCHS: &str = "kindling_worker_epoch_seconds_count";

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_stops_nobody_and_no_step_is_trained_twice() {
    let outages: &[u64] = if long() { &[0, 20, 60, 300] } else { &[0, 4] };
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let start = || Coordinator::start_with(&store, &address.to_string(), Duration::from_secs(30));
    let mut coordinator = start();
    let channel = wire::channel(address);
    let (epochs, images) = if long() { (40, 256) } else { (12, 64) };
    let trials = 4 * outages.len() as u32;
    let study = study_file("s", trials)
        .replace("max_epochs = 3", &format!("max_epochs = {epochs}\npatience = 1000"));
    let file = folder.write("s.toml", study.replace("train = 64", &format!("train = {images}")));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let names = ["a", "b", "c"];
    let watched = names.map(|_| free_address());
    let worker = |(name, metrics): (&str, std::net::SocketAddr)| {
        let mut command = coordinator.worker_command(name, &["--metrics", &metrics.to_string()]);
        let log = std::fs::File::create(folder.path(name)).expect("a log");
        Process::start(command.stderr(log))
    };
    let _workers: Vec<_> = names.into_iter().zip(watched).map(worker).collect();
    let epochs_trained = || {
        let pages = watched.map(metrics);
        // Not there before the first.
        let seen = pages.iter().filter(|page| page.contains(EPOCHS));
        seen.map(|page| number(page, EPOCHS)).sum::<f64>()
    };

    for (round, &seconds) in outages.iter().enumerate() {
        coordinator.wait_until("s", |s| {
            count(s, "complete") >= 3 * round as u64 && much_is_left(s, epochs)
        });
        let running = running(&channel).await;
        let before = epochs_trained();
        coordinator.process().kill();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let during = epochs_trained() - before;
        // More than each had begun before.
        assert!(seconds == 0 || during > names.len() as f64, "nobody trains while nobody answers");
        coordinator = start();
        let returned = Instant::now();
        while !all_connected(&channel, &names).await {
            assert!(
                returned.elapsed() < BACK_WITHIN,
                "not all workers are back: {}",
                coordinator.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let back = returned.elapsed();
        // What was waiting to be said, or is left to train, gets there under the same lease.
        for number in running {
            loop {
                let trial = wire::trial(&channel, "s", number).await.expect("a trial");
                assert_eq!(trial.attempt, 1, "{trial:?}");
                if trial.state() == TrialState::Complete {
                    break;
                }
                assert_eq!(trial.state(), TrialState::Running, "{trial:?}");
                assert!(returned.elapsed() < PATIENCE, "{trial:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        eprintln!(
            "outage of {seconds} s: {during} epochs trained meanwhile, all workers back after {back:.2?}"
        );
    }

    for done in 1..trials {
        coordinator.wait_until("s", |s| count(s, "complete") >= u64::from(done));
    }
    let shown = coordinator.wait_until_finished("s");
    assert_eq!(count(&shown, "complete"), u64::from(trials), "exactly the budget: {shown}");
    let logs =
        names.map(|name| std::fs::read_to_string(folder.path(name)).expect("a log")).concat();
    let mut steps = 0;
    for trial in wire::trials(&channel, "s").await.expect("its trials") {
        let begun = format!(" trial={} ", trial.number);
        let begun = logs.lines().filter(|l| l.contains("training") && l.contains(&begun));
        assert_eq!(begun.count(), 1, "no training was begun anew: {logs}");
        assert_eq!(trial.attempt, 1, "{trial:?}");
        let curve = trial.intermediate_values.iter().map(|i| i.step);
        assert!(curve.eq(0..epochs), "every step, each once, none missing: {trial:?}");
        steps += epochs;
    }
    let trained = epochs_trained();
    assert!((trained - steps as f64).abs() < 0.5, "{trained} epochs trained, {steps} recorded");
    eprintln!("outages of {outages:?} s: {steps} steps trained, 0 twice, 0 lost");
}

/// Whether every worker has a trial, and somebody's has most of its steps before it.
fn much_is_left(study: &Value, epochs: u64) -> bool {
    let workers = study["workers"].as_array().expect("workers");
    let trains = |worker: &Value| worker["running"][0].is_object();
    let has_much =
        |worker: &Value| worker["running"][0]["step"].as_u64().is_none_or(|step| step < epochs / 2);
    workers.len() == 3 && workers.iter().all(trains) && workers.iter().any(has_much)
}

/// The trials that are being trained.
async fn running(channel: &tonic::transport::Channel) -> Vec<u32> {
    let trials = wire::trials(channel, "s").await.expect("its trials");
    let running = trials.iter().filter(|trial| trial.state() == TrialState::Running);
    running.map(|trial| trial.number).collect()
}

async fn all_connected(channel: &tonic::transport::Channel, names: &[&str]) -> bool {
    let workers = wire::workers(channel).await.expect("the workers");
    names.iter().all(|name| workers.iter().any(|worker| worker.id == *name && worker.connected))
}
