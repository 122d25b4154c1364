//! Bad input gets a clear error with a hint and changes nothing.

mod support;

use support::address::lasting_address;
use support::{Coordinator, Folder, failure, study_file};

/// The error of `study create` for a file with a mistake. Checks that no study was created.
fn refusal(coordinator: &Coordinator, folder: &Folder, from: &str, to: &str) -> String {
    let text = study_file("s", 4);
    assert!(text.contains(from), "the test's own text");
    let file = folder.write("bad.toml", text.replace(from, to));
    let url = coordinator.url();
    let path = file.to_str().expect("plain");
    let error = failure(&["study", "create", path, "--coordinator", &url]);
    let studies = coordinator.ask_json(&["study", "list"]);
    assert_eq!(studies, serde_json::json!([]), "nothing was created: {error}");
    error
}

#[test]
fn mistakes_in_a_study_file_name_line_key_and_expectation() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    for (from, to, expected) in [
        ("seed = 7", "sede = 7", ["line 5", "`sede`", "did you mean `seed`?"]),
        ("low = 5e-4", "low = 5e-1", ["`space.learning_rate.low`", "low = 0.5", "high = 0.01"]),
        (
            "winit_conv = \"gaussian\" }",
            "conv = \"gaussian\" }",
            ["line 39", "when", "no parameter `conv`"],
        ),
        (
            "choices = [\"gaussian\", \"xavier_uniform\", \"he_normal\"]",
            "choices = [\"gaussian\"]\nwhen = { winit_fc = \"gaussian\" }\n[space.x]\ntype = \"float\"\nlow = 0\nhigh = 1\nwhen = { x = 1 }",
            ["space.x.when", "cycle", "hint:"],
        ),
        (
            "max_epochs = 3",
            "max_epoch = 3",
            ["line 18", "`objective.max_epoch`", "did you mean `max_epochs`?"],
        ),
        ("data = \"digits\"", "data = \"digit\"", ["line 13", "objective.data", "digits"]),
    ] {
        let error = refusal(&coordinator, &folder, from, to);
        for part in expected {
            assert!(error.contains(part), "{to}: {error:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_study_that_exists_with_another_spec_stays_as_it_is() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 4));
    let path = file.to_str().expect("plain");
    coordinator.ask(&["study", "create", path]);
    let before = coordinator.ask_json(&["study", "show", "s"]);
    coordinator.ask(&["study", "create", path]);
    folder.write("s.toml", study_file("s", 4).replace("seed = 7", "seed = 8"));
    let error = failure(&["study", "create", path, "--coordinator", &coordinator.url()]);
    assert!(error.contains("another seed") && error.contains("hint:"), "{error}");
    assert_eq!(coordinator.ask_json(&["study", "show", "s"]), before);
}

#[test]
fn trials_are_fixed_within_the_space_and_the_budget() {
    let folder = Folder::new();
    let coordinator = Coordinator::start(&folder.path("study.db"));
    let file = folder.write("s.toml", study_file("s", 1));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let url = coordinator.url();
    let enqueue = |param: &str| failure(&["trial", "enqueue", "s", param, "--coordinator", &url]);
    assert!(enqueue("learning_rat=0.001").contains("no parameter `learning_rat`"));
    assert!(enqueue("learning_rate=fast").contains("a number from 0.0005 to 0.01"));
    assert!(enqueue("learning_rate=1").contains("not in 0.0005 to 0.01"));
    assert!(enqueue("winit_conv=he").contains("one of gaussian, xavier_uniform, he_normal"));
    assert_eq!(coordinator.trials("s").len(), 0);
    let trial = coordinator.ask_json(&["trial", "enqueue", "s", "learning_rate=0.001"]);
    assert_eq!(trial["state"], "WAITING");
    assert_eq!(trial["params"]["learning_rate"], 0.001);
    let full = enqueue("learning_rate=0.001");
    assert!(full.contains("all exist already") && full.contains("--trials N"), "{full}");
    let not_failed = failure(&["trial", "retry", "s", "0", "--coordinator", &url]);
    assert!(not_failed.contains("did not fail"), "{not_failed}");
    assert!(failure(&["trial", "show", "s", "9", "--coordinator", &url]).contains("no trial 9"));
    assert!(failure(&["study", "show", "t", "--coordinator", &url]).contains("no study `t`"));
    assert!(failure(&["study", "delete", "s", "--coordinator", &url]).contains("--yes"));
}

#[test]
fn files_that_are_no_store_of_ours_are_left_as_they_are() {
    let folder = Folder::new();
    let foreign = folder.path("foreign.db");
    let database = rusqlite::Connection::open(&foreign).expect("opens");
    database
        .execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('pie');")
        .expect("made");
    drop(database);
    let garbage = folder.write("garbage.db", [b'x'; 5000]);
    for path in [foreign, garbage] {
        let before = std::fs::read(&path).expect("there");
        let store = path.to_str().expect("plain");
        let error = failure(&["coordinator", "--store", store, "--listen", "127.0.0.1:0"]);
        assert!(error.contains(store) && error.contains("not a Kindling store"), "{error}");
        assert!(error.contains("hint:"), "{error}");
        assert_eq!(std::fs::read(&path).expect("still there"), before);
    }
}

#[test]
fn a_coordinator_that_is_not_there_is_named_with_a_hint() {
    let url = format!("http://{}", lasting_address());
    let error = failure(&["study", "list", "--coordinator", &url]);
    assert!(error.contains(&url) && error.contains("hint: start one with"), "{error}");
}

#[test]
fn an_address_in_use_leaves_no_store_behind() {
    let folder = Folder::new();
    let coordinator =
        Coordinator::start_on_free_port(&folder.path("study.db"), &["--http", "localhost:0"]);
    let second = folder.path("second.db");
    let command = ["coordinator", "--store", second.to_str().expect("plain")];
    let error = failure(&[&command[..], &["--listen", coordinator.address()]].concat());
    assert!(error.contains("cannot listen on") && error.contains("hint:"), "{error}");
    assert!(!second.exists());
}

#[test]
fn the_pages_address_is_told_from_the_coordinators() {
    let folder = Folder::new();
    let coordinator =
        Coordinator::start_on_free_port(&folder.path("study.db"), &["--http", "localhost:0"]);
    let log = coordinator.log();
    let page = log.split("page on ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let page = page.expect("a page");
    for command in [&["study", "list"][..], &["worker", "--device", "flex"]] {
        let error = failure(&[command, &["--coordinator", page]].concat());
        assert!(error.contains("does not speak gRPC"), "{command:?}: {error}");
        assert!(error.contains("hint: --coordinator is the address after"), "{error}");
    }
}

#[test]
fn an_open_address_is_refused() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let store = store.to_str().expect("plain");
    let error = failure(&["coordinator", "--store", store, "--listen", "0.0.0.0:0"]);
    assert!(error.contains("not a loopback address") && error.contains("--insecure"), "{error}");
    assert!(!std::fs::exists(store).expect("a look"), "nothing was made");
}

#[test]
fn missing_and_damaged_data_are_errors_and_never_replaced_silently() {
    let folder = Folder::new();
    let text = study_file("s", 1).replace("data = \"digits\"", "data = \"mnist\"");
    let file = folder.write("s.toml", text.replace("test = 32\n", ""));
    let (file, dir) = (file.to_str().expect("plain"), folder.path("data"));
    std::fs::create_dir(&dir).expect("made");
    let store = folder.path("s.db");
    let (store, dir_arg) = (store.to_str().expect("plain"), dir.to_str().expect("plain"));
    let run = ["run", file, "--store", store, "--data-dir", dir_arg];
    let error = failure(&run);
    assert!(error.contains(dir_arg) && error.contains("--data-dir"), "{error}");
    assert!(error.contains("digits"), "the synthetic set is a hint: {error}");
    for name in [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ] {
        std::fs::write(dir.join(name), b"not MNIST").expect("written");
    }
    let verify = support::output(&["data", "verify", "--data-dir", dir_arg, "--json"]);
    assert!(!verify.status.success());
    assert!(String::from_utf8_lossy(&verify.stdout).contains("wrong checksum"));
    let error = failure(&run);
    assert_eq!(error.matches("wrong content").count(), 1, "said once: {error}");
    assert!(!std::fs::exists(store).expect("a look"), "nothing was made");
}

#[test]
fn a_worker_without_data_hands_its_trial_back_and_ends() {
    let folder = Folder::new();
    let text = study_file("s", 3).replace("data = \"digits\"", "data = \"mnist\"");
    let file = folder.write("s.toml", text.replace("test = 32\n", ""));
    let coordinator = Coordinator::start(&folder.path("study.db"));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let empty = folder.path("data");
    std::fs::create_dir(&empty).expect("made");
    let (url, empty) = (coordinator.url(), empty.to_str().expect("plain").to_owned());
    let error = failure(&["worker", "--coordinator", &url, "--data-dir", &empty]);
    assert!(error.contains("cannot train") && error.contains(&empty), "{error}");
    let study = coordinator.ask_json(&["study", "show", "s"]);
    assert_eq!(support::count(&study, "fail"), 0, "no trial pays for it: {study}");
    assert_eq!(support::count(&study, "waiting"), 1, "{study}");
}
