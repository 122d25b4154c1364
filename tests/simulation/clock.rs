//! The simulation's clocks: the runtime's paused time, and a settable wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use kindling_coordinator::Clock;
use kindling_study::{Tick, Wall};
use tokio::time::Instant;

/// A day in 2026, in microseconds since 1970.
const TODAY: i64 = 1_790_000_000_000_000;

/// Both clocks. Clones share them.
#[derive(Clone)]
pub(crate) struct SimulatedClock {
    origin: Instant,
    wall_ahead: Arc<AtomicI64>,
    /// The total time during which nothing ran, in microseconds.
    frozen: Arc<AtomicU64>,
}

impl SimulatedClock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now(), wall_ahead: Arc::default(), frozen: Arc::default() }
    }

    /// Freezes the machine; when it continues, its clocks have moved on.
    pub(crate) fn freeze(&self, time: Duration) {
        self.frozen.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn since_start(&self) -> Duration {
        self.origin.elapsed() + Duration::from_micros(self.frozen.load(Ordering::Relaxed))
    }

    /// Sets the wall clock this many seconds ahead.
    pub(crate) fn set_wall(&self, seconds: i64) {
        self.wall_ahead.store(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn tick(&self) -> Tick {
        Tick(self.since_start())
    }

    fn wall(&self) -> Wall {
        let micros = self.since_start().as_micros() as i64;
        Wall(TODAY + micros + self.wall_ahead.load(Ordering::Relaxed))
    }
}
