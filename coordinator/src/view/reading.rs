//! Reads a study from the ledger some trials at a time, so that no other call waits long, and nobody has to hold all of a
//! large study at once.

use std::collections::VecDeque;
use std::time::Duration;

use kindling_proto::{limits, v1};
use kindling_study::{Refusal, TrialNumber};

use super::any_study::{AnyStudy, artifacts, find};
use super::paging::Page;
use super::snapshot::workers;
use crate::ledger::{Ledger, LedgerError};
use crate::state::State;

/// A ledger that has too much to do is asked again so often, with such a pause.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// A study without its trials.
pub(crate) struct Head {
    pub(crate) study: v1::Study,
    pub(crate) workers: Vec<v1::Worker>,
    /// The files of the study itself.
    pub(crate) artifacts: Vec<v1::Artifact>,
    /// How many trials it has.
    pub(crate) total: usize,
}

/// A study that is being read.
pub(crate) struct Reading {
    ledger: Ledger,
    name: String,
    id: i64,
    /// The numbers of the trials that are still to be read, and how many there were when the study was asked last.
    waiting: VecDeque<u32>,
    total: u32,
    /// Those that were not over when they were read.
    open: Vec<u32>,
    /// What was read includes all changes up to this one.
    pub(crate) seen: u64,
}

impl Reading {
    /// The study as it is now. Its trials come with [`Self::next`].
    pub(crate) async fn begin(ledger: &Ledger, name: &str) -> Result<(Self, Head), LedgerError> {
        let asked = name.to_owned();
        let look = ledger.look(move |state| {
            let (id, study) = find(state, &asked)?;
            let head = Head {
                study: study.to_wire(state, id),
                workers: workers(state, &study),
                artifacts: artifacts(state, &asked)?,
                total: study.trials(),
            };
            Ok::<_, Refusal>((head, state.changes().count()))
        });
        let (head, seen) = look.await??;
        let (ledger, name, id) = (ledger.clone(), name.to_owned(), head.study.id);
        let total = head.total as u32;
        let reading =
            Self { ledger, name, id, waiting: (0..total).collect(), total, open: Vec::new(), seen };
        Ok((reading, head))
    }

    /// Some trials, by ascending number, each as it is when it is read; as many as there is room for in so many bytes,
    /// and at least one. None once all have been read that there were at the beginning.
    pub(crate) async fn next(&mut self, room: usize) -> Result<Vec<v1::Trial>, LedgerError> {
        let some: Vec<_> = self.waiting.iter().copied().take(limits::AT_A_TIME).collect();
        if some.is_empty() {
            return Ok(Vec::new());
        }
        let mut tries = 0;
        let read = loop {
            let (name, id, some) = (self.name.clone(), self.id, some.clone());
            match self.ledger.look(move |state| trials(state, &name, id, &some, room)).await {
                Err(LedgerError::Overloaded) if tries < TRIES => tries += 1,
                answer => break answer??,
            }
            tokio::time::sleep(PAUSE).await;
        };
        self.waiting.drain(..read.len());
        self.open.extend(read.iter().filter(|trial| !is_over(trial)).map(|trial| trial.number));
        Ok(read)
    }

    /// Goes on with the trials that were not over when they were read, and those that are new. A trial that is over does
    /// not run on, so with these, and the changes since, nothing has been missed, however long the reading took.
    pub(crate) async fn again(&mut self) -> Result<(), LedgerError> {
        let (name, id) = (self.name.clone(), self.id);
        let look = self.ledger.look(move |state| {
            let study = same(state, &name, id)?;
            Ok::<_, Refusal>((study.trials() as u32, state.changes().count()))
        });
        let (total, seen) = look.await??;
        self.waiting.extend(self.open.drain(..).chain(self.total..total));
        (self.total, self.seen) = (total, seen);
        Ok(())
    }
}

/// A study with all its trials. A large one takes much room: this is for what cannot be made piece by piece.
pub(crate) struct Whole {
    pub(crate) study: v1::Study,
    pub(crate) trials: Vec<v1::Trial>,
}

/// The whole study, and no trial older than the others.
pub(crate) async fn whole(ledger: &Ledger, name: &str) -> Result<Whole, LedgerError> {
    let (mut reading, Head { study, .. }) = Reading::begin(ledger, name).await?;
    let mut trials: Vec<v1::Trial> = Vec::new();
    for is_first in [true, false] {
        loop {
            let some = reading.next(limits::PAGE_BYTES).await?;
            if some.is_empty() {
                break;
            }
            for trial in some {
                match trials.get_mut(trial.number as usize) {
                    Some(there) => *there = trial,
                    None => trials.push(trial),
                }
            }
        }
        if is_first {
            reading.again().await?;
        }
    }
    Ok(Whole { study, trials })
}

fn trials(
    state: &State,
    name: &str,
    id: i64,
    numbers: &[u32],
    room: usize,
) -> Result<Vec<v1::Trial>, Refusal> {
    let study = same(state, name, id)?;
    let mut page = Page::new(numbers.len(), room);
    for number in numbers {
        if !page.add(study.trial(TrialNumber(*number))?) {
            break;
        }
    }
    Ok(page.into_items())
}

/// The study, unless its name was given to another one meanwhile.
fn same<'a>(state: &'a State, name: &str, id: i64) -> Result<AnyStudy<'a>, Refusal> {
    let (now, study) = find(state, name)?;
    if now.0 == id { Ok(study) } else { Err(Refusal::UnknownStudy(name.to_owned())) }
}

fn is_over(trial: &v1::Trial) -> bool {
    use v1::TrialState::{Complete, Fail, Pruned};
    matches!(trial.state(), Complete | Pruned | Fail)
}
