//! The studies that a worker takes no trials of: for good, because it cannot train them, or for a while, because a
//! trial asked to be handed back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kindling_proto::limits;
use tokio::time::Instant;

/// How long a study rests after its first trial that asked to be handed back; the time doubles with each.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);
/// The most studies of either sort that are remembered.
const MOST: usize = limits::WITHOUT_STUDIES;

/// Clones share it.
#[derive(Clone, Default)]
pub(super) struct Aside {
    studies: Arc<Mutex<Studies>>,
}

#[derive(Default)]
struct Studies {
    /// Those set aside, with the reason, oldest first.
    set: VecDeque<(i64, String)>,
    resting: BTreeMap<i64, Rest>,
}

/// Until when a study rests, and for how long it does the next time.
struct Rest {
    until: Instant,
    next: Duration,
}

impl Aside {
    /// Sets a study aside. Returns whether that is new.
    pub(super) fn set(&self, study: i64, reason: &str) -> bool {
        let mut studies = self.studies();
        if studies.set.iter().any(|(known, _)| *known == study) {
            return false;
        }
        if studies.set.len() >= MOST {
            // It would be unfit again, and come back.
            studies.set.pop_front();
        }
        let reason = limits::cut(reason.to_owned(), limits::HAND_BACK);
        studies.set.push_back((study, reason));
        true
    }

    /// Why the study is set aside, if it is.
    pub(super) fn reason(&self, study: i64) -> Option<String> {
        let studies = self.studies();
        let found = studies.set.iter().find(|(known, _)| *known == study);
        found.map(|(_, reason)| reason.clone())
    }

    /// Lets a study rest because a trial was handed back, each time for longer. Returns until when.
    pub(super) fn rest(&self, study: i64, now: Instant) -> Instant {
        let resting = &mut self.studies().resting;
        if resting.len() >= MOST && !resting.contains_key(&study) {
            let oldest = resting.iter().min_by_key(|(_, rest)| rest.until).map(|(id, _)| *id);
            oldest.map(|id| resting.remove(&id));
        }
        let rest = resting.entry(study).or_insert(Rest { until: now, next: FIRST_REST });
        rest.until = rest.until.max(now + rest.next);
        rest.next = (rest.next * 2).min(LONGEST_REST);
        rest.until
    }

    /// A trial of the study ended: the next one that is handed back is the first again.
    pub(super) fn wake(&self, study: i64) {
        self.studies().resting.remove(&study);
    }

    /// Until when the study rests, if it does.
    pub(super) fn rests_until(&self, study: i64, now: Instant) -> Option<Instant> {
        let studies = self.studies();
        studies.resting.get(&study).map(|rest| rest.until).filter(|until| *until > now)
    }

    /// The studies to take no trials of now, and when the first of them has rested.
    pub(super) fn now(&self, now: Instant) -> (Vec<i64>, Option<Instant>) {
        let studies = self.studies();
        let set = studies.set.iter().map(|(study, _)| *study);
        let resting = || studies.resting.iter().filter(|(_, rest)| rest.until > now);
        let without = set.chain(resting().map(|(study, _)| *study)).take(MOST).collect();
        (without, resting().map(|(_, rest)| rest.until).min())
    }

    fn studies(&self) -> MutexGuard<'_, Studies> {
        self.studies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_rests_longer_each_time_and_not_after_a_trial_that_ended() {
        let (aside, start) = (Aside::default(), Instant::now());
        let mut now = start;
        let mut rests = Vec::new();
        for _ in 0..8 {
            let until = aside.rest(7, now);
            assert_eq!(aside.rests_until(7, now), Some(until));
            assert_eq!(aside.now(now), (vec![7], Some(until)));
            rests.push((until - now).as_secs());
            now = until;
            assert_eq!(aside.now(now), (vec![], None), "it has rested");
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((aside.rest(8, now) - now).as_secs(), 1, "each study by itself");
        aside.wake(7);
        assert_eq!((aside.rest(7, now) - now).as_secs(), 1);
    }

    #[test]
    fn no_more_studies_are_set_aside_than_a_call_may_name() {
        let (aside, now) = (Aside::default(), Instant::now());
        for study in 0..=MOST as i64 {
            assert!(aside.set(study, "no such script"));
            assert!(!aside.set(study, "once more"));
            aside.rest(1000 + study, now);
        }
        assert_eq!(aside.now(now).0.len(), MOST);
        assert_eq!(aside.reason(0), None, "the first is forgotten");
        assert_eq!(aside.reason(1).as_deref(), Some("no such script"));
    }
}
