//! What is told of a process while it runs.

use super::exit::Exit;

/// What happened to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It wrote a line. Without the line's end, cut at 16 KiB, and what is no UTF-8 is replaced.
    Line(Stream, String),
    /// It wrote a line up to a `\r`, as progress bars do: on a terminal, what comes next is drawn over it.
    Redrawn(Stream, String),
    /// The line that was just told as redrawn ended with that, so it stays.
    Stays(Stream),
    /// For 1 s nothing was written to a line of standard output that was being redrawn. What it shows now, if it is not empty.
    Shows(String),
    /// The main process ended. Told exactly once, and nothing is told after it; all lines that it wrote came before. Processes
    /// that it started may still be there.
    Exited(Exit),
    /// Its processes use more memory than they may. Told once at most. Nothing was done about it.
    OverMemory { used: u64 },
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}
