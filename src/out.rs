//! Standard output that may be closed early: `kindling … | head` is not an error.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use kindling_telemetry::{printable_lines, printable_output, say};

/// Prints a line of output.
macro_rules! outln {
    ($($arg:tt)*) => { $crate::out::line(format_args!($($arg)*)) };
}
pub(crate) use outln;

/// Prints a line of text or JSON. Untrusted text is escaped, so that a terminal does not obey it.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    write_all(printable_lines(&format!("{text}\n")).as_bytes());
}

/// Writes raw data. On a terminal, control characters are escaped.
pub(crate) fn write(data: &[u8]) {
    if io::stdout().is_terminal() {
        return write_all(printable_lines(&String::from_utf8_lossy(data)).as_bytes());
    }
    write_all(data);
}

/// Writes lines of a trial's output: as they were written, but on a terminal only colours are left of what it would obey.
pub(crate) fn output(lines: &[String]) {
    let is_terminal = io::stdout().is_terminal();
    let safe = |line: &String| if is_terminal { printable_output(line) } else { line.clone() };
    let text: String = lines.iter().map(|line| safe(line) + "\n").collect();
    write_all(text.as_bytes());
}

/// Writes the whole output of a command.
///
/// If the reader has gone, ends the process successfully. If the output cannot be written, it fails, so that
/// a script does not mistake partial output for all of it.
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

/// Prints text or JSON and goes on in any case; `false` if nobody reads it.
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

/// Ends the process at once.
pub(crate) fn leave(code: i32) -> ! {
    kindling_telemetry::flush();
    std::process::exit(code);
}
