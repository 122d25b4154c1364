//! Commands on stores without a coordinator, and with unusual names of studies, values and choices.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Coordinator, Folder, failure, kindling, output};

/// A study with this name and nothing to train.
fn study_file(name: &str) -> String {
    format!(
        r#"
name = {name:?}
direction = "maximize"
trials = 9
[objective]
kind = "mine"
[space.value]
type = "float"
low = -1
high = 1
[space.lr]
type = "categorical"
choices = [1e-5, 0.123456, 0.1234561]
[space."a=b"]
type = "categorical"
choices = ["=1+1", "", "\u001B[2J\u202E", "1", 1]
"#
    )
}

/// A command's standard output.
fn said(args: &[&str]) -> String {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(&[args, &["--json"]].concat())).expect("JSON")
}

/// All files in a folder, with their content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.map(|path| (path.clone(), std::fs::read(path).unwrap_or_default())).collect()
}

/// A store with the study `s` and one waiting trial.
fn store(folder: &Folder) -> String {
    let store = folder.path("here").join("s.db");
    std::fs::create_dir(folder.path("here")).expect("made");
    let file = folder.write("s.toml", study_file("s"));
    let store = store.to_str().expect("plain").to_owned();
    said(&["study", "create", file.to_str().expect("plain"), "--store", &store]);
    said(&["trial", "enqueue", "s", "value=0.5", "--store", &store]);
    store
}

#[test]
fn a_store_that_nobody_serves_is_read_and_changed() {
    let folder = Folder::new();
    let store = store(&folder);
    let ask = |args: &[&str]| json(&[args, &["--store", &store]].concat());
    let here = folder.path("here");
    let before = files(&here);
    assert_eq!(ask(&["study", "list"])[0]["name"], "s");
    assert_eq!(ask(&["study", "show", "s"])["counts"]["waiting"], 1);
    assert_eq!(ask(&["trial", "list", "s"])[0]["params"]["value"], 0.5);
    assert_eq!(ask(&["trial", "show", "s", "0"])["number"], 0);
    assert_eq!(ask(&["study", "replay", "s"])["checked"], 0);
    let export = said(&["study", "export", "s", "--store", &store]);
    assert_eq!(export, said(&["report", "s", "--format", "csv", "--store", &store]));
    let filtered = |filter: &str| ask(&["trial", "list", "s", "--filter", filter]);
    assert_eq!(filtered("param.value > 0.4 and state = waiting")[0]["number"], 0);
    assert_eq!(filtered("param.value > 0.6"), serde_json::json!([]));
    let wrong = failure(&["trial", "list", "s", "--filter", "param.valeu > 0", "--store", &store]);
    assert!(wrong.contains("at character 1") && wrong.contains("hint: did you mean"), "{wrong}");
    let some = said(&["study", "export", "s", "--filter", "number = 7", "--store", &store]);
    assert_eq!((some.lines().count(), export.lines().count()), (1, 2), "{some}");
    let database = ["study", "export", "s", "--format", "optuna", "--filter", "number = 0"];
    let told = failure(&[&database[..], &["-o", "x.db", "--store", &store]].concat());
    assert!(told.contains("holds all trials"), "{told}");
    assert!(failure(&["study", "delete", "s", "--store", &store]).contains("--yes"));
    assert!(files(&here) == before, "looking changes nothing");

    assert_eq!(ask(&["study", "pause", "s"])["state"], "PAUSED");
    assert_eq!(ask(&["study", "resume", "s", "--trials", "3"])["trials"], 3);
    said(&["study", "delete", "s", "--yes", "--store", &store]);
    assert_eq!(ask(&["study", "list"]), serde_json::json!([]));
    let left: Vec<_> = files(&here).into_keys().collect();
    assert_eq!(left, [here.join("s.db"), here.join("s.db.lock")], "it was closed");

    let watch = failure(&["study", "watch", "s", "--store", &store]);
    assert!(watch.contains("nothing happens") && watch.contains("hint:"), "{watch}");
    let missing = here.join("t.db");
    let missing = missing.to_str().expect("plain");
    for command in [["study", "list"], ["study", "show"], ["study", "delete"]] {
        let name = (command[1] != "list").then_some("s");
        let args: Vec<_> = command.into_iter().chain(name).chain(["--store", missing]).collect();
        assert!(failure(&args).contains("there is no store"), "{args:?}");
    }
    assert!(!Path::new(missing).exists(), "nothing was made");
}

