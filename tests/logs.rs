//! What trials write is kept, on whatever machine they ran, and shown to whoever asks.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::scripts::{marker, script_study, wait_for_processes};
use support::{Coordinator, Folder, PATIENCE, Process, kindling, output};

/// Its first attempt never ends, its second at once.
const TALKS: &str = r#"
printf 'attempt %s \033[31mred\033[0m\n' "$KINDLING_ATTEMPT"
echo oops >&2
if [ "$KINDLING_ATTEMPT" = 1 ]; then sleep 1000; fi
echo "accuracy=$2"
"#;

fn logs(coordinator: &Coordinator, more: &[&str]) -> String {
    coordinator.ask(&[&["trial", "logs", "s", "0"], more].concat())
}

#[test]
fn output_is_there_while_a_trial_runs_and_after_its_worker_and_the_coordinator_were_killed() {
    let folder = Folder::new();
    let file = folder.write("s.toml", script_study(&folder, "s", 1, TALKS));
    let store = folder.path("study.db");
    let mut coordinator = Coordinator::start(&store);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let allow = ["--allow-commands"];
    let mut doomed = Process::start(&mut coordinator.worker_command("doomed", &allow));

    let url = coordinator.url();
    let mut follow = kindling(&["trial", "logs", "s", "0", "--follow", "--coordinator", &url]);
    wait_for_processes(&marker(&folder), |there| there >= 1);
    let mut following = Process::start(follow.stdout(Stdio::piped()));
    let mut told = BufReader::new(following.child().stdout.take().expect("piped")).lines();
    let mut told = move || told.next().map(|line| line.expect("readable"));
    // What the worker logs is there, too.
    let mut seen = Vec::new();
    while !seen.iter().any(|line: &String| line == "oops") {
        seen.push(told().expect("more"));
    }
    assert!(seen.contains(&"training".to_owned()), "{seen:?}");
    assert!(seen.contains(&"attempt 1 \u{1b}[31mred\u{1b}[0m".to_owned()), "{seen:?}");

    doomed.kill();
    let mut heir = Process::start(&mut coordinator.worker_command("heir", &allow));
    let mut rest = Vec::new();
    while let Some(line) = told() {
        rest.push(line);
    }
    assert!(following.wait(), "it ends once the trial is finished");
    let second = rest.iter().position(|line| line == "--- attempt 2 ---").expect("a header");
    assert!(rest[second..].contains(&"attempt 2 \u{1b}[31mred\u{1b}[0m".to_owned()), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("complete value=")), "{rest:?}");

    let all = logs(&coordinator, &[]);
    let lines: Vec<_> = seen.iter().chain(&rest).map(String::as_str).collect();
    assert_eq!(all.lines().collect::<Vec<_>>(), lines);
    let last = logs(&coordinator, &["--last", "1", "--attempt", "1"]);
    assert_eq!(last, "oops\n");
    heir.kill();
    coordinator.process().kill();
    let store = store.to_str().expect("plain");
    let offline = output(&["trial", "logs", "s", "0", "--json", "--store", store]);
    assert!(offline.status.success());
    let offline: Vec<serde_json::Value> = String::from_utf8_lossy(&offline.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let oops = offline.iter().find(|line| line["text"] == "oops").expect("kept");
    assert_eq!((&oops["stream"], &oops["attempt"]), (&"stderr".into(), &1.into()));
    assert!(oops["time"].as_str().expect("a time").starts_with("20"), "{oops}");
    assert_eq!(offline.iter().find(|l| l["text"] == "training").expect("kept")["stream"], "log");
}

#[test]
fn a_run_keeps_what_its_trials_write_and_a_study_takes_it_along() {
    let folder = Folder::new();
    let file = folder.write("s.toml", script_study(&folder, "s", 2, "seq 1 3; echo accuracy=$2"));
    let store = folder.path("s.db");
    let store = store.to_str().expect("plain");
    let run = output(&["run", file.to_str().expect("plain"), "--store", store]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for trial in ["0", "1"] {
        let shown = output(&["trial", "logs", "s", trial, "--store", store]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("1\n2\n3\naccuracy="), "{shown}");
    }
    let kept = folder.path("s.db.output");
    assert_eq!(std::fs::read_dir(&kept).expect("kept").count(), 1);
    assert!(output(&["study", "delete", "s", "--yes", "--store", store]).status.success());
    let start = Instant::now();
    while std::fs::read_dir(&kept).expect("there").count() > 0 {
        assert!(start.elapsed() < PATIENCE, "it stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}
