//! Devices on the command line.

mod support;

use support::{Coordinator, Folder, Process, count, failure, kindling, output, study_file};

/// The devices of this build that need no GPU.
const HERE: &str = if cfg!(feature = "tch") { "cpu,flex" } else { "flex" };

#[test]
fn the_list_shows_what_there_is_and_why_something_is_not() {
    let text = output(&["worker", "--list-devices"]).stdout;
    let text = String::from_utf8(text).expect("text");
    assert!(text.lines().any(|line| line.starts_with("flex")), "{text}");
    let json = output(&["worker", "--list-devices", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), text.lines().count());
    for device in list {
        let name = device["name"].as_str().expect("a name");
        let available = device["available"].as_bool().expect("a truth value");
        let line = text.lines().find(|line| line.starts_with(name)).expect("the same device");
        assert_eq!(!line.contains("not available"), available, "{line}");
        // A GPU may or may not exist; these two depend only on the build.
        match name {
            "flex" => assert!(available),
            "cpu" => assert_eq!(available, cfg!(feature = "tch")),
            _ => assert!(name.starts_with("cuda:"), "{name}"),
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_before_anything_is_made() {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 2));
    let (file, store) = (file.to_str().expect("plain"), folder.path("s.db"));
    for device in ["cuda:4095", "flex,cuda:4095"] {
        let store = store.to_str().expect("plain");
        let error = failure(&["run", file, "--store", store, "--device", device]);
        assert!(error.contains("`cuda:4095`") && error.contains("hint: "), "{error}");
        let error = failure(&["worker", "--device", device]);
        assert!(error.contains("`cuda:4095`") && error.contains("hint: "), "{error}");
    }
    assert!(!store.exists());
    let error = failure(&["worker", "--device", "gpu"]);
    assert!(error.contains("unknown device `gpu`: expected auto, flex, cpu or cuda:N"), "{error}");
}

#[test]
fn one_worker_drives_several_devices_with_several_slots_each() {
    let folder = Folder::new();
    // More than it can train before the test looks.
    let file = folder.write("s.toml", study_file("s", 1_000_000));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    let args =
        ["worker", "--coordinator", &url, "--device", HERE, "--slots", "2", "--threads", "1"];
    let _worker = Process::start(&mut kindling(&args));
    let slots = 2 * HERE.split(',').count() as u64;
    coordinator.wait_until("s", |study| count(study, "running") == slots);
    coordinator.ask(&["study", "pause", "s"]);
    let study = coordinator.wait_until("s", |study| count(study, "running") == 0);
    assert!(count(&study, "complete") >= slots && count(&study, "fail") == 0, "{study}");
}

#[test]
fn a_run_gives_its_workers_the_devices_that_it_was_told() {
    let folder = Folder::new();
    let file = folder.write("s.toml", study_file("s", 4));
    let (file, store) = (file.to_str().expect("plain"), folder.path("s.db"));
    let store = store.to_str().expect("plain");
    for (trials, device) in [("2", "flex"), ("4", HERE)] {
        let args = ["run", file, "--store", store, "--trials", trials, "--device", device];
        let done = output(&[&args[..], &["--workers", "2", "--slots", "2", "--json"]].concat());
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        let study: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
        assert_eq!(count(&study, "complete").to_string(), trials, "{study}");
    }
}
