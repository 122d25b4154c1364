//! What a trial's processes say and hear over the socket.

use std::time::Duration;

use kindling_worker::{Params, TrialError};
use serde_json::json;

use crate::harness::{Recorder, client, command, command_with, python, sh, with};

#[test]
fn the_result_of_the_socket_counts_before_the_metric() {
    let settings =
        with(client("print('accuracy=0.1'); result(0.9, 2)"), json!({"metric": "accuracy"}));
    assert_eq!(command(settings).values(), [0.9, 2.0]);
}

#[test]
fn without_a_result_the_last_report_is_the_trials_value() {
    let ran = python("for step in range(3): call(call='report', step=step, value=step / 2)");
    assert_eq!((ran.values(), ran.reports.len()), (&[1.0][..], 3));
}

#[test]
fn every_state_of_a_result_is_told() {
    let state = |state: &str| {
        python(&format!("assert call(call='result', state='{state}', reason='the reason')['ok']"))
            .outcome
    };
    let reason = || "the reason".to_owned();
    assert_eq!(state("fail"), Err(TrialError::Failed(reason())));
    assert_eq!(state("hand_back"), Err(TrialError::HandBack(reason())));
    assert_eq!(state("unfit"), Err(TrialError::Unfit(reason())));
    assert_eq!(state("pruned"), Err(TrialError::Pruned));
}

#[test]
fn a_result_and_then_a_bad_end_fails_and_says_both() {
    let ran = python("result(0.9); os.kill(os.getpid(), signal.SIGKILL)");
    let reason = ran.reason();
    assert!(reason.contains("gave the result `complete`, but ended with SIGKILL"), "{reason}");
}

#[test]
fn malformed_lines_are_answered_and_end_nothing() {
    let ran = python(
        r#"
for line in [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"call": "reprot"}', b'{"call": 1}', b"null", b"[" * 100000]:
    sock.sendall(line + b"\n")
    answer = json.loads(file.readline())
    assert answer["ok"] is False and answer["error"], answer
sock.sendall(b'{"call": "reprot"}\n')
assert json.loads(file.readline())["hint"] == "did you mean `report`?"
assert call(call="next")["ok"] is False
sock.sendall(b"x" * (1 << 20) + b"\n")
assert "at most 1048576 bytes" in json.loads(file.readline())["error"]
assert file.readline() == ""
sock, file = connect()
result(0.5)
"#,
    );
    assert_eq!(ran.values(), [0.5]);
}

#[test]
fn the_first_of_two_results_counts() {
    let ran = python(
        "assert result(0.5)['ok']; assert result(0.5)['ok']; assert not result(0.6)['ok']
assert 'after the trial' in call(call='report', step=0, value=1)['error']",
    );
    assert_eq!((ran.values(), ran.reports.len()), (&[0.5][..], 0));
}

#[test]
fn a_report_of_nan_fails_the_trial_and_says_so() {
    let ran = python("print(call(call='report', step=0, value='nan')); time.sleep(1000)");
    // The session fails it with the reason of the refusal.
    assert_eq!((ran.outcome, ran.reports.len()), (Err(TrialError::Stopped), 0));
    let ran = python(
        "answer = call(call='report', step=0, value='nan')
assert answer['verdict'] == 'stop' and 'step 0 is NaN' in answer['reason'], answer",
    );
    assert_eq!(ran.outcome, Err(TrialError::Stopped));
}

#[test]
fn what_is_sent_and_not_waited_for_is_heard() {
    let ran = python(
        r#"
sock.sendall(b'{"call":"report","step":0,"value":0.25}\n{"call":"result","state":"complete","values":[0.75]}')
os._exit(0)
"#,
    );
    assert_eq!((ran.values(), &*ran.reports), (&[0.75][..], &[(0, 0.25)][..]));
}

#[test]
fn much_that_is_sent_and_not_waited_for_is_heard() {
    let ran = python(
        r#"
lines = [json.dumps({"call": "report", "step": n, "value": n}) for n in range(1000)]
lines.append('{"call":"result","state":"complete","values":[0.75]}')
sock.sendall("\n".join(lines).encode())
os._exit(0)
"#,
    );
    assert_eq!((ran.values(), ran.reports.len()), (&[0.75][..], 1000));
}

