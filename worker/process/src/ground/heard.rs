//! Waits until all is told that a process has written so far.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::lock;

/// Between whoever asks and the thread that reads the output.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    counts: Mutex<Counts>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    /// How often it was asked for.
    asked: u64,
    /// Up to which of these it was done.
    done: u64,
}

impl Heard {
    /// Asks for it. `wake` has the thread look.
    pub(super) fn ask(&self, wake: impl FnOnce(), within: Duration) {
        let asked = {
            let mut counts = lock(&self.counts);
            counts.asked += 1;
            counts.asked
        };
        wake();
        let waited = self.done.wait_timeout_while(lock(&self.counts), within, |c| c.done < asked);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Up to which number it is asked for, if it is.
    pub(super) fn asked(&self) -> Option<u64> {
        let counts = lock(&self.counts);
        Some(counts.asked).filter(|asked| *asked > counts.done)
    }

    /// All is told that was written before it was asked for.
    pub(super) fn done(&self, asked: u64) {
        lock(&self.counts).done = asked;
        self.done.notify_all();
    }
}
