//! The same seed gives the same study.

mod support;

use serde_json::Value;
use support::{Coordinator, Folder, study_file};

/// Parameters, curves and values of a study that one worker trains, in a fresh folder.
fn run_once() -> Vec<Value> {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 6));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let _worker = coordinator.worker("w");
    coordinator.wait_until_finished("s");
    let facts = |t: Value| {
        serde_json::json!([t["params"], t["values"], t["intermediate_values"], t["attributes"]])
    };
    coordinator.trials("s").into_iter().map(facts).collect()
}

#[test]
fn one_worker_and_one_seed_give_the_same_study_twice() {
    let (first, second) = (run_once(), run_once());
    assert_eq!(first.len(), 6);
    assert_eq!(first, second);
}

#[test]
fn every_proposal_of_a_parallel_study_replays() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let file = folder.write("s.toml", study_file("s", 12));
    let mut coordinator = Coordinator::start(&store);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let _workers = ["w1", "w2", "w3"].map(|id| coordinator.worker(id));
    coordinator.wait_until_finished("s");
    let replay = coordinator.ask_json(&["study", "replay", "s"]);
    assert_eq!(replay["checked"], 12);
    assert_eq!(replay["mismatches"], serde_json::json!([]));

    // Prove that a replay can fail: with another seed it must.
    coordinator.process().kill();
    let database = rusqlite::Connection::open(&store).expect("opens");
    let changed = database
        .execute("UPDATE kindling_studies SET spec = replace(spec, '\"seed\":7', '\"seed\":8')", [])
        .expect("the spec is a JSON text");
    assert_eq!(changed, 1);
    drop(database);
    let coordinator = Coordinator::start(&store);
    let url = coordinator.url();
    let output = support::output(&["study", "replay", "s", "--json", "--coordinator", &url]);
    assert!(!output.status.success(), "a mismatch is a failure");
    let replay: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(!replay["mismatches"].as_array().expect("a list").is_empty());
}
