//! Standard output that may close early: `kindling … | head` is not an error.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use kindling_telemetry::{printable_lines, say};

/// Prints a line of data.
macro_rules! outln {
    ($($arg:tt)*) => { $crate::out::line(format_args!($($arg)*)) };
}
pub(crate) use outln;

/// Text for people and JSON for scripts: what others have named does nothing to a terminal.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    write_all(printable_lines(&format!("{text}\n")).as_bytes());
}

/// Writes data as it is. On a terminal, where nobody keeps it, what a terminal would obey is shown.
pub(crate) fn write(data: &[u8]) {
    if io::stdout().is_terminal() {
        return write_all(printable_lines(&String::from_utf8_lossy(data)).as_bytes());
    }
    write_all(data);
}

/// Writes data for a command that does nothing else. Where nobody reads on, there is nothing left to do; where
/// it cannot be written, a script must not take what came through for the whole.
fn write_all(data: &[u8]) {
    match try_write(data) {
        Ok(true) => {}
        Ok(false) => leave(0),
        Err(error) => {
            say!("error: standard output cannot be written: {error}");
            leave(1);
        }
    }
}

/// Prints text or JSON, and goes on where nobody reads: then it is `false`.
pub(crate) fn try_print(text: &str) -> io::Result<bool> {
    try_write(printable_lines(text).as_bytes())
}

fn try_write(data: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// Ends the process here and now.
pub(crate) fn leave(code: i32) -> ! {
    kindling_telemetry::flush();
    std::process::exit(code);
}
