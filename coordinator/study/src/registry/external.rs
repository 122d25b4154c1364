//! The studies of a coordinator that Optuna's clients drive.

use std::collections::HashMap;
use std::ops::Bound;

use super::Registry;
use crate::event::Event;
use crate::external::{ExternalEvent, ExternalStudy};
use crate::ids::{StudyId, StudyName, TrialId, TrialNumber};
use crate::refusal::Refusal;
use crate::time::{Tick, Wall};
use crate::values::Directions;

impl Registry {
    /// The external studies, oldest first.
    pub fn externals(&self) -> impl Iterator<Item = (StudyId, &ExternalStudy)> {
        self.externals.iter().map(|(id, study)| (*id, study))
    }

    /// Those after a bound, oldest first.
    pub fn externals_in(
        &self,
        after: Bound<StudyId>,
    ) -> impl Iterator<Item = (StudyId, &ExternalStudy)> {
        self.externals.range((after, Bound::Unbounded)).map(|(id, study)| (*id, study))
    }

    /// The external study of this id. Refused if it is one of our own.
    pub fn external(&self, id: StudyId) -> Result<&ExternalStudy, Refusal> {
        self.externals.get(&id).ok_or_else(|| match self.get(id) {
            Ok(study) => Refusal::NotExternal(study.spec().name.clone()),
            Err(unknown) => unknown,
        })
    }

    /// The external study of this name.
    pub fn find_external(&self, name: &str) -> Option<(StudyId, &ExternalStudy)> {
        let id = *self.names.get(name)?;
        Some((id, self.externals.get(&id)?))
    }

    /// The id of the study of this name, of either kind.
    pub fn id_of(&self, name: &str) -> Result<StudyId, Refusal> {
        self.names.get(name).copied().ok_or_else(|| Refusal::UnknownStudy(name.to_owned()))
    }

    /// The name of the study of this id, of either kind.
    pub fn name_of(&self, id: StudyId) -> Option<&StudyName> {
        let ours = self.studies.get(&id).map(|study| &study.spec().name);
        ours.or_else(|| self.externals.get(&id).map(ExternalStudy::name))
    }

    /// The study and number of an external trial. Refused if it is one of our own.
    pub fn external_trial(&self, id: TrialId) -> Result<(StudyId, TrialNumber), Refusal> {
        let Some(study) = self.external_trials.get(&id) else {
            return Err(match self.trial_of_id(id) {
                Some((study, _)) => {
                    self.external(study).err().unwrap_or(Refusal::UnknownTrialId(id))
                }
                None => Refusal::UnknownTrialId(id),
            });
        };
        let place = self.externals.get(study).and_then(|known| known.place_of(id));
        place.map(|number| (*study, number)).ok_or(Refusal::UnknownTrialId(id))
    }

    /// The study and number of one of our own trials.
    pub fn trial_of_id(&self, id: TrialId) -> Option<(StudyId, TrialNumber)> {
        self.studies.iter().find_map(|(study, known)| {
            let trials = known.trials();
            let may_have = trials.first()?.id <= id && id <= trials.last()?.id;
            let place = may_have.then(|| trials.binary_search_by_key(&id, |trial| trial.id).ok());
            Some((*study, TrialNumber(place?? as u32)))
        })
    }

    /// Decides on a new external study.
    pub fn create_external(
        &self,
        name: StudyName,
        directions: Directions,
    ) -> Result<(StudyId, Event), Refusal> {
        if self.names.contains_key(name.as_str()) {
            return Err(Refusal::NameTaken(name));
        }
        Ok((self.next_id, Event::External(ExternalEvent::Created { name, directions })))
    }

    /// Notes that the clients of these external trials are gone.
    pub fn leave(&mut self, trials: impl IntoIterator<Item = (StudyId, TrialNumber)>, now: Tick) {
        for (study, number) in trials {
            if let Some(study) = self.externals.get_mut(&study) {
                study.leave(number, now);
            }
        }
    }

    /// Notes that no client of an external trial is connected, since the coordinator has just started.
    pub fn leave_all(&mut self, now: Tick) {
        self.externals.values_mut().for_each(|study| study.leave_all(now));
    }

    /// Gives the clients that are gone their time once more, because nobody could be heard until now.
    pub fn excuse_clients(&mut self, now: Tick) {
        self.externals.values_mut().for_each(|study| study.excuse_clients(now));
    }

    /// Notes that a client spoke for an external trial.
    pub fn hear(&mut self, study: StudyId, number: TrialNumber) {
        if let Some(study) = self.externals.get_mut(&study) {
            study.hear(number);
        }
    }

    pub(super) fn add_external(&mut self, id: StudyId, study: ExternalStudy) {
        self.names.insert(study.name().clone(), id);
        self.external_trials.extend(study.trials().iter().map(|trial| (trial.id, id)));
        self.externals.insert(id, study);
    }

    pub(super) fn remove_external(&mut self, id: StudyId) {
        if let Some(study) = self.externals.remove(&id) {
            self.names.remove(study.name());
            forget(&mut self.external_trials, &study);
        }
    }

    /// Applies an event, and returns the trial that it is about, if any.
    pub(super) fn apply_external(
        &mut self,
        id: StudyId,
        at: Wall,
        event: &ExternalEvent,
    ) -> Option<TrialId> {
        if let ExternalEvent::Created { name, directions } = event {
            self.add_external(id, ExternalStudy::new(name.clone(), directions.clone(), at));
            self.next_id = self.next_id.max(StudyId(id.0 + 1));
            return None;
        }
        let study = self.externals.get_mut(&id)?;
        study.apply(event, self.next_trial_id);
        let trial = study.trial(event.trial()?).ok()?.id;
        if trial == self.next_trial_id {
            self.next_trial_id = trial.next();
            self.external_trials.insert(trial, id);
        }
        Some(trial)
    }
}

fn forget(index: &mut HashMap<TrialId, StudyId>, study: &ExternalStudy) {
    for trial in study.trials() {
        index.remove(&trial.id);
    }
}
