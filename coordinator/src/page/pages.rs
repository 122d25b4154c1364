//! State shared by the page's handlers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Extensions;
use kindling_proto::limits;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::metadata::MetadataMap;

use super::analyses::Analyses;
use super::failure::Failure;
use super::watchers::Watchers;
use crate::budget::{Budget, Caller, Share};
use crate::config::StudyCheck;
use crate::ledger::Ledger;
use crate::service::Service;
use crate::view::{Whole, whole};

/// How long a file or a piece of a document waits for others to be read, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// What every handler needs.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) ledger: Ledger,
    /// Reads output and artifacts, and makes changes.
    pub(super) service: Service,
    /// Checks the text of study files.
    pub(super) check: StudyCheck,
    /// Streams end when it is cancelled.
    pub(super) shutdown: CancellationToken,
    pub(super) analyses: Analyses,
    pub(super) watchers: Watchers,
    /// Only one thing is made of a whole study at a time, since each is large.
    making: Arc<Semaphore>,
    /// Limits for each browser: open streams, files on their way to it, and bytes that it has not read.
    streams: Budget,
    files: Budget,
    changes: Budget,
    unread: Budget,
}

impl Pages {
    pub(super) fn new(
        ledger: Ledger,
        service: Service,
        shutdown: CancellationToken,
        watchers: Watchers,
        check: StudyCheck,
    ) -> Self {
        let budget = |(all, each)| Budget::new(all, each);
        let making = Arc::new(Semaphore::new(1));
        Self {
            analyses: Analyses::new(ledger.clone(), making.clone()),
            ledger,
            service,
            check,
            shutdown,
            watchers,
            making,
            streams: budget(limits::PAGES),
            files: budget(limits::PAGE_FILES),
            changes: budget(limits::PAGE_CHANGES),
            unread: budget(limits::UNREAD_BYTES),
        }
    }

    /// A share of the streams, which browsers keep open for long.
    pub(super) fn place(&self, caller: Caller) -> Result<Share, Failure> {
        self.streams.take(caller, 1).ok_or(Failure::Crowded("too many pages are open"))
    }

    /// A share of the changes that are made at a time.
    pub(super) fn place_for_change(&self, caller: Caller) -> Result<Share, Failure> {
        self.changes.take(caller, 1).ok_or(Failure::Crowded("too many changes are being made"))
    }

    /// A share of the files that are read at a time, once there is one: a browser may ask for all pictures at once.
    pub(super) async fn place_for_file(&self, caller: Caller) -> Result<Share, Failure> {
        let crowded = || Failure::Crowded("too many files are being read");
        patiently(|| self.files.take(caller, 1).ok_or_else(crowded)).await
    }

    /// Room for these bytes until they are read.
    pub(super) fn room_for(&self, caller: Caller, bytes: usize) -> Result<Share, Failure> {
        let crowded = Failure::Crowded("too much waits to be read by other pages");
        self.unread.take_most(caller, bytes).ok_or(crowded)
    }

    /// The same for a piece of a document, once others have read enough.
    pub(super) async fn room_for_piece(
        &self,
        caller: Caller,
        bytes: usize,
    ) -> Result<Share, Failure> {
        patiently(|| self.room_for(caller, bytes)).await
    }

    /// Makes something of all that is known of a study, in the background: it may take a while, and is large.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(Whole) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = self.making.acquire().await;
        let whole = whole(&self.ledger, name).await?;
        let made = tokio::task::spawn_blocking(move || work(whole)).await;
        made.map_err(|error| Failure::Internal(error.to_string()))
    }
}

/// Takes a share as soon as there is one. Refused for a while is refused.
async fn patiently(mut take: impl FnMut() -> Result<Share, Failure>) -> Result<Share, Failure> {
    let asked = Instant::now();
    loop {
        match take() {
            Err(_) if asked.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
            answer => return answer,
        }
    }
}

/// A call of a service in this process, for whoever sent the request with these extensions.
pub(super) fn call<T>(extensions: Extensions, message: T) -> Request<T> {
    Request::from_parts(MetadataMap::new(), extensions, message)
}
