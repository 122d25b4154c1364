//! Checks the promises against what the outside world observed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kindling_proto::v1;
use kindling_proto::v1::TrialState;
use kindling_proto::v1::finish_request::Result as Finished;

use crate::history::{Entry, Request, Response, What};
use crate::optuna;
use crate::past::Past;
use crate::process::{contents, mirrored};
use crate::scenario::Climate;
use crate::world::{End, enqueued};

/// A call that succeeded.
pub(crate) struct Answered<'a> {
    pub(crate) called: Duration,
    pub(crate) heard: Duration,
    request: &'a Request,
    response: &'a Response,
}

/// A trial and an attempt.
type Lease = (u32, u32);

/// All broken promises, with details.
#[expect(clippy::too_many_lines, reason = "one promise after another")]
pub(crate) fn broken(end: &End) -> Vec<String> {
    let past = Past::of(&end.history);
    let mut answered = answered(&end.history);
    answered.retain(|call| !past.is_undone(call));
    let mut broken = Vec::new();
    let mut expect = |holds: bool, promise: &str, what: String| {
        if !holds {
            broken.push(format!("{promise}: {what}"));
        }
    };
    let Some(study) = &end.study else {
        expect(false, "the study ends", format!("{:?}", states(&end.trials)));
        return broken;
    };

    check_numbers(end, study, &mut expect);
    check_activities(end, &mut expect);
    expect(
        end.replay.mismatches.is_empty() && end.replay.checked as usize == end.trials.len(),
        "every proposal is computed again",
        format!("{:?}", end.replay),
    );

    past.check(&end.history, &mut expect);
    let granted = granted(end, &past, &mut expect);

    for trial in &end.trials {
        let what = || format!("{trial:?}");
        expect(trial.values.iter().all(|v| v.is_finite()), "no value is infinite or NaN", what());
        let curve = &trial.intermediate_values;
        expect(curve.iter().all(|i| i.value.is_finite()), "no report is infinite or NaN", what());
        expect(curve.is_sorted_by(|a, b| a.step < b.step), "steps ascend", what());
        check_objectives(end, trial, &mut expect);
        check_attempts(trial, &mut expect);
        let trained = trained(&end.history, &past, trial);
        expect(
            curve.iter().all(|i| trained.contains(&(i.step, i.value.to_bits()))),
            "the curve is that of the newest attempt",
            what(),
        );
        if trial.state() == TrialState::Complete {
            let steps = trial.attributes_json.get("steps").and_then(|s| s.parse().ok());
            let lease = (trial.number, trial.attempt);
            // Of an attempt before only if it goes on from that one's curve.
            let is_resumed = trial.attempts.last().is_some_and(|a| a.resumed_from.is_some());
            let first = (trial.number, if is_resumed { 0 } else { trial.attempt });
            let is_adopted = granted.range(first..=lease).any(|(_, (_, at))| past.was_adopted(*at));
            let is_whole =
                if is_adopted { steps >= Some(curve.len()) } else { steps == Some(curve.len()) };
            expect(is_whole, "a result comes after its reports", what());
        }
        if let Some(losses) = losses(trial) {
            let handed_back = answered.iter().filter(|call| {
                matches!(call.request, Request::Release(r)
                    if claim(r.claim.as_ref()).0 == trial.number && !past.is_lost(r.claim.as_ref()))
            });
            expect(
                losses >= end.scenario.max_attempts
                    && losses as usize + handed_back.count() <= trial.attempt as usize,
                "a trial fails only after it was lost so often",
                what(),
            );
            let saved = answered.iter().filter_map(|call| match call.request {
                Request::Save(saving) if !past.is_lost(saving.claim.as_ref()) => {
                    let (number, attempt) = claim(saving.claim.as_ref());
                    let is_checkpoint =
                        matches!(saving.what, Some(v1::saving::What::CheckpointStep(_)));
                    (is_checkpoint && number == trial.number).then_some(attempt)
                }
                _ => None,
            });
            let since = trial.attempt.saturating_sub(saved.max().unwrap_or(0));
            expect(
                losses <= since || losses >= 10 * end.scenario.max_attempts,
                "losses before the newest checkpoint do not count",
                what(),
            );
        }
    }

    for call in &answered {
        let (told, accepted) = match (call.request, call.response) {
            (Request::Finish(finish), _) => {
                let trial = end.trials.get(claim(finish.claim.as_ref()).0 as usize);
                expect(
                    trial.is_some_and(|trial| is_recorded(finish, trial)),
                    "an acknowledged result is kept",
                    format!("{finish:?} became {trial:?}"),
                );
                (&finish.claim, true)
            }
            (Request::Report(report), Response::Report(verdict)) => {
                (&report.claim, *verdict == v1::Verdict::Continue)
            }
            (Request::Release(release), _) => (&release.claim, true),
            (Request::Save(saving), _) => (&saving.claim, true),
            _ => continue,
        };
        if past.is_lost(told.as_ref()) {
            continue; // Accepted before a restore undid the lease.
        }
        let (trial, attempt) = claim(told.as_ref());
        let newer = granted.range((trial, attempt + 1)..=(trial, u32::MAX));
        let is_zombie = newer.into_iter().any(|(_, (_, since))| *since < call.called);
        expect(!(is_zombie && accepted), "a zombie cannot write", format!("{:?}", call.request));
    }

    check_resumed(&answered, &past, &granted, &mut expect);
    check_operators(end, &answered, past.has_gaps(), &mut expect);
    // A call from before a restore may fit what came after it.
    if !past.has_gaps() {
        check_notes(study, &answered, &mut expect);
    }
    check_training(end, &past, &mut expect);
    check_checkpoints(end, &mut expect);
    optuna::check(&end.optuna, &end.of_optuna, end.scenario.optuna, &past, &mut expect);
    if end.scenario.climate != Climate::Foul {
        for trial in &end.trials {
            let needed = 1 + lost_with_twins(&end.history, trial.number);
            let holds = trial.attempt as usize <= needed;
            expect(holds, "no lease ends without need", format!("{trial:?}"));
        }
    }
    broken
}

