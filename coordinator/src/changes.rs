//! Which trials have changed, for those who follow a study.

use std::collections::VecDeque;

use kindling_study::{Record, StudyId, TrialNumber};

/// How many changes are kept. Whoever is further behind than that misses some.
const KEPT: usize = 10_000;

/// The newest changes, and how many there have been.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    count: u64,
    newest: VecDeque<(StudyId, TrialNumber)>,
}

impl Changes {
    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those after the first `seen`, as far as they are kept. Each comes with the number of changes before it.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = (u64, StudyId, TrialNumber)> {
        let forgotten = self.count - self.newest.len() as u64;
        let skipped = usize::try_from(seen.saturating_sub(forgotten)).unwrap_or(usize::MAX);
        let kept = (forgotten..).zip(&self.newest).skip(skipped);
        kept.map(|(place, (study, number))| (place, *study, *number))
    }

    /// Adds what a commit has changed.
    pub(crate) fn note(&mut self, records: &[Record]) {
        for record in records {
            if let Some(number) = record.event.trial() {
                self.newest.push_back((record.study, number));
                self.count += 1;
            }
        }
        let excess = self.newest.len().saturating_sub(KEPT);
        self.newest.drain(..excess);
    }
}
