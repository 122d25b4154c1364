//! What trials write, kept in files beside the store: `<store>.output/STUDY/TRIAL/ATTEMPT.SEGMENT`.
//!
//! It never goes through the ledger and is the first thing to be left out. A thread of its own writes it. A bounded
//! number of calls may wait for that thread; others are turned away at once. Nobody waits for output to be safe: after a power
//! cut its newest lines may be missing, and nothing else.

mod attempt;
mod claims;
mod reading;
mod record;
mod room;
#[cfg(test)]
mod tests;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kindling_proto::limits;
use kindling_study::{Phase, Study, StudyId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::ledger::Ledger;
use crate::state::State;
pub(crate) use claims::Claims;
pub(crate) use reading::{Piece, Reading};
pub(crate) use record::Line;
use writer::{Job, Writer};

/// How many of the oldest trials are looked at to find those whose output may go.
const CANDIDATES: usize = 4096;

/// A study as its folder is called. After an older copy of the store was put back, an id may come again for another study;
/// its time of creation does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StudyKey {
    pub(crate) id: StudyId,
    /// Microseconds since 1970.
    created: i64,
}

/// A trial that has output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Trial {
    pub(crate) study: StudyKey,
    pub(crate) number: u32,
}

/// Lines of an attempt, to be written.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) trial: Trial,
    pub(crate) attempt: u32,
    /// Tells this lease from others.
    pub(crate) lease: Vec<u8>,
    pub(crate) first: u64,
    pub(crate) lines: Vec<Line>,
}

/// Why lines are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("there is more output than is taken at a time; send it again later, or leave it out")]
    Busy,
    #[error(
        "there is no room for output; the coordinator's --output-limit says how much there may be"
    )]
    NoRoom,
    #[error("output cannot be written: {0}")]
    Failed(String),
    #[error("the study was deleted")]
    Deleted,
    #[error("this coordinator keeps no output")]
    Nowhere,
}

/// The output of all trials. Clones share it.
#[derive(Clone)]
pub(crate) struct Outputs(Arc<Inner>);

struct Inner {
    folder: Option<PathBuf>,
    jobs: Option<Mutex<Sender<Job>>>,
    places: Arc<Semaphore>,
    pace: Mutex<Pace>,
    claims: Claims,
    /// There is more than there should be.
    is_full: Arc<Notify>,
    limit: u64,
}

/// A place for a batch that waits to be written.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Outputs {
    /// Keeps nothing, and shows nothing.
    pub(crate) fn none() -> Self {
        Self::with(None, None, 0, Arc::default())
    }

    /// Shows what another process keeps in this folder.
    pub(crate) fn read(folder: PathBuf) -> Self {
        Self::with(Some(folder), None, 0, Arc::default())
    }

    /// Keeps output in the folder, of so many bytes in all. What is there of other studies than these is removed.
    pub(crate) fn open(
        folder: PathBuf,
        limit: u64,
        studies: Option<Vec<StudyKey>>,
    ) -> std::io::Result<Self> {
        let is_full = Arc::<Notify>::default();
        let (jobs, waiting) = channel();
        let writer = Writer::new(folder.clone(), limit, Arc::clone(&is_full));
        let name = "output".to_owned();
        std::thread::Builder::new()
            .name(name)
            .spawn(move || writer.run(studies.as_deref(), &waiting))?;
        Ok(Self::with(Some(folder), Some(Mutex::new(jobs)), limit, is_full))
    }

    fn with(
        folder: Option<PathBuf>,
        jobs: Option<Mutex<Sender<Job>>>,
        limit: u64,
        is_full: Arc<Notify>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(limits::OUTPUT_WRITES));
        let (pace, claims) = (Mutex::new(Pace::new(Instant::now())), Claims::default());
        Self(Arc::new(Inner { folder, jobs, places, pace, claims, is_full, limit }))
    }

    /// The claims that were found good.
    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// A place for so many bytes, if one is free.
    pub(crate) fn place(&self, bytes: usize) -> Result<Place, NotTaken> {
        if self.0.jobs.is_none() {
            return Err(NotTaken::Nowhere);
        }
        let permit = self.0.places.clone().try_acquire_owned().map_err(|_| NotTaken::Busy)?;
        let mut pace = self.0.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.takes(bytes, Instant::now()) {
            Ok(Place { _permit: permit })
        } else {
            Err(NotTaken::Busy)
        }
    }

    /// Writes lines, and returns once they are in the file.
    pub(crate) async fn write(&self, place: Place, batch: Batch) -> Result<(), NotTaken> {
        let (done, written) = oneshot::channel();
        self.send(Job::Write(batch, done));
        let written = written.await.unwrap_or(Err(NotTaken::Nowhere));
        drop(place);
        written
    }

    /// Reads what a trial wrote; `None` if nothing is kept here.
    pub(crate) fn folder_of(&self, trial: Trial) -> Option<PathBuf> {
        Some(trial.folder(self.0.folder.as_deref()?))
    }

    /// Removes the output of a study that was deleted.
    pub(crate) fn forget(&self, study: StudyId) {
        self.0.claims.forget(study);
        self.send(Job::Forget(study));
    }

    /// Waits until everything that was asked for is done.
    pub(crate) async fn settle(&self) {
        let (reply, done) = oneshot::channel();
        self.send(Job::Oldest(0, reply));
        _ = done.await;
    }

    /// Removes output of the oldest finished trials whenever there is too much, for as long as the ledger lives.
    pub(crate) async fn tend(self, ledger: Ledger) {
        loop {
            self.0.is_full.notified().await;
            loop {
                let (reply, oldest) = oneshot::channel();
                self.send(Job::Oldest(CANDIDATES, reply));
                let Ok((taken, oldest)) = oldest.await else { return };
                if taken <= self.0.limit || oldest.is_empty() {
                    break;
                }
                let look = ledger.look_after_write(move |state| in_order(state, oldest));
                let Ok(in_order) = look.await else { return };
                let (reply, removed) = oneshot::channel();
                self.send(Job::Remove(in_order, reply));
                if removed.await.is_err() {
                    return;
                }
            }
        }
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.0.jobs {
            // If the thread is gone, nobody answers, and that is what the caller hears.
            _ = jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
        }
    }
}

