//! Proposals that take long are computed here, beside the ledger, which records them when they are done.

use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use kindling_study::{Asked, Proposal, StudyId};

use crate::observe;

/// What is to be computed, and for which study.
type Task = (StudyId, Asked);

/// Where proposals are computed.
pub(crate) enum Proposers {
    /// On threads of their own, which end with the ledger.
    Threads(mpsc::Sender<Task>),
    /// At once, where it was asked for. The simulation wants the same order each time.
    Here,
}

impl Proposers {
    /// As many threads as there are cores. What became of each proposal is told to `done`: a panic, too.
    pub(crate) fn on_threads(
        done: impl Fn(StudyId, Asked, std::thread::Result<Proposal>) + Clone + Send + 'static,
    ) -> Self {
        let (tasks, waiting) = mpsc::channel::<Task>();
        let waiting = Arc::new(Mutex::new(waiting));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            let (waiting, done) = (Arc::clone(&waiting), done.clone());
            std::thread::spawn(move || {
                loop {
                    // Whoever waits for the next one holds the lock; the others wait for that.
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((study, asked)) = next else { return };
                    let proposal = catch_unwind(|| propose(&asked));
                    done(study, asked, proposal);
                }
            });
        }
        Self::Threads(tasks)
    }

    /// Computes the proposal; now, or some time later.
    pub(crate) fn start(&self, study: StudyId, asked: Asked) -> Option<(Asked, Proposal)> {
        match self {
            Self::Threads(tasks) => {
                // The threads live as long as this does.
                _ = tasks.send((study, asked));
                None
            }
            Self::Here => {
                let proposal = propose(&asked);
                Some((asked, proposal))
            }
        }
    }
}

fn propose(asked: &Asked) -> Proposal {
    let start = Instant::now();
    let proposal = asked.propose();
    observe::proposed(start);
    proposal
}
