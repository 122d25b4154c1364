//! A Python function in a process that stays.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_worker::{JsonMap, Params, Progress, StopReason, TrialError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Ran, Recorder, Worker, text, until};

/// A worker with a module of functions.
struct Functions {
    folder: TempDir,
    worker: Worker,
}

impl Functions {
    fn new(module: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let module = format!("import os, signal, sys, time\nimport kindling\n{module}");
        std::fs::write(folder.path().join("functions.py"), module).expect("written");
        Self { folder, worker: Worker::new() }
    }

    fn settings(&self, function: &str, more: Value) -> Value {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
        let mut settings = json!({
            "function": format!("functions:{function}"),
            "directory": self.folder.path(),
            "env": {"PYTHONPATH": package},
        });
        let Value::Object(more) = more else { panic!("not an object") };
        settings.as_object_mut().expect("an object").extend(more);
        settings
    }

    fn prepare(&self, function: &str, more: Value) -> Result<(), String> {
        let settings: JsonMap = self.worker.settings(self.settings(function, more));
        let prepared = self.worker.objective("python").prepare(&settings, None, &mut |note| {
            assert!(matches!(note, Progress::Note(_)));
        });
        prepared.map_err(|unfit| unfit.to_string())
    }

    fn run(&self, function: &str) -> Ran {
        self.run_with(function, json!({}), Params::new(), Recorder::default())
    }

    fn run_with(&self, function: &str, more: Value, params: Params, recorder: Recorder) -> Ran {
        self.worker.run_with("python", self.settings(function, more), params, recorder)
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        self.worker.objective("python").leave();
        if !std::thread::panicking() {
            assert_eq!(self.worker.left(), Vec::<String>::new());
        }
    }
}

#[test]
fn one_process_runs_trial_after_trial() {
    let functions = Functions::new(
        "calls = 0\ndef f(trial):\n    global calls\n    calls += 1\n    return [calls, os.getpid()]",
    );
    functions.prepare("f", json!({})).expect("it imports");
    let values: Vec<_> = (0..5).map(|_| functions.run("f").values().to_vec()).collect();
    assert_eq!(values.iter().map(|v| v[0]).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert!(values.iter().all(|v| v[1] as i32 == values[0][1] as i32), "{values:?}");
    assert_eq!(functions.worker.left().len(), 1, "the one of `prepare` took the first trial");
}

#[test]
fn a_trial_that_does_nothing_costs_next_to_nothing() {
    let functions = Functions::new("def f(trial): return 1");
    functions.run("f");
    let mut times: Vec<_> = (0..50).map(|_| functions.run("f").took).collect();
    times.sort();
    // Generous, for a busy machine.
    assert!(times[25] < Duration::from_millis(20), "{times:?}");
}

#[test]
fn parameters_and_reports_go_both_ways() {
    let functions = Functions::new(
        "def f(trial):
    assert trial.params == {'a': '${x} \"\\n'}, trial.params
    for step in range(3): trial.report(step / 2, step)
    return 0.5",
    );
    let params = [("a".to_owned(), text("${x} \"\n"))].into();
    let ran = functions.run_with("f", json!({}), params, Recorder::default());
    assert_eq!((ran.values(), &*ran.reports), (&[0.5][..], &[(0, 0.0), (1, 0.5), (2, 1.0)][..]));
}

#[test]
fn a_pruned_function_ends_and_its_process_stays() {
    let functions = Functions::new(
        "def f(trial):
    for step in range(1000): trial.report(1, step)
    return 1
def g(trial): return 1",
    );
    let recorder = || Recorder { prune_after: 3, ..Recorder::default() };
    for _ in 0..2 {
        let ran = functions.run_with("f", json!({"grace": "60s"}), Params::new(), recorder());
        assert_eq!((ran.outcome, ran.reports.len()), (Err(TrialError::Stopped), 3));
    }
    assert_eq!(functions.worker.left().len(), 1);
}

#[test]
fn an_exception_fails_the_trial_and_the_process_stays() {
    let functions = Functions::new(
        "def f(trial):
    if trial.params: raise ValueError('too high')
    return os.getpid()",
    );
    let before = functions.run("f").values().to_vec();
    let params: Params = [("a".to_owned(), text("b"))].into();
    let ran = functions.run_with("f", json!({}), params, Recorder::default());
    assert!(ran.reason().contains("ValueError: too high"), "{}", ran.reason());
    assert_eq!(functions.run("f").values(), before);
}

#[test]
fn a_process_that_dies_fails_its_trial_and_the_next_gets_another() {
    let functions = Functions::new(
        "import ctypes
def f(trial):
    how = trial.params.get('how')
    print('last words of', how, file=sys.stderr)
    if how == 'exit': os._exit(0)
    if how == 'kill': os.kill(os.getpid(), signal.SIGKILL)
    if how == 'segfault': ctypes.string_at(0)
    if how == 'status': os._exit(3)
    return 1",
    );
    for (how, said) in [
        ("exit", "ended (exit status 0) before the function returned"),
        ("kill", "SIGKILL"),
        ("segfault", "SIGSEGV"),
        ("status", "exit status 3"),
    ] {
        let params: Params = [("how".to_owned(), text(how))].into();
        let ran = functions.run_with("f", json!({}), params, Recorder::default());
        assert!(ran.reason().contains(said), "{how}: {}", ran.reason());
        assert!(ran.reason().contains(&format!("last words of {how}")), "{}", ran.reason());
        assert_eq!(functions.run("f").values(), [1.0]);
    }
}

#[test]
fn sys_exit_in_a_function_fails_the_trial() {
    let functions = Functions::new("def f(trial): sys.exit(0)");
    let ran = functions.run("f");
    assert!(
        ran.reason().contains("SystemExit") || ran.reason().contains("exit"),
        "{}",
        ran.reason()
    );
}

#[test]
fn a_process_that_died_in_a_trial_is_not_waited_for_in_the_next_one() {
    let functions = Functions::new(
        "def f(trial):
    if trial.params: os.kill(os.getpid(), signal.SIGSEGV)
    return 1",
    );
    let params: Params = [("a".to_owned(), text("b"))].into();
    let more = || json!({"grace": "60s"});
    let ran = functions.run_with("f", more(), params, Recorder::default());
    assert!(ran.reason().contains("SIGSEGV"), "{}", ran.reason());
    let next = functions.run_with("f", more(), Params::new(), Recorder::default());
    assert_eq!(next.values(), [1.0]);
    assert!(next.took < Duration::from_secs(30), "{:?}", next.took);
}

#[test]
fn an_idle_process_that_was_killed_costs_no_trial() {
    let functions = Functions::new("def f(trial): return os.getpid()");
    let pid = functions.run("f").values()[0] as i32;
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill").success());
    // A process gives its memory back before it closes its files: only a zombie, or none, has closed them.
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    until(|| {
        stat().rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with('Z'))
    });
    assert_ne!(functions.run("f").values()[0] as i32, pid);
}

