//! What the ledger is given to do, and what it answers when it does not.

use kindling_study::Refusal;

use crate::admission::Class;
use crate::state::State;
use crate::transaction::Transaction;

/// Why the ledger did not do what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// The core refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot write at the moment. Nothing changed.
    #[error("the coordinator cannot write at the moment: {0}")]
    ReadOnly(String),
    /// Too many jobs of this class wait.
    #[error("the coordinator is overloaded: too many calls of this kind wait; try again later")]
    Overloaded,
    /// The ledger has ended.
    #[error("the coordinator is shutting down")]
    Closed,
}

/// Whether the ledger can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Serving,
    ReadOnly,
}

pub(super) enum Job {
    /// Changes what is never stored, and answers at once.
    Note(Note),
    Write(Class, Decide),
    /// Reads the state, after the commit of the writes that waited at the same time.
    Look(Look),
}

pub(super) type Note = Box<dyn FnOnce(&mut State) + Send>;
pub(super) type Look = Box<dyn FnOnce(&State) + Send>;

/// Decides, or learns why nothing can be written. Returns a closure that sends the reply after the
/// commit.
pub(super) type Decide = Box<dyn FnOnce(Result<&mut Transaction<'_>, LedgerError>) -> Ack + Send>;
pub(super) type Ack = Box<dyn FnOnce(Option<LedgerError>) + Send>;
