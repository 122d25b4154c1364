//! The thread that writes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use kindling_study::StudyId;
use tokio::sync::{Notify, oneshot};

use super::attempt::Attempt;
use super::room::Room;
use super::{Batch, NotTaken, StudyKey, Trial};
use crate::seldom::Seldom;

/// How many attempts are known without another look at their files.
const KNOWN: usize = 4096;
/// Once there is too much, this share of the limit is made free.
const FREED: u64 = 16;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Job {
    Write(Batch, oneshot::Sender<Result<(), NotTaken>>),
    /// Removes a study's output.
    Forget(StudyId),
    /// How much is taken, and the trials that have written nothing for longest.
    Oldest(usize, oneshot::Sender<(u64, Vec<Trial>)>),
    /// Removes the trials' output in this order, until there is room.
    Remove(Vec<Trial>, oneshot::Sender<()>),
}

pub(super) struct Writer {
    folder: PathBuf,
    limit: u64,
    room: Room,
    attempts: HashMap<(Trial, u32), Attempt>,
    /// The studies that were deleted, while their last lines may still be on their way.
    deleted: HashSet<StudyId>,
    is_full: Arc<Notify>,
    failed: Seldom,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, limit: u64, is_full: Arc<Notify>) -> Self {
        Self {
            folder,
            limit,
            room: Room::default(),
            attempts: HashMap::new(),
            deleted: HashSet::new(),
            is_full,
            failed: Seldom::default(),
        }
    }

    /// Serves until nobody can ask any more.
    pub(super) fn run(mut self, studies: Option<&[StudyKey]>, jobs: &Receiver<Job>) {
        if let Some(studies) = studies {
            self.tidy(studies);
        }
        self.room = Room::look(&self.folder);
        self.look_for_room();
        for job in jobs {
            match job {
                Job::Write(batch, done) => _ = done.send(self.write(batch)),
                Job::Forget(study) => self.forget(study),
                Job::Oldest(most, reply) => {
                    _ = reply.send((self.room.taken(), self.room.oldest(most)));
                }
                Job::Remove(trials, reply) => {
                    self.remove(trials);
                    _ = reply.send(());
                }
            }
        }
    }

    /// Removes the folders of studies that are not there any more: the coordinator was ended before it had done that.
    fn tidy(&self, studies: &[StudyKey]) {
        let known: HashSet<_> = studies.iter().collect();
        for (_, path) in Trial::folders(&self.folder).iter().filter(|(key, _)| !known.contains(key))
        {
            Self::note(fs::remove_dir_all(path));
        }
    }

    fn write(&mut self, batch: Batch) -> Result<(), NotTaken> {
        let Batch { trial, attempt, lease, first, lines } = batch;
        if self.deleted.contains(&trial.study.id) {
            return Err(NotTaken::Deleted);
        }
        if self.room.taken() > self.limit.saturating_add(self.limit / FREED) {
            self.is_full.notify_one();
            return Err(NotTaken::NoRoom);
        }
        let key = (trial, attempt);
        let mut known = match self.attempts.remove(&key) {
            Some(known) => known,
            None => self.open(trial, attempt, &lease).map_err(|error| self.failed(&error))?,
        };
        let before = known.room();
        let written = known.write(first, lines);
        let after = known.room();
        if after >= before {
            self.room.wrote(trial, after - before);
        } else {
            self.room.freed(trial, before - after);
        }
        self.look_for_room();
        written.map_err(|error| self.failed(&error))?;
        if self.attempts.len() >= KNOWN {
            self.attempts.clear();
        }
        self.attempts.insert(key, known);
        Ok(())
    }

    fn open(&mut self, trial: Trial, attempt: u32, lease: &[u8]) -> io::Result<Attempt> {
        let folder = trial.folder(&self.folder);
        let opened = Attempt::open(&folder, attempt, lease)?;
        // Older attempts may have gone.
        self.room.look_again(trial, &folder)?;
        Ok(opened)
    }

    fn look_for_room(&self) {
        if self.room.taken() > self.limit {
            self.is_full.notify_one();
        }
    }

    fn remove(&mut self, trials: Vec<Trial>) {
        let enough = self.limit - self.limit / FREED;
        for trial in trials {
            if self.room.taken() <= enough {
                break;
            }
            self.remove_trial(trial);
        }
    }

    fn remove_trial(&mut self, trial: Trial) {
        self.attempts.retain(|(of, _), _| *of != trial);
        Self::note(fs::remove_dir_all(trial.folder(&self.folder)));
        // If it could not be removed, it is found again at the next start.
        let bytes = self.room.forget(trial);
        tracing::debug!(study = trial.study.id.0, trial = trial.number, bytes, "output removed");
    }

    fn forget(&mut self, study: StudyId) {
        self.deleted.insert(study);
        let trials = self.room.of_study(|trial| trial.study.id == study);
        let keys: HashSet<_> = trials.iter().map(|trial| trial.study).collect();
        for trial in trials {
            self.remove_trial(trial);
        }
        for key in keys {
            Self::note(fs::remove_dir_all(key.folder(&self.folder)));
        }
    }

    fn failed(&self, error: &io::Error) -> NotTaken {
        if let Some(times) = self.failed.again(Instant::now()) {
            tracing::warn!(%error, times, "output of trials cannot be written, and is left out");
        }
        NotTaken::Failed(error.to_string())
    }

    /// Says what went wrong, unless it was gone already.
    fn note(removed: io::Result<()>) {
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "output that is over could not be removed");
        }
    }
}
