//! Workers are killed again and again, and every trial ends with the very weights that it would have had undisturbed.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Value, json};
use support::proofs::{Seed, proofs};
use support::{Coordinator, Folder, Process, study_file};

/// Trials of some seconds, with a checkpoint after each epoch. Who trains which trial when changes nothing: the sampler
/// learns nothing.
fn study(trials: u32) -> String {
    study_file("s", trials)
        .replace("kind = \"tpe\"\nstartup_trials = 3", "kind = \"random\"")
        .replace("train = 64", "train = 600")
        .replace("max_epochs = 3", "max_epochs = 20\npatience = 20\ncheckpoint_every = 1")
        .replace("seed = 7", "seed = 7\nmax_attempts = 1000")
}

/// What a trial comes to, by number.
fn outcomes(coordinator: &Coordinator) -> BTreeMap<u64, Value> {
    let outcome = |trial: Value| {
        let number = trial["number"].as_u64().expect("a number");
        let weights = trial["attributes"]["weights_sha256"].clone();
        assert!(weights.is_string(), "{trial}");
        let all = json!([trial["params"], trial["values"], trial["intermediate_values"], weights]);
        (number, all)
    };
    coordinator.trials("s").into_iter().map(outcome).collect()
}

fn start(folder: &Folder, trials: u32) -> Coordinator {
    let file = folder.write("s.toml", study(trials));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    coordinator
}

fn undisturbed(trials: u32) -> BTreeMap<u64, Value> {
    let folder = Folder::new();
    let coordinator = start(&folder, trials);
    let _workers = ["w1", "w2"].map(|id| coordinator.worker(id));
    coordinator.wait_until_finished("s");
    outcomes(&coordinator)
}

#[test]
fn trials_whose_workers_are_killed_end_with_the_same_weights() {
    let (trials, kills) = proofs((4, 6), (8, 20));
    let expected = undisturbed(trials);
    let folder = Folder::new();
    let coordinator = start(&folder, trials);
    let mut rng = Seed::new().rng(0);
    let worker = |name: usize| {
        Process::start(&mut coordinator.worker_command(&format!("w{name}"), &["--grace", "1"]))
    };
    let mut workers = [worker(0), worker(1)];
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(rng.random_range(700..2500)));
        let place = rng.random_range(0..2);
        // One is told to stop, and may save what it has; the next one dies at once.
        if kill % 2 == 0 {
            workers[place].kill();
        } else {
            workers[place].signal("TERM");
            workers[place].wait();
        }
        workers[place] = worker(place);
    }
    coordinator.wait_until_finished("s");
    assert_eq!(outcomes(&coordinator), expected);

    let trials = coordinator.trials("s");
    let attempts = |trial: &Value| trial["attempts"].as_array().expect("a list").clone();
    let resumed =
        trials.iter().flat_map(attempts).filter(|attempt| attempt["resumed_from"].is_u64());
    assert!(resumed.count() > 0, "none went on from a checkpoint: {trials:?}");
    for trial in &trials {
        // Each step once, although several attempts reported.
        let curve = trial["intermediate_values"].as_array().expect("a curve");
        let steps: Vec<_> = curve.iter().map(|value| value["step"].as_u64()).collect();
        assert_eq!(steps, (0..20).map(Some).collect::<Vec<_>>(), "{trial}");
    }
}
