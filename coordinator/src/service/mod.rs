//! The gRPC services: each handler parses its request, asks the ledger, and answers.

pub(crate) mod access;
mod status;
mod study;
mod trial;
mod worker;

use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) ledger: Ledger,
    /// Long polls and streams end when it is cancelled.
    pub(crate) shutdown: CancellationToken,
}
