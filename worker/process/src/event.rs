//! What the thread that owns a trial waits for.

use std::sync::mpsc::SyncSender;

use crate::desk::Request;
use crate::exit::Exit;
use crate::metric::Measure;

/// Something that happened to a trial's processes, or that they ask for.
///
/// The queue needs no bound: who sends a request or a measure waits until it is dealt with, and everything
/// else happens once.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request over the socket. Dropping `answer` tells that the trial is over.
    Asked { seat: u64, request: Request, answer: SyncSender<String> },
    /// A line of the output gave the metric. The output goes on once `done` is dropped.
    Measured { measure: Measure, done: SyncSender<()> },
    /// A process that stays waits for a trial.
    Ready,
    /// A process that stays asks for the next trial, but gave no result for this one.
    NoResult { seat: u64 },
    /// The trial should stop.
    Stop { seat: u64 },
    /// The processes use this many bytes, which is more than they may.
    OverMemory { used: u64 },
    /// The main process ended. Nothing more comes of its output.
    Exited(Exit),
    /// Its processes were ended, and whether all of them are gone.
    Gone { all: bool },
    /// Everything that was sent over the socket is dealt with.
    Quiet,
}