#[test]
fn notes_and_tags_of_a_store_that_nobody_serves() {
    let folder = Folder::new();
    let store = store(&folder);
    let ask = |args: &[&str]| json(&[args, &["--store", &store]].concat());
    let here = folder.path("here");
    let note = "# A\n- **b**";
    assert_eq!(ask(&["study", "note", "s", note])["version"], 1);
    assert_eq!(ask(&["trial", "note", "s", "0", "x", "--if-version", "0"])["version"], 1);
    assert_eq!(ask(&["study", "tag", "s", "--add", "a", "--add", "b"])["tags"][1], "b");
    assert_eq!(ask(&["trial", "tag", "s", "0", "--add", "a"])["tags"], serde_json::json!(["a"]));

    let before = files(&here);
    let study = ask(&["study", "show", "s"]);
    assert_eq!((&study["note"], &study["tags"][0]), (&note.into(), &"a".into()));
    assert_eq!(said(&["trial", "note", "s", "0", "--store", &store]), "x\n");
    assert_eq!(said(&["study", "tag", "s", "--store", &store]), "a\nb\n");
    let export = said(&["study", "export", "s", "--store", &store]);
    assert!(export.ends_with(",a,x\n"), "{export}");
    assert!(files(&here) == before, "looking changes nothing");

    let changed =
        failure(&["trial", "note", "s", "0", "y", "--if-version", "0", "--store", &store]);
    assert!(changed.contains("somebody else changed the note: version 0 was read"), "{changed}");
    let odd = failure(&["study", "tag", "s", "--add", "a,b", "--store", &store]);
    assert!(odd.contains("no comma"), "{odd}");
    assert!(failure(&["trial", "note", "s", "1", "x", "--store", &store]).contains("no trial 1"));

    assert_eq!(ask(&["study", "archive", "s"])["archived"], true);
    assert_eq!(ask(&["study", "list"]), serde_json::json!([]));
    let listed = output(&["study", "list", "--store", &store]);
    assert!(String::from_utf8_lossy(&listed.stderr).contains("1 archived"), "{listed:?}");
    assert_eq!(ask(&["study", "list", "--archived"])[0]["name"], "s");
    assert_eq!(ask(&["study", "unarchive", "s"])["archived"], false);
    assert_eq!(ask(&["study", "list"])[0]["name"], "s");
}

#[test]
fn a_store_that_is_served_is_read_and_not_changed() {
    let folder = Folder::new();
    let store = store(&folder);
    let mut coordinator = Coordinator::start(Path::new(&store));
    coordinator.ask(&["trial", "enqueue", "s", "value=0.25"]);
    assert_eq!(json(&["study", "show", "s", "--store", &store])["counts"]["waiting"], 2);
    for change in [&["study", "delete", "s", "--yes"][..], &["trial", "enqueue", "s", "value=0"]] {
        let error = failure(&[change, &["--store", &store]].concat());
        assert!(error.contains("a coordinator serves this store"), "{error}");
        assert!(error.contains("hint: ask the coordinator with --coordinator"), "{error}");
    }
    coordinator.process().kill();
    let before = files(&folder.path("here"));
    assert_eq!(json(&["study", "show", "s", "--store", &store])["counts"]["waiting"], 2);
    assert!(files(&folder.path("here")) == before, "what a crash left stays for the next start");
}

