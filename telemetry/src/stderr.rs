//! Standard error: nobody waits for it, and nothing ends because of it.
//!
//! It may lie on a full disk, lead into a pipe that nobody reads any more, or into a pager or a terminal that stands
//! still. `eprintln!` panics in the first two cases and blocks in the others. Here lines wait for a thread of their
//! own; what cannot be written, or finds no room to wait, is lost, and the next line says how much.

use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::printable::{printable_lines, printable_log};

/// How many lines may wait.
const WAITING: usize = 1024;
/// The end of a process waits so long for them.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: LazyLock<SyncSender<Message>> = LazyLock::new(start);
static LOST: AtomicU64 = AtomicU64::new(0);

enum Message {
    Text(Vec<u8>),
    /// All that was sent before has been written, or could not be.
    Flush(SyncSender<()>),
}

/// Says a line on standard error, like `eprintln!`.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::say_line(::std::format_args!($($arg)*)) };
}

/// What [`say!`] does. A terminal shows what others have named, and obeys none of it.
pub fn say_line(text: fmt::Arguments<'_>) {
    send(printable_lines(&format!("{text}\n")).into_owned().into_bytes());
}

/// Waits a moment until everything that was said is written. For the end of a process.
pub fn flush() {
    let (done, flushed) = sync_channel(1);
    // There is no waiting with a deadline for a place in the queue; where it is full, nobody reads.
    if QUEUE.try_send(Message::Flush(done)).is_ok() {
        _ = flushed.recv_timeout(PATIENCE);
    }
}

/// The log's way to standard error.
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
    // Without a thread every line is lost, which nobody could be told either.
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
        // One; then, for two, the count of what is lost and the line itself.
        let mut disk = Disk { full_for: 3, written: Vec::new() };
        write_all(&receiver, &mut disk);
        let written = String::from_utf8(disk.written).expect("text");
        assert_eq!(written, "(2 lines could not be written)\nthree\n");
    }
}
