//! Studies whose trials fail: they are reported and do not go on for ever.

mod support;

use std::path::Path;
use std::process::Output;

use kindling_coordinator::{config, convert};
use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use serde_json::Value;
use support::{Coordinator, Folder, count, failure, output, study_file};

const REASON: &str = "the training loss is NaN in epoch ";

/// A study in which all trials diverge.
fn diverging(name: &str, trials: u32) -> String {
    study_file(name, trials).replace("low = 5e-4", "low = 1e38").replace("= 1e-2", "= 2e38")
}

fn run(file: &Path, store: &Path) -> Output {
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    output(&["run", file, "--workers", "2", "--store", store, "--device", "flex"])
}

fn document(store: &Path) -> Value {
    let store = store.to_str().expect("plain");
    let asked = output(&["report", "s", "--store", store, "--format", "json"]);
    serde_json::from_slice(&asked.stdout).expect("JSON")
}

#[test]
fn a_run_that_comes_to_nothing_is_paused_with_the_reason_and_says_so_by_its_status() {
    let folder = Folder::new();
    let (file, store) = (folder.write("s.toml", diverging("s", 100)), folder.path("s.db"));
    let first = run(&file, &store);
    let printed = String::from_utf8_lossy(&first.stdout);
    assert_eq!(first.status.code(), Some(3), "{printed}");
    let because = format!("failed in a row, the last one: {REASON}");
    assert!(printed.contains("paused: 1") && printed.contains(&because), "{printed}");
    assert!(printed.contains(&format!(" failed: {REASON}")), "{printed}");

    let study = document(&store)["study"].clone();
    assert_eq!(study["state"], "PAUSED");
    let failed = count(&study, "fail");
    assert!((10..=11).contains(&failed), "{study}");
    assert!(study["failures"][0]["reason"].as_str().expect("one").starts_with(REASON), "{study}");
    assert_eq!(study["failures"][0]["trials"], failed);
    assert!(study["pause_reason"].as_str().expect("one").contains(REASON), "{study}");

    // Running the same command again gives it one more chance.
    assert_eq!(run(&file, &store).status.code(), Some(3));
    assert!((20..=21).contains(&count(&document(&store)["study"], "fail")));
}

#[test]
fn a_finished_study_of_which_nothing_completed_has_another_status() {
    let folder = Folder::new();
    let (file, store) = (folder.write("s.toml", diverging("s", 4)), folder.path("s.db"));
    let ended = run(&file, &store);
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(3), "{printed}");
    assert!(printed.contains("4/4 finished (4 failed)"), "{printed}");
    assert!(printed.contains(&format!("4 failed: {REASON}")), "{printed}");
    assert!(printed.contains("nothing completed"), "{printed}");
}

#[test]
fn everybody_hears_why_trials_fail() {
    let folder = Folder::new();
    let mut coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", diverging("s", 100));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let log = folder.path("worker.log");
    let mut worker = coordinator.worker_with_log("w", &log);
    // `study watch` must not wait for ever.
    let url = coordinator.url();
    let watched = output(&["study", "watch", "s", "--coordinator", &url]);
    let said = String::from_utf8_lossy(&watched.stderr);
    assert_eq!(watched.status.code(), Some(3), "{said}");
    assert!(said.contains("paused: 10 trials failed in a row"), "{said}");
    worker.signal("TERM");
    assert!(worker.wait());

    let shown = coordinator.ask(&["study", "show", "s"]);
    assert!(
        shown.contains(&format!("10 failed: {REASON}")) && shown.contains("(trial 9 last)"),
        "{shown}"
    );
    assert!(shown.contains("paused: 10 trials failed in a row"), "{shown}");
    for list in [&["study", "list"][..], &["trial", "list", "s"], &["trial", "show", "s", "0"]] {
        let listed = coordinator.ask(list);
        assert!(listed.contains(REASON), "{listed}");
    }
    let json = coordinator.ask_json(&["study", "show", "s"]);
    assert_eq!(json["failures"][0]["trials"], 10, "{json}");

    let log = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(log.matches(" WARN ").count(), 10, "{log}");
    assert!(log.contains("failed") && !log.contains("complete"), "{log}");
    // The coordinator warns of new reasons only.
    coordinator.process().signal("TERM");
    let (_, log) = coordinator.last_words();
    let told: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("trial failed") && told[0].contains(REASON), "{told:?}");
    assert!(told[1].contains("paused") && told[1].contains(REASON), "{told:?}");
    assert_eq!(log.matches("trial failed, as others before").count(), 9, "{log}");
}

#[test]
fn parameters_that_the_objective_does_not_take_are_refused_before_anything_starts() {
    let folder = Folder::new();
    let store = folder.path("s.db");
    for (from, to, expected) in [
        ("[space.learning_rate]", "[space.lr]", "`space.lr`: the objective has no such parameter"),
        ("[space.learning_rate]", "[space.learning_rat]", "did you mean `learning_rate`?"),
        ("train = 64", "trains = 64", "`objective.trains`: unknown key; did you mean `train`?"),
        ("\"he_normal\"]", "\"he_norma\"]", "the objective knows no he_norma"),
        ("\"mnist_cnn\"", "\"mnist_cn\"", "did you mean `mnist_cnn`?"),
    ] {
        let file = folder.write("s.toml", study_file("s", 4).replace(from, to));
        let file = file.to_str().expect("plain");
        let said = failure(&["run", file, "--store", store.to_str().expect("plain")]);
        assert!(said.contains(expected), "{said}");
        assert!(!store.exists(), "{to}");
        // The error comes before any attempt to connect.
        let said = failure(&["study", "create", file, "--coordinator", "http://127.0.0.1:1"]);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_study_that_others_made_with_wrong_parameters_is_paused() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let text = study_file("s", 100).replace("[space.learning_rate]", "[space.lr]");
    let spec = convert::spec_to_wire(&config::parse(&text).expect("a study"));
    let mut client = StudyServiceClient::connect(coordinator.url()).await.expect("connects");
    client.create_study(v1::CreateStudyRequest { spec: Some(spec) }).await.expect("taken");
    let _worker = coordinator.worker("w");
    let study = coordinator.wait_until("s", |study| study["state"] == "PAUSED");
    let reason = study["failures"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the objective has no parameter `lr`; it takes "), "{reason}");
    assert_eq!(count(&study, "fail"), 10);
}
