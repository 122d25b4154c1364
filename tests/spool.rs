//! A result outlives the worker that trained it.

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kindling_proto::v1::TrialState;
use support::address::lasting_address;
use support::scene::{is_over, stop_while_it_trains, wait_for};
use support::{Coordinator, Folder, PATIENCE, Process, kindling, study_file, wire};

/// A waiting result in a spool.
fn waiting(spool: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(spool).ok()?;
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|e| e == "result"))
}

fn worker(coordinator: &Coordinator, id: &str, spool: &Path, log: &Path) -> Process {
    let (url, spool) = (coordinator.url(), spool.to_str().expect("plain"));
    let log = std::fs::File::create(log).expect("a log");
    let args = ["worker", "--coordinator", &url, "--id", id, "--spool", spool];
    Process::start(kindling(&args).stderr(log))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_its_result_to_the_next() {
    let folder = Folder::new();
    let (store, spool, address) =
        (folder.path("study.db"), folder.path("spool"), lasting_address());
    let file = folder.write("s.toml", study_file("s", 1_000_000));
    let start = || Coordinator::start_with(&store, &address.to_string(), Duration::from_hours(1));
    let mut coordinator = start();
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let channel = wire::channel(address);
    let mut doomed = worker(&coordinator, "doomed", &spool, &folder.path("doomed"));
    // Stopped, so that its trial cannot finish before the coordinator is gone.
    let left = stop_while_it_trains(&channel, "s", &doomed, "doomed").await;
    coordinator.process().kill();
    doomed.signal("CONT");

    let since = Instant::now();
    let kept = loop {
        if let Some(kept) = waiting(&spool) {
            break kept;
        }
        assert!(since.elapsed() < PATIENCE, "the trial ends without its coordinator");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    doomed.kill();
    let coordinator = start();
    let _heir = worker(&coordinator, "heir", &spool, &folder.path("heir"));
    let own = wait_for(&channel, "s", |trials| {
        trials.iter().find(|trial| trial.worker == "heir" && is_over(trial)).cloned()
    });
    let own = own.await;

    // It was delivered before any trial was leased.
    let left = wire::trial(&channel, "s", left.number).await.expect("the trial");
    assert_eq!((left.worker.as_str(), left.attempt), ("doomed", 1), "{left:?}");
    assert_eq!(own.attempt, 1, "{own:?}");
    for trial in [left, own] {
        assert_eq!(trial.state(), TrialState::Complete, "{trial:?}");
        // Step 0 is before the first epoch.
        let newest = trial.intermediate_values.last().expect("a curve").step;
        let epochs = &trial.attributes_json["epochs"];
        assert_eq!(*epochs, newest.to_string(), "its reports came before it: {trial:?}");
    }
    let said = std::fs::read_to_string(folder.path("heir")).expect("a log");
    assert!(said.contains("delivered the result of an earlier worker"), "{said}");
    assert!(!kept.exists(), "what was delivered is forgotten");
}
