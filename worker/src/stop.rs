//! How a trial is told to stop while it trains.

use tokio_util::sync::CancellationToken;

/// Whether a trial is to stop: it was pruned, its study was stopped, it is another worker's, or this worker
/// leaves. Clones share it, so that it can be asked, or waited for, from any thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Whether the trial is to stop now. What it comes to after that counts only if it was done already.
    pub fn is_wanted(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the trial is to stop; for ever if that never happens.
    pub async fn wanted(&self) {
        self.0.cancelled().await;
    }

    /// From now on the trial is to stop.
    pub(crate) fn want(&self) {
        self.0.cancel();
    }
}
