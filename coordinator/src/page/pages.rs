//! State shared by the page's handlers.

use std::sync::Arc;

use axum::body::Bytes;
use kindling_proto::limits;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::analyses::{Analyses, Basis};
use super::background::in_background;
use super::documents;
use super::failure::Failure;
use super::watchers::Watchers;
use crate::budget::{Budget, Caller, Share};
use crate::ledger::Ledger;
use crate::view::whole;

/// What every handler needs.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) ledger: Ledger,
    /// Streams end when it is cancelled.
    pub(super) shutdown: CancellationToken,
    pub(super) analyses: Analyses,
    pub(super) watchers: Watchers,
    /// Only one document is made at a time, since each is large.
    making: Arc<Semaphore>,
    /// Limits for each browser: open streams, and bytes that it has not read.
    streams: Budget,
    unread: Budget,
}

/// A study's document, and its basis.
pub(super) struct Made {
    pub(super) json: Bytes,
    pub(super) basis: Basis,
    /// The number of changes that it includes.
    pub(super) seen: u64,
}

impl Pages {
    pub(super) fn new(ledger: Ledger, shutdown: CancellationToken, watchers: Watchers) -> Self {
        let budget = |(all, each)| Budget::new(all, each);
        let making = Arc::new(Semaphore::new(1));
        Self {
            analyses: Analyses::new(ledger.clone(), making.clone()),
            ledger,
            shutdown,
            watchers,
            making,
            streams: budget(limits::PAGES),
            unread: budget(limits::UNREAD_BYTES),
        }
    }

    /// A share of the streams, which browsers keep open for long.
    pub(super) fn place(&self, caller: Caller) -> Result<Share, Failure> {
        self.streams.take(caller, 1).ok_or(Failure::Crowded("too many pages are open"))
    }

    /// Room for these bytes until they are read.
    pub(super) fn room_for(&self, caller: Caller, bytes: usize) -> Result<Share, Failure> {
        let crowded = Failure::Crowded("too much waits to be read by other pages");
        self.unread.take_most(caller, bytes).ok_or(crowded)
    }

    /// Makes the whole document of a study.
    pub(super) async fn make(&self, name: &str) -> Result<Made, Failure> {
        let _turn = self.making.acquire().await;
        let whole = whole(&self.ledger, name).await?;
        let (basis, seen) = (Basis::of(&whole.study), whole.seen);
        let json = in_background(move || documents::document(&whole)).await?.into();
        Ok(Made { json, basis, seen })
    }
}
