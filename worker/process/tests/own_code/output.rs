//! What a trial's processes write is kept.

use kindling_worker::{OutputStream, Params, StopReason};
use serde_json::json;

use crate::harness::{Recorder, Worker, command_with, until};

/// What was written, in order.
fn written(recorder: &Recorder) -> Vec<(OutputStream, String)> {
    let written = recorder.written.lock().expect("no test panics with it");
    assert!(written.is_sorted_by_key(|(.., time)| *time));
    written.iter().map(|(stream, text, _)| (*stream, text.clone())).collect()
}

/// What a shell script writes.
fn sh(script: &str, recorder: &Recorder) -> Vec<(OutputStream, String)> {
    let settings = json!({"command": ["sh", "-c", script], "metric": "accuracy", "grace": "30s"});
    command_with(settings, Params::new(), recorder.clone());
    written(recorder)
}

/// The lines of one stream. What is written to two at nearly the same time may be heard in another order.
fn of(stream: OutputStream, told: &[(OutputStream, String)]) -> Vec<&str> {
    told.iter().filter(|(of, _)| *of == stream).map(|(_, text)| &**text).collect()
}

fn out(text: &str) -> (OutputStream, String) {
    (OutputStream::Out, text.to_owned())
}

fn err(text: &str) -> (OutputStream, String) {
    (OutputStream::Err, text.to_owned())
}

#[test]
fn every_line_is_kept_in_order_with_its_stream_and_its_time() {
    let script =
        "echo accuracy=0.5; sleep 0.3; echo oops >&2; sleep 0.3; echo accuracy=0.75; printf end";
    let told = sh(script, &Recorder::default());
    assert_eq!(told, [out("accuracy=0.5"), err("oops"), out("accuracy=0.75"), out("end")]);
    let many = sh("seq 1 20000; echo accuracy=1", &Recorder::default());
    let expected: Vec<_> = (1..=20_000).map(|n| out(&n.to_string())).collect();
    assert_eq!(many[..20_000], expected);
}

#[test]
fn of_a_progress_bar_the_last_state_is_kept() {
    let bar = r"i=0; while [ $i -lt 300 ]; do printf '\r%d/300' $i >&2; i=$((i+1)); done; echo >&2; echo accuracy=1";
    let told = sh(bar, &Recorder::default());
    assert_eq!(
        (of(OutputStream::Err, &told), of(OutputStream::Out, &told)),
        (vec!["299/300"], vec!["accuracy=1"])
    );
}

#[test]
fn the_last_words_of_a_process_that_is_killed_are_kept() {
    let told = sh("echo before; echo why >&2; kill -KILL $$", &Recorder::default());
    assert!(told.contains(&out("before")) && told.contains(&err("why")), "{told:?}");

    let recorder = Recorder::default();
    let (stop, heard) = (recorder.stop.clone(), recorder.clone());
    let stopping = std::thread::spawn(move || {
        until(|| !heard.written.lock().expect("no test panics with it").is_empty());
        stop.want(StopReason::Pruned);
    });
    let script = "trap 'echo farewell; exit 1' TERM; echo here; while :; do sleep 0.05; done";
    assert_eq!(of(OutputStream::Out, &sh(script, &recorder)), ["here", "farewell"]);
    stopping.join().expect("no panic");
}

#[test]
fn what_a_function_prints_belongs_to_the_trial_that_it_is_called_for() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let module = "import sys\nprint('imported')\ndef f(trial):\n    print('trial', trial.params['x'])\n    \
                  print('error', file=sys.stderr)\n    return 1.0\n";
    std::fs::write(folder.path().join("functions.py"), module).expect("written");
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
    let settings = json!({
        "function": "functions:f",
        "directory": folder.path(),
        "env": {"PYTHONPATH": package, "PYTHONUNBUFFERED": "1"},
    });
    let worker = Worker::new();
    for x in [1, 2] {
        let recorder = Recorder::default();
        let params = Params::from([("x".to_owned(), kindling_worker::ParamValue::Int(x))]);
        worker.run_with("python", settings.clone(), params, recorder.clone());
        let told = written(&recorder);
        let own = [out(&format!("trial {x}")), err("error")];
        assert!(own.iter().all(|line| told.contains(line)), "{told:?}");
        assert_eq!(told.contains(&out("imported")), x == 1, "{told:?}");
    }
    worker.objective("python").leave();
}
