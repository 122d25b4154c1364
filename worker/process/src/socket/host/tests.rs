use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

/// A host whose trials stay, and what is asked of their thread.
fn python() -> (Arc<Host>, Receiver<Said>) {
    let (sender, events) = channel();
    (Host::new(move |said| _ = sender.send(said), true), events)
}

fn begin(host: &Host, number: u32) -> Arc<Seat> {
    host.begin(json!({"number": number}), Stop::default())
}

fn ask(caller: &mut Caller, line: &str) -> Value {
    serde_json::from_str(&caller.call(line.as_bytes(), &|| true)).expect("JSON")
}

const VERDICT: &str = r#"{"call": "verdict"}"#;
const HELLO: &str = r#"{"call": "hello", "version": 1}"#;
const NEXT: &str = r#"{"call": "next"}"#;

/// Waits for something, but not for ever.
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::yield_now();
    }
}

#[test]
fn a_connection_belongs_to_the_trial_that_it_was_last_told_of() {
    let (host, _events) = python();
    begin(&host, 3);
    let mut caller = Caller::new(&host);
    assert_eq!(ask(&mut caller, VERDICT)["verdict"], "continue");
    host.end();
    assert_eq!(ask(&mut caller, VERDICT)["error"], "trial 3 is over");
    assert_eq!(ask(&mut Caller::new(&host), HELLO)["error"], "no trial is running");
    begin(&host, 4);
    let error = &ask(&mut caller, r#"{"call": "report", "step": 0, "value": 1}"#)["error"];
    assert_eq!(error, "trial 3 is over");
    assert_eq!(ask(&mut caller, HELLO)["trial"]["number"], 4);
    assert_eq!(ask(&mut caller, VERDICT)["verdict"], "continue");
}

#[test]
fn next_waits_for_a_trial_and_one_connection_gets_it() {
    let (host, events) = python();
    std::thread::scope(|scope| {
        let next = || ask(&mut Caller::new(&host), NEXT)["trial"].clone();
        let both = [scope.spawn(next), scope.spawn(next)];
        for _ in 0..2 {
            assert!(matches!(events.recv(), Ok(Said::Ready)));
        }
        assert!(host.is_awaited());
        let seat = begin(&host, 7);
        until(|| !host.now().is_offered);
        assert!(!both.iter().all(std::thread::ScopedJoinHandle::is_finished));
        host.close();
        let mut got = both.map(|caller| caller.join().expect("no panic"));
        got.sort_by_key(Value::is_null);
        assert_eq!(got, [json!({"number": 7}), Value::Null]);
        assert!(seat.was_used());
    });
}

#[test]
fn who_asks_for_the_next_trial_without_a_result_says_so() {
    let (host, events) = python();
    let seat = begin(&host, 0);
    let mut caller = Caller::new(&host);
    host.now().is_offered = false;
    std::thread::scope(|scope| {
        scope.spawn(|| ask(&mut caller, NEXT));
        let event = events.recv().expect("it says so");
        assert!(matches!(event, Said::NoResult { seat: number } if number == seat.number()));
        assert!(matches!(events.recv(), Ok(Said::Ready)));
        host.close();
    });
}

#[test]
fn a_verdict_never_waits_and_every_connection_hears_the_same() {
    let (host, _nobody_takes_these) = python();
    let seat = begin(&host, 0);
    let mut callers = [Caller::new(&host), Caller::new(&host)];
    assert!(!seat.was_used());
    seat.stop().want(StopReason::Pruned);
    for caller in &mut callers {
        assert_eq!(ask(caller, VERDICT)["verdict"], "prune");
    }
    assert!(seat.was_used());
    seat.stop_for("too late".to_owned());
    for caller in &mut callers {
        let answer = ask(caller, VERDICT);
        assert_eq!((&answer["verdict"], &answer["reason"]), (&json!("stop"), &json!("too late")));
    }
}

#[test]
fn a_request_that_nobody_takes_is_answered() {
    let (host, events) = python();
    begin(&host, 5);
    drop(events);
    let answer = ask(&mut Caller::new(&host), r#"{"call": "result", "state": "pruned"}"#);
    assert_eq!(answer["error"], "trial 5 is over");
}

#[test]
fn a_command_has_no_next_trial() {
    let (sender, _events) = channel();
    let host = Host::new(move |said| _ = sender.send(said), false);
    begin(&host, 0);
    let answer = ask(&mut Caller::new(&host), NEXT);
    assert!(answer["hint"].as_str().is_some_and(|hint| hint.contains("`hello`")), "{answer}");
}

#[test]
fn a_process_that_was_killed_while_it_waited_takes_no_trial() {
    let (host, events) = python();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Caller::new(&host).call(NEXT.as_bytes(), &|| false));
        assert!(matches!(events.recv(), Ok(Said::Ready)));
        begin(&host, 0);
        waiting.join().expect("no panic");
        assert!(!host.was_taken());
    });
}
