//! Checks what Optuna's clients were told against what is there in the end.

use std::collections::{BTreeMap, BTreeSet};

use kindling_proto::optuna as wire;
use kindling_proto::optuna::TrialState;

use super::Habits;
use super::log::{Log, Said};
use crate::past::Past;

/// Tells `expect` about each promise, whether it holds, and what was found.
pub(crate) fn check(
    log: &Log,
    trials: &[wire::Trial],
    habits: Habits,
    past: &Past,
    expect: &mut impl FnMut(bool, &str, String),
) {
    let notes = log.notes();
    for broken in &notes.broken {
        expect(false, "Optuna's clients", broken.clone());
    }
    let numbers = trials.iter().map(|trial| trial.number);
    expect(
        numbers.eq(0..trials.len() as i64),
        "Optuna's trials are numbered",
        format!("{trials:?}"),
    );
    let by_id: BTreeMap<_, _> = trials.iter().map(|trial| (trial.trial_id, trial)).collect();
    expect(by_id.len() == trials.len(), "an id is one trial's", format!("{trials:?}"));

    let (mut taken, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for word in notes.words.iter().filter(|word| !past.undoes(word.called, word.heard)) {
        if let Said::Saw(seen) = &word.said {
            for trial in seen.iter().filter(|trial| is_over(trial)) {
                let last = by_id.get(&trial.trial_id);
                let what = || format!("{trial:?} became {last:?}");
                expect(last == Some(&trial), "Optuna's finished trial never changes", what());
            }
            continue;
        }
        let trial = word.said.trial().and_then(|id| by_id.get(&id));
        expect(
            trial.is_some_and(|trial| is_kept(&word.said, trial)),
            "what Optuna's client was acknowledged is kept",
            format!("{:?} became {trial:?}", word.said),
        );
        match &word.said {
            Said::Took(id) => {
                expect(taken.insert(*id), "a waiting trial is one client's", format!("{trial:?}"));
            }
            Said::Ended(id, TrialState::Fail, _) => _ = failed.insert(*id),
            _ => {}
        }
    }

    // After a restore, an id may be another trial's.
    let asked = |id, state| past.has_gaps() || notes.asked.contains(&(id, state));
    for trial in trials {
        let what = || format!("{trial:?}");
        let id = trial.trial_id;
        match trial.state() {
            TrialState::Running => expect(false, "no trial stays without its client", what()),
            state @ (TrialState::Complete | TrialState::Pruned) => {
                expect(asked(id, state), "a trial ends as its client said", what());
            }
            TrialState::Waiting | TrialState::Fail => {}
        }
        let due = trial.state() == TrialState::Fail
            && history(trial).len() < habits.retry_lost
            && !failed.contains(&id);
        let is_again = |other: &&wire::Trial| history(other).last() == Some(&trial.number);
        let again = trials.iter().filter(is_again).count();
        // It may have failed by a call whose answer was lost.
        let may_be_none = !due || notes.asked.contains(&(id, TrialState::Fail)) || past.has_gaps();
        expect(
            again == usize::from(due) || again == 0 && may_be_none,
            "a lost trial is repeated once",
            format!("{again} times: {trial:?}"),
        );
    }
}

fn is_over(trial: &wire::Trial) -> bool {
    !matches!(trial.state(), TrialState::Running | TrialState::Waiting)
}

/// The numbers of the trials that this one repeats, the first one first.
fn history(trial: &wire::Trial) -> Vec<i64> {
    let history = trial.system_attributes.get("retry_history");
    history.map_or_else(Vec::new, |text| serde_json::from_str(text).expect("numbers"))
}

fn is_kept(said: &Said, trial: &wire::Trial) -> bool {
    match said {
        Said::Began(_) | Said::Saw(_) => true,
        Said::Took(_) => trial.state() != TrialState::Waiting,
        Said::Param(_, x) => trial.params.get("x") == Some(x),
        Said::Reported(_, step, value) => trial.intermediate_values.get(step) == Some(value),
        Said::Noted(_, note) => trial.user_attributes.get("note") == Some(note),
        Said::Ended(_, state, values) => trial.state() == *state && trial.values == *values,
    }
}
