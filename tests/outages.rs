//! The coordinator is down for seconds or minutes while workers train.

mod support;

use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use support::address::lasting_address;
use support::metrics::{metrics, number};
use support::proofs::long;
use support::scene::{is_over, wait_for};
use support::{Coordinator, Folder, PATIENCE, Process, count, study_file, wire};

/// All workers reconnect within this time of the coordinator's return.
const BACK_WITHIN: Duration = Duration::from_secs(15);
/// Epochs per trial: many more than are trained between looking at a trial and acting on it.
const EPOCHS: u64 = 24;
/// A worker's metric: the number of epochs it has trained.
const EPOCHS_TRAINED: &str = "kindling_worker_epoch_seconds_count";

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_stops_nobody_and_no_step_is_trained_twice() {
    let outages: &[u64] = if long() { &[0, 20, 60, 300] } else { &[0, 4] };
    let folder = Folder::new();
    let (store, address) = (folder.path("study.db"), lasting_address());
    let start = || Coordinator::start_with(&store, &address.to_string(), Duration::from_secs(30));
    let mut coordinator = start();
    let channel = wire::channel(address);
    // More trials than can be trained in the time, so that no worker is idle.
    let study = study_file("s", 1_000_000)
        .replace("max_epochs = 3", &format!("max_epochs = {EPOCHS}\npatience = 1000"));
    let file = folder.write("s.toml", study);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let names = ["a", "b", "c"];
    let watched = names.map(|_| lasting_address());
    let worker = |(name, metrics): (&str, std::net::SocketAddr)| {
        let mut command = coordinator.worker_command(name, &["--metrics", &metrics.to_string()]);
        let log = std::fs::File::create(folder.path(name)).expect("a log");
        Process::start(command.stderr(log))
    };
    let _workers: Vec<_> = names.into_iter().zip(watched).map(worker).collect();
    let epochs_trained = || {
        let pages = watched.map(metrics);
        // The metric is missing until the first epoch.
        let seen = pages.iter().filter(|page| page.contains(EPOCHS_TRAINED));
        seen.map(|page| number(page, EPOCHS_TRAINED)).sum::<f64>()
    };

    for (round, &seconds) in outages.iter().enumerate() {
        let running = wait_for(&channel, "s", |trials| {
            let enough = trials.iter().filter(|trial| is_over(trial)).count() >= 3 * round;
            let running = trials.iter().filter(|t| t.state() == TrialState::Running);
            let running: Vec<_> = running.collect();
            let is_ready =
                enough && running.len() == names.len() && running.iter().any(|t| has_much(t));
            is_ready.then(|| running.iter().map(|trial| trial.number).collect::<Vec<_>>())
        });
        let running = running.await;
        let before = epochs_trained();
        coordinator.process().kill();
        let killed = Instant::now();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        // More than were already in progress.
        while seconds > 0 && epochs_trained() - before <= names.len() as f64 {
            assert!(
                killed.elapsed() < PATIENCE + Duration::from_secs(seconds),
                "nobody trains while nobody answers"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let during = epochs_trained() - before;
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
        // Queued reports and remaining epochs must arrive under the same lease.
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

    coordinator.ask(&["study", "pause", "s"]);
    coordinator.wait_until("s", |s| count(s, "running") == 0);
    let logs =
        names.map(|name| std::fs::read_to_string(folder.path(name)).expect("a log")).concat();
    let mut steps = 0;
    for trial in wire::trials(&channel, "s").await.expect("its trials") {
        let begun = format!(" trial={} ", trial.number);
        let begun = logs.lines().filter(|l| l.contains("training") && l.contains(&begun));
        assert_eq!(begun.count(), 1, "no training was begun anew: {logs}");
        assert_eq!((trial.attempt, trial.state()), (1, TrialState::Complete), "{trial:?}");
        let curve = trial.intermediate_values.iter().map(|i| i.step);
        assert!(curve.eq(0..EPOCHS), "every step, each once, none missing: {trial:?}");
        steps += EPOCHS;
    }
    let trained = epochs_trained();
    assert!((trained - steps as f64).abs() < 0.5, "{trained} epochs trained, {steps} recorded");
    eprintln!("outages of {outages:?} s: {steps} steps trained, 0 twice, 0 lost");
}

/// Whether most of its steps are still to come.
fn has_much(trial: &v1::Trial) -> bool {
    trial.intermediate_values.len() < EPOCHS as usize / 2
}

async fn all_connected(channel: &tonic::transport::Channel, names: &[&str]) -> bool {
    let workers = wire::workers(channel).await.expect("the workers");
    names.iter().all(|name| workers.iter().any(|worker| worker.id == *name && worker.connected))
}
