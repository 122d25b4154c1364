//! Notices that the process, or its machine, stood still.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kindling_study::Tick;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;

/// How often the pulse beats while the process runs.
const BEAT: Duration = Duration::from_millis(250);

/// Beats for as long as [`Self::beat`] is polled, whatever the ledger does meanwhile: a slow commit is no pause, since
/// workers are heard during it. Times are in microseconds.
pub(super) struct Pulse {
    last: AtomicU64,
    /// The longest time without a beat since it was asked for.
    gap: AtomicU64,
}

impl Pulse {
    pub(super) fn new(now: Tick) -> Self {
        Self { last: AtomicU64::new(micros(now.0)), gap: AtomicU64::new(0) }
    }

    /// Never returns.
    pub(super) async fn beat(&self, clock: &dyn Clock) {
        let mut interval = interval(BEAT);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let now = micros(clock.tick().0);
            let last = self.last.swap(now, Ordering::SeqCst);
            self.gap.fetch_max(now.saturating_sub(last), Ordering::SeqCst);
        }
    }

    /// The longest time without a beat since the last call, with the one that goes on now.
    pub(super) fn take_gap(&self, now: Tick) -> Duration {
        let since = micros(now.0).saturating_sub(self.last.load(Ordering::SeqCst));
        Duration::from_micros(self.gap.swap(0, Ordering::SeqCst).max(since))
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kindling_study::Wall;

    use super::*;

    struct Hand(Mutex<Tick>);

    impl Hand {
        fn set(&self, seconds: u64) -> Tick {
            let now = Tick(Duration::from_secs(seconds));
            *self.0.lock().expect("whole") = now;
            now
        }
    }

    impl Clock for Hand {
        fn tick(&self) -> Tick {
            *self.0.lock().expect("whole")
        }

        fn wall(&self) -> Wall {
            Wall(0)
        }
    }

    #[tokio::test]
    async fn a_pause_is_noticed_whether_the_ledger_or_the_pulse_goes_on_first() {
        let clock = Hand(Mutex::new(Tick::default()));
        let pulse = Pulse::new(clock.tick());
        // The first beat comes at once.
        let beat_once = || tokio::time::timeout(BEAT / 10, pulse.beat(&clock));
        assert_eq!(pulse.take_gap(clock.set(0)), Duration::ZERO);
        // The ledger first.
        assert_eq!(pulse.take_gap(clock.set(5)), Duration::from_secs(5));
        // The pulse first.
        _ = beat_once().await;
        pulse.take_gap(clock.tick());
        clock.set(12);
        _ = beat_once().await;
        assert_eq!(pulse.take_gap(clock.tick()), Duration::from_secs(7));
        assert_eq!(pulse.take_gap(clock.tick()), Duration::ZERO, "it is told once");
    }
}
