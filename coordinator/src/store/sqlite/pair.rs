//! Whether a file and the log beside it belong together.
//!
//! What was committed since the log was last moved into the file is in the log alone. So that nobody
//! takes the file for all there is, a number in its header counts the logs (`user_version`, in which
//! `SQLite` keeps what it is given). It is odd in a file that has a log, and even in what file and log
//! say together: before the log is moved, it is made odd, and the first commit of the next log makes it
//! even again. Whoever moves all of the log, `SQLite` as it closes or another program that was the last
//! to look, leaves a file with an even number, which is whole without a log.
//!
//! A log goes on where the file stands: it holds the file's number or the next one. The first number of
//! a store is drawn, so that no log fits the file of another store.
//!
//! One thing this does not see. While another program holds a transaction, a part of the log can be
//! moved, and the number with it: then the file looks whole, until that program is done.

use super::fault::Fault;
use super::log::Log;
use super::mark::{in_page, is_odd};

/// Refuses a file without its log; `log` is what lies beside it.
pub(super) fn check(header: &[u8], log: Option<&Log>) -> Result<(), Fault> {
    let Some(file) = in_page(header) else { return Ok(()) };
    // A store from before there were marks says nothing.
    if file == 0 {
        return Ok(());
    }
    let fits = match log.map(|log| log.marks) {
        None => !is_odd(file),
        // A log of which nothing was committed yet; or, beside a whole file, anything.
        Some(None) => !is_odd(file) || log.is_some_and(|log| log.is_begun),
        Some(Some((first, last))) => {
            let not_after = |a: u32, b: u32| b.wrapping_sub(a).cast_signed() >= 0;
            not_after(first.wrapping_sub(1), file) && not_after(file, last)
        }
    };
    if fits { Ok(()) } else { Err(if is_odd(file) { Fault::LogMissing } else { Fault::OtherLog }) }
}
