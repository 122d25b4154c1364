//! Which connection of an Optuna client speaks for which running trial.

use std::collections::{HashMap, HashSet};

use kindling_study::{StudyId, TrialNumber};

/// A trial of an external study.
type Place = (StudyId, TrialNumber);

/// The connections that have spoken for running trials, each by its number. Not stored: a restart ends them all.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    trials: HashMap<u64, HashSet<Place>>,
    speakers: HashMap<Place, u64>,
}

impl Clients {
    /// The connection has spoken for the trial, and now it is the one that does.
    pub(crate) fn speaks(&mut self, connection: u64, trial: Place) {
        if self.speakers.get(&trial) == Some(&connection) {
            return;
        }
        self.forget(trial);
        self.speakers.insert(trial, connection);
        self.trials.entry(connection).or_default().insert(trial);
    }

    /// Nobody speaks for the trial any more: it is over.
    pub(crate) fn forget(&mut self, trial: Place) {
        let Some(connection) = self.speakers.remove(&trial) else { return };
        if let Some(trials) = self.trials.get_mut(&connection) {
            trials.remove(&trial);
            if trials.is_empty() {
                self.trials.remove(&connection);
            }
        }
    }

    /// Nobody speaks for trials of this study any more: it was deleted.
    pub(crate) fn forget_study(&mut self, study: StudyId) {
        let trials: Vec<_> = self.speakers.keys().filter(|(of, _)| *of == study).copied().collect();
        for trial in trials {
            self.forget(trial);
        }
    }

    /// The trials that somebody speaks for.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place> {
        self.speakers.keys().copied()
    }

    /// The connection has ended. Returns the trials that it spoke for.
    pub(crate) fn left(&mut self, connection: u64) -> HashSet<Place> {
        let trials = self.trials.remove(&connection).unwrap_or_default();
        for trial in &trials {
            self.speakers.remove(trial);
        }
        trials
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: StudyId = StudyId(1);

    fn trial(number: u32) -> Place {
        (STUDY, TrialNumber(number))
    }

    #[test]
    fn the_last_to_speak_for_a_trial_is_its_client() {
        let mut clients = Clients::default();
        clients.speaks(1, trial(0));
        clients.speaks(1, trial(1));
        clients.speaks(2, trial(1));
        assert_eq!(clients.left(1), HashSet::from([trial(0)]));
        clients.speaks(2, trial(2));
        clients.forget(trial(2));
        assert_eq!(clients.left(2), HashSet::from([trial(1)]));
        assert!(clients.left(2).is_empty());
    }

    #[test]
    fn nobody_speaks_for_the_trials_of_a_deleted_study() {
        let mut clients = Clients::default();
        clients.speaks(1, trial(0));
        clients.speaks(1, (StudyId(2), TrialNumber(0)));
        clients.forget_study(STUDY);
        assert_eq!(clients.left(1), HashSet::from([(StudyId(2), TrialNumber(0))]));
    }
}
