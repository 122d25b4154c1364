//! What is promised holds for scripts, too: nothing is lost, nobody is stopped, no process is left.

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::address::lasting_address;
use support::scripts::{lines, marker, processes, script_study, wait_for_processes};
use support::{Coordinator, Folder, PATIENCE, Process, count, kindling, study_file};

/// Notes that it has begun, reports twenty steps in two seconds, and gives its result.
const REPORTING: &str = r#"
echo "$KINDLING_TRIAL" >> "$1"
for step in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    "$PROGRAM" tell report --step $step "$2" || exit 1
    sleep 0.1
done
"$PROGRAM" tell result "$2"
"#;

/// Has a child that would outlive it. From its second attempt on it is done at once.
const ENDLESS: &str = r#"
if [ "$KINDLING_ATTEMPT" -gt 1 ]; then
    echo "accuracy=$2"
    exit 0
fi
sh -c 'sleep 1000; sleep 1000' child "$1" &
sleep 1000
"#;

/// What a trial came to: its number, state, parameters, curve and values.
fn outcomes(coordinator: &Coordinator, study: &str) -> Vec<Value> {
    let of = |trial: Value| {
        let keys = ["number", "state", "params", "intermediate_values", "values"];
        keys.map(|key| trial[key].clone()).into_iter().collect()
    };
    coordinator.trials(study).into_iter().map(of).collect()
}

fn worker(coordinator: &Coordinator, id: &str, more: &[&str]) -> Process {
    let more = [&["--allow-commands", "--slots", "2"], more].concat();
    Process::start(&mut coordinator.worker_command(id, &more))
}

#[test]
fn scripts_notice_nothing_of_a_coordinator_that_is_killed() {
    let folder = Folder::new();
    let file = folder.write("s.toml", script_study(&folder, "s", 8, REPORTING));
    let file = file.to_str().expect("plain");
    let undisturbed = {
        let coordinator = Coordinator::start(&folder.path("calm.db"));
        coordinator.ask(&["study", "create", file]);
        let _worker = worker(&coordinator, "w", &[]);
        coordinator.wait_until_finished("s");
        outcomes(&coordinator, "s")
    };
    assert_eq!(undisturbed.len(), 8);
    assert_eq!(undisturbed[0][3].as_array().map(Vec::len), Some(20), "{undisturbed:?}");
    std::fs::remove_file(marker(&folder)).expect("the scripts noted that they began");

    let (store, address) = (folder.path("study.db"), lasting_address().to_string());
    // Longer than any outage in this test.
    let start = || Coordinator::start_with(&store, &address, Duration::from_secs(30));
    let mut coordinator = start();
    coordinator.ask(&["study", "create", file]);
    let _workers = ["a", "b"].map(|id| worker(&coordinator, id, &[]));
    for complete in [0, 4] {
        coordinator
            .wait_until("s", |s| count(s, "complete") >= complete && count(s, "running") > 0);
        coordinator.process().kill();
        // Scripts report meanwhile.
        std::thread::sleep(Duration::from_secs(1));
        coordinator = start();
    }
    coordinator.wait_until_finished("s");
    assert_eq!(outcomes(&coordinator, "s"), undisturbed);
    for trial in coordinator.trials("s") {
        assert_eq!(trial["attempt"], 1, "{trial}");
    }
    let mut begun = lines(&folder.path("marker"));
    begun.sort();
    assert_eq!(begun, ["0", "1", "2", "3", "4", "5", "6", "7"], "each script ran once");
}

