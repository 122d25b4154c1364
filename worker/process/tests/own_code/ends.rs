//! Every kind of end of a command.

use std::time::Duration;

use kindling_process::{GpuPool, objectives};
use kindling_worker::{DeviceName, Params, StopReason, Trial, TrialError, TrialFacts};
use serde_json::json;

use crate::harness::{Recorder, Worker, client, command, command_with, python, sh, until, with};

#[test]
fn status_0_completes_with_the_last_metric_of_the_output() {
    let ran = sh("echo accuracy=0.5; echo loss=3, accuracy=0.75; echo bye");
    assert_eq!((ran.values(), &*ran.reports), (&[0.75][..], &[(0, 0.5), (1, 0.75)][..]));
}

#[test]
fn steps_of_the_output_are_taken_and_one_that_does_not_ascend_is_no_failure() {
    let ran = sh("for e in 1 2 2; do echo epoch=$e accuracy=0.$e; done; echo accuracy=0.9");
    assert_eq!(ran.reports, [(1, 0.1), (2, 0.2)]);
    assert_eq!(ran.values(), [0.9]);
}

#[test]
fn another_status_fails_with_the_last_lines_of_standard_error() {
    let ran = sh("echo accuracy=0.5; echo first >&2; echo no such data >&2; exit 3");
    let reason = ran.reason();
    assert!(reason.starts_with("the command ended with exit status 3: no such data"), "{reason}");
    assert!(reason.contains("first\nno such data"), "{reason}");
}

#[test]
fn statuses_75_and_78_hand_the_trial_back() {
    let back = |ran: &crate::harness::Ran| format!("{:?}", ran.outcome);
    let ran = sh("echo busy >&2; exit 75");
    assert!(
        matches!(&ran.outcome, Err(TrialError::HandBack(why)) if why.contains("busy")),
        "{}",
        back(&ran)
    );
    let ran = sh("echo no compiler >&2; exit 78");
    assert!(
        matches!(&ran.outcome, Err(TrialError::Unfit(why)) if why.contains("no compiler")),
        "{}",
        back(&ran)
    );
}

#[test]
fn a_signal_is_named() {
    for (signal, named) in
        [("SEGV", "SIGSEGV (segmentation fault"), ("KILL", "SIGKILL (killed"), ("TERM", "SIGTERM")]
    {
        let ran = sh(&format!("kill -{signal} $$; sleep 100"));
        assert!(ran.reason().contains(named), "{}", ran.reason());
    }
}

#[test]
fn no_result_at_all_fails_with_a_hint() {
    let ran = sh("echo done");
    assert!(ran.reason().contains("hint: print `accuracy=0.91`"), "{}", ran.reason());
    let ran = command(json!({"command": ["true"]}));
    assert!(ran.reason().contains("gave no result"), "{}", ran.reason());
}

#[test]
fn a_trial_that_takes_too_long_is_ended() {
    let settings = json!({"command": ["sleep", "100"], "timeout": "1s", "grace": "1s"});
    let ran = command(settings);
    assert!(
        ran.reason().starts_with("the trial took longer than its timeout of 1s"),
        "{}",
        ran.reason()
    );
    assert!(ran.took < Duration::from_secs(10));
}

#[test]
fn a_script_that_hears_of_its_timeout_over_the_socket_may_end_by_itself() {
    let script = "call(call='hello', version=1)
while call(call='verdict')['verdict'] == 'continue': time.sleep(0.01)
print(call(call='verdict'), file=sys.stderr)";
    let ran = command(with(client(script), json!({"timeout": "1s", "grace": "60s"})));
    assert!(ran.reason().contains("'verdict': 'stop'"), "{}", ran.reason());
    assert!(ran.took < Duration::from_secs(30));
}

#[test]
fn a_script_that_ignores_sigterm_is_killed() {
    let script = "trap '' TERM; while :; do sleep 1; done";
    let settings = json!({"command": ["sh", "-c", script], "timeout": "1s", "grace": "1s"});
    let ran = command(settings);
    assert!(ran.reason().contains("timeout"), "{}", ran.reason());
    assert!(ran.took < Duration::from_secs(20));
}