/// The output of `study show` in a read-only folder; `None` if the folder cannot be made read-only.
fn shown_from_where_nobody_writes(folder: &Path) -> Option<Value> {
    // If this user can write everywhere, make a read-only bind mount.
    let sh = "mount -o bind \"$1\" \"$1\" 2>/dev/null && mount -o remount,ro,bind \"$1\" 2>/dev/null
        chmod a-w \"$1\" \"$1\"/* 2>/dev/null; touch \"$1/x\" 2>/dev/null && exit 77; shift; exec \"$@\"";
    let (here, store) = (folder.to_str().expect("plain"), folder.join("s.db"));
    let store = store.to_str().expect("plain");
    let wrapper = ["unshare", "-rm", "sh", "-c", sh, "sh", here];
    let args = ["study", "show", "s", "--json", "--store", store];
    let shown = support::kindling_by(&wrapper, &args).output().expect("runs");
    if matches!(shown.status.code(), Some(77 | 127)) {
        return None;
    }
    let stderr = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{stderr}");
    Some(serde_json::from_slice(&shown.stdout).expect("JSON"))
}

#[test]
fn a_folder_that_can_only_be_read_will_do() {
    let folder = Folder::new();
    let (store, here) = (store(&folder), folder.path("here"));
    let Some(closed) = shown_from_where_nobody_writes(&here) else {
        eprintln!("skipped: no folder can be made that can only be read");
        return;
    };
    assert_eq!(closed["counts"]["waiting"], 1);
    let mut coordinator = Coordinator::start(Path::new(&store));
    coordinator.ask(&["trial", "enqueue", "s", "value=0.25"]);
    coordinator.process().kill();
    let after_a_crash = shown_from_where_nobody_writes(&here).expect("as before");
    assert_eq!(after_a_crash["counts"]["waiting"], 2);
    std::fs::remove_file(here.join("s.db-shm")).expect("removed");
    let without_index = shown_from_where_nobody_writes(&here).expect("as before");
    assert_eq!(without_index["counts"]["waiting"], 2);
}

#[test]
fn the_store_of_a_run_is_named_where_no_coordinator_answers() {
    let folder = Folder::new();
    store(&folder);
    let mut show = kindling(&["study", "show", "s", "--coordinator", "http://127.0.0.1:1"]);
    let shown = show.current_dir(folder.path("here")).output().expect("runs");
    let stderr = String::from_utf8_lossy(&shown.stderr);
    assert!(stderr.contains("a run has left this study here: --store s.db"), "{stderr}");
}

