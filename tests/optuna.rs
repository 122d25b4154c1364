//! A live store can be read by Optuna's tools, and readers never block a write.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use support::address::lasting_address;
use support::{Coordinator, Folder, count, study_file};

/// Prints what Optuna itself sees as one JSON document, without writing.
const LOOK: &str = r#"
import json, sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name="s", storage="sqlite:///" + sys.argv[1])
print(json.dumps({
    "direction": study.direction.name,
    "best": study.best_trial.number,
    "trials": [{
        "number": t.number,
        "state": t.state.name,
        "params": t.params,
        "values": t.values,
        "steps": t.intermediate_values,
        "distributions": sorted(type(d).__name__ for d in t.distributions.values()),
        "seconds": t.duration.total_seconds() if t.duration else None,
        "attributes": t.user_attrs,
    } for t in study.trials],
}))
"#;

#[test]
fn a_reader_that_never_lets_go_blocks_no_result() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let file = folder.write("s.toml", study_file("s", 5));
    let coordinator = Coordinator::start(&store);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let reader =
        Connection::open_with_flags(&store, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opens");
    reader.execute_batch("BEGIN").expect("begins");
    let trials = |c: &Connection| -> i64 {
        c.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).expect("counted")
    };
    assert_eq!(trials(&reader), 0);
    let _worker = coordinator.worker("w");
    let study = coordinator.wait_until_finished("s");
    assert_eq!(count(&study, "complete"), 5);
    assert_eq!(trials(&reader), 0, "its snapshot stood all the while");
    reader.execute_batch("COMMIT").expect("ends");
    assert_eq!(trials(&reader), 5);
}

/// Needs `KINDLING_PEERS_PYTHON`, a Python with optuna 5.0.0 and optuna-dashboard; `.ci/run` sets it. The
/// tests beside the store's code check the layout without it.
#[test]
fn optuna_and_its_dashboard_show_a_running_study() {
    let Ok(python) = std::env::var("KINDLING_PEERS_PYTHON") else {
        eprintln!("skipped: KINDLING_PEERS_PYTHON is not set");
        return;
    };
    let folder = Folder::new();
    let store = folder.path("study.db");
    let file = folder.write("s.toml", study_file("s", 400));
    let coordinator = Coordinator::start(&store);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut worker = coordinator.worker("w");
    coordinator.wait_until("s", |s| count(s, "complete") >= 6);

    let before = data_version_probe(&store);
    let output = Command::new(&python).args(["-c", LOOK]).arg(&store).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    worker.signal("TERM");
    worker.wait();
    let ours = coordinator.trials("s");
    assert_eq!(seen["direction"], "MAXIMIZE");
    let seen_trials = seen["trials"].as_array().expect("a list");
    assert!(seen_trials.len() >= 6);
    let mut compared = 0;
    for theirs in seen_trials {
        let number = theirs["number"].as_u64().expect("a number") as usize;
        let ours = &ours[number];
        assert_eq!(theirs["params"], ours["params"], "trial {number}");
        assert_eq!(
            theirs["distributions"].as_array().map(Vec::len),
            ours["params"].as_object().map(serde_json::Map::len)
        );
        if theirs["state"] != "COMPLETE" {
            continue;
        }
        assert_eq!(theirs["values"], ours["values"]);
        assert_eq!(theirs["attributes"]["test_accuracy"], ours["attributes"]["test_accuracy"]);
        assert!(theirs["seconds"].as_f64().is_some_and(|s| s > 0.0));
        for point in ours["intermediate_values"].as_array().expect("a curve") {
            assert_eq!(theirs["steps"][point["step"].to_string()], point["value"]);
        }
        compared += 1;
    }
    assert!(compared >= 6, "only {compared} complete trials were compared");

    dashboard_lists_the_study(&python, &store);
    assert_eq!(data_version_probe(&store).0, before.0, "the schema is as we made it");
}

/// The schema as text, and the number of trials.
fn data_version_probe(store: &std::path::Path) -> (String, i64) {
    let reader =
        Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opens");
    let schema = "SELECT group_concat(sql, ';') FROM sqlite_master ORDER BY name";
    let schema = reader.query_row(schema, [], |row| row.get(0)).expect("a schema");
    let trials = reader.query_row("SELECT count(*) FROM trials", [], |row| row.get(0));
    (schema, trials.expect("counted"))
}

fn dashboard_lists_the_study(python: &str, store: &std::path::Path) {
    let address = lasting_address();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let dashboard = std::path::Path::new(python).with_file_name("optuna-dashboard");
    let storage = format!("sqlite:///{}", store.display());
    let mut command = Command::new(dashboard);
    command.args([storage.as_str(), "--host", &host, "--port", &port]);
    let _dashboard = support::Process::start(&mut command);
    let fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())";
    let url = |path: &str| format!("http://{address}/api/studies{path}");
    let get = |path: &str| {
        let output = Command::new(python).args(["-c", fetch, &url(path)]).output().expect("runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let start = Instant::now();
    let studies = loop {
        if let Some(studies) = get("") {
            break studies;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "the dashboard does not answer");
        std::thread::sleep(Duration::from_millis(300));
    };
    assert!(studies.contains("\"s\""), "{studies}");
    let study = get("/1").expect("the study's page");
    assert!(study.contains("learning_rate") && study.contains("intermediate_values"), "{study}");
}