#[test]
fn a_function_that_does_not_hear_is_ended_and_the_next_trial_gets_another_process() {
    let functions = Functions::new(
        "def f(trial):
    if trial.params:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True: time.sleep(1)
    return os.getpid()",
    );
    let more = || json!({"timeout": "1s", "grace": "500ms"});
    let params: Params = [("a".to_owned(), text("b"))].into();
    let before =
        functions.run_with("f", more(), Params::new(), Recorder::default()).values().to_vec();
    let ran = functions.run_with("f", more(), params, Recorder::default());
    assert!(ran.reason().contains("timeout of 1s"), "{}", ran.reason());
    assert!(ran.took < Duration::from_secs(20));
    let after = functions.run_with("f", more(), Params::new(), Recorder::default());
    assert_ne!(after.values(), before);
}

#[test]
fn a_dropped_trial_gets_the_grace_and_then_sigterm() {
    let functions = Functions::new("def f(trial): time.sleep(1000)");
    let recorder = Recorder::default();
    let stop = recorder.stop.clone();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        stop.want(StopReason::Dropped);
    });
    let ran = functions.run_with("f", json!({"grace": "500ms"}), Params::new(), recorder);
    stopping.join().expect("told");
    assert!(matches!(ran.outcome, Err(TrialError::Stopped | TrialError::HandBack(_))), "{ran:?}");
    assert!(ran.took < Duration::from_secs(20));
}

#[test]
fn what_is_missing_is_found_before_the_first_trial() {
    let functions = Functions::new("import no_such_module_at_all");
    let unfit = functions.prepare("f", json!({})).expect_err("no module");
    assert!(unfit.contains("no_such_module_at_all"), "{unfit}");
    let functions = Functions::new("def f(trial): pass");
    let unfit = functions.prepare("g", json!({})).expect_err("no function");
    assert!(unfit.contains('g'), "{unfit}");
    let unfit = functions.prepare("f", json!({"interpreter": "no-such-python"})).expect_err("none");
    assert!(unfit.contains("no-such-python"), "{unfit}");
    let unfit = functions.prepare("f", json!({"env": {"PYTHONPATH": ""}})).expect_err("no package");
    assert!(unfit.contains("pip install kindling-hpo"), "{unfit}");
}

#[test]
fn a_worker_that_leaves_ends_idle_and_running_processes() {
    let functions = Functions::new(
        "def f(trial):
    if trial.params: time.sleep(1000)
    return 1",
    );
    functions.run("f");
    std::thread::scope(|scope| {
        let params: Params = [("a".to_owned(), text("b"))].into();
        let running = scope
            .spawn(|| functions.run_with("f", json!({"grace": "1s"}), params, Recorder::default()));
        until(|| functions.worker.left().len() >= 2);
        let began = Instant::now();
        functions.worker.objective("python").leave();
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(functions.worker.left(), Vec::<String>::new());
        let outcome = running.join().expect("no panic").outcome;
        assert!(matches!(outcome, Err(TrialError::HandBack(_))), "{outcome:?}");
    });
}

#[test]
fn several_slots_have_a_process_each() {
    let functions = Functions::new("def f(trial):\n    time.sleep(0.5)\n    return os.getpid()");
    let pids = std::thread::scope(|scope| {
        let slots: Vec<_> =
            (0..3).map(|_| scope.spawn(|| functions.run("f").values()[0] as i32)).collect();
        slots.into_iter().map(|slot| slot.join().expect("no panic")).collect::<Vec<_>>()
    });
    let distinct: std::collections::HashSet<_> = pids.iter().collect();
    assert_eq!(distinct.len(), 3, "{pids:?}");
}
