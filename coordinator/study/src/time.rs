//! The two clocks, both read by the shell and handed in.

use std::time::Duration;

/// A monotonic instant: the time since an origin that only the shell knows. Deadlines are made of
/// it, so the wall clock may jump as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(pub Duration);

impl Tick {
    /// How long after an earlier instant this one is; nothing if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Tick {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// Wall-clock microseconds since 1970 (UTC): a label for people, never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wall(pub i64);
