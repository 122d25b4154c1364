//! Stores of Optuna's own: looked at, taken in, and made.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Coordinator, Folder, failure, kindling, output, quiet};

/// A study of two trials, as Optuna's journal has it.
const JOURNAL: &str = r#"{"op_code": 0, "worker_id": "w", "study_name": "mine", "directions": [2]}
{"op_code": 2, "worker_id": "w", "study_id": 0, "user_attr": {"by": ["me", NaN]}}
{"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "2026-11-30T08:00:00.000000+00:00"}
{"op_code": 5, "worker_id": "w", "trial_id": 0, "param_name": "lr", "param_value_internal": 0.01, "distribution": "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 0.1, \"log\": true}}"}
{"op_code": 5, "worker_id": "w", "trial_id": 0, "param_name": "opt", "param_value_internal": 1, "distribution": "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [null, \"adam\"]}}"}
{"op_code": 7, "worker_id": "w", "trial_id": 0, "step": 1, "intermediate_value": 0.5}
{"op_code": 8, "worker_id": "w", "trial_id": 0, "user_attr": {"epochs": 3}}
{"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1, "values": [0.75], "datetime_complete": "2026-11-30T08:01:00.000000+00:00"}
{"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "2026-11-30T08:02:00.000000+00:00"}
"#;

/// Prints all that Optuna sees of a study.
const SEEN: &str = r#"
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def seen(url):
    study = optuna.load_study(study_name="mine", storage=url)
    trials = [(t.number, t.state, t.values, t.params, t.distributions, t.user_attrs, t.system_attrs, t.intermediate_values,
               t.datetime_start, t.datetime_complete) for t in study.trials]
    return study.directions, str(study.user_attrs), trials
a, b = (seen(url) for url in sys.argv[1:])
assert a == b, (a, b)
study = optuna.load_study(study_name="mine", storage=sys.argv[2])
study.optimize(lambda trial: trial.suggest_float("lr", 1e-4, 1e-1, log=True), n_trials=1)
"#;

fn path(path: &Path) -> &str {
    path.to_str().expect("plain")
}

fn said(args: &[&str]) -> String {
    let done = output(args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn a_journal_of_optunas_is_shown_reported_taken_in_and_given_back() {
    let folder = Folder::new();
    let journal = folder.write("journal.log", JOURNAL);
    let store = ["--store", path(&journal)];
    let listed = said(&[&["study", "list"][..], &store].concat());
    assert!(listed.contains("mine"), "{listed}");
    let shown = said(&[&["study", "show", "mine"][..], &store].concat());
    assert!(
        shown.contains("driven by Optuna's clients") && shown.contains("best: 0.75 in trial 0"),
        "{shown}"
    );
    let trials = said(&[&["trial", "list", "mine"][..], &store].concat());
    assert!(trials.contains("lr=0.01") && trials.contains("opt=adam"), "{trials}");
    let page = folder.path("mine.html");
    said(&[&["report", "mine", "-o", path(&page)][..], &store].concat());
    assert!(std::fs::read_to_string(&page).expect("a page").contains("0.75"));
    let refused = failure(&[&["study", "pause", "mine"][..], &store].concat());
    assert!(refused.contains("hint: ") || refused.contains("journal.log"), "{refused}");

    let ours = folder.path("study.db");
    let import = [
        "coordinator",
        "--store",
        path(&ours),
        "--listen",
        "127.0.0.1:0",
        "--import",
        path(&journal),
    ];
    for _ in 0..2 {
        let mut coordinator = Coordinator::start_command(&mut quiet(kindling(&import)));
        let shown = coordinator.ask_json(&["study", "show", "mine"]);
        assert_eq!(
            (&shown["external"], &shown["counts"]["complete"]),
            (&true.into(), &1.into()),
            "{shown}"
        );
        for refused in [
            &["study", "pause", "mine"][..],
            &["study", "replay", "mine"],
            &["trial", "enqueue", "mine", "lr=0.1"],
        ] {
            let url = coordinator.url();
            let said = failure(&[refused, &["--coordinator", &url]].concat());
            assert!(said.contains("is driven by Optuna's clients"), "{said}");
        }
        coordinator.process().signal("TERM");
        assert!(coordinator.process().wait());
    }
    assert_eq!(std::fs::read_to_string(&journal).expect("there"), JOURNAL, "not a byte is changed");

    let theirs = folder.path("optuna.db");
    let export = ["study", "export", "mine", "--format", "optuna", "--store", path(&ours)];
    assert!(failure(&export).contains("--output"));
    said(&[&export[..], &["-o", path(&theirs)]].concat());
    assert!(failure(&[&export[..], &["-o", path(&theirs)]].concat()).contains("exists"));
    if let Some(python) = std::env::var_os("KINDLING_PEERS_PYTHON") {
        let urls = [&ours, &theirs].map(|file| format!("sqlite:///{}", path(file)));
        let done = Command::new(python).args(["-c", SEEN]).args(urls).output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn what_is_none_of_optunas_is_not_imported() {
    let folder = Folder::new();
    let file = folder.write("notes.txt", "hello\n");
    let store = folder.path("study.db");
    let args = [
        "coordinator",
        "--store",
        path(&store),
        "--listen",
        "127.0.0.1:0",
        "--import",
        path(&file),
    ];
    let said = failure(&args);
    assert!(said.contains("neither an SQLite file nor a journal of Optuna's"), "{said}");
}
