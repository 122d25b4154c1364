//! The rules behind the decisions on external studies, one function each. The simulation breaks them one at a time
//! ([`Bug`]).

use std::time::Duration;

use super::trial::{ExternalTrial, TrialState};
use crate::bug::Bug;
use crate::time::Tick;

/// Whether nothing of the trial may change any more.
pub(super) fn is_closed(trial: &ExternalTrial) -> bool {
    trial.state.is_finished() && !Bug::ExternalChangesAfterItsEnd.is_on()
}

/// Only one of those who want to run a waiting trial gets it.
pub(super) fn may_be_taken(trial: &ExternalTrial) -> bool {
    trial.state == TrialState::Waiting || Bug::ExternalIsTakenTwice.is_on()
}

/// Whether a trial whose client is gone since then is lost now.
pub(super) fn is_lost(since: Tick, after: Duration, now: Tick) -> bool {
    now >= since + after && !Bug::ExternalIsNeverLost.is_on()
}

/// Whether a trial that was lost so often, this time included, is enqueued again.
pub(super) fn is_repeated(losses: usize, retries: usize) -> bool {
    losses <= retries || Bug::ExternalRetriesForever.is_on()
}
