//! Which connections of Optuna's clients speak for which running trials.

use std::collections::{HashMap, HashSet};

use kindling_study::{Bug, StudyId, TrialNumber};

/// A trial of an external study.
type Place = (StudyId, TrialNumber);

/// What a call says about a running trial's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The trial is the caller's from now on.
    Begins,
    /// Only who runs a trial says this. A client that connects again may not be known to have left yet.
    Tells,
    /// Somebody else may say this, too: a dashboard sets attributes of trials that others run.
    Remarks,
}

/// The connections that speak for running trials, each by its number. Not stored: a restart ends them all.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    trials: HashMap<u64, HashSet<Place>>,
    speakers: HashMap<Place, HashSet<u64>>,
}

impl Clients {
    /// The connection has said something about the trial. Returns whether it speaks for it.
    pub(crate) fn say(&mut self, connection: u64, word: Word, trial: Place) -> bool {
        let word = if Bug::RemarkMakesClient.is_on() { Word::Begins } else { word };
        let speakers = self.speakers.get(&trial);
        if speakers.is_some_and(|all| all.contains(&connection)) && word != Word::Begins {
            return true;
        }
        if speakers.is_some() && word == Word::Remarks {
            return false;
        }
        if word == Word::Begins {
            self.forget(trial);
        }
        self.speakers.entry(trial).or_default().insert(connection);
        self.trials.entry(connection).or_default().insert(trial);
        true
    }

    /// Nobody speaks for the trial any more: it is over.
    pub(crate) fn forget(&mut self, trial: Place) {
        for connection in self.speakers.remove(&trial).unwrap_or_default() {
            if let Some(trials) = self.trials.get_mut(&connection) {
                trials.remove(&trial);
                if trials.is_empty() {
                    self.trials.remove(&connection);
                }
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

    /// The connection has ended. Returns the trials for which nobody else speaks.
    pub(crate) fn left(&mut self, connection: u64) -> HashSet<Place> {
        let mut trials = self.trials.remove(&connection).unwrap_or_default();
        trials.retain(|trial| {
            let Some(speakers) = self.speakers.get_mut(trial) else { return true };
            speakers.remove(&connection);
            let is_left_alone = speakers.is_empty();
            if is_left_alone {
                self.speakers.remove(trial);
            }
            is_left_alone
        });
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
    fn a_trial_is_left_once_all_are_gone_who_speak_for_it() {
        let mut clients = Clients::default();
        assert!(clients.say(1, Word::Begins, trial(0)));
        assert!(clients.say(1, Word::Begins, trial(1)));
        // The same client connects again before its first connection is known to be dead.
        assert!(clients.say(2, Word::Tells, trial(1)));
        assert_eq!(clients.left(1), HashSet::from([trial(0)]));
        assert!(clients.say(2, Word::Tells, trial(2)));
        clients.forget(trial(2));
        assert_eq!(clients.left(2), HashSet::from([trial(1)]));
        assert!(clients.left(2).is_empty());
    }

    #[test]
    fn who_remarks_on_a_trial_speaks_for_it_only_if_nobody_does() {
        let mut clients = Clients::default();
        clients.say(1, Word::Begins, trial(0));
        assert!(!clients.say(2, Word::Remarks, trial(0)));
        assert!(clients.say(1, Word::Remarks, trial(0)));
        assert_eq!(clients.left(1), HashSet::from([trial(0)]));
        assert!(clients.say(2, Word::Remarks, trial(0)));
        assert_eq!(clients.left(2), HashSet::from([trial(0)]));
    }

    #[test]
    fn who_begins_a_trial_is_the_only_one_to_speak_for_it() {
        let mut clients = Clients::default();
        // It was not stored, so its number is given once more.
        clients.say(1, Word::Begins, trial(0));
        clients.say(2, Word::Begins, trial(0));
        assert_eq!(clients.left(2), HashSet::from([trial(0)]));
        assert!(clients.left(1).is_empty());
    }

    #[test]
    fn nobody_speaks_for_the_trials_of_a_deleted_study() {
        let mut clients = Clients::default();
        clients.say(1, Word::Begins, trial(0));
        clients.say(1, Word::Begins, (StudyId(2), TrialNumber(0)));
        clients.forget_study(STUDY);
        assert_eq!(clients.left(1), HashSet::from([(StudyId(2), TrialNumber(0))]));
    }
}
