//! What the thread that owns a trial waits for.

use crate::ground::Exit;
use crate::socket::Said;

/// Something that happened to a trial's processes, or that they ask for.
///
/// The queue needs no bound: who sends a request waits until it is dealt with, measures wait in a bounded queue of
/// their own, and everything else happens once.
#[derive(Debug)]
pub(crate) enum Event {
    /// Over the socket.
    Said(Said),
    /// A line of the output gave metrics: one more waits at the [`Ear`](super::ear::Ear).
    Measured,
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
