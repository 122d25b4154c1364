//! Several objectives and a constraint by name, through real processes.

use kindling_worker::{Metrics, TrialError};
use serde_json::{Value, json};

use crate::harness::{Ran, client, named, with};

fn two() -> Metrics {
    let names = ["accuracy", "latency_ms"].map(str::to_owned).into();
    Metrics { names, constraints: vec!["memory_gb".to_owned()], pruner_objective: 0 }
}

fn sh(script: &str) -> Ran {
    named(two(), json!({"command": ["sh", "-c", script]}))
}

#[test]
fn a_command_prints_its_values_by_name_and_needs_no_metric() {
    let ran = sh(
        "for e in 1 2 3; do echo epoch $e: accuracy=0.$e latency_ms=1$e.5; done; echo memory_gb=-3.5",
    );
    assert_eq!((ran.values(), ran.constraint), (&[0.3, 13.5][..], Some(-3.5)));
    assert_eq!(ran.reports, [(1, 0.1), (2, 0.2), (3, 0.3)]);
    assert_eq!(ran.others, [[(1, 11.5)], [(1, 12.5)], [(1, 13.5)]]);
    let ran = sh("echo latency_ms=12.5; echo accuracy=0.9; echo memory_gb=7; echo memory_gb=1");
    assert_eq!((ran.values(), ran.constraint), (&[0.9, 12.5][..], Some(1.0)));
    assert_eq!((ran.reports, ran.others), (vec![(0, 0.9)], vec![vec![(1, 12.5)]]));
}

#[test]
fn a_metric_that_is_missing_is_named_with_what_was_there() {
    let ran = sh("echo accuracy=0.9 latency=12.5");
    let expected = "no line of its output gave `latency_ms`; it gave `latency`";
    assert!(ran.reason().contains(expected), "{}", ran.reason());
    let ran = sh("echo hello");
    let expected = "no line of its output gave `accuracy` or `latency_ms`\nhint: print `accuracy=";
    assert!(ran.reason().contains(expected), "{}", ran.reason());
}

fn python(script: &str, more: Value) -> Ran {
    named(two(), with(client(script), more))
}

#[test]
fn what_is_said_over_the_socket_is_said_by_name() {
    let ran = python(
        r#"
trial = call(call="hello", version=1)["trial"]
assert trial["metrics"] == ["accuracy", "latency_ms"] and trial["pruner_metric"] == "accuracy", trial
assert trial["constraints"] == ["memory_gb"], trial
answer = call(call="report", step=0, metrics={"accuracy": 0.5, "latency": 2})
assert answer["hint"] == "did you mean `latency_ms`?", answer
assert not call(call="report", step=0, metrics={"latency_ms": 2})["ok"]
assert call(call="report", step=0, metrics={"accuracy": 0.5, "latency_ms": 2})["verdict"] == "continue"
assert call(call="report", step=1, value=0.75)["ok"]
assert not call(call="set_constraint", name="memory", value=1)["ok"]
assert call(call="set_constraint", name="memory_gb", value=-1)["ok"]
assert not call(call="result", state="complete", values=[0.5])["ok"]
assert call(call="result", state="complete", values={"latency_ms": 12.5, "accuracy": 0.9})["ok"]
print("memory_gb=7")
"#,
        json!({}),
    );
    assert_eq!((ran.values(), ran.constraint), (&[0.9, 12.5][..], Some(-1.0)));
    assert_eq!(ran.reports, [(0, 0.5), (1, 0.75)]);
    assert_eq!(ran.others, [vec![(1, 2.0)], vec![]]);
}

/// Who reports prints the same for people, rounded and with epochs from 1.
const BOTH: &str = r#"
call(call="hello", version=1)
for epoch in range(2):
    print(f"epoch {epoch + 1}: accuracy=0.{epoch} latency_ms=1{epoch} memory_gb=-1", flush=True)
    time.sleep(0.2)
    answer = call(call="report", step=epoch, metrics={"accuracy": epoch / 8})
    assert answer.get("verdict") == "continue", answer
"#;

#[test]
fn lines_of_who_reports_over_the_socket_are_no_reports() {
    let ran = python(BOTH, json!({}));
    assert_eq!(ran.reports, [(0, 0.0), (1, 0.125)]);
    // What only the lines give counts for the result.
    assert_eq!((ran.values(), ran.constraint), (&[0.125, 11.0][..], Some(-1.0)));
}

#[test]
fn metric_has_lines_count_beside_the_socket() {
    let script = r#"
call(call="hello", version=1)
print("epoch 1: accuracy=0.5 latency_ms=12.5 memory_gb=-1", flush=True)
"#;
    let ran = python(script, json!({"metric": "accuracy"}));
    assert_eq!((ran.values(), &*ran.reports), (&[0.5, 12.5][..], &[(1, 0.5)][..]));
    let ran = python("result(0.5, 1)", json!({"metric": "latency_ms"}));
    let reason = ran.reason();
    assert!(reason.contains("pruner compares `accuracy`, and this is `latency_ms`"), "{reason}");
}

#[test]
fn a_bar_that_shows_several_metrics_is_one_report_for_each_step() {
    let script = r#"
for epoch in range(2):
    for n in range(1, 201): print(f"\rEpoch {epoch}: {n}/200, accuracy={epoch + n / 1e3}, latency_ms={n}", end="")
    print()
print("memory_gb=0")"#;
    let ran = named(two(), json!({"command": ["python3", "-uc", script]}));
    assert_eq!((ran.values(), ran.constraint), (&[1.2, 200.0][..], Some(0.0)));
    assert_eq!((ran.reports, ran.others), (vec![(0, 0.2), (1, 1.2)], vec![vec![(1, 200.0)]; 2]));
}

#[test]
fn a_constraint_of_a_study_without_names_is_printed_or_told() {
    let one = Metrics { names: vec![], ..two() };
    let settings = json!({"command": ["sh", "-c", "echo accuracy=0.9; echo memory_gb=-2"], "metric": "accuracy"});
    let ran = named(one.clone(), settings);
    assert_eq!((ran.values(), ran.constraint), (&[0.9][..], Some(-2.0)));
    let script = "call(call='set_constraint', name='memory_gb', value='inf'); result(1)";
    let ran = named(one.clone(), client(script));
    assert_eq!((ran.values(), ran.constraint), (&[1.0][..], Some(f64::INFINITY)));
    let ran = named(one, client("call(call='report', step=0, value=1); sys.exit(3)"));
    assert!(matches!(ran.outcome, Err(TrialError::Failed(_))));
}
