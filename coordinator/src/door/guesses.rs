//! Limits wrong tokens per address. After some free tries an address has to wait longer and longer,
//! and its tokens are not checked meanwhile.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::who::Network;

/// Wrong tokens that cost nothing: all workers of a cluster may start with an old one.
const FREE: u32 = 32;
/// The first wait, which doubles with each further wrong token, and the longest one.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);
/// An address is forgotten after this long without a wrong token.
const FORGET: Duration = Duration::from_mins(1);
/// How many addresses are remembered.
const MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<Network, Wrong>>);

#[derive(Debug)]
struct Wrong {
    times: u32,
    last: Instant,
    /// No token is checked before this time.
    until: Instant,
}

impl Guesses {
    /// How long the address has to wait before its next token is checked.
    pub(super) fn wait(&self, network: Network, now: Instant) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = all.get(&network)?;
        Some(wrong.until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// Notes a wrong token.
    pub(super) fn wrong(&self, network: Network, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX && !all.contains_key(&network) {
            make_room(&mut all, now);
        }
        let wrong = all.entry(network).or_insert(Wrong { times: 0, last: now, until: now });
        if now.duration_since(wrong.last) >= FORGET {
            wrong.times = 0;
        }
        wrong.times = wrong.times.saturating_add(1);
        wrong.last = now;
        wrong.until = now + delay(wrong.times);
    }
}

fn delay(times: u32) -> Duration {
    match times.checked_sub(FREE) {
        None | Some(0) => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(1 << (more - 1).min(16)).min(LONGEST),
    }
}

/// Forgets old entries or, if there are none, the oldest one.
fn make_room(all: &mut HashMap<Network, Wrong>, now: Instant) {
    all.retain(|_, wrong| now.duration_since(wrong.last) < FORGET);
    if all.len() < MAX {
        return;
    }
    if let Some(oldest) =
        all.iter().min_by_key(|(_, wrong)| wrong.last).map(|(network, _)| *network)
    {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn network(n: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    #[test]
    fn some_are_free_then_waits_grow_and_end() {
        let (guesses, mut now) = (Guesses::default(), Instant::now());
        let (one, two) = (network(1), network(2));
        for _ in 0..FREE {
            assert_eq!(guesses.wait(one, now), None);
            guesses.wrong(one, now);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            guesses.wrong(one, now);
            let wait = guesses.wait(one, now).expect("a wait");
            waits.push(wait.as_millis());
            now += wait;
            assert_eq!(guesses.wait(one, now), None, "it is over");
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        guesses.wrong(one, now);
        assert!(guesses.wait(one, now).is_some() && guesses.wait(two, now).is_none());
        guesses.wrong(one, now + FORGET);
        assert_eq!(guesses.wait(one, now + FORGET), None, "forgotten");
    }

    #[test]
    fn a_crowd_of_addresses_is_not_remembered_without_end() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for n in 0..2 * MAX as u32 {
            guesses.wrong(network(n), now + Duration::from_micros(n.into()));
        }
        assert_eq!(guesses.0.lock().expect("no panic").len(), MAX);
    }
}
