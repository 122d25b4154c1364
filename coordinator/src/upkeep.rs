//! How the ledger tends its store between commits, and warns when the store's log is long.

use std::time::Duration;

use kindling_study::Tick;
use tokio::sync::watch;

use crate::observe;
use crate::store::Upkeep;

/// How often the store is tended, whether or not there is work.
const INTERVAL: Duration = Duration::from_millis(500);
/// A log this long is a problem. Normally it has a few megabytes, and is then moved into the store.
pub(crate) const LONG_LOG: u64 = 64 << 20;

/// When the store is due, and what was said of its log.
#[derive(Debug)]
pub(crate) struct Care {
    due: Tick,
    /// Warn again when the log has this length.
    next_warning: u64,
    is_long: watch::Sender<bool>,
}

impl Care {
    pub(crate) fn new(now: Tick) -> Self {
        let is_long = watch::Sender::new(false);
        Self { due: now + INTERVAL, next_warning: LONG_LOG, is_long }
    }

    /// Changes when the log becomes too long, or is no longer too long.
    pub(crate) fn long_log(&self) -> watch::Receiver<bool> {
        self.is_long.subscribe()
    }

    /// Whether the store is due. If so, sets the next time.
    pub(crate) fn is_due(&mut self, now: Tick) -> bool {
        let is_due = now >= self.due;
        if is_due {
            self.due = now + INTERVAL;
        }
        is_due
    }

    pub(crate) fn note(&mut self, upkeep: Upkeep) {
        let bytes = upkeep.log_bytes;
        observe::log_length(bytes);
        if bytes >= self.next_warning {
            self.next_warning = bytes * 2;
            let mib = bytes >> 20;
            tracing::warn!(
                hint = "end the program that reads the store in a transaction, or let it begin a new one",
                "the store's log has grown to {mib} MiB, since somebody else holds a transaction open"
            );
        }
        let is_long = bytes >= LONG_LOG;
        if self.is_long.send_if_modified(|was| std::mem::replace(was, is_long) != is_long)
            && !is_long
        {
            self.next_warning = LONG_LOG;
            tracing::info!("the store's log is short again");
        }
    }
}
