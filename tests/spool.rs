//! A result outlives the worker that trained it.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::{Coordinator, Folder, PATIENCE, Process, count, kindling, study_file};

/// The results that wait in a spool.
fn waiting(spool: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(spool) else { return 0 };
    let names = entries.filter_map(Result::ok).map(|entry| entry.path());
    names.filter(|path| path.extension().is_some_and(|e| e == "result")).count()
}

fn worker(coordinator: &Coordinator, id: &str, spool: &Path, log: &Path) -> Process {
    let (url, spool) = (coordinator.url(), spool.to_str().expect("plain"));
    let log = std::fs::File::create(log).expect("a log");
    let args = ["worker", "--coordinator", &url, "--id", id, "--spool", spool];
    Process::start(kindling(&args).stderr(log))
}

#[test]
fn a_killed_worker_leaves_its_result_to_the_next() {
    let folder = Folder::new();
    let (store, spool) = (folder.path("study.db"), folder.path("spool"));
    let long = study_file("s", 2).replace("train = 64", "train = 500");
    let file = folder.write("s.toml", long);
    let term = Duration::from_hours(1);
    let mut coordinator = Coordinator::start_with(&store, "127.0.0.1:0", term);
    let address = coordinator.address().to_owned();
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut doomed = worker(&coordinator, "doomed", &spool, &folder.path("doomed"));
    coordinator.wait_until("s", |s| count(s, "running") == 1);
    coordinator.process().kill();

    let start = Instant::now();
    while waiting(&spool) == 0 {
        assert!(start.elapsed() < PATIENCE, "the trial ends without its coordinator");
        std::thread::sleep(Duration::from_millis(20));
    }
    doomed.kill();
    let coordinator = Coordinator::start_with(&store, &address, term);
    let _heir = worker(&coordinator, "heir", &spool, &folder.path("heir"));
    coordinator.wait_until_finished("s");

    let trials = coordinator.trials("s");
    let (left, own) = (&trials[0], &trials[1]);
    assert_eq!((&left["worker"], &left["attempt"]), (&"doomed".into(), &1.into()), "{left}");
    assert_eq!((&own["worker"], &own["attempt"]), (&"heir".into(), &1.into()), "{own}");
    for trial in &trials {
        assert_eq!(trial["state"], "COMPLETE", "{trial}");
        // Step 0 is before the first epoch.
        let newest = trial["intermediate_values"].as_array().and_then(|curve| curve.last());
        let newest = &newest.expect("a curve")["step"];
        assert_eq!(trial["attributes"]["epochs"], *newest, "its reports came before it: {trial}");
    }
    let said = std::fs::read_to_string(folder.path("heir")).expect("a log");
    assert!(said.contains("delivered the result of an earlier worker"), "{said}");
    assert_eq!(waiting(&spool), 0, "what was delivered is forgotten");
}
