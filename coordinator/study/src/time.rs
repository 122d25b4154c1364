//! The two clocks. The shell reads them and passes the time in.

use std::time::Duration;

/// A monotonic instant: the time since an origin that only the shell knows. Deadlines use it, so the wall
/// clock may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(pub Duration);

impl Tick {
    /// How long after `earlier` this instant is; zero if it is not after it.
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

/// Wall-clock microseconds since 1970 (UTC), for people: no decision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wall(pub i64);
