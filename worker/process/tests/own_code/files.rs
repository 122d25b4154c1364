//! What a trial's processes save, and what they go on from.

use std::sync::Arc;

use kindling_worker::{Params, SavedCheckpoint, TrialError};
use serde_json::json;

use crate::harness::{Ran, Recorder, Saved, client, command_with, until, with};

/// A trial of a Python script, with what it saved.
fn kept(script: &str, recorder: Recorder) -> (Ran, Saved) {
    let saved = Arc::clone(&recorder.saved);
    let ran = command_with(client(script), Params::new(), recorder);
    let saved = saved.lock().expect("no test panics with it").clone();
    (ran, saved)
}

#[test]
fn a_script_saves_files_and_goes_on_from_what_was_saved() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("saved");
    std::fs::write(&path, "at 7").expect("written");
    let recorder =
        Recorder { checkpoint: Some(SavedCheckpoint { step: 7, path }), ..Recorder::default() };
    let (ran, saved) = kept(
        r#"
import tempfile
folder = tempfile.mkdtemp()
found = call(call="load_checkpoint")["checkpoint"]
assert open(found["path"]).read() == "at 7", found
path = folder + "/model.pt"
open(path, "w").write("at 8")
answer = call(call="save_checkpoint", step=found["step"] + 1, path=path)
assert answer == {"ok": True, "verdict": "continue", "should_checkpoint": False}, answer
answer = call(call="save_artifact", path=path, name="plots/a.png", media_type="image/png")
assert answer["ok"] and os.path.exists(path), answer
assert call(call="save_artifact", path=path, move=True)["ok"] and not os.path.exists(path)
answer = call(call="save_checkpoint", step=9, path=path)
assert not answer["ok"] and "No such file" in answer["error"], answer
result(1)
"#,
        recorder,
    );
    assert_eq!(ran.values(), [1.0]);
    let names: Vec<_> = saved.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["8", "plots/a.png (image/png)", "model.pt ()"]);
    assert!(saved.iter().all(|(_, bytes)| bytes == b"at 8"));
}

#[test]
fn without_a_checkpoint_there_is_none() {
    let script = "assert call(call='load_checkpoint')['checkpoint'] is None; result(1)";
    assert_eq!(kept(script, Recorder::default()).0.values(), [1.0]);
}

/// Saves once it is asked to, and then does what the answer says, or does not.
const WAITS: &str = r#"
call(call="report", step=0, value=0.5)
while not call(call="verdict")["should_checkpoint"]: time.sleep(0.01)
path = os.environ["KINDLING_SOCKET"] + ".checkpoint"
open(path, "w").write("state")
answer = call(call="save_checkpoint", step=0, path=path)
assert answer["verdict"] == "stop" and answer["reason"] == "it is safe", answer
"#;

/// Tells a trial that its worker leaves, once it trains.
fn leaves(script: &str) -> (Ran, Saved) {
    let recorder = Recorder::default();
    let (stop, reports) = (recorder.stop.clone(), Arc::clone(&recorder.reports));
    std::thread::spawn(move || {
        until(|| !reports.lock().expect("no test panics with it").is_empty());
        stop.leave();
    });
    let saved = Arc::clone(&recorder.saved);
    let settings = with(client(&format!("{WAITS}{script}")), json!({"grace": "300ms"}));
    let ran = command_with(settings, Params::new(), recorder);
    let saved = saved.lock().expect("no test panics with it").clone();
    (ran, saved)
}

#[test]
fn a_trial_whose_worker_leaves_is_handed_back_once_its_checkpoint_is_safe() {
    for end in ["sys.exit(75)", "sys.exit(0)", "raise Exception('stopped')", "time.sleep(1000)"] {
        let (ran, saved) = leaves(end);
        assert_eq!(ran.outcome, Err(TrialError::HandBack("it is safe".to_owned())), "{end}");
        assert_eq!(saved, [("0".to_owned(), b"state".to_vec())]);
    }
}
