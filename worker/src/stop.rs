//! How a running trial learns that it should stop.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Tells whether a trial should stop, and why.
///
/// Clones share the state, and any thread can check it, wait for it or have itself called.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    wanted: CancellationToken,
    /// Once cancelled, the worker is about to leave.
    leaving: CancellationToken,
    state: Arc<Mutex<State>>,
}

/// Why a trial should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Its pruner stopped it.
    Pruned,
    /// One of its reports was refused, for this reason. The trial fails.
    Refused(Arc<str>),
    /// It is over or another worker's: its study was stopped, or its lease was lost.
    Dropped,
    /// This worker is leaving, and has handed the trial back.
    Leaving,
}

#[derive(Default)]
struct State {
    reason: Option<StopReason>,
    watchers: Vec<Watcher>,
}

type Watcher = Box<dyn FnOnce() + Send>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl Stop {
    /// One that also tells when the worker is about to leave.
    pub(crate) fn of_worker(leaving: CancellationToken) -> Self {
        Self { leaving, ..Self::default() }
    }

    /// Whether the worker is about to leave: what is saved now can be gone on from elsewhere.
    pub fn should_checkpoint(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Waits until the worker is about to leave; for ever if that never happens.
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Tells the trial that the worker is about to leave.
    ///
    /// A session does this. It is public for those who run an objective without one, such as its tests.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Whether the trial should stop now. After that, a result counts only if training was already complete.
    pub fn is_wanted(&self) -> bool {
        self.wanted.is_cancelled()
    }

    /// Why it should stop, once it should.
    pub fn reason(&self) -> Option<StopReason> {
        self.state().reason.clone()
    }

    /// Waits until the trial should stop; for ever if that never happens.
    pub async fn wanted(&self) {
        self.wanted.cancelled().await;
    }

    /// Has `then` called once the trial should stop, or right now if it should already.
    ///
    /// It is called on the thread that decides it, so it must not block. It never runs if the trial ends
    /// first.
    pub fn watch(&self, then: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.reason.is_none() {
            state.watchers.push(Box::new(then));
        } else {
            drop(state);
            then();
        }
    }

    /// Requests that the trial stop. The first reason counts.
    ///
    /// A session does this. It is public for those who run an objective without one, such as its tests.
    pub fn want(&self, reason: StopReason) {
        let watchers = {
            let mut state = self.state();
            state.reason.get_or_insert(reason);
            std::mem::take(&mut state.watchers)
        };
        self.wanted.cancel();
        for watcher in watchers {
            watcher();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn who_watches_is_called_once_also_when_it_comes_late() {
        let (stop, calls) = (Stop::default(), Arc::new(AtomicU32::new(0)));
        let watch = || {
            let calls = Arc::clone(&calls);
            stop.watch(move || _ = calls.fetch_add(1, Ordering::Relaxed));
        };
        watch();
        assert_eq!((calls.load(Ordering::Relaxed), stop.reason()), (0, None));
        stop.want(StopReason::Pruned);
        stop.want(StopReason::Dropped);
        assert_eq!((calls.load(Ordering::Relaxed), stop.reason()), (1, Some(StopReason::Pruned)));
        watch();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
