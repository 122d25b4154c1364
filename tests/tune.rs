//! `kindling tune`, `kindling tell` alone, and `kindling run` as another program starts it.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::scripts::{marker, script_study, wait_for_processes};
use support::{Folder, Process, kindling};

/// `kindling tune` in the folder, with a script that gives its first argument.
fn tune(folder: &Folder, options: &[&str], words: &[&str]) -> Output {
    folder.write("train.sh", "echo \"accuracy=$1\"");
    let head = [&["tune", "--maximize", "accuracy"], options, &["--", "sh", "train.sh"]].concat();
    let mut command = kindling(&[&head, words].concat());
    command.current_dir(folder.path("")).output().expect("runs")
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

#[test]
fn tune_needs_no_file_and_the_same_command_resumes() {
    let folder = Folder::new();
    let words = ["{lr: 1e-5..1e-1 log}", "--opt={opt: adam|it's $(so)}"];
    let study = json(&tune(&folder, &["--trials", "4", "--json"], &words));
    assert_eq!((&study["name"], &study["counts"]["complete"]), (&"train".into(), &4.into()));
    assert_eq!(study["best"]["values"][0], study["best"]["params"]["lr"], "{study}");
    assert!(folder.path("train.db").exists());
    let more = json(&tune(&folder, &["--trials", "6", "--json"], &words));
    assert_eq!(more["counts"]["complete"], 6, "{more}");

    // The file that grows out of it is the same study.
    let printed = tune(&folder, &["--trials", "6", "--print"], &words);
    let file = folder.write("study.toml", &printed.stdout);
    let args = ["run", file.to_str().expect("plain"), "--trials", "7", "--json"];
    let run = kindling(&args).current_dir(folder.path("")).output().expect("runs");
    assert_eq!(json(&run)["counts"]["complete"], 7);

    // Another space is another study.
    let other = tune(&folder, &["--trials", "6"], &["{lr: 1e-5..1e-2 log}"]);
    let stderr = String::from_utf8_lossy(&other.stderr);
    assert!(!other.status.success() && stderr.contains("tune --name"), "{stderr}");
}

#[test]
fn a_mistake_in_a_placeholder_is_pointed_at_and_nothing_is_begun() {
    let folder = Folder::new();
    let output = tune(&folder, &[], &["--lr={lr: 1e-5..x log}"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("  --lr={lr: 1e-5..x log}\n                  ^\nhint: "), "{stderr}");
    assert!(!folder.path("train.db").exists());
}

#[test]
fn tell_alone_prints_what_it_would_say() {
    let tell = |args: &[&str]| {
        let output = support::output(&[&["tell"], args].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned())
    };
    for (args, expected) in [
        (&["report", "--step", "3", "-0.5"][..], r#"{"call":"report","step":3,"value":-0.5}"#),
        (&["report", "--step", "3", "nan"], r#"{"call":"report","step":3,"value":"nan"}"#),
        (&["result", "0.93"], r#"{"call":"result","state":"complete","values":[0.93]}"#),
        (
            &["result", "--fail", "no luck"],
            r#"{"call":"result","reason":"no luck","state":"fail"}"#,
        ),
        (&["attr", "n", "[1]"], r#"{"call":"set_user_attr","name":"n","value":[1]}"#),
        (&["attr", "n", "as text"], r#"{"call":"set_user_attr","name":"n","value":"as text"}"#),
        (&["param", "lr", "--default", "0.1"], "0.1"),
        (&["params", "--json"], "{}"),
    ] {
        assert_eq!(tell(args), (Some(0), expected.to_owned()), "{args:?}");
    }
    assert_eq!(tell(&["param", "lr"]).0, Some(1));
    assert_eq!(tell(&["result"]).0, Some(2));
    assert_eq!(tell(&["result", "1", "--pruned"]).0, Some(2));
}

#[test]
fn a_script_asks_for_its_parameters() {
    let folder = Folder::new();
    let script = r#"
eval "$("$PROGRAM" tell params)"
[ "$("$PROGRAM" tell param x)" = "$2" ] && [ "$x" = "$2" ] || exit 1
[ "$("$PROGRAM" tell param y --default 7)" = 7 ] || exit 1
"$PROGRAM" tell attr note "it's \"so\"" && "$PROGRAM" tell result "$x"
"#;
    let file = folder.write("s.toml", script_study(&folder, "s", 2, script));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let study = json(&support::output(&["run", file, "--store", store, "--json"]));
    assert_eq!(study["counts"]["complete"], 2, "{study}");
    assert_eq!(study["best"]["attributes"]["note"], "it's \"so\"");
    assert_eq!(study["best"]["values"][0], study["best"]["params"]["x"]);
}

fn run_with_events(folder: &Folder, script: &str) -> Command {
    let file = folder.write("s.toml", script_study(folder, "s", 3, script));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    kindling(&["run", file, "--store", store, "--events", "--stop-with-stdin"])
}

fn events(output: &[u8]) -> Vec<Value> {
    let lines = output.lines().map(|line| line.expect("UTF-8"));
    lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect()
}

#[test]
fn a_program_reads_how_a_run_goes() {
    let folder = Folder::new();
    let mut command = run_with_events(&folder, "echo \"accuracy=$2\"");
    let mut run = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut output = Vec::new();
    let stdout = run.child().stdout.as_mut().expect("piped");
    std::io::Read::read_to_end(stdout, &mut output).expect("readable");
    assert!(run.wait());
    let events = events(&output);
    let [first, progress @ .., last] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&first["event"], &first["created"]), (&"started".into(), &true.into()));
    assert_eq!((&last["event"], &last["study"]["state"]), (&"result".into(), &"FINISHED".into()));
    assert_eq!(last["store"], folder.path("s.db").to_str().expect("plain"));
    assert!(progress.iter().all(|event| event["event"] == "progress"), "{events:?}");
    let ended = progress.last().expect("some");
    assert_eq!((&ended["finished"], &ended["trials"]), (&3.into(), &3.into()));
    let complete =
        progress.iter().flat_map(|event| event["trials_changed"].as_array().expect("a list"));
    assert_eq!(complete.filter(|trial| trial["state"] == "COMPLETE").count(), 3);
}

#[test]
fn a_program_is_told_why_a_run_ended() {
    let folder = Folder::new();
    let mut command = run_with_events(&folder, "echo 'it is broken' >&2; exit 1");
    let mut run = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut output = Vec::new();
    let stdout = run.child().stdout.as_mut().expect("piped");
    std::io::Read::read_to_end(stdout, &mut output).expect("readable");
    assert!(!run.wait());
    let events = events(&output);
    let last = events.last().expect("some");
    assert_eq!(last["event"], "error");
    assert!(last["error"].as_str().expect("text").contains("it is broken"), "{last}");
    assert!(last["hint"].as_str().expect("text").contains("the study waits"), "{last}");
}

#[test]
fn a_run_ends_with_the_program_that_started_it() {
    let folder = Folder::new();
    let marker = marker(&folder);
    let mut command = run_with_events(&folder, "sleep 1000");
    let mut run = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut events = BufReader::new(run.child().stdout.take().expect("piped"));
    events.read_line(&mut String::new()).expect("readable");
    wait_for_processes(&marker, |there| there > 0);
    drop(run.child().stdin.take());
    std::io::copy(&mut events, &mut std::io::sink()).expect("readable");
    assert!(!run.wait());
    assert_eq!(run.ended().and_then(|status| status.code()), Some(130));
    wait_for_processes(&marker, |there| there == 0);
}