#[test]
fn a_child_that_leaves_its_group_ends_with_the_trial() {
    let ran = sh(
        "echo accuracy=1; setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM; sleep 1000' &) ; sleep 0.2",
    );
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn a_child_that_outlives_the_command_is_asked_to_end_and_waited_for() {
    let said = tempfile::NamedTempFile::new().expect("a file");
    let child =
        r#"trap "sleep 0.5; echo bye >$0; exit" TERM; echo ready; while :; do sleep 0.05; done"#;
    let script = r#"setsid sh -c "$1" "$2" & sleep 0.3; echo accuracy=1"#;
    let ran = command(json!({
        "command": ["sh", "-c", script, "sh", child, said.path()],
        "metric": "accuracy", "grace": "30s",
    }));
    assert_eq!(ran.values(), [1.0]);
    assert_eq!(std::fs::read_to_string(said.path()).expect("a file"), "bye\n");
    assert!(ran.took < Duration::from_secs(20));
}

#[test]
fn to_check_settings_starts_no_guard_and_one_that_cannot_start_is_said() {
    let gpus = GpuPool::none();
    for objective in objectives(Some(vec!["/no/such/guard".into()]), &gpus) {
        let settings = match objective.kind() {
            "command" => json!({"command": ["true"]}),
            _ => json!({"function": "train:objective"}),
        };
        let settings = settings.as_object().expect("an object");
        objective.check(settings).expect("settings");
        let facts = TrialFacts { settings: settings.clone(), ..TrialFacts::default() };
        let mut reporter = Recorder::default();
        let mut trial = Trial::new(&facts, DeviceName::Flex, None, &mut reporter);
        let ended = objective.run(&mut trial);
        assert!(
            matches!(&ended, Err(TrialError::Unfit(why)) if why.contains("/no/such/guard")),
            "{ended:?}"
        );
    }
}

#[test]
fn a_script_that_knows_nothing_of_us_is_pruned_by_a_signal() {
    let script = "i=0; while :; do echo accuracy=0.$i; i=$((i+1)); sleep 0.01; done";
    let settings = json!({"command": ["sh", "-c", script], "metric": "accuracy"});
    let recorder = Recorder { prune_after: 3, ..Recorder::default() };
    let ran = command_with(settings, Params::new(), recorder);
    assert_eq!((ran.outcome, ran.reports.len()), (Err(TrialError::Stopped), 3));
}

#[test]
fn a_python_script_is_pruned_although_its_output_would_be_buffered() {
    let script = "import time\nfor i in range(10000): print(f'accuracy={i}'); time.sleep(0.01)";
    let settings = json!({"command": ["python3", "-c", script], "metric": "accuracy"});
    let recorder = Recorder { prune_after: 2, ..Recorder::default() };
    let ran = command_with(settings, Params::new(), recorder);
    assert_eq!((ran.outcome, ran.reports.len()), (Err(TrialError::Stopped), 2));
    assert!(ran.took < Duration::from_secs(20));
}

#[test]
fn a_script_that_is_told_so_ends_as_pruned_by_itself() {
    let script = "
step = 0
while call(call='report', step=step, value=0.5)['verdict'] == 'continue': step += 1
call(call='result', state='pruned')";
    let recorder = Recorder { prune_after: 4, ..Recorder::default() };
    let ran = command_with(with(client(script), json!({"grace": "60s"})), Params::new(), recorder);
    assert_eq!((ran.outcome, ran.reports.len()), (Err(TrialError::Stopped), 4));
    assert!(ran.took < Duration::from_secs(30));
}

#[test]
fn a_script_may_prune_itself() {
    let ran = python("call(call='result', state='pruned')");
    assert_eq!(ran.outcome, Err(TrialError::Pruned));
}

#[test]
fn a_script_that_does_not_end_after_it_was_told_gets_sigterm_after_the_grace() {
    let script = "
signal.signal(signal.SIGTERM, lambda *_: (call(call='set_user_attr', name='late', value=1), sys.exit(1)))
call(call='report', step=0, value=0.5)
while True: time.sleep(1)";
    let recorder = Recorder { prune_after: 1, ..Recorder::default() };
    let settings = with(client(script), json!({"grace": "1s"}));
    let ran = command_with(settings, Params::new(), recorder);
    assert_eq!(ran.outcome, Err(TrialError::Stopped));
    assert!(ran.took >= Duration::from_secs(1) && ran.took < Duration::from_secs(20));
}

#[test]
fn a_dropped_trial_ends_at_once_if_it_does_not_use_the_socket() {
    let recorder = Recorder::default();
    let stop = recorder.stop.clone();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stop.want(StopReason::Dropped);
    });
    let settings = json!({"command": ["sleep", "1000"], "grace": "60s"});
    let ran = command_with(settings, Params::new(), recorder);
    stopping.join().expect("told");
    assert_eq!(ran.outcome, Err(TrialError::Stopped));
    assert!(ran.took < Duration::from_secs(10));
}

