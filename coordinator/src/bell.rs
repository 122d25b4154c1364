//! Wakes waiting tasks when something has happened. They wake in the order in which they came. So
//! whoever has waited longest for work gets it, and a simulation wakes them in the same order each
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The number of rings that marks the end of the bell.
const ENDED: u64 = u64::MAX;

/// Rings until it is dropped. Dropping it ends all waiting.
#[derive(Debug, Default)]
pub(crate) struct Bell(Ear);

/// Hears a bell. Clones hear the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ear(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How often it rang, or `ENDED`.
    rings: AtomicU64,
    waiting: Notify,
}

/// The bell was dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended;

impl Bell {
    pub(crate) fn ear(&self) -> Ear {
        self.0.clone()
    }

    pub(crate) fn ring(&self) {
        self.0.0.rings.fetch_add(1, Ordering::AcqRel);
        self.0.0.waiting.notify_waiters();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.0.rings.store(ENDED, Ordering::Release);
        self.0.0.waiting.notify_waiters();
    }
}

impl Ear {
    /// How often it has rung.
    pub(crate) fn rings(&self) -> u64 {
        self.0.rings.load(Ordering::Acquire)
    }

    /// Waits until the bell has rung more than `rings` times.
    pub(crate) async fn after(&self, rings: u64) -> Result<(), Ended> {
        loop {
            let mut next = std::pin::pin!(self.0.waiting.notified());
            // Registered before the count is read, so a ring between the two is not missed.
            next.as_mut().enable();
            match self.rings() {
                ENDED => return Err(Ended),
                now if now > rings => return Ok(()),
                _ => next.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_wake_in_the_order_in_which_they_came() {
        let (bell, woken) = (Bell::default(), Arc::new(Mutex::new(Vec::new())));
        let waiting = (0..40).map(|place| {
            let (ear, woken) = (bell.ear(), woken.clone());
            tokio::spawn(async move {
                ear.after(0).await.expect("it rings");
                woken.lock().expect("no panic").push(place);
            })
        });
        let waiting: Vec<_> = waiting.collect();
        tokio::task::yield_now().await;
        bell.ring();
        for waiter in waiting {
            waiter.await.expect("no panic");
        }
        assert!(woken.lock().expect("no panic").is_sorted());
    }

    #[tokio::test]
    async fn a_ring_before_the_wait_counts_and_an_end_is_heard() {
        let bell = Bell::default();
        let ear = bell.ear();
        bell.ring();
        assert_eq!(ear.after(0).await, Ok(()));
        let waiting = tokio::spawn(async move { ear.after(1).await });
        tokio::task::yield_now().await;
        drop(bell);
        assert_eq!(waiting.await.expect("no panic"), Err(Ended));
    }
}