/// The leases that the store still knows, by trial and attempt, with the time each was first received.
fn granted<'a>(
    end: &'a End,
    past: &Past,
    expect: &mut impl FnMut(bool, &str, String),
) -> BTreeMap<Lease, (&'a v1::Assignment, Duration)> {
    let mut granted: BTreeMap<Lease, (&v1::Assignment, Duration)> = BTreeMap::new();
    for call in &answered(&end.history) {
        let Response::Lease(response) = call.response else { continue };
        for assignment in &response.assignments {
            if past.is_lost(assignment.claim.as_ref()) {
                continue;
            }
            let lease = claim(assignment.claim.as_ref());
            let (first, _) = *granted.entry(lease).or_insert((assignment, call.heard));
            let held = |a: &v1::Assignment| a.claim.clone().map(|c| (c.worker_id, c.mark));
            expect(
                held(first) == held(assignment),
                "an attempt is one worker's",
                format!("{lease:?}"),
            );
            let recorded = end.trials.get(lease.0 as usize).map(|trial| &trial.params);
            expect(
                recorded == Some(&assignment.params),
                "a trial keeps its parameters",
                format!("{assignment:?} became {recorded:?}"),
            );
        }
    }
    granted
}

/// Checks that nobody's line of the note is lost, whoever else wrote at the same time.
fn check_notes(
    study: &v1::Study,
    answered: &[Answered<'_>],
    expect: &mut impl FnMut(bool, &str, String),
) {
    for call in answered {
        let Request::Annotate(request) = call.request else { continue };
        let added = request.note.as_ref().and_then(|note| note.lines().last());
        expect(
            added.is_some_and(|line| study.note.lines().any(|known| known == line)),
            "a note replaces none that its author has not read",
            format!("{request:?} became {:?}", study.note),
        );
    }
}

/// Checks operators' calls: enqueue, pause, stop, look.
fn check_operators(
    end: &End,
    answered: &[Answered<'_>],
    has_gaps: bool,
    expect: &mut impl FnMut(bool, &str, String),
) {
    let mut requests: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut seen: BTreeMap<u32, &v1::Trial> = BTreeMap::new();
    let paused = quiet(&end.history, &["PauseStudy"]);
    // A stop may have been undone by a restore.
    let stopped = quiet(&end.history, &["StopStudy"]).filter(|_| !has_gaps);
    let is_within = |call: &Answered<'_>, time: Option<(Duration, Duration)>| {
        time.is_some_and(|(from, to)| call.called > from && call.heard < to)
    };
    for call in answered {
        match (call.request, call.response) {
            (
                Request::Enqueue(v1::EnqueueTrialRequest { request_id, .. })
                | Request::Retry(v1::RetryTrialRequest { request_id, .. }),
                Response::Trial(trial),
            ) => {
                requests.entry(request_id).or_default().insert(trial.number);
            }
            (_, Response::Trials(trials)) => {
                for trial in trials.iter().filter(|trial| trial.complete_time.is_some()) {
                    let before = seen.entry(trial.number).or_insert(trial);
                    expect(
                        *before == trial,
                        "a finished trial never changes",
                        format!("{trial:?}"),
                    );
                }
            }
            (Request::Lease(_), Response::Lease(response)) => {
                // In a foul climate it may be an earlier lease, returned again.
                let is_new =
                    end.scenario.climate != Climate::Foul && !response.assignments.is_empty();
                expect(
                    !(is_new && is_within(call, paused)),
                    "a paused study is not leased from",
                    format!("{response:?}"),
                );
            }
            (Request::Report(report), Response::Report(v1::Verdict::Continue)) => {
                expect(
                    !is_within(call, stopped),
                    "a stopped study calls its trials back",
                    format!("{report:?}"),
                );
            }
            _ => {}
        }
    }
    for trial in seen.values() {
        let last = end.trials.get(trial.number as usize);
        expect(last == Some(*trial), "a finished trial never changes", format!("{trial:?}"));
    }
    for (request, numbers) in &requests {
        expect(numbers.len() == 1, "a request adds one trial", format!("{request}: {numbers:?}"));
        if let Some(place) = request.strip_prefix("enqueue ").and_then(|p| p.parse().ok()) {
            let fixed = enqueued(place);
            let is_it = |t: &&v1::Trial| {
                let is_fresh = t.retry_of.is_none() && t.confirms.is_none();
                is_fresh && fixed.iter().all(|value| t.params.contains(value))
            };
            let there: Vec<_> = end.trials.iter().filter(is_it).collect();
            // A sampler may find the same values for some parameters, but not for all.
            let is_whole = there.iter().all(|trial| trial.params.len() == fixed.len());
            let there: BTreeSet<_> = there.iter().map(|trial| trial.number).collect();
            expect(
                if is_whole { there == *numbers } else { there.is_superset(numbers) },
                "an acknowledged request is carried out once",
                format!("{request}: {numbers:?}, there {there:?}"),
            );
        }
    }
    let mut retried: BTreeMap<u32, usize> = BTreeMap::new();
    for failed in end.trials.iter().filter_map(|trial| trial.retry_of) {
        *retried.entry(failed).or_default() += 1;
    }
    for (failed, times) in retried {
        expect(times == 1, "a retry adds one trial", format!("{failed}: {times} times"));
    }
}

/// Checks that whatever operators did is noted once, with what it did: calls are lost and doubled, and coordinators crash.
fn check_activities(end: &End, expect: &mut impl FnMut(bool, &str, String)) {
    let noted = |what: &str| -> Vec<_> {
        let entries = end.activities.iter().filter(|entry| entry.what == what);
        let mut trials: Vec<_> = entries.map(|entry| entry.trial).collect();
        trials.sort_unstable();
        trials
    };
    let promise = "what was done is noted once";
    expect(noted("create") == [None], promise, format!("created: {:?}", noted("create")));
    let mut retried: Vec<_> = end.trials.iter().map(|trial| trial.retry_of).collect();
    retried.retain(Option::is_some);
    retried.sort_unstable();
    expect(noted("retry") == retried, promise, format!("{:?}, but {retried:?}", noted("retry")));
    let enqueued = noted("enqueue");
    let is_once = enqueued.windows(2).all(|pair| pair[0] < pair[1]);
    expect(is_once, promise, format!("enqueued: {enqueued:?}"));
}

/// Checks that there are as many trials as requested.
fn check_numbers(end: &End, study: &v1::Study, expect: &mut impl FnMut(bool, &str, String)) {
    let (confirming, search): (Vec<_>, Vec<_>) =
        end.trials.iter().partition(|trial| trial.confirms.is_some());
    let retries = search.iter().filter(|trial| trial.retry_of.is_some()).count();
    let due = end.scenario.trials as usize + retries;
    expect(
        search.len() == due && study.budget as usize == due,
        "N means N",
        format!("{} trials, {due} due, budget {}", search.len(), study.budget),
    );
    check_confirmations(end, study, &confirming, expect);
}

/// Checks that the search's best configurations are run again, once per seed and unchanged.
fn check_confirmations(
    end: &End,
    study: &v1::Study,
    confirming: &[&v1::Trial],
    expect: &mut impl FnMut(bool, &str, String),
) {
    let promise = "what was found is confirmed";
    let made = confirming.len();
    let due = study.confirmations as usize;
    expect(made == due, promise, format!("{made} trials, {due} due"));
    let is_feasible = |t: &v1::Trial| t.constraints.iter().all(|value| *value <= 0.0);
    let is_found = |t: &v1::Trial| t.confirms.is_none() && !t.values.is_empty() && is_feasible(t);
    let found = end.trials.iter().any(is_found);
    let wanted = end.scenario.confirms && found;
    expect((made > 0) == wanted, promise, format!("{made} trials, wanted: {wanted}"));
    let mut once = BTreeSet::new();
    for trial in confirming {
        let Some(v1::Confirmation { of, seed }) = trial.confirms else { continue };
        let what = || format!("{trial:?}");
        let of_search = end.trials.get(of as usize).filter(|t| t.confirms.is_none());
        let same = of_search.is_some_and(|t| t.params == trial.params && !t.values.is_empty());
        expect(same, promise, what());
        expect(trial.retry_of.is_some() || once.insert((of, seed)), promise, what());
    }
}

/// The number of attempts at a trial that were begun by twins that were killed later.
fn lost_with_twins(history: &[Entry], trial: u32) -> usize {
    let dies = |process: &u64| {
        history
            .iter()
            .any(|e| matches!(&e.what, What::TwinDies { process: twin } if twin == process))
    };
    let begun = history.iter().filter(
        |e| matches!(&e.what, What::Begins { process, claim } if claim.trial == trial && dies(process)),
    );
    begun.count()
}

/// Checks that no process repeats work.
fn check_training(end: &End, past: &Past, expect: &mut impl FnMut(bool, &str, String)) {
    // Include the mark: after a restore, the same attempt may be leased again.
    let lease_of = |claim: &v1::Claim| (claim.trial, claim.attempt, claim.mark.clone());
    let mut begun = BTreeMap::new();
    let mut reported = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for entry in &end.history {
        match &entry.what {
            // After a restore, work may be repeated.
            What::PutBack { .. } => {
                begun.clear();
                reported.clear();
                steps.clear();
            }
            What::Begins { claim, .. } | What::Trains { claim, .. }
                if past.is_lost(Some(claim)) => {}
            What::Begins { process, claim: lease } => {
                let what = lease;
                let lease = lease_of(lease);
                // Beginning again is allowed only after a restore.
                steps.retain(|(other, by, _)| *other != lease || by != process);
                let before = begun.insert(lease.clone(), *process);
                expect(
                    before.is_none_or(|b| b != *process && !reported.contains(&lease)),
                    "an attempt is trained once",
                    format!("{what:?} by {before:?} and {process}"),
                );
            }
            What::Trains { process, claim: lease, step, .. } => {
                let is_new = steps.insert((lease_of(lease), *process, *step));
                expect(is_new, "no step is trained twice", format!("{lease:?}, step {step}"));
            }
            What::Answer { call, answer: Ok(Response::Report(_)) } => {
                if let What::Call { request: Request::Report(report), .. } =
                    &end.history[*call].what
                {
                    reported.extend(report.claim.as_ref().map(lease_of));
                }
            }
            _ => {}
        }
    }
}

/// Checks that a later attempt goes on from nothing older than what was acknowledged as saved.
fn check_resumed(
    answered: &[Answered<'_>],
    past: &Past,
    granted: &BTreeMap<Lease, (&v1::Assignment, Duration)>,
    expect: &mut impl FnMut(bool, &str, String),
) {
    for call in answered {
        let Request::Save(saving) = call.request else { continue };
        let Some(v1::saving::What::CheckpointStep(step)) = saving.what else { continue };
        if past.is_lost(saving.claim.as_ref()) {
            continue;
        }
        let (trial, attempt) = claim(saving.claim.as_ref());
        for (assignment, _) in
            granted.range((trial, attempt + 1)..=(trial, u32::MAX)).map(|(_, lease)| lease)
        {
            let from = assignment.checkpoint.as_ref().map(|checkpoint| checkpoint.step);
            let what = format!("{assignment:?}, after step {step} was saved");
            expect(from >= Some(step), "what was saved is gone on from", what);
        }
    }
}

/// Checks that whoever goes on from a checkpoint has the very bytes that an attempt at this trial saved for this step.
fn check_checkpoints(end: &End, expect: &mut impl FnMut(bool, &str, String)) {
    for trial in &end.trials {
        let is_gone = trial.fail_reason.contains("checkpoint");
        expect(!is_gone, "a checkpoint that was saved is there", format!("{trial:?}"));
    }
    let mut saved = BTreeSet::new();
    for entry in &end.history {
        match &entry.what {
            What::Saves { claim, step } => _ = saved.insert(contents(claim, *step)),
            What::Resumes { claim, step, from } => {
                let is_its = from.starts_with(&format!("trial {} ", claim.trial))
                    && from.ends_with(&format!(" step {step}"));
                let what = format!("{claim:?} from step {step}: {from}");
                expect(is_its && saved.contains(from), "a checkpoint is whole and its own", what);
            }
            _ => {}
        }
    }
}

/// All calls that succeeded, including those later undone by a restore.
fn answered(history: &[Entry]) -> Vec<Answered<'_>> {
    let answered = history.iter().filter_map(|entry| {
        let What::Answer { call, answer: Ok(response) } = &entry.what else { return None };
        let What::Call { request, .. } = &history[*call].what else { return None };
        let called = history[*call].at;
        Some(Answered { called, heard: entry.at, request, response })
    });
    answered.collect()
}

/// From the answer to the first of these calls to the first call to resume; `None` if that came earlier.
fn quiet(history: &[Entry], methods: &[&str]) -> Option<(Duration, Duration)> {
    let is = |request: &Request, methods: &[&str]| matches!(request, Request::Other(method) if methods.contains(&method.as_str()));
    let begun = answered(history).iter().find(|c| is(c.request, methods)).map(|c| c.heard)?;
    let mut resumed = history.iter().filter(
        |entry| matches!(&entry.what, What::Call { request, .. } if is(request, &["ResumeStudy"])),
    );
    let over = resumed.next().map_or(Duration::MAX, |entry| entry.at);
    (begun < over).then_some((begun, over))
}

/// What was trained in the trial's latest attempt, and in those before as far as it goes on from a checkpoint: steps, and
/// the bits of their values.
fn trained(history: &[Entry], past: &Past, trial: &v1::Trial) -> BTreeSet<(u64, u64)> {
    let resumed = trial.attempts.last().and_then(|attempt| attempt.resumed_from);
    let counts = |by: &v1::Claim, step: u64| {
        let is_kept = resumed.is_some_and(|resumed| step <= resumed);
        by.trial == trial.number
            && if is_kept { by.attempt < trial.attempt } else { by.attempt == trial.attempt }
    };
    let trained = history.iter().filter_map(|entry| match &entry.what {
        What::Trains { claim: by, step, value, .. }
            if counts(by, *step) && !past.is_lost(Some(by)) =>
        {
            Some((*step, value.to_bits()))
        }
        _ => None,
    });
    trained.collect()
}

/// Checks what is told of the trial's attempts: the newest ones without a gap, each with its end.
fn check_attempts(trial: &v1::Trial, expect: &mut impl FnMut(bool, &str, String)) {
    let what = || format!("{trial:?}");
    let (attempts, newest) = (&trial.attempts, trial.attempt);
    let first = newest.saturating_sub(31).max(1);
    let numbers = attempts.iter().map(|attempt| attempt.attempt);
    expect(numbers.eq(first..=newest), "all attempts are told", what());
    let is_over = trial.complete_time.is_some();
    let ended = |attempt: &v1::TrialAttempt| {
        attempt.end_time.is_some() && attempt.end() != v1::AttemptEnd::Unspecified
    };
    let open = attempts.iter().filter(|attempt| !ended(attempt)).count();
    expect(open == usize::from(trial.state() == TrialState::Running), "attempts end", what());
    let has_result = attempts.iter().filter(|a| a.end() == v1::AttemptEnd::Finished).count();
    let is_lost = losses(trial).is_some();
    expect(has_result == usize::from(is_over && !is_lost), "one attempt has the result", what());
}

fn is_recorded(finish: &v1::FinishRequest, trial: &v1::Trial) -> bool {
    let by = finish.claim.as_ref();
    let is_its = by.is_some_and(|c| c.attempt == trial.attempt && c.worker_id == trial.worker);
    let same = match &finish.result {
        Some(Finished::Completed(done)) if done.values.iter().all(|v| v.is_finite()) => {
            trial.state() == TrialState::Complete
                && trial.values == done.values
                && trial.constraints == finish.constraints
                && trial.attributes_json == finish.attributes_json
        }
        Some(Finished::Completed(_)) => trial.state() == TrialState::Fail,
        Some(Finished::Pruned(_)) => trial.state() == TrialState::Pruned,
        Some(Finished::Failed(failed)) => {
            trial.state() == TrialState::Fail && trial.fail_reason == failed.reason
        }
        None => false,
    };
    is_its && same
}

/// Checks that what was found for several objectives stays together.
fn check_objectives(end: &End, trial: &v1::Trial, expect: &mut impl FnMut(bool, &str, String)) {
    let what = || format!("{trial:?}");
    let others = |value: f64| {
        let value = mirrored(value);
        let other = v1::ObjectiveValue { objective: 0, value };
        if end.scenario.fronts { vec![other] } else { vec![] }
    };
    // The pruner compares the second objective.
    let mut curve = trial.intermediate_values.iter();
    let is_whole = curve.all(|step| step.others == others(step.value));
    expect(is_whole, "values of a step stay together", what());
    if end.scenario.fronts && trial.state() == TrialState::Complete {
        let both = matches!(&trial.values[..], [a, b] if b.to_bits() == mirrored(*a).to_bits());
        expect(both && trial.constraints.len() == 1, "a result has all its values", what());
    }
}

/// How many leases the trial lost, if it failed for that reason.
fn losses(trial: &v1::Trial) -> Option<u32> {
    trial.fail_reason.strip_prefix("lost ")?.split(' ').next()?.parse().ok()
}

fn claim(claim: Option<&v1::Claim>) -> Lease {
    claim.map_or((0, 0), |claim| (claim.trial, claim.attempt))
}

fn states(trials: &[v1::Trial]) -> Vec<(TrialState, u32, &str)> {
    trials.iter().map(|trial| (trial.state(), trial.attempt, trial.worker.as_str())).collect()
}
