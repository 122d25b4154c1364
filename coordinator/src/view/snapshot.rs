//! A study as it is told to those who follow it.

use std::collections::{BTreeSet, HashSet};

use kindling_proto::{limits, v1};
use kindling_study::{Refusal, WorkerId};
use prost::Message as _;

use super::any_study::{AnyStudy, find};
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
    let (id, study) = find(state, name)?;
    let (mut changed, mut told) = (Page::new(usize::MAX, room), HashSet::new());
    let (mut now_seen, mut more) = (state.changes().count(), false);
    for (place, of, number) in state.changes().since(seen) {
        if of != id || !told.insert(number) {
            continue;
        }
        let Ok(mut whole) = study.trial(number) else { continue };
        if whole.encoded_len() > room {
            whole = study.trial_in_short(number)?;
        }
        if !changed.add(whole) {
            (now_seen, more) = (place, true);
            break;
        }
    }
    let mut changed = changed.into_items();
    changed.sort_by_key(|trial| trial.number);
    let message = v1::WatchStudyResponse {
        study: Some(study.to_wire(state, id)),
        changed,
        workers: workers(state, &study),
        worker_count: state.workers().len() as u32,
    };
    Ok(Snapshot { message, seen: now_seen, more })
}

/// The workers, as many as there is room for. Those that train a trial of the study come first.
pub(super) fn workers(state: &State, study: &AnyStudy<'_>) -> Vec<v1::Worker> {
    // Optuna's clients are none of our workers.
    let AnyStudy::Ours(study) = study else { return Vec::new() };
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
