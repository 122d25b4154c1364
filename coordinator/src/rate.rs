//! How fast a study goes, by the wall clock. Shown to people, never used in decisions.

use std::time::Duration;

use kindling_study::{Study, Wall};

/// The time left is estimated from this many of the newest finished trials.
const NEWEST: usize = 50;
const HOUR: f64 = 3600.0;

/// Trials finished per hour from the study's first start to its last finish, or to `now` while it
/// runs. `None` before the first finish.
pub(crate) fn trials_per_hour(study: &Study, now: Wall) -> Option<f64> {
    let Wall(first) = study.first_started()?;
    let last = study.get(*study.finish_order().last()?)?.finished?.0;
    let end = if study.running().is_empty() { last } else { now.0.max(last) };
    let hours = (end - first) as f64 / 1e6 / HOUR;
    (hours > 0.0).then(|| study.finish_order().len() as f64 / hours)
}

/// The time for the remaining trials, at the rate of the newest finished ones. `None` when nothing
/// runs or nothing has finished yet.
pub(crate) fn time_left(study: &Study, now: Wall) -> Option<Duration> {
    let finished = study.finish_order();
    let all = study.budget() as usize + study.confirmations() as usize;
    let left = all.saturating_sub(finished.len());
    if left == 0 || study.running().is_empty() {
        return None;
    }
    let newest = &finished[finished.len().saturating_sub(NEWEST)..];
    let since = newest.iter().filter_map(|n| study.get(*n)?.started).map(|Wall(w)| w).min()?;
    let seconds = (now.0 - since).max(0) as f64 / 1e6 / newest.len() as f64 * left as f64;
    Duration::try_from_secs_f64(seconds).ok()
}
