//! Which connection a request came over, and when that one ends.

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::codegen::http::Extensions;

use crate::accept::Caller;

/// A connection. Clones are the same one.
///
/// Whoever calls the services of an [`Embedded`](crate::Embedded) directly may put one into a request's extensions.
#[derive(Debug, Clone)]
pub struct Connection {
    number: u64,
    ended: CancellationToken,
}

impl Connection {
    /// A connection with a number that no other has.
    pub fn new(number: u64) -> Self {
        Self { number, ended: CancellationToken::new() }
    }

    /// It has ended, for whatever reason.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        let of_door = extensions.get::<Caller>().map(Caller::connection);
        of_door.or_else(|| extensions.get::<Self>()).cloned()
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Waits for its end.
    pub(crate) fn ended(&self) -> WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }
}
