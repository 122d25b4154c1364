//! Which rows an event changes.

use std::collections::BTreeMap;

use kindling_study::{
    Attempt, Attributes, Confirmation, Event, Mark, Outcome, ParamValue, Params, Proposal, Record,
    Registry, TrialId, TrialNumber, TrialResult, Wall, WorkerId,
};

use super::*;

const MARK: Mark = Mark::new([7; Mark::LEN]);

fn params(x: i64, y: i64) -> Params {
    [x, y].map(|value| Some(ParamValue::Int(value))).into()
}

fn enqueued(number: u32, fixed: Params, confirms: Option<Confirmation>) -> Event {
    let number = TrialNumber(number);
    Event::Enqueued { number, fixed, retry_of: None, confirms, warm_start: None, request: None }
}

fn proposed(number: u32, params: Params) -> Event {
    let proposal = Proposal { params, saw_finished: 0, saw_proposed: 0 };
    Event::Proposed { number: TrialNumber(number), proposal }
}

fn leased(number: u32, attempt: u32) -> Event {
    let (number, worker) = (TrialNumber(number), WorkerId::new("w").expect("an id"));
    Event::Leased {
        number,
        attempt: Attempt(attempt),
        worker,
        session: 3,
        mark: MARK,
        resumed: None,
    }
}

fn of_trial(trial: i64, event: Event) -> Record {
    Record { study: STUDY, trial: Some(TrialId(trial)), at: Wall(1), event }
}

/// A store with a study and the counters as in one where ten trials were deleted.
fn known() -> Known {
    let registry = Registry::restore(BTreeMap::new(), BTreeMap::new(), STUDY, TrialId(11));
    let mut known = Known::of(&registry);
    let event = Event::Created { spec: Box::new(spec()) };
    let created = Record { study: STUDY, trial: None, at: Wall(1), event };
    assert_eq!(changes(&mut known, &created).map(|changes| changes.len()), Ok(2));
    known
}

/// The changes of the last of these events, each on the trial with that id.
fn last_changes(events: Vec<(i64, Event)>, expect: impl FnOnce(&[Change<'_>])) {
    let mut known = known();
    let records: Vec<_> = events.into_iter().map(|(id, event)| of_trial(id, event)).collect();
    let (last, before) = records.split_last().expect("events");
    for record in before {
        changes(&mut known, record).expect("it fits");
    }
    expect(&changes(&mut known, last).expect("it fits"));
}

#[test]
fn a_new_trial_has_a_row_of_ours_and_one_of_optunas() {
    let trial = TrialId(11);
    let confirms = Some(Confirmation { of: TrialNumber(0), seed: 2 });
    last_changes(vec![(11, enqueued(0, params(1, 2), confirms))], |changes| {
        let fixed = || r#"{"x":1,"y":2}"#.to_owned();
        let ours = Change::AddEnqueued {
            trial,
            fixed: Some(fixed()),
            retry_of: None,
            request: None,
            confirms,
            warm_start: None,
        };
        let told = |key, json| Change::PutSystemAttribute { trial, key, json };
        let expected = [
            ours,
            Change::AddTrial { trial, study: STUDY, number: TrialNumber(0) },
            told("confirms", r#"{"of":0,"seed":2}"#.to_owned()),
            told("fixed_params", fixed()),
        ];
        assert_eq!(changes, expected);
    });
    let begun_by_a_proposal = vec![(11, proposed(0, params(1, 2)))];
    last_changes(begun_by_a_proposal, |changes| {
        assert!(matches!(
            changes,
            [
                Change::AddProposed(_),
                Change::AddTrial { .. },
                Change::PutParam { name: "x", .. },
                Change::PutParam { name: "y", .. }
            ]
        ));
    });
}

#[test]
fn a_proposal_for_a_waiting_trial_is_set_in_its_row() {
    let nothing = spec().space.nothing();
    let odd = (1 << 60) + 1;
    let events = vec![(11, enqueued(0, nothing, None)), (11, proposed(0, params(odd, 7)))];
    last_changes(events, |changes| {
        let [Change::SetProposal(rows), Change::PutParam { value, .. }, _] = changes else {
            panic!("{changes:?}")
        };
        assert_eq!(rows.trial, TrialId(11));
        // What the float rounds is kept beside it.
        assert_eq!(
            (rows.exact_ints.as_deref(), *value),
            (Some(&*format!(r#"{{"x":{odd}}}"#)), odd as f64)
        );
    });
}

#[test]
fn a_later_lease_takes_the_place_of_the_one_before_and_starts_a_new_curve() {
    let begun = || vec![(11, proposed(0, params(1, 2))), (11, leased(0, 1))];
    last_changes(begun(), |changes| {
        assert!(matches!(changes, [Change::AddLease(_), Change::SetRunning { .. }]));
    });
    let again = [begun(), vec![(11, leased(0, 2))]].concat();
    last_changes(again, |changes| {
        let [
            Change::ReplaceLease(lease),
            Change::SetRunning { .. },
            Change::CutCurve { trial, to: None },
        ] = changes
        else {
            panic!("{changes:?}")
        };
        assert_eq!((lease.attempt, lease.session, *trial), (2, 3, TrialId(11)));
    });
}

#[test]
fn results_say_in_which_order_trials_finished() {
    let finished = |number, result| {
        let outcome = Outcome { result, constraints: [].into(), attributes: Attributes::new() };
        Event::Finished { number: TrialNumber(number), outcome }
    };
    let events = vec![
        (11, proposed(0, params(1, 2))),
        (12, proposed(1, params(3, 4))),
        (12, finished(1, TrialResult::Complete(0.5.into()))),
        (11, finished(0, TrialResult::Fail("why".into()))),
    ];
    let trial = TrialId(11);
    last_changes(events, |changes| {
        let expected = [
            Change::EndLeaseIfOpen { trial, at: 1, ended: "FINISHED" },
            Change::SetFinished { trial, finish_index: 1, attributes: None, constraints: None },
            Change::KeepCheckpoints { trial, keep: 1 },
            Change::PutSystemAttribute { trial, key: "fail_reason", json: "\"why\"".into() },
            Change::SetOver {
                trial,
                state: "FAIL",
                datetime_complete: "1970-01-01 00:00:00.000001".into(),
            },
        ];
        assert_eq!(changes, expected);
    });
}

#[test]
fn ids_only_ascend() {
    for used in [0, 1, 10] {
        let refused = of_trial(used, proposed(0, params(1, 2)));
        let refused = changes(&mut known(), &refused).map(|_| ());
        assert_eq!(refused, Err(Misfit(format!("trial 0 has the id {used}, which was used"))));
    }
    let mut known = known();
    // Others may have been lost with a batch that was not kept.
    for (number, id) in [(0, 11), (1, 15)] {
        let record = of_trial(id, proposed(number, params(1, 2)));
        changes(&mut known, &record).expect("it fits");
        assert_eq!(known.next_ids(), (StudyId(2), TrialId(id + 1)));
    }
    let nameless = Record { trial: None, ..of_trial(0, leased(0, 1)) };
    let refused = changes(&mut known, &nameless).map(|_| ());
    assert_eq!(refused, Err(Misfit("study 1 has no trial 0".into())));
}
