//! The two clocks, behind a trait so that a simulation can provide them.

use std::time::{Duration, Instant, SystemTime};

use kindling_study::{Tick, Wall};

/// Reads the time.
pub trait Clock: Send + Sync + 'static {
    /// The monotonic time since some origin. Deadlines use it.
    fn tick(&self) -> Tick;
    /// The wall clock, for labels only.
    fn wall(&self) -> Wall;
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn tick(&self) -> Tick {
        Tick(self.origin.elapsed())
    }

    fn wall(&self) -> Wall {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Wall(since.map_or(0, |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}
