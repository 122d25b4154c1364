//! What a connection says that only the thread that owns the trial can deal with.

use std::sync::mpsc::SyncSender;

use super::desk::Request;

/// Something that a trial's processes say.
#[derive(Debug)]
pub(crate) enum Said {
    /// A request. Dropping `answer` tells that the trial is over.
    Asked { seat: u64, request: Request, answer: SyncSender<String> },
    /// A process that stays waits for a trial.
    Ready,
    /// A process that stays asks for the next trial, but gave no result for this one.
    NoResult { seat: u64 },
}
