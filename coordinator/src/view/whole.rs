//! Reads a whole study from the ledger, a few hundred trials at a time, so that no other call waits
//! long.

use kindling_proto::{limits, v1};
use kindling_study::{Refusal, TrialNumber};

use super::any_study::{artifacts, find};
use super::paging::Page;
use super::snapshot::snapshot;
use crate::ledger::{Ledger, LedgerError};
use crate::state::State;

/// A study with all its trials.
pub(crate) struct Whole {
    pub(crate) study: v1::Study,
    pub(crate) trials: Vec<v1::Trial>,
    pub(crate) workers: Vec<v1::Worker>,
    /// The files of the study itself.
    pub(crate) artifacts: Vec<v1::Artifact>,
    /// The number of changes that it includes.
    pub(crate) seen: u64,
}

/// The whole study at one moment.
pub(crate) async fn whole(ledger: &Ledger, name: &str) -> Result<Whole, LedgerError> {
    loop {
        if let Some(whole) = attempt(ledger, name).await? {
            return Ok(whole);
        }
    }
}

/// `None` if the name was given to another study meanwhile.
async fn attempt(ledger: &Ledger, name: &str) -> Result<Option<Whole>, LedgerError> {
    let mut trials = Vec::new();
    let (mut of, mut since) = (None, 0);
    loop {
        let (study, first) = (name.to_owned(), trials.len());
        let (id, seen, page) =
            ledger.look(move |state| trials_from(state, &study, first)).await??;
        if first == 0 {
            (of, since) = (Some(id), seen);
        }
        if page.is_empty() {
            break;
        }
        trials.extend(page);
    }
    // Catch up with what has changed since the first read.
    loop {
        let study = name.to_owned();
        let look = ledger.look(move |state| {
            let now = snapshot(state, &study, since, limits::MESSAGE)?;
            Ok::<_, Refusal>((now, artifacts(state, &study)?))
        });
        let (now, artifacts) = look.await??;
        let Some(study) = now.message.study.filter(|study| Some(study.id) == of) else {
            return Ok(None);
        };
        for trial in now.message.changed {
            match trials.get_mut(trial.number as usize) {
                Some(there) => *there = trial,
                None => trials.push(trial),
            }
        }
        since = now.seen;
        if !now.more {
            let workers = now.message.workers;
            return Ok(Some(Whole { study, trials, workers, artifacts, seen: since }));
        }
    }
}

fn trials_from(
    state: &State,
    name: &str,
    first: usize,
) -> Result<(i64, u64, Vec<v1::Trial>), Refusal> {
    let (id, study) = find(state, name)?;
    let mut page = Page::new(limits::AT_A_TIME, limits::PAGE_BYTES);
    for number in first..study.trials() {
        if !page.add(study.trial(TrialNumber(number as u32))?) {
            break;
        }
    }
    Ok((id.0, state.changes().count(), page.into_items()))
}
