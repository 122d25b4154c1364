//! A simulation of the whole cluster, driven by a seed.
//!
//! The real core, ledger, services and worker sessions run in one thread on a simulated clock and network.
//! Calls are late, lost and duplicated, connections break, processes and the coordinator die, the disk fills
//! up, older copies of it are restored, the wall clock jumps, and somebody forges claims. Beside the cluster,
//! Optuna's clients drive a study of theirs, and die, too. Then the
//! observations of the outside world are checked against the promises. Any seed replays exactly:
//!
//! ```sh
//! KINDLING_SEED=17 cargo test --workspace --test simulation one_seed -- --nocapture
//! ```
//!
//! `KINDLING_PROOFS=long` tries 10,000 seeds. With the feature `deliberate-bugs`, each bug of a list is
//! switched on in turn and must be caught.

mod check;
mod clock;
mod disk;
mod history;
mod message;
mod network;
mod optuna;
mod past;
mod process;
mod scenario;
mod shelf;
mod transport;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

fn long() -> bool {
    std::env::var_os("KINDLING_PROOFS").is_some_and(|form| form == "long")
}

/// The first seed that breaks a promise, and the broken promises.
fn first_broken(seeds: u64) -> Option<(u64, Vec<String>)> {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let search = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return None;
            }
            let broken = check::broken(&world::run(seed));
            if !broken.is_empty() {
                next.store(seeds, Ordering::Relaxed);
                return Some((seed, broken));
            }
        }
    };
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..threads).map(|_| scope.spawn(search)).collect();
        searches.into_iter().filter_map(|s| s.join().expect("no panic")).min_by_key(|(s, _)| *s)
    })
}

#[test]
fn the_promises_hold_in_any_weather() {
    let seeds = if long() { 10_000 } else { 300 };
    if let Some((seed, broken)) = first_broken(seeds) {
        panic!("KINDLING_SEED={seed}: {broken:#?}");
    }
    eprintln!("simulation: {seeds} seeds, no promise broken");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..if long() { 300 } else { 30 } {
        let [one, other] = [world::run(seed), world::run(seed)].map(|end| end.history);
        for (place, (a, b)) in one.iter().zip(&other).enumerate() {
            assert_eq!(format!("{a:?}"), format!("{b:?}"), "seed {seed}, entry {place}");
        }
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}

#[test]
fn one_seed() {
    let Some(seed) = std::env::var("KINDLING_SEED").ok().and_then(|seed| seed.parse().ok()) else {
        return;
    };
    let end = world::run(seed);
    println!("{:#?}", end.scenario);
    for (place, entry) in end.history.iter().enumerate() {
        println!("{place:5} {:9.3} s  {:?}", entry.at.as_secs_f64(), entry.what);
    }
    for trial in &end.trials {
        println!("{trial:?}");
    }
    for trial in &end.of_optuna {
        println!("{trial:?}");
    }
    let broken = check::broken(&end);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[cfg(feature = "deliberate-bugs")]
#[test]
fn every_deliberate_bug_is_caught() {
    use kindling_study::Bug;

    let mut missed = Vec::new();
    for bug in Bug::ALL {
        Bug::set(Some(bug));
        let caught = (0..2_000).find_map(|seed| {
            // A store with invalid content is not opened again; that counts as caught.
            let broken = std::panic::catch_unwind(|| check::broken(&world::run(seed)));
            let broken = broken.unwrap_or_else(|_| vec!["it panics".to_owned()]);
            broken.into_iter().next().map(|promise| (seed, promise))
        });
        Bug::set(None);
        match caught {
            Some((seed, promise)) => {
                eprintln!("{bug:?}: seed {seed}: {}", promise.split(':').next().unwrap_or(""))
            }
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
