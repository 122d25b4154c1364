//! Progress bars, which draw their line again and again.

use std::time::Duration;

use kindling_worker::{Params, TrialError};
use serde_json::{Value, json};

use crate::harness::{Ran, Recorder, command, command_with};

/// A bar as tqdm draws it.
const BAR: &str = r#"
import sys, time
def bar(state):
    print(f"\r{state}", end="", flush=True)
"#;

fn settings(script: &str) -> Value {
    json!({"command": ["python3", "-c", format!("{BAR}{script}")], "metric": "accuracy"})
}

fn run(script: &str) -> Ran {
    command(settings(script))
}

#[test]
fn a_bar_that_redraws_a_thousand_times_is_one_report_for_each_line() {
    let ran = run("
for epoch in range(2):
    for n in range(1, 1001): bar(f'{n / 10:3.0f}%|###   | {n}/1000 [00:01<00:00, accuracy={epoch + n / 1e4}]')
    print()
print('bye')");
    assert_eq!((ran.values(), &*ran.reports), (&[1.1][..], &[(0, 0.1), (1, 1.1)][..]));
}

#[test]
fn a_bar_that_gives_steps_is_one_report_for_each_step() {
    let ran = run("
for epoch in range(3):
    for n in range(1, 201): bar(f'Epoch {epoch}: {n}/200 [00:01<00:00, accuracy={epoch + n / 1e3}]')
print()");
    assert_eq!(ran.reports, [(0, 0.2), (1, 1.2), (2, 2.2)]);
    assert_eq!(ran.values(), [2.2]);
}

#[test]
fn what_a_bar_shows_last_counts_although_it_never_ends_its_line() {
    let ran = run("for n in range(1, 101): bar(f'{n}/100, accuracy={n / 100}')");
    assert_eq!((ran.values(), &*ran.reports), (&[1.0][..], &[(0, 1.0)][..]));
    // As tqdm does with `leave=False`.
    let ran =
        run("for n in range(1, 101): bar(f'{n}/100, accuracy={n / 100}')\nbar(' ' * 40)\nbar('')");
    assert_eq!((ran.values(), &*ran.reports), (&[1.0][..], &[(0, 1.0)][..]));
}

#[test]
fn a_bar_that_stands_is_heard_and_only_once() {
    let ran = run("
bar('1/2, accuracy=0.25'); bar('1/2, accuracy=0.5'); time.sleep(2.5)
bar('2/2, accuracy=0.75'); time.sleep(2.5)
print()");
    assert_eq!(ran.reports, [(0, 0.5), (1, 0.75)]);
    assert_eq!(ran.values(), [0.75]);
}

#[test]
fn a_bar_that_never_ends_its_line_is_pruned_when_it_stands() {
    let recorder = Recorder { prune_after: 1, ..Recorder::default() };
    let mut script = settings("bar('accuracy=0.25'); bar('accuracy=0.5'); time.sleep(1000)");
    script["timeout"] = "30s".into();
    let ran = command_with(script, Params::new(), recorder);
    assert_eq!((ran.outcome, &*ran.reports), (Err(TrialError::Stopped), &[(0, 0.5)][..]));
    assert!(ran.took < Duration::from_secs(30));
}

#[test]
fn lines_that_end_as_on_windows_count_as_lines() {
    let ran = run("for n in range(3): print(f'accuracy={n}', end='\\r\\n', flush=True)");
    assert_eq!(ran.reports, [(0, 0.0), (1, 1.0), (2, 2.0)]);
}

#[test]
fn half_a_line_that_stands_is_not_read() {
    let ran =
        run("print('accuracy=0.', end='', flush=True); time.sleep(2); print('91', flush=True)");
    assert_eq!(ran.reports, [(0, 0.91)]);
}
