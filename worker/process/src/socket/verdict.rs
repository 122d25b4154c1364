//! Whether a trial goes on, in the words of its socket.

use kindling_worker::StopReason;

/// Whether a trial goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on. The worker may be about to leave, so that a checkpoint now saves work.
    Continue { should_checkpoint: bool },
    /// Its pruner stops it.
    Prune,
    /// It is over for this reason.
    Stop(String),
}

impl Verdict {
    /// What it comes to once the trial should stop for this reason.
    pub(crate) fn of(reason: &StopReason) -> Self {
        let because = match reason {
            StopReason::Pruned => return Self::Prune,
            StopReason::Refused(why) => why.to_string(),
            StopReason::Dropped => {
                "its study was stopped, or the trial is another worker's".to_owned()
            }
            StopReason::Leaving => "the worker ends and has handed the trial back".to_owned(),
        };
        Self::Stop(because)
    }
}