#[test]
fn a_killed_worker_leaves_no_process_and_its_trial_is_leased_again() {
    let folder = Folder::new();
    let file = folder.write("s.toml", script_study(&folder, "s", 1, ENDLESS));
    // The term never expires within this test: only the lost connection can end the lease.
    let term = Duration::from_hours(1);
    let coordinator = Coordinator::start_with(&folder.path("study.db"), "127.0.0.1:0", term);
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let mut doomed = worker(&coordinator, "doomed", &[]);
    let marker = marker(&folder);
    wait_for_processes(&marker, |there| there >= 2);
    let held = coordinator.trials("s");
    doomed.kill();
    wait_for_processes(&marker, |there| there == 0);
    coordinator.wait_until("s", |s| count(s, "waiting") == 1);
    let _heir = worker(&coordinator, "heir", &[]);
    coordinator.wait_until_finished("s");
    let trial = &coordinator.trials("s")[0];
    assert_eq!((&trial["state"], &trial["attempt"]), (&"COMPLETE".into(), &2.into()), "{trial}");
    assert_eq!(
        (&trial["params"], &trial["values"][0]),
        (&held[0]["params"], &trial["params"]["x"])
    );
    assert!(processes(&marker).is_empty());
}

#[test]
fn a_worker_that_does_not_allow_commands_is_given_none() {
    let folder = Folder::new();
    let commands = folder.write("s.toml", script_study(&folder, "s", 1, "echo accuracy=1"));
    let digits = folder.write("d.toml", study_file("d", 1));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    for file in [commands, digits] {
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    }
    let _careful = coordinator.worker("careful");
    coordinator.wait_until_finished("d");
    let study = coordinator.ask_json(&["study", "show", "s"]);
    assert_eq!((count(&study, "running"), count(&study, "complete")), (0, 0), "{study}");
    let _trusting = worker(&coordinator, "trusting", &["--kind", "command"]);
    coordinator.wait_until_finished("s");
}

#[test]
fn a_bad_study_does_not_take_a_worker_from_the_others() {
    let folder = Folder::new();
    let missing = script_study(&folder, "bad", 3, "").replace("\"sh\"", "\"no-such-program\"");
    let bad = folder.write("bad.toml", missing);
    let good = folder.write("good.toml", script_study(&folder, "good", 3, "echo accuracy=1"));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    for file in [bad, good] {
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    }
    let shown = coordinator.ask(&["study", "show", "bad"]);
    assert!(shown.contains("no worker that is connected offers `command`"), "{shown}");
    let _worker = worker(&coordinator, "w", &[]);
    coordinator.wait_until_finished("good");
    let study = coordinator.ask_json(&["study", "show", "bad"]);
    let told = &study["last_hand_back"];
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no-such-program") && told["worker"] == "w", "{study}");
    assert_eq!(count(&study, "fail"), 0, "{study}");
    let shown = coordinator.ask(&["study", "show", "bad"]);
    assert!(shown.contains("handed back: trial") && !shown.contains("no worker that"), "{shown}");
}

/// `kindling run` in the folder, with one slot.
fn run(folder: &Folder, more: &[&str]) -> Command {
    let [file, store] = ["s.toml", "s.db"].map(|name| folder.path(name));
    let [file, store] = [&file, &store].map(|path| path.to_str().expect("plain"));
    kindling(&[&["run", file, "--store", store, "--slots", "1"], more].concat())
}

fn shown(folder: &Folder) -> Value {
    let store = folder.path("s.db");
    let args = ["study", "show", "s", "--json", "--store", store.to_str().expect("plain")];
    serde_json::from_slice(&support::output(&args).stdout).unwrap_or_default()
}

#[test]
fn an_interrupted_run_leaves_no_process_and_is_resumed() {
    let folder = Folder::new();
    // The third trial does not end by itself.
    let script = r#"[ "$KINDLING_TRIAL" = 2 ] && [ ! -e "$1" ] && { touch "$1"; sleep 1000; }; echo "accuracy=$2""#;
    folder.write("s.toml", script_study(&folder, "s", 5, script));
    let (marker, hangs) = (marker(&folder), folder.path("marker"));
    let mut interrupted = Process::start(run(&folder, &[]).stderr(Stdio::piped()));
    let start = Instant::now();
    while !hangs.exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    interrupted.signal("INT");
    assert!(!interrupted.wait(), "an interrupted run is not a success");
    assert_eq!(interrupted.ended().and_then(|status| status.code()), Some(130));
    assert!(processes(&marker).is_empty(), "it waits for its workers, and they for theirs");
    assert_eq!(count(&shown(&folder), "complete"), 2);
    let resumed = run(&folder, &[]).output().expect("runs");
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(count(&shown(&folder), "complete"), 5);
}

