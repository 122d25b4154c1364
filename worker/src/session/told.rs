//! Tells a trial to stop. The first reason counts.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::stop::{Stop, StopReason};

/// Why a trial should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The pruner stopped the trial: finish it as pruned.
    Pruned,
    /// A report was refused for this reason: finish the trial as failed.
    Refused(Arc<str>),
    /// The trial is over or no longer this worker's: send nothing more about it.
    Dropped,
    /// This worker is stopping: hand the trial back.
    HandBack,
}

/// Set once, visible to all clones.
#[derive(Clone)]
pub(super) struct Told {
    ending: Arc<watch::Sender<Option<Ending>>>,
    stop: Stop,
}

impl Told {
    /// `leaving` is cancelled once the worker is about to leave.
    pub(super) fn new(leaving: CancellationToken) -> Self {
        Self { ending: Arc::new(watch::Sender::new(None)), stop: Stop::of_worker(leaving) }
    }

    pub(super) fn tell(&self, ending: Ending) {
        let reason = match &ending {
            Ending::Pruned => StopReason::Pruned,
            Ending::Refused(reason) => StopReason::Refused(Arc::clone(reason)),
            Ending::Dropped => StopReason::Dropped,
            Ending::HandBack => StopReason::Leaving,
        };
        self.ending.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(ending);
            is_first
        });
        self.stop.want(reason);
    }

    pub(super) fn get(&self) -> Option<Ending> {
        self.ending.borrow().clone()
    }

    /// The handle that the objective may check at any time.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits until the trial is dropped or handed back, both of which end the work at once.
    pub(super) async fn abandoned(&self) -> Ending {
        self.ends(|ending| matches!(ending, Ending::Dropped | Ending::HandBack)).await
    }

    /// Waits until nothing more that the trial makes is kept. Of a pruned one it is.
    pub(super) async fn over(&self) {
        self.ends(|ending| *ending != Ending::Pruned).await;
    }

    /// Waits until the trial is no longer this worker's.
    pub(super) async fn dropped(&self) {
        self.ends(|ending| *ending == Ending::Dropped).await;
    }

    async fn ends(&self, so: impl Fn(&Ending) -> bool) -> Ending {
        let mut told = self.ending.subscribe();
        match told.wait_for(|told| told.as_ref().is_some_and(&so)).await {
            Ok(ending) => ending.clone().unwrap_or(Ending::Dropped),
            Err(_) => Ending::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts() {
        let told = Told::new(CancellationToken::new());
        assert_eq!((told.get(), told.stop().is_wanted()), (None, false));
        told.tell(Ending::Pruned);
        told.tell(Ending::Dropped);
        assert_eq!((told.get(), told.stop().is_wanted()), (Some(Ending::Pruned), true));
    }
}
