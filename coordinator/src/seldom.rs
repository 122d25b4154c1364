//! Limits log lines that a stranger could trigger without end: one per interval, with a count.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const A_WHILE: Duration = Duration::from_secs(10);

/// One kind of log line.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// Notes that it happened again. If a line is due, returns how often it happened since the last
    /// line.
    pub(crate) fn again(&self, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.since += 1;
        if said.last.is_some_and(|last| now.duration_since(last) < A_WHILE) {
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_seldom_and_counted() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.again(start), Some(1), "the first at once");
        for _ in 0..1000 {
            assert_eq!(seldom.again(start), None);
        }
        assert_eq!(seldom.again(start + A_WHILE), Some(1001));
        assert_eq!(seldom.again(start + A_WHILE), None);
    }
}
