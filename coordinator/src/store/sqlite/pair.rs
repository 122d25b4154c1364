//! Checks whether a file and the log beside it belong together.
//!
//! What was committed since the log was last moved into the file is only in the log. So nobody may
//! take the file alone for the whole store. A number in its header counts the logs (`user_version`,
//! which `SQLite` leaves to its users). It is odd in a file that has a log, and even in file and
//! log read together. Before the log is moved, the number is made odd, and the first commit of the
//! next log makes it even again. When all of the log is moved, by `SQLite` on close or by another
//! program that was the last reader, the file gets an even number. Such a file is complete without
//! a log.
//!
//! A log continues from its file: it holds the file's number or the next one. The first number of a
//! store is random, so that no log fits the file of another store.
//!
//! One case is not detected. While another program holds a transaction, part of the log can be
//! moved, and the number with it. Until that program is done, the file looks complete.

use super::fault::Fault;
use super::log::Log;
use super::mark::{in_page, is_odd};

/// Refuses a file without its log. `log` is what lies beside the file.
pub(super) fn check(header: &[u8], log: Option<&Log>) -> Result<(), Fault> {
    let Some(file) = in_page(header) else { return Ok(()) };
    // The store is older than these marks.
    if file == 0 {
        return Ok(());
    }
    let fits = match log.map(|log| log.marks) {
        None => !is_odd(file),
        // A log without a commit yet. Beside a complete file, anything fits.
        Some(None) => !is_odd(file) || log.is_some_and(|log| log.is_begun),
        Some(Some((first, last))) => {
            let not_after = |a: u32, b: u32| b.wrapping_sub(a).cast_signed() >= 0;
            not_after(first.wrapping_sub(1), file) && not_after(file, last)
        }
    };
    if fits { Ok(()) } else { Err(if is_odd(file) { Fault::LogMissing } else { Fault::OtherLog }) }
}
