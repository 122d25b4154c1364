//! Whatever happens to studies, the file returns what memory holds.

use kindling_study::external::NaiveTime;
use kindling_study::{ConfirmSpec, Phase, StudyState, TrialResult};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::super::super::conformance::external;
use super::*;

/// What may happen. Small numbers pick among what exists at that moment.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Create(u8),
    Delete(u8),
    Lease(u8, u8),
    Report(u8, u8, u64, f64),
    Complete(u8, u8, f64),
    Prune(u8, u8),
    Fail(u8, u8, String),
    Release(u8, u8),
    Expire(u8),
    Enqueue(u8, Option<f64>, Option<u8>),
    Retry(u8, u8),
    Save(u8, u8, u64, u8),
    Keep(u8, Option<u8>, u8, u8),
    WarmStart(u8, u8),
    State(u8, StudyState),
    Budget(u8, u32),
    Confirm(u8, u32, u32),
    /// A client of Optuna's does what this seed says.
    External(u64),
    Commit,
    CommitOnAFullDisk,
    Reopen,
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let finite = prop_oneof![Just(0.5), Just(-1e-310), Just(f64::MAX), -1e3..1e3];
    let any_float = prop_oneof![8 => finite.clone(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    let step = prop_oneof![5 => 0..4_u64, 1 => Just(i64::MAX as u64), 1 => Just(u64::MAX)];
    let state = prop_oneof![
        4 => Just(StudyState::Active), 1 => Just(StudyState::Paused), 1 => Just(StudyState::Stopped),
    ];
    let (study, nth) = (0..4_u8, any::<u8>());
    prop_oneof![
        3 => (0..4_u8).prop_map(Create),
        1 => study.clone().prop_map(Delete),
        9 => (study.clone(), 0..3_u8).prop_map(|(s, w)| Lease(s, w)),
        9 => (study.clone(), nth, step, any_float.clone()).prop_map(|(s, n, t, v)| Report(s, n, t, v)),
        4 => (study.clone(), nth, any_float).prop_map(|(s, n, v)| Complete(s, n, v)),
        2 => (study.clone(), nth).prop_map(|(s, n)| Prune(s, n)),
        2 => (study.clone(), nth, ".{0,9}").prop_map(|(s, n, why)| Fail(s, n, why)),
        2 => (study.clone(), nth).prop_map(|(s, n)| Release(s, n)),
        1 => study.clone().prop_map(Expire),
        2 => (study.clone(), prop::option::of(-0.5..0.5), prop::option::of(0..3_u8))
            .prop_map(|(s, v, r)| Enqueue(s, v, r)),
        2 => (study.clone(), nth).prop_map(|(s, n)| Retry(s, n)),
        6 => (study.clone(), nth, 0..4_u64, 0..3_u8).prop_map(|(s, n, t, c)| Save(s, n, t, c)),
        3 => (study.clone(), prop::option::of(nth), 0..3_u8, 0..3_u8)
            .prop_map(|(s, n, name, c)| Keep(s, n, name, c)),
        2 => (study.clone(), nth).prop_map(|(s, n)| WarmStart(s, n)),
        1 => (study.clone(), state).prop_map(|(s, state)| State(s, state)),
        1 => (study.clone(), 0..30_u32).prop_map(|(s, trials)| Budget(s, trials)),
        1 => (study, 0..3_u32, 1..3_u32).prop_map(|(s, best, seeds)| Confirm(s, best, seeds)),
        30 => any::<u64>().prop_map(External),
        6 => Just(Commit),
        1 => Just(CommitOnAFullDisk),
        1 => Just(Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_file_gives_back_what_the_memory_holds(story in prop::collection::vec(happening(), 1..120)) {
        let mut ledger = Ledger::new();
        ledger.create(spec("first"));
        for happening in story {
            match happening {
                Happening::Commit => ledger.commit(),
                Happening::CommitOnAFullDisk => _ = ledger.on_a_full_disk(Ledger::try_commit),
                Happening::Reopen => {
                    ledger = ledger.reopen();
                    // The restart loses what was not committed.
                    ledger.registry = ledger.committed.clone();
                    ledger.queue.clear();
                }
                other => happen(&mut ledger, other),
            }
        }
        ledger.commit();
        ledger.reopen();
    }
}

#[expect(clippy::too_many_lines, reason = "an arm for each happening")]
pub(super) fn happen(ledger: &mut Ledger, happening: Happening) {
    if let Happening::Create(n) = happening {
        ledger.create(spec(["first", "second", "third", "fourth"][usize::from(n)]));
        return;
    }
    if let Happening::External(seed) = happening {
        return happen_to_a_client(ledger, seed);
    }
    let (Happening::Delete(s)
    | Happening::Lease(s, ..)
    | Happening::Report(s, ..)
    | Happening::Complete(s, ..)
    | Happening::Prune(s, ..)
    | Happening::Fail(s, ..)
    | Happening::Release(s, ..)
    | Happening::Expire(s)
    | Happening::Enqueue(s, ..)
    | Happening::Retry(s, ..)
    | Happening::Save(s, ..)
    | Happening::Keep(s, ..)
    | Happening::WarmStart(s, ..)
    | Happening::State(s, ..)
    | Happening::Budget(s, ..)
    | Happening::Confirm(s, ..)) = happening
    else {
        return;
    };
    let ids: Vec<_> = ledger.registry.iter().map(|(id, _)| id).collect();
    let Some(id) = pick(&ids, s) else { return };
    let running: Vec<_> = ledger.study(id).running().iter().copied().collect();
    let running = |nth| pick(&running, nth).map(|number| ledger.claim(id, number));
    match happening {
        Happening::Delete(_) => {
            if let Ok(event) = ledger.registry.delete(id) {
                ledger.take(id, vec![event]);
            }
        }
        Happening::Lease(_, worker) => {
            let session = [0, 1, u64::MAX][usize::from(worker)];
            _ = ledger.lease_by(id, &format!("worker {worker}"), session);
        }
        Happening::Report(_, nth, step, value) => {
            let Some(claim) = running(nth) else { return };
            if nth % 2 == 0 {
                ledger.report(id, &claim, step, value);
            } else {
                ledger.report_unchecked(id, &claim, (step, value), nth % 4 == 1);
            }
        }
        Happening::Complete(_, nth, value) => {
            if let Some(claim) = running(nth) {
                ledger.finish(id, &claim, TrialResult::Complete(value.into()), said());
            }
        }
        Happening::Prune(_, nth) => {
            if let Some(claim) = running(nth) {
                ledger.finish(id, &claim, TrialResult::Pruned, said());
            }
        }
        Happening::Fail(_, nth, why) => {
            if let Some(claim) = running(nth) {
                ledger.finish(id, &claim, TrialResult::Fail(why), Attributes::new());
            }
        }
        Happening::Release(_, nth) => {
            if let Some(claim) = running(nth) {
                ledger.release(id, &claim);
            }
        }
        Happening::Expire(_) => ledger.expire(id),
        Happening::Enqueue(_, momentum, request) => enqueue(ledger, id, momentum, request),
        Happening::Retry(_, nth) => {
            let failed = |number: &TrialNumber| {
                let trial = ledger.study(id).get(*number);
                trial.is_some_and(|t| matches!(&t.phase, Phase::Finished(o) if matches!(o.result, TrialResult::Fail(_))))
            };
            let failed: Vec<_> =
                ledger.study(id).finish_order().iter().copied().filter(failed).collect();
            let Some(number) = pick(&failed, nth) else { return };
            if let Ok((events, _)) = ledger.study(id).retry(number, None) {
                ledger.take(id, events);
            }
        }
        Happening::Save(_, nth, step, content) => {
            if let Some(claim) = running(nth) {
                ledger.save(id, &claim, step, blob(ledger.clock.cast_unsigned(), content));
            }
        }
        Happening::Keep(_, nth, name, content) => {
            let (claim, name) = (nth.and_then(running), format!("ä/{name}"));
            if nth.is_none() || claim.is_some() {
                let blob = blob(ledger.clock.cast_unsigned(), content);
                ledger.keep(id, claim.as_ref(), &name, blob);
            }
        }
        Happening::WarmStart(_, nth) => {
            let trials: Vec<_> = (0..ledger.study(id).trials().len() as u32).collect();
            if let Some(from) = pick(&trials, nth) {
                ledger.enqueue_from(id, TrialNumber(from));
            }
        }
        Happening::State(_, state) => {
            let events = ledger.study(id).change_state(state);
            ledger.take(id, events);
        }
        Happening::Budget(_, trials) => {
            if let Ok((events, ())) = ledger.study(id).change_budget(trials) {
                ledger.take(id, events);
            }
        }
        Happening::Confirm(_, best, seeds) => {
            let by = vec!["kind".to_owned()];
            let confirm = ConfirmSpec { by, best, seeds, each: false };
            let (events, ()) = ledger.study(id).change_confirm(confirm).expect("it fits");
            ledger.take(id, events);
        }
        _ => {}
    }
}

fn enqueue(ledger: &mut Ledger, id: StudyId, momentum: Option<f64>, request: Option<u8>) {
    let momentum = momentum.map(|value| ("momentum".to_owned(), Choice::Float(value)));
    let kind = momentum.as_ref().map(|_| ("kind".to_owned(), Choice::Bool(true)));
    let huge = ("huge".to_owned(), Choice::Int(i64::MAX - 1));
    let fixed: Vec<_> = momentum.into_iter().chain(kind).chain([huge]).collect();
    ledger.enqueue(id, &fixed, request.map(|r| format!("request {r}")));
}

/// Does what a client of Optuna's does.
fn happen_to_a_client(ledger: &mut Ledger, seed: u64) {
    let (mut random, now) = (ChaCha8Rng::seed_from_u64(seed), NaiveTime(ledger.clock));
    let client = external::Client { random: &mut random, now };
    if let Some((id, events)) = client.acts(&ledger.registry) {
        ledger.take(id, events);
    }
}

fn pick<T: Copy>(among: &[T], nth: u8) -> Option<T> {
    among.get(usize::from(nth) % among.len().max(1)).copied()
}

/// Attributes of every kind of JSON.
fn said() -> Attributes {
    let said = json!({
        "$serde_json::private::RawValue": "[1", "raw": {"$serde_json::private::RawValue": "[1"},
        "": null, "flag": true, "big": u64::MAX, "small": i64::MIN, "x": 0.1, "tiny": 5e-324,
        "text": "ä \u{1F525} \" \u{0}", "list": [1, [2.0, {}]], "object": {"a": {"b": []}},
    });
    attributes(&said)
}

#[test]
fn a_new_store_is_empty() {
    Ledger::new().reopen();
}

#[test]
fn ids_are_not_used_again_after_a_deletion() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    ledger.lease(id, "w").expect("a trial");
    let events = ledger.study(id).change_state(StudyState::Stopped);
    ledger.take(id, events);
    let event = ledger.registry.delete(id).expect("nothing runs");
    ledger.take(id, vec![event]);
    ledger.commit();

    let mut ledger = ledger.reopen();
    assert_eq!(ledger.create(spec("a")), Some(StudyId(id.0 + 1)));
    ledger.lease(StudyId(id.0 + 1), "w").expect("a trial");
    ledger.commit();
    let ids = "SELECT group_concat(study_id || ':' || trial_id) FROM trials";
    assert_eq!(ledger.text(ids), "2:2");
    ledger.reopen();
}

#[test]
fn a_deletion_leaves_nothing_behind() {
    let mut ledger = Ledger::new();
    let empty = ledger.rows();
    let id = ledger.create(spec("a")).expect("a study");
    ledger.enqueue(id, &[("huge".into(), Choice::Int(i64::MAX))], Some("r".into()));
    for result in
        [TrialResult::Complete(0.5.into()), TrialResult::Pruned, TrialResult::Fail("x".into())]
    {
        let claim = ledger.lease(id, "w").expect("a trial");
        ledger.report(id, &claim, 0, 0.25);
        ledger.save(id, &claim, 0, blob(1, 1));
        ledger.keep(id, Some(&claim), "a.png", blob(2, 2));
        ledger.release(id, &claim);
        let claim = ledger.lease(id, "w").expect("the same");
        ledger.finish(id, &claim, result, said());
    }
    ledger.keep(id, None, "b.png", blob(3, 3));
    ledger.enqueue_from(id, TrialNumber(0));
    ledger.commit();
    let kept = ["attempts", "checkpoints", "artifacts", "study_artifacts"];
    assert!(kept.iter().all(|table| {
        ledger.rows().iter().any(|(name, rows)| *name == format!("kindling_{table}") && *rows > 0)
    }));
    let others = "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, 'note', '1');
        INSERT INTO study_system_attributes (study_id, key, value_json) VALUES (1, 'note', '1');
        INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (1, '2026-01-01 00:00:00.000000')";
    ledger.store.conn.execute_batch(others).expect("attached");
    let event = ledger.registry.delete(id).expect("nothing runs");
    ledger.take(id, vec![event]);
    ledger.commit();
    assert_eq!(ledger.rows(), empty);
    ledger.reopen();
}

#[test]
fn times_are_exact() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    for clock in [-62_135_596_800_000_000, -1, 0, 1, 253_402_207_200_000_000 - 2_000_006] {
        ledger.clock = clock;
        let claim = ledger.lease(id, "w").expect("a trial");
        ledger.finish(id, &claim, TrialResult::Pruned, Attributes::new());
    }
    ledger.commit();
    let first = "SELECT datetime_start FROM trials WHERE number = 1";
    assert_eq!(ledger.text(first), "1970-01-01 00:00:01.000002");
    ledger.reopen();
}

#[test]
fn leases_in_turns_take_no_room() {
    let (mut ledger, id) = Ledger::with_study(spec("a"));
    let mut pages = Vec::new();
    for _ in 0..3 {
        for _ in 0..200 {
            let claim = ledger.lease(id, &"w".repeat(100)).expect("a trial");
            ledger.release(id, &claim);
        }
        ledger.commit();
        pages.push(ledger.text("SELECT CAST(page_count AS TEXT) FROM pragma_page_count"));
    }
    assert!(pages.iter().all(|count| *count == pages[0]), "{pages:?}");
    assert_eq!(ledger.study(id).trials()[0].attempt, Attempt(600));
    ledger.reopen();
}

#[test]
fn a_study_that_would_be_too_large_to_make_is_opened_all_the_same() {
    let mut large = spec("a");
    let distribution = Distribution::Categorical { choices: (0..11).map(Choice::Int).collect() };
    let param =
        |i| Param { name: format!("p{i}"), distribution: distribution.clone(), when: vec![] };
    large.space = SearchSpace::new((0..1001).map(param).collect()).expect("sound");
    let wire = crate::convert::spec_to_wire(&large);
    assert!(crate::convert::spec(wire).is_err(), "past the limits");
    let (mut ledger, id) = Ledger::with_study(large);
    assert!(ledger.lease(id, "w").is_some());
    ledger.commit();
    ledger.reopen();
}
