//! `kindling run`, as a user runs it.

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use support::{Coordinator, Folder, Process, kindling, study_file};

#[test]
fn run_goes_from_nothing_to_an_answer() {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 4));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let output = support::output(&["run", file, "--workers", "2", "--store", store]);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.contains("4/4 finished (4 complete)"), "{stdout}");
    assert!(stdout.contains("test accuracy of that trial's own weights: 0."), "{stdout}");
    assert!(stdout.contains(&format!("store: {store}")), "{stdout}");
    assert!(stderr.contains("trial    0  COMPLETE"), "progress without a terminal: {stderr}");

    // The same command again finds everything done; a larger budget continues the study.
    let again = support::output(&["run", file, "--workers", "1", "--store", store, "--json"]);
    let again: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(again["counts"]["complete"], 4);
    let more = ["run", file, "--workers", "1", "--store", store, "--json", "--trials", "5"];
    let more: serde_json::Value =
        serde_json::from_slice(&support::output(&more).stdout).expect("JSON");
    assert_eq!(more["counts"]["complete"], 5);

    // Nested attributes are left out of CSV and text output.
    let coordinator = Coordinator::start(&folder.path("s.db"));
    let csv = coordinator.ask(&["study", "export", "s"]);
    let head = csv.lines().next().expect("a head");
    assert!(head.contains(",test_accuracy,") && !head.contains("diagnosis"), "{head}");
    assert_eq!(csv.lines().count(), 6);
    let shown = coordinator.ask(&["trial", "show", "s", "0"]);
    assert!(shown.contains("\ndiagnosis: see --json\n"), "{shown}");
    let trial = coordinator.ask_json(&["trial", "show", "s", "0"]);
    let stages = &trial["attributes"]["diagnosis"]["stages"];
    assert_eq!(stages[1]["layers"][4]["name"], "fc 2", "{trial}");
}

#[test]
fn ctrl_c_drains_says_how_to_resume_and_leaves_no_process_behind() {
    let folder = Folder::new();
    // More trials than can finish before the interrupt.
    let file = folder.write("s.toml", study_file("s", 1_000_000));
    let store = folder.path("s.db");
    let (file, path) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let args = ["run", file, "--workers", "1", "--store", path];
    let mut run = Process::start(kindling(&args).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let start = Instant::now();
    while trials(&store) < 2 {
        assert!(start.elapsed() < support::PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal("INT");
    let mut stderr = String::new();
    std::io::Read::read_to_string(run.child().stderr.as_mut().expect("piped"), &mut stderr)
        .expect("UTF-8");
    assert!(!run.wait(), "an interrupted run is not a success");
    assert!(stderr.contains("To resume, run the same command again"), "{stderr}");
    let wanted = trials(&store) + 1;
    let resumed = support::output(&[&args[..], &["--trials", &wanted.to_string()]].concat());
    let stdout = String::from_utf8_lossy(&resumed.stdout);
    let all = format!("{wanted}/{wanted} finished ({wanted} complete)");
    assert!(stdout.contains(&all), "{stdout}");
}

/// The number of trials in a store, which may not exist yet.
fn trials(store: &Path) -> u32 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let count = Connection::open_with_flags(store, flags)
        .and_then(|reader| reader.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)));
    count.unwrap_or(0)
}
