//! The two clocks, both read by the shell and handed in.

use std::time::Duration;

/// A monotonic instant: the time since an origin that only the shell knows. Deadlines are made of
/// it, so the wall clock may jump as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(pub Duration);

impl std::ops::Add<Duration> for Tick {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// Wall-clock microseconds since 1970 (UTC): a label for people, never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wall(pub i64);
