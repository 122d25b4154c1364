//! The mark that every process of a group carries in its environment, so that it is found wherever it went.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable with the mark.
pub(crate) const VARIABLE: &str = "KINDLING_TRIAL_MARK";

/// Between the marks of a trial that itself runs a worker, and those of that worker's own trials.
const BETWEEN: char = ':';

/// What all marks of this process begin with. No other process has the same.
pub(crate) static PREFIX: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", rand::random::<u64>()));

/// A mark that no other group has: 128 bits in hex.
pub(crate) fn new() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}{:016x}", *PREFIX, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What to set the variable to for a group with this mark.
///
/// If this worker runs in a trial of another one, its groups are found by that trial's mark, too.
pub(crate) fn value(mark: &str) -> String {
    match std::env::var(VARIABLE) {
        Ok(outer) if outer.len() < 1024 => format!("{outer}{BETWEEN}{mark}"),
        _ => mark.to_owned(),
    }
}

/// The one that begins with `prefix`, of all marks in a variable's value.
pub(crate) fn find<'a>(value: &'a str, prefix: &str) -> Option<&'a str> {
    value.split(BETWEEN).find(|mark| mark.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_a_mark_of_its_own_that_is_found_among_others() {
        let (one, two) = (new(), new());
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
        let value = format!("outer{BETWEEN}{one}");
        assert_eq!(find(&value, &one), Some(&*one));
        assert_eq!(find(&value, &two), None);
        assert_eq!(find(&value, &PREFIX), Some(&*one));
    }
}
