//! Standard output that may close early: `kindling … | head` is not an error.

use std::fmt;
use std::io::{ErrorKind, Write as _};

/// Prints a line of data.
macro_rules! outln {
    ($($arg:tt)*) => { $crate::out::line(format_args!($($arg)*)) };
}
pub(crate) use outln;

pub(crate) fn line(text: fmt::Arguments<'_>) {
    write(format!("{text}\n").as_bytes());
}

/// Writes data. Where nobody reads on, there is nothing left to do; where it cannot be written, a
/// script must not take what came through for the whole.
pub(crate) fn write(data: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: standard output cannot be written: {error}");
            std::process::exit(1);
        }
    }
}
