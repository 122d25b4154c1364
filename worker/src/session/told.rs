//! What a trial was told: the first word counts.

use std::sync::Arc;

use tokio::sync::watch;

use crate::stop::Stop;

/// Why a trial's objective is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The pruner gave the trial up: finish it as pruned.
    Pruned,
    /// What it reported cannot be taken, for this reason: finish it as failed.
    Refused(Arc<str>),
    /// The trial is over, or not this worker's any more: say nothing more of it.
    Dropped,
    /// This worker stops: hand the trial back.
    HandBack,
}

/// Set once, seen by all clones.
#[derive(Clone)]
pub(super) struct Told {
    ending: Arc<watch::Sender<Option<Ending>>>,
    stop: Stop,
}

impl Told {
    pub(super) fn new() -> Self {
        Self { ending: Arc::new(watch::Sender::new(None)), stop: Stop::default() }
    }

    pub(super) fn tell(&self, ending: Ending) {
        self.ending.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(ending);
            is_first
        });
        self.stop.want();
    }

    pub(super) fn get(&self) -> Option<Ending> {
        self.ending.borrow().clone()
    }

    /// What the objective may ask at any time.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for a word that ends the work on the trial here and now.
    pub(super) async fn abandoned(&self) -> Ending {
        let mut told = self.ending.subscribe();
        let abandons =
            |told: &Option<Ending>| matches!(told, Some(Ending::Dropped | Ending::HandBack));
        match told.wait_for(abandons).await {
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
        let told = Told::new();
        assert_eq!((told.get(), told.stop().is_wanted()), (None, false));
        told.tell(Ending::Pruned);
        told.tell(Ending::Dropped);
        assert_eq!((told.get(), told.stop().is_wanted()), (Some(Ending::Pruned), true));
    }
}
