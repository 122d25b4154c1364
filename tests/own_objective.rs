//! A user's own objective runs in the same worker.

mod support;

use std::process::{Command, Stdio};

use support::{Coordinator, Folder, Process, count};

#[test]
fn the_example_runs_a_study_of_its_own() {
    // `cargo test --workspace` builds the examples beside the tests.
    let tests = std::env::current_exe().expect("this test's own file");
    let example = tests.parent().and_then(|deps| deps.parent()).expect("target/…/deps");
    let example = example.join("examples/own_objective");
    if !example.exists() {
        eprintln!("skipped: the example is not built; cargo test --workspace builds it");
        return;
    }
    let folder = Folder::new();
    let study = include_str!("../studies/own-objective.toml").replace("trials = 12", "trials = 3");
    let file = folder.write("s.toml", study);
    let coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut worker = Command::new(example);
    worker.args(["--coordinator", &coordinator.url()]).stdin(Stdio::null());
    let _worker = Process::start(&mut worker);
    let study = coordinator.wait_until_finished("own-objective");
    assert_eq!(count(&study, "complete"), 3, "{study}");
    let best = study["best"]["values"][0].as_f64().expect("a value");
    assert!(best > 0.3, "three small networks learn something: {best}");
    assert!(study["best"]["attributes"]["parameters"].as_u64().is_some_and(|n| n > 5_000));
}