#[test]
fn parameters_are_fixed_by_what_they_are_and_not_by_what_is_printed() {
    let folder = Folder::new();
    let store = store(&folder);
    let fixed = |params: &[&str]| {
        let args = [&["trial", "enqueue", "s", "--store", &store], params].concat();
        json(&args)["params"].clone()
    };
    assert_eq!(fixed(&["lr=0.00001"]), serde_json::json!({ "lr": 1e-5 }));
    assert_eq!(fixed(&["lr=0.1234561"]), serde_json::json!({ "lr": 0.123_456_1 }));
    assert_eq!(fixed(&["a=b="]), serde_json::json!({ "a=b": "" }));
    assert_eq!(fixed(&["a=b=\"1\""]), serde_json::json!({ "a=b": "1" }));
    assert_eq!(fixed(&["--json-params", r#"{"a=b": 1}"#]), serde_json::json!({ "a=b": 1 }));
    let refused = |params: &[&str]| {
        failure(&[&["trial", "enqueue", "s", "--store", &store], params].concat())
    };
    assert!(refused(&["lr=0.12346"]).contains("one of 1e-5, 0.123456, 0.1234561"));
    assert!(refused(&["lr=1e-5", "lr=1e-5"]).contains("twice"));
    assert!(refused(&["a=b=1"]).contains("may be"));
    let file = folder.write("params.json", r#"{"lr": 1e-5, "lr": 0.123456}"#);
    assert!(refused(&["--params-file", file.to_str().expect("plain")]).contains("twice"));
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let folder = Folder::new();
    let store = store(&folder);
    let hostile = "\u{1b}[2J\u{202e}";
    let assignment = format!("a=b={hostile}");
    let answer = said(&["trial", "enqueue", "s", &assignment, "--store", &store]);
    let list = said(&["trial", "list", "s", "--store", &store]);
    let raw = said(&["trial", "list", "s", "--json", "--store", &store]);
    let error = failure(&["study", "show", hostile, "--store", &store]);
    let wrong = failure(&["trial", "enqueue", "s", "a=b=x", "--store", &store]);
    for shown in [&answer, &list, &raw, &error, &wrong] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        assert!(shown.contains("\\u001b[2J"), "{shown:?}");
    }
    let trials: Value = serde_json::from_str(&raw).expect("JSON");
    assert_eq!(trials[1]["params"]["a=b"], hostile, "for scripts it is what it was");
    let export = said(&["study", "export", "s", "--store", &store]);
    assert!(export.contains(hostile), "and so it is in a file");
}

#[test]
fn a_sheet_has_columns_of_their_own_and_no_formulas_on_request() {
    let folder = Folder::new();
    let store = store(&folder);
    said(&["trial", "enqueue", "s", "a=b==1+1", "value=-0.5", "--store", &store]);
    let sheet =
        |more: &[&str]| said(&[&["study", "export", "s", "--store", &store], more].concat());
    let kept = sheet(&[]);
    let head: Vec<_> = kept.lines().next().expect("a head").split(',').collect();
    assert_eq!(head[..6], ["number", "state", "value", "params_value", "lr", "a=b"]);
    assert!(kept.contains(",-0.5,,=1+1,"), "{kept}");
    assert!(sheet(&["--spreadsheet-safe"]).contains(",-0.5,,'=1+1,"));
}

#[test]
fn a_run_of_any_name_stays_in_its_folder_and_its_commands_can_be_copied() {
    for (name, path) in [
        ("-x", "/studies/-x"),
        ("../up", "/studies/..%2Fup"),
        ("a/b $(touch pwned)'s", "/studies/a%2Fb%20%24%28touch%20pwned%29%27s"),
        (".", "/study?name=."),
    ] {
        let folder = Folder::new();
        let here = folder.path("here");
        std::fs::create_dir(&here).expect("made");
        let text = support::study_file("s", 1).replace("\"s\"", &format!("{name:?}"));
        folder.write("s.toml", text);
        let mut run = kindling(&["run", "../s.toml", "--workers", "1", "--http", "127.0.0.1:0"]);
        let ended = run.current_dir(&here).output().expect("runs");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{name}: {stderr}");
        let page = stderr.lines().find(|line| line.starts_with("page: ")).expect("a link");
        assert!(page.ends_with(path), "{page}");
        let stores =
            files(&here).into_keys().filter(|path| path.extension().is_some_and(|e| e == "db"));
        assert_eq!(stores.count(), 1, "{name}");

        let stdout = String::from_utf8(ended.stdout).expect("text");
        let report =
            stdout.lines().find_map(|line| line.strip_prefix("report: ")).expect("a command");
        let copied =
            format!("kindling() {{ {} \"$@\"; }}; {report}", env!("CARGO_BIN_EXE_kindling"));
        let status = Command::new("sh").args(["-c", &copied]).current_dir(&here).status();
        assert!(status.expect("a shell").success(), "{report}");
        let pages =
            files(&here).into_keys().filter(|path| path.extension().is_some_and(|e| e == "html"));
        assert_eq!(pages.count(), 1, "{report}");
        assert!(!here.join("pwned").exists(), "{report}");
        let around: Vec<_> = files(&folder.path("")).into_keys().collect();
        assert_eq!(around, [here, folder.path("s.toml")], "{name}");
    }
}
