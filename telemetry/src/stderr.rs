//! Standard error that never blocks and never ends the process.
//!
//! It may be on a full disk, or lead into a closed pipe, a pager or a stopped terminal. `eprintln!` panics in
//! the first two cases and blocks in the others. Here a thread of its own writes the lines from a queue. A
//! line that cannot be written or does not fit into the queue is lost, and the next line says how many were.

use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::printable::{printable_lines, printable_log};

/// The capacity of the queue in lines.
const WAITING: usize = 1024;
/// How long the end of a process waits for the queue.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: LazyLock<SyncSender<Message>> = LazyLock::new(start);
static LOST: AtomicU64 = AtomicU64::new(0);

enum Message {
    Text(Vec<u8>),
    /// Answered once everything sent before has been written or lost.
    Flush(SyncSender<()>),
}

/// Prints a line on standard error, like `eprintln!`.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::say_line(::std::format_args!($($arg)*)) };
}

/// Implements [`say!`]. Untrusted text is escaped, so that a terminal does not obey it.
pub fn say_line(text: fmt::Arguments<'_>) {
    send(printable_lines(&format!("{text}\n")).into_owned().into_bytes());
}

/// Waits briefly until all lines are written. Call it at the end of a process.
pub fn flush() {
    let (done, flushed) = sync_channel(1);
    // Do not wait for room in the queue: there is no such call with a deadline, and a full queue has no
    // reader.
    if QUEUE.try_send(Message::Flush(done)).is_ok() {
        _ = flushed.recv_timeout(PATIENCE);
    }
}

/// The log's writer to standard error.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        send(printable_log(&String::from_utf8_lossy(line)).into_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send(text: Vec<u8>) {
    if QUEUE.try_send(Message::Text(text)).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn start() -> SyncSender<Message> {
    let (sender, receiver) = sync_channel(WAITING);
    let writer = move || write_all(&receiver, &mut io::stderr());
    // Without the thread every line is lost, and there is no way to report that.
    _ = std::thread::Builder::new().name("stderr".to_owned()).spawn(writer);
    sender
}

fn write_all(messages: &Receiver<Message>, to: &mut impl Write) {
    for message in messages {
        match message {
            Message::Text(text) => {
                let lost = LOST.swap(0, Ordering::Relaxed);
                if lost > 0 && writeln!(to, "({lost} lines could not be written)").is_err() {
                    LOST.fetch_add(lost, Ordering::Relaxed);
                }
                if to.write_all(&text).is_err() {
                    LOST.fetch_add(1, Ordering::Relaxed);
                }
            }
            Message::Flush(done) => _ = done.try_send(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full for a while.
    struct Disk {
        full_for: usize,
        written: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            if self.full_for > 0 {
                self.full_for -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.write(data)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_written_is_lost_and_counted() {
        let (sender, receiver) = sync_channel(8);
        for line in ["one\n", "two\n", "three\n"] {
            sender.send(Message::Text(line.into())).expect("room");
        }
        drop(sender);
        // The writes that fail: line one, then the count of lost lines, then line two.
        let mut disk = Disk { full_for: 3, written: Vec::new() };
        write_all(&receiver, &mut disk);
        let written = String::from_utf8(disk.written).expect("text");
        assert_eq!(written, "(2 lines could not be written)\nthree\n");
    }
}
