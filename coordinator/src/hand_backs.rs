//! Trials that workers handed back with a reason: the newest of each study. None of it is stored.

use std::collections::BTreeMap;

use kindling_proto::limits;
use kindling_study::{StudyId, TrialNumber, Wall, WorkerId};

/// A trial that a worker could not train, or not then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandBack {
    pub(crate) reason: String,
    pub(crate) trial: TrialNumber,
    pub(crate) worker: WorkerId,
    pub(crate) at: Wall,
    /// How many there were since a trial of the study last finished.
    pub(crate) times: u32,
}

/// The newest of each study that exists.
#[derive(Debug, Default)]
pub(crate) struct HandBacks {
    newest: BTreeMap<StudyId, HandBack>,
}

impl HandBacks {
    /// Notes one. An empty reason is that of a worker that only stops; it says nothing about the study.
    pub(crate) fn note(
        &mut self,
        study: StudyId,
        trial: TrialNumber,
        worker: &WorkerId,
        reason: String,
        at: Wall,
    ) {
        if reason.is_empty() {
            return;
        }
        let times = self.newest.get(&study).map_or(0, |before| before.times).saturating_add(1);
        let reason = limits::cut(reason, limits::HAND_BACK);
        self.newest.insert(study, HandBack { reason, trial, worker: worker.clone(), at, times });
    }

    /// A trial of the study has finished.
    pub(crate) fn note_finished(&mut self, study: StudyId) {
        if let Some(newest) = self.newest.get_mut(&study) {
            newest.times = 0;
        }
    }

    pub(crate) fn forget(&mut self, study: StudyId) {
        self.newest.remove(&study);
    }

    pub(crate) fn newest(&self, study: StudyId) -> Option<&HandBack> {
        self.newest.get(&study)
    }
}