#[test]
fn who_asks_for_no_gpus_sees_none() {
    let script = r#"test -z "${CUDA_VISIBLE_DEVICES-unset}" && echo accuracy=1"#;
    let ran = command(json!({
        "command": ["sh", "-c", script.replace("${", "$${")], "metric": "accuracy", "gpus": 0,
    }));
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn who_reads_no_answers_harms_no_other() {
    let ran = python(
        r#"
flood, _ = connect()
flood.setblocking(False)
try:
    while True: flood.send(b'{"call":"hello","version":1}\n' * 100)
except BlockingIOError: pass
for step in range(100): assert call(call="report", step=step, value=step)["ok"]
result(1)
"#,
    );
    assert_eq!((ran.values(), ran.reports.len()), (&[1.0][..], 100));
    assert!(ran.took < Duration::from_secs(8));
}

#[test]
fn every_process_of_a_trial_hears_the_verdict() {
    let script = r#"
children = []
for rank in range(4):
    pid = os.fork()
    if pid == 0:
        sock, file = connect()
        while call(call="verdict")["verdict"] == "continue": time.sleep(0.01)
        os._exit(0)
    children.append(pid)
for step in range(5): verdict = call(call="report", step=step, value=step)["verdict"]
assert verdict == "prune"
for pid in children: assert os.waitpid(pid, 0)[1] == 0
call(call="result", state="pruned")
"#;
    let recorder = Recorder { prune_after: 5, ..Recorder::default() };
    let settings = with(client(script), json!({"grace": "60s"}));
    let ran = command_with(settings, Params::new(), recorder);
    assert_eq!(ran.outcome, Err(TrialError::Stopped));
    assert!(ran.took < Duration::from_secs(30));
}

#[test]
fn as_many_as_256_may_connect_at_a_time() {
    let ran = python(
        r#"
more = [connect() for _ in range(255)]
last, answers = connect()
assert "256 connections are open" in json.loads(answers.readline())["error"]
for one, its in more:
    one.sendall(b'{"call":"verdict"}\n')
    assert json.loads(its.readline())["ok"]
result(1)
"#,
    );
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn only_its_owner_can_reach_the_socket() {
    let ran = python(
        "folder = os.path.dirname(os.environ['KINDLING_SOCKET'])
assert os.stat(folder).st_mode & 0o777 == 0o700
print(folder)
result(1)",
    );
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn the_folder_goes_with_the_trial() {
    let told = tempfile::NamedTempFile::new().expect("a file");
    let script = r#"dirname "$KINDLING_SOCKET" >"$1"; cat "$2" >>"$1"; echo accuracy=1"#;
    let ran = command(json!({
        "command": ["sh", "-c", script, "sh", told.path(), "${params_file}"],
        "metric": "accuracy",
    }));
    assert_eq!(ran.values(), [1.0]);
    let told = std::fs::read_to_string(told.path()).expect("written");
    let mut lines = told.lines();
    let folder = std::path::Path::new(lines.next().expect("a folder"));
    assert!(folder.is_absolute() && !folder.exists(), "{folder:?}");
    assert_eq!(lines.next(), Some("{}"));
}

#[test]
fn hello_and_the_variables_tell_the_trial() {
    let script = r#"
trial = call(call="hello", version=1)["trial"]
assert trial["study"] == os.environ["KINDLING_STUDY"] == "mine"
assert trial["number"] == int(os.environ["KINDLING_TRIAL"]) == 3
assert trial["attempt"] == int(os.environ["KINDLING_ATTEMPT"]) == 1
assert trial["seed"] == int(os.environ["KINDLING_SEED"]) == 2**64 - 1
assert trial["study_seed"] == int(os.environ["KINDLING_STUDY_SEED"]) == 7
assert trial["device"] == "cpu" and trial["data_dir"] is None
assert trial["settings"] == {"lines": [1, "ü"]}
assert call(call="hello", version=2)["ok"] is False
assert sys.stdin.read() == ""
result(1)
"#;
    let ran = command(with(client(script), json!({"settings": {"lines": [1, "ü"]}})));
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn a_shell_gives_its_result_with_any_client() {
    let ran = sh("python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX); s.connect(os.environ[\"KINDLING_SOCKET\"])
s.sendall(b\"{\\\"call\\\": \\\"result\\\", \\\"state\\\": \\\"complete\\\", \\\"values\\\": [0.5]}\\n\")
s.recv(100)'");
    assert_eq!(ran.values(), [0.5]);
}

#[test]
fn an_attribute_that_does_not_fit_is_answered_so() {
    let ran = python(
        "assert call(call='set_user_attr', name='a', value={'b': [1, None]})['ok']
assert 'left out' in call(call='set_user_attr', name='a', value='x' * 70000)['error']
result(1)",
    );
    assert_eq!(ran.values(), [1.0]);
}

#[test]
fn a_report_may_give_several_metrics_by_name() {
    let script = "
a = call(call='report', step=0, metrics={'accuracy': 0.5, 'loss': 2})
assert a['ok'] and a['verdict'] == 'continue', a
b = call(call='report', step=1, metrics={'acuracy': 0.5})
assert not b['ok'] and b['hint'] == 'did you mean `acuracy`?', b
assert call(call='report', step=1, metrics={'accuracy': 0.75}, value=0.25)['ok']";
    let ran = command(with(client(script), json!({"metric": "accuracy"})));
    assert_eq!((ran.values(), &*ran.reports), (&[0.25][..], &[(0, 0.5), (1, 0.25)][..]));
}

/// So `kindling tell report … || exit` is right in a shell: whatever the status, it was told to stop.
#[test]
fn who_is_told_to_stop_may_end_with_any_status() {
    for status in [0, 1, 10] {
        let recorder = Recorder { prune_after: 1, ..Recorder::default() };
        let script = format!(
            "assert call(call='report', step=0, value=1)['verdict'] == 'prune'\nsys.exit({status})"
        );
        let ran = command_with(client(&script), Params::new(), recorder);
        assert_eq!(ran.outcome, Err(TrialError::Stopped), "{status}");
    }
}