impl StudyKey {
    pub(crate) fn of(id: StudyId, study: &Study) -> Self {
        Self { id, created: study.created().0 }
    }

    /// Of a study that nobody made.
    #[cfg(test)]
    pub(crate) fn test(id: i64) -> Self {
        Self { id: StudyId(id), created: 0 }
    }

    /// Of all studies.
    pub(crate) fn all(state: &State) -> Vec<Self> {
        state.registry().iter().map(|(id, study)| Self::of(id, study)).collect()
    }

    fn folder(self, of_all: &Path) -> PathBuf {
        of_all.join(format!("{}-{}", self.id.0, self.created))
    }

    fn parse(name: &str) -> Option<Self> {
        let (id, created) = name.split_once('-')?;
        Some(Self { id: StudyId(id.parse().ok()?), created: created.parse().ok()? })
    }
}

impl Trial {
    fn folder(self, of_all: &Path) -> PathBuf {
        self.study.folder(of_all).join(self.number.to_string())
    }

    /// The studies that have a folder.
    fn folders(of_all: &Path) -> Vec<(StudyKey, PathBuf)> {
        let entries = fs::read_dir(of_all).into_iter().flatten().flatten();
        let study = |entry: fs::DirEntry| {
            Some((StudyKey::parse(entry.file_name().to_str()?)?, entry.path()))
        };
        entries.filter_map(study).collect()
    }
}

/// The trials in the order in which their output goes: the finished ones first, and those whose study is no more.
fn in_order(state: &State, trials: Vec<Trial>) -> Vec<Trial> {
    let is_over = |trial: &Trial| {
        let study = state.registry().get(trial.study.id).ok();
        let of = study.and_then(|study| study.get(kindling_study::TrialNumber(trial.number)));
        of.is_none_or(|of| matches!(of.phase, Phase::Finished(_)))
    };
    let (mut over, others): (Vec<_>, Vec<_>) = trials.into_iter().partition(is_over);
    if over.is_empty() {
        over = others;
    }
    over
}

/// How much may be taken in a second.
#[derive(Debug)]
struct Pace {
    left: f64,
    at: Instant,
}

impl Pace {
    const MOST: f64 = limits::OUTPUT_TAKEN as f64;

    fn new(now: Instant) -> Self {
        Self { left: Self::MOST, at: now }
    }

    fn takes(&mut self, bytes: usize, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left, self.at) = ((self.left + since * Self::MOST).min(Self::MOST), now);
        let bytes = bytes as f64;
        let is_taken = bytes <= self.left;
        if is_taken {
            self.left -= bytes;
        }
        is_taken
    }
}
