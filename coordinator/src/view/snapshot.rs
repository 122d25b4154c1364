//! A study as it is told to those who follow it.

use std::collections::{BTreeSet, HashSet};

use kindling_proto::{limits, v1};
use kindling_study::{Refusal, Study, WorkerId};
use prost::Message as _;

use super::paging::Page;
use crate::convert;
use crate::state::State;

/// The state of a study for a watcher.
pub(crate) struct Snapshot {
    pub(crate) message: v1::WatchStudyResponse,
    /// The message tells all changes up to this one.
    pub(crate) seen: u64,
    /// Whether changes were left out for lack of room.
    pub(crate) more: bool,
}

/// The study, its workers, and the trials that changed after the first `seen` changes. The trials
/// take at most `room` bytes, the oldest changes first.
pub(crate) fn snapshot(
    state: &State,
    name: &str,
    seen: u64,
    room: usize,
) -> Result<Snapshot, Refusal> {
    let (id, study) = state.registry().find(name)?;
    let (mut changed, mut told) = (Page::new(usize::MAX, room), HashSet::new());
    let (mut now_seen, mut more) = (state.changes().count(), false);
    for (place, of, number) in state.changes().since(seen) {
        let Some(trial) = study.get(number).filter(|_| of == id && told.insert(number)) else {
            continue;
        };
        let mut whole = convert::trial(study, number, trial);
        if whole.encoded_len() > room {
            whole = convert::trial_in_short(study, number, trial);
        }
        if !changed.add(whole) {
            (now_seen, more) = (place, true);
            break;
        }
    }
    let mut changed = changed.into_items();
    changed.sort_by_key(|trial| trial.number);
    let message = v1::WatchStudyResponse {
        study: Some(convert::study(state, id, study)),
        changed,
        workers: workers(state, study),
        worker_count: state.workers().len() as u32,
    };
    Ok(Snapshot { message, seen: now_seen, more })
}

/// The workers, as many as there is room for. Those that train a trial of the study come first.
fn workers(state: &State, study: &Study) -> Vec<v1::Worker> {
    let running = study.running().iter().filter_map(|number| study.get(*number)?.worker.as_ref());
    let busy: BTreeSet<&WorkerId> = running.collect();
    let (first, others): (Vec<_>, Vec<_>) =
        state.workers().iter().partition(|(id, _)| busy.contains(id));
    let mut page = Page::new(usize::MAX, limits::WATCHED_WORKERS_BYTES);
    for (id, worker) in first.into_iter().chain(others) {
        if !page.add(convert::worker(state, id, worker)) {
            break;
        }
    }
    let mut workers = page.into_items();
    workers.sort_by(|a, b| a.id.cmp(&b.id));
    workers
}
