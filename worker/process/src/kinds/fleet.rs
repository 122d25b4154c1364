//! All processes of an objective that are at work, so that it can end them when the worker leaves.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kindling_worker::TrialError;

use crate::ground::Group;

/// How long trials may take to notice that their processes are gone.
const TO_NOTICE: Duration = Duration::from_secs(2);

/// The processes at work.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    newest: u64,
    groups: HashMap<u64, Option<(Arc<Group>, Duration)>>,
    is_leaving: bool,
    most: usize,
}

/// A trial at work. It is over when this is dropped.
pub(crate) struct AtWork<'a> {
    fleet: &'a Fleet,
    number: u64,
}

impl Fleet {
    /// Begins a trial, unless the worker leaves.
    pub(crate) fn enter(&self) -> Result<AtWork<'_>, TrialError> {
        let mut now = self.now();
        if now.is_leaving {
            return Err(TrialError::HandBack("the worker ends".to_owned()));
        }
        now.newest += 1;
        let number = now.newest;
        now.groups.insert(number, None);
        now.most = now.most.max(now.groups.len());
        Ok(AtWork { fleet: self, number })
    }

    /// The most trials that were at work at a time.
    pub(crate) fn most(&self) -> usize {
        self.now().most
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.now().is_leaving
    }

    /// Ends all processes at the same time, and returns when they are gone. No trial begins any more.
    pub(crate) fn leave(&self) {
        let mut now = self.now();
        now.is_leaving = true;
        let groups: Vec<_> = now.groups.values().flatten().cloned().collect();
        drop(now);
        end_all(groups);
        let now = self.now();
        // What they leave in their folders goes with the trials.
        _ = self.changed.wait_timeout_while(now, TO_NOTICE, |now| !now.groups.is_empty());
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtWork<'_> {
    /// The trial is now at work in this group, which may take that long to end.
    pub(crate) fn runs_in(&self, group: &Arc<Group>, grace: Duration) {
        let mut now = self.fleet.now();
        now.groups.insert(self.number, Some((Arc::clone(group), grace)));
        if now.is_leaving {
            // It started just as the others were ended.
            group.kill();
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.fleet.now().groups.remove(&self.number);
        self.fleet.changed.notify_all();
    }
}

/// Ends all these groups at the same time.
pub(crate) fn end_all(groups: Vec<(Arc<Group>, Duration)>) {
    std::thread::scope(|scope| {
        for (group, grace) in groups {
            scope.spawn(move || {
                if let Err(left) = group.end(grace) {
                    tracing::error!("{left}");
                }
            });
        }
    });
}