#[test]
fn a_worker_that_leaves_ends_what_runs() {
    let worker = Worker::new();
    std::thread::scope(|scope| {
        let script = "trap '' TERM; sleep 1000 & wait; sleep 1000";
        let settings = json!({"command": ["sh", "-c", script], "grace": "1s"});
        let running = scope
            .spawn(|| worker.run_with("command", settings, Params::new(), Recorder::default()));
        until(|| worker.left().len() >= 2);
        worker.objective("command").leave();
        assert_eq!(worker.left(), Vec::<String>::new());
        let outcome = running.join().expect("no panic").outcome;
        assert!(matches!(outcome, Err(TrialError::HandBack(_))), "{outcome:?}");
    });
    let late = worker.run_with(
        "command",
        json!({"command": ["true"]}),
        Params::new(),
        Recorder::default(),
    );
    assert!(matches!(late.outcome, Err(TrialError::HandBack(_))));
}

#[test]
fn too_much_memory_ends_the_trial() {
    let script =
        "import time\nx = bytearray(400 << 20)\nx[::4096] = b'1' * len(x[::4096])\ntime.sleep(100)";
    let settings = json!({"command": ["python3", "-c", script], "memory": "100MiB"});
    let ran = command(settings);
    let reason = ran.reason();
    assert!(reason.contains("of memory, and `memory` allows 100 MiB"), "{reason}");
    assert!(ran.took < Duration::from_secs(20));
}

#[test]
fn output_without_a_newline_and_binary_output_are_heard_out() {
    let ran =
        sh("head -c 3000000 /dev/zero; head -c 1000000 /dev/urandom; printf '\\naccuracy=0.5'");
    assert_eq!(ran.values(), [0.5]);
}

#[test]
fn a_gigabyte_of_output_is_heard_out() {
    let ran = sh(
        "yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 1000000000; \
                  yes error | head -c 1000000 >&2; echo; echo accuracy=0.5",
    );
    assert_eq!(ran.values(), [0.5]);
}

#[test]
fn a_long_trace_keeps_its_exception() {
    let script = "def f(n):\n    g(n)\ndef g(n):\n    if n == 0: raise ValueError('the cause ' + 'x' * 300)\n    f(n - 1)\nf(400)";
    let ran = command(json!({"command": ["python3", "-c", script]}));
    let reason = ran.reason();
    assert!(
        reason.starts_with("the command ended with exit status 1: ValueError: the cause xxx"),
        "{reason}"
    );
    assert!(reason.len() < 64 * 1024);
}

#[test]
fn a_program_that_is_missing_is_said() {
    let ran = command(json!({"command": ["no-such-program-here"]}));
    assert!(ran.reason().contains("no-such-program-here"), "{}", ran.reason());
}

#[test]
fn a_script_that_fails_three_times_at_once_is_broken() {
    let worker = Worker::new();
    let run = || {
        let settings = json!({"command": ["python3", "-c", "import no_such_module_at_all"]});
        worker.run_with("command", settings, Params::new(), Recorder::default()).outcome
    };
    assert!(matches!(run(), Err(TrialError::Failed(_))));
    assert!(matches!(run(), Err(TrialError::Failed(_))));
    let third = run();
    assert!(
        matches!(&third, Err(TrialError::Unfit(why)) if why.contains("no_such_module_at_all")),
        "{third:?}"
    );
}

#[test]
fn what_is_missing_is_found_before_the_first_trial() {
    let worker = Worker::new();
    for (settings, said) in [
        (json!({"command": ["no-such-program-here"]}), "no program `no-such-program-here`"),
        (
            json!({"command": ["${interpreter}", "no-such-script.py"]}),
            "no script `no-such-script.py`",
        ),
        (json!({"command": ["true"], "directory": "/no/such"}), "no folder `/no/such`"),
        (json!({"command": ["./Cargo.toml"]}), "cannot be executed"),
    ] {
        let settings = worker.settings(settings);
        let found = worker.objective("command").prepare(&settings, None, &mut |_| {});
        let unfit = found.expect_err(said).to_string();
        assert!(unfit.contains(said), "{unfit}");
    }
    let fine = worker.settings(json!({"command": ["${interpreter}", "-c", "pass"]}));
    worker.objective("command").prepare(&fine, None, &mut |_| {}).expect("it is there");
}
