//! How much room the output of all trials takes, and whose goes first.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use super::Trial;
use super::attempt::files;

/// What the smallest file takes, and a folder.
const BLOCK: u64 = 4096;

/// What files of these lengths take.
pub(super) fn of_files<'a>(lengths: impl IntoIterator<Item = &'a usize>) -> u64 {
    lengths.into_iter().map(|length| (*length as u64).next_multiple_of(BLOCK)).sum()
}

/// The trials that have output, in the order in which they were last written to.
#[derive(Debug, Default)]
pub(super) struct Room {
    trials: HashMap<Trial, Taken>,
    by_age: BTreeMap<u64, Trial>,
    /// Counts what was written.
    newest: u64,
    taken: u64,
}

#[derive(Debug)]
struct Taken {
    bytes: u64,
    age: u64,
}

impl Room {
    /// What is there. What cannot be read is left out of the account.
    pub(super) fn look(folder: &Path) -> Self {
        let mut found = Vec::new();
        for (study, path) in Trial::folders(folder) {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                let Ok(files) = files(&entry.path()) else { continue };
                let bytes = of_files(files.values().flat_map(BTreeMap::values));
                // Each file that is made or removed changes it, so it tells about when the trial wrote.
                let time = entry.metadata().and_then(|about| about.modified()).ok();
                found.push((time, Trial { study, number }, bytes));
            }
        }
        found.sort();
        let mut room = Self::default();
        for (_, trial, bytes) in found {
            room.wrote(trial, bytes);
        }
        room
    }

    /// Looks again what the trial's files take.
    pub(super) fn look_again(&mut self, trial: Trial, folder: &Path) -> io::Result<()> {
        let files = files(folder)?;
        self.forget(trial);
        if !files.is_empty() {
            self.wrote(trial, of_files(files.values().flat_map(BTreeMap::values)));
        }
        Ok(())
    }

    /// How much is taken, in bytes.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The trial takes so much more.
    pub(super) fn wrote(&mut self, trial: Trial, more: u64) {
        self.newest += 1;
        let age = self.newest;
        let taken = self.trials.entry(trial).or_insert_with(|| {
            self.taken += BLOCK;
            Taken { bytes: BLOCK, age }
        });
        self.by_age.remove(&taken.age);
        self.by_age.insert(age, trial);
        taken.age = age;
        taken.bytes += more;
        self.taken += more;
    }

    /// The trial takes so much less.
    pub(super) fn freed(&mut self, trial: Trial, less: u64) {
        if let Some(taken) = self.trials.get_mut(&trial) {
            let less = less.min(taken.bytes);
            taken.bytes -= less;
            self.taken -= less;
        }
    }

    /// The trial's output is gone. Returns what it took.
    pub(super) fn forget(&mut self, trial: Trial) -> u64 {
        let Some(taken) = self.trials.remove(&trial) else { return 0 };
        self.by_age.remove(&taken.age);
        self.taken -= taken.bytes;
        taken.bytes
    }

    /// The trials that have written nothing for longest, in that order.
    pub(super) fn oldest(&self, most: usize) -> Vec<Trial> {
        self.by_age.values().take(most).copied().collect()
    }

    /// All trials of a study.
    pub(super) fn of_study(&self, is_its: impl Fn(&Trial) -> bool) -> Vec<Trial> {
        self.trials.keys().filter(|trial| is_its(trial)).copied().collect()
    }
}
