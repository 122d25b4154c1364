//! The claims that were found good a moment ago, so that the ledger need not be asked for every line.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kindling_study::{Attempt, StudyId, TrialNumber};

use super::StudyKey;
use crate::state::StudyClaim;

/// How long a claim counts as good. For so long a worker whose lease is over can still write to its own attempt.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// The most that are remembered.
const MOST: usize = 16_384;

type Key = (StudyId, TrialNumber, Attempt);

/// Claims, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<Key, Good>>);

#[derive(Debug)]
struct Good {
    claim: StudyClaim,
    study: StudyKey,
    until: Instant,
}

impl Claims {
    /// The claim's study, if this very claim was good a moment ago.
    pub(crate) fn find(&self, claim: &StudyClaim, now: Instant) -> Option<StudyKey> {
        let good = self.lock();
        let good = good.get(&key(claim))?;
        (good.claim == *claim && now < good.until).then_some(good.study)
    }

    /// The claim is good.
    pub(crate) fn add(&self, claim: StudyClaim, study: StudyKey, now: Instant) {
        let mut good = self.lock();
        if good.len() >= MOST {
            good.retain(|_, good| now < good.until);
        }
        if good.len() >= MOST {
            good.clear();
        }
        good.insert(key(&claim), Good { claim, study, until: now + GOOD_FOR });
    }

    /// The study was deleted.
    pub(super) fn forget(&self, study: StudyId) {
        self.lock().retain(|(of, ..), _| *of != study);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Good>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(StudyClaim { study, claim, .. }: &StudyClaim) -> Key {
    (*study, claim.number, claim.attempt)
}
