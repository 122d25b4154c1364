//! Standard output and error that cannot be written, and a closed terminal: only lost results may stop a
//! process.

mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Coordinator, Folder, Process, kindling, kindling_by, study_file};

/// A full disk.
fn full() -> File {
    File::options().write(true).open("/dev/full").expect("Linux has one")
}

/// A study's counts, read from its store.
fn counts(folder: &Folder, name: &str) -> serde_json::Value {
    let store = folder.path("s.db");
    let store = store.to_str().expect("plain");
    let asked = support::output(&["report", name, "--store", store, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    document["study"]["counts"].clone()
}

fn run_of(folder: &Folder, trials: u32) -> Command {
    let file = folder.write("s.toml", study_file("s", trials));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    kindling(&["run", file, "--workers", "1", "--store", store])
}

#[test]
fn a_run_goes_on_when_its_progress_cannot_be_written() {
    let folder = Folder::new();
    let mut run = run_of(&folder, 4);
    assert!(run.stderr(full()).stdout(Stdio::null()).status().expect("runs").success());
    assert_eq!(counts(&folder, "s")["complete"], 4);

    // Like `2>&1 | head -1`.
    let mut run = Process::start(run_of(&folder, 8).stderr(Stdio::piped()).stdout(Stdio::piped()));
    let mut first = String::new();
    let mut stderr = BufReader::new(run.child().stderr.take().expect("piped"));
    stderr.read_line(&mut first).expect("readable");
    drop((stderr, run.child().stdout.take()));
    assert!(run.wait(), "nobody reads: {first}");
    assert_eq!(counts(&folder, "s")["complete"], 8);
}

#[test]
fn a_run_goes_on_when_its_pager_stands_still() {
    let folder = Folder::new();
    // The coordinator and the worker each write many times a pipe's capacity.
    let mut run = run_of(&folder, 4);
    run.env("KINDLING_LOG", "trace").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = Process::start(&mut run);
    assert!(run.wait());
    assert_eq!(counts(&folder, "s")["complete"], 4);
}

#[test]
fn a_coordinator_and_its_workers_go_on_without_their_logs() {
    let folder = Folder::new();
    let store = folder.path("s.db");
    let store = store.to_str().expect("plain");
    let mut coordinator = kindling(&["coordinator", "--store", store, "--listen", "127.0.0.1:0"]);
    let mut coordinator = Process::start(coordinator.stderr(Stdio::piped()));
    let log = BufReader::new(coordinator.child().stderr.take().expect("piped"));
    let said = log.lines().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("listening on ")?;
        Some(address.split_whitespace().next()?.to_owned())
    });
    // Dropping the reader closes the pipe.
    let url = said.expect("an address");
    let file = folder.write("s.toml", study_file("s", 4));
    let create = ["study", "create", file.to_str().expect("plain"), "--coordinator", &url];
    assert!(support::output(&create).status.success());
    let mut worker = kindling(&["worker", "--coordinator", &url]);
    let mut worker = Process::start(worker.stderr(full()));
    // It gets more than it can write, in two ways.
    let mut watch = kindling(&["study", "watch", "s", "--coordinator", &url]);
    assert!(watch.stderr(full()).status().expect("runs").success());
    assert_eq!((coordinator.ended(), worker.ended()), (None, None));
    worker.signal("TERM");
    coordinator.signal("TERM");
    assert!(worker.wait() && coordinator.wait());
    assert_eq!(counts(&folder, "s")["complete"], 4);
}

#[test]
fn data_that_nobody_reads_on_ends_a_command_quietly() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("s.db"));
    let file = folder.write("s.toml", study_file("s", 4));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    for args in [&["study", "list"][..], &["study", "show", "s", "--json"], &["trial", "list", "s"]]
    {
        let mut asked = kindling(&[args, &["--coordinator", &url]].concat());
        let mut asked = Process::start(asked.stdout(Stdio::piped()).stderr(Stdio::piped()));
        drop(asked.child().stdout.take());
        assert!(asked.wait(), "{args:?}");
        let mut said = String::new();
        asked.child().stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
        assert_eq!(said, "", "{args:?}");
        // Partial output must not pass for complete.
        let mut asked = kindling(&[args, &["--coordinator", &url]].concat());
        assert!(!asked.stdout(full()).status().expect("runs").success(), "{args:?}");
    }
    let mut devices = kindling(&["worker", "--list-devices"]);
    assert!(!devices.stdout(full()).status().expect("runs").success());
    // A command that only follows has nothing left to do.
    let mut watch = kindling(&["study", "watch", "s", "--json", "--coordinator", &url]);
    let mut watch = Process::start(watch.stdout(Stdio::piped()));
    drop(watch.child().stdout.take());
    assert!(watch.wait());
}

/// Waits until a run has started its trials.
fn wait_for_a_trial(run: &mut Process) {
    let stderr = BufReader::new(run.child().stderr.take().expect("piped"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("trial ")));
}

#[test]
fn a_terminal_that_closes_drains_what_ran_in_it() {
    let folder = Folder::new();
    let mut run = Process::start(run_of(&folder, 1_000_000).stderr(Stdio::piped()));
    wait_for_a_trial(&mut run);
    // The kernel sends one, and the shell another.
    run.signal("HUP");
    run.signal("HUP");
    run.wait();
    assert_eq!(run.ended().and_then(|status| status.code()), Some(130));
    let left = counts(&folder, "s");
    assert_eq!(left["running"], 0, "handed back: {left}");

    let coordinator = Coordinator::start(&folder.path("s.db"));
    let mut worker = coordinator.worker("w");
    coordinator.wait_until("s", |s| support::count(s, "running") > 0);
    worker.signal("HUP");
    assert!(worker.wait(), "a worker drains, too");
    coordinator.wait_until("s", |s| support::count(s, "running") == 0);
}

#[test]
fn nohup_is_respected() {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 1_000_000));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let args = ["run", file, "--workers", "1", "--store", store];
    let deaf = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let mut run = Process::start(kindling_by(&deaf, &args).stderr(Stdio::piped()));
    wait_for_a_trial(&mut run);
    run.signal("HUP");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        assert_eq!(run.ended(), None);
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal("TERM");
    run.wait();
    assert_eq!(run.ended().and_then(|status| status.code()), Some(130));
}
