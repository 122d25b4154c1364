//! How a running trial learns that it should stop.

use tokio_util::sync::CancellationToken;

/// Tells whether a trial should stop: it was pruned, its study was stopped, it is another worker's, or this
/// worker is leaving.
///
/// Clones share the state, and any thread can check it or wait for it.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Whether the trial should stop now. After that, a result counts only if training was already complete.
    pub fn is_wanted(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the trial should stop; for ever if that never happens.
    pub async fn wanted(&self) {
        self.0.cancelled().await;
    }

    /// Requests that the trial stop.
    pub(crate) fn want(&self) {
        self.0.cancel();
    }
}