#[test]
fn a_broken_script_ends_the_run_with_its_error_and_the_study_waits() {
    let folder = Folder::new();
    let broken = "echo 'train.sh: no module called torhc' >&2; exit 1";
    folder.write("s.toml", script_study(&folder, "s", 9, broken));
    let output = run(&folder, &[]).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    for part in ["no module called torhc", "hint: the study waits"] {
        assert!(stderr.contains(part), "{stderr}");
    }
    let study = shown(&folder);
    assert_eq!((&study["state"], count(&study, "running")), (&"ACTIVE".into(), 0), "{study}");
    assert!(count(&study, "fail") <= 3, "{study}");
    folder.write("s.sh", "echo \"accuracy=$2\"");
    let mended = run(&folder, &[]).output().expect("runs");
    assert!(mended.status.success(), "{}", String::from_utf8_lossy(&mended.stderr));
}

#[test]
fn a_missing_program_is_found_before_a_trial_is_spent() {
    let folder = Folder::new();
    let study = script_study(&folder, "s", 9, "").replace("\"sh\"", "\"no-such-program\"");
    folder.write("s.toml", study);
    let output = run(&folder, &[]).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    assert!(stderr.contains("no-such-program"), "{stderr}");
    assert!(!folder.path("s.db").exists(), "nothing was begun");
}

/// Trials that end with 20 equal values, of which the median pruner gives up the bad ones.
fn pruned_study(folder: &Folder, script: &str) -> String {
    let study = script_study(folder, "s", 12, script);
    let pruner = "[pruner]\nkind = \"median\"\n\n[objective]";
    study.replace("[objective]", pruner)
}

/// Runs the study. Returns the curves' lengths of the pruned trials.
fn pruned(folder: &Folder) -> Vec<usize> {
    let output = run(folder, &[]).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let store = folder.path("s.db");
    let args = ["trial", "list", "s", "--json", "--store", store.to_str().expect("plain")];
    let trials: Vec<Value> = serde_json::from_slice(&support::output(&args).stdout).expect("JSON");
    assert!(trials.iter().any(|trial| trial["state"] == "COMPLETE"), "{trials:?}");
    let pruned: Vec<_> = trials.iter().filter(|trial| trial["state"] == "PRUNED").collect();
    let length = |trial: &&Value| trial["intermediate_values"].as_array().map_or(0, Vec::len);
    assert!(!pruned.is_empty(), "{trials:?}");
    pruned.iter().map(length).collect()
}

#[test]
fn a_script_that_only_prints_lines_is_pruned() {
    let folder = Folder::new();
    let script = r#"
for step in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    echo "epoch=$step accuracy=$2"
    sleep 0.05
done
echo "$KINDLING_TRIAL" >> "$1"
"#;
    folder.write("s.toml", pruned_study(&folder, script));
    let curves = pruned(&folder);
    assert!(curves.iter().all(|steps| *steps < 20), "{curves:?}");
    let to_the_end = lines(&folder.path("marker")).len();
    assert_eq!(to_the_end + curves.len(), 12, "the others were stopped in the middle");
}

#[test]
fn a_script_is_told_to_stop_by_the_status_10() {
    let folder = Folder::new();
    let script = r#"
for step in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    "$PROGRAM" tell report --step $step "$2"
    status=$?
    if [ $status != 0 ]; then
        echo $status "$("$PROGRAM" tell verdict)" >> "$1"
        # As a plain `|| exit` does.
        exit $status
    fi
done
"$PROGRAM" tell result "$2"
"#;
    folder.write("s.toml", pruned_study(&folder, script));
    let curves = pruned(&folder);
    assert_eq!(lines(&folder.path("marker")), vec!["10 prune"; curves.len()]);
}
