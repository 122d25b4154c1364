//! Decisions on external studies.

use kindling_proto::limits;
use kindling_study::external::{
    Decided, ExternalEvent, ExternalStudy, ExternalTrial, FIXED_PARAMS, NaiveTime, PythonJson,
    Scope, TrialState,
};
use kindling_study::{Directions, Event, Refusal, StudyId, StudyName, TrialId, TrialNumber};

use super::Transaction;
use crate::clients::Word;
use crate::{import, naive_time};

/// The attribute with the id of the request that created a study or began a trial. It is not shown to clients.
pub(crate) const REQUEST: &str = "kindling:request";
/// Among so many of a study's newest trials a repeated request finds the one that it began.
const REMEMBERED: usize = 10_000;

/// Who calls: the connection, if the call came over one, and the request's id, if the client repeats calls whose answer
/// it did not get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asker {
    pub(crate) connection: Option<u64>,
    pub(crate) request: Option<PythonJson>,
}

impl Transaction<'_> {
    pub(crate) fn create_external(
        &mut self,
        asker: Asker,
        name: StudyName,
        directions: Directions,
    ) -> Result<StudyId, Refusal> {
        if let Some((id, study)) = self.state.registry.find_external(name.as_str())
            && asker.request.is_some()
            && asker.request.as_ref() == study.attributes(Scope::System).get(REQUEST)
        {
            return Ok(id);
        }
        let (id, event) = self.state.registry.create_external(name, directions)?;
        if self.state.registry.len() >= limits::STUDIES {
            return Err(Refusal::TooManyStudies(limits::STUDIES));
        }
        self.record(id, vec![event]);
        if let Some(request) = asker.request {
            self.set_study_attribute(id, Scope::System, REQUEST, request)?;
        }
        Ok(id)
    }

    /// Adds a study with all that it has.
    pub(crate) fn import(&mut self, study: &ExternalStudy) -> Result<(), Refusal> {
        let (name, directions) = (study.name().clone(), study.directions().clone());
        let id = self.create_external(Asker::default(), name, directions)?;
        let first = self.state.registry.next_trial_id();
        self.record(id, import::events(study, first).map(Event::External).collect());
        Ok(())
    }

    pub(crate) fn delete_external(&mut self, id: StudyId) -> Result<(), Refusal> {
        self.state.registry.external(id)?;
        let event = self.state.registry.delete(id)?;
        self.record(id, vec![event]);
        self.state.clients.forget_study(id);
        Ok(())
    }

    pub(crate) fn set_study_attribute(
        &mut self,
        id: StudyId,
        scope: Scope,
        key: &str,
        value: PythonJson,
    ) -> Result<(), Refusal> {
        if scope == Scope::System
            && let Ok(study) = self.state.registry.get(id)
        {
            let (events, ()) = study.set_remark(key, value)?;
            self.record(id, events);
            return Ok(());
        }
        let study = self.state.registry.external(id)?;
        check_room(study.attributes(scope).len(), study.attributes(scope).contains_key(key))?;
        let decided = study.set_attribute(scope, key, value);
        self.record_external(id, decided)
    }

    /// Adds a trial, for which the connection speaks while it runs.
    pub(crate) fn add_external_trial(
        &mut self,
        asker: Asker,
        id: StudyId,
        template: Option<Box<ExternalTrial>>,
    ) -> Result<TrialId, Refusal> {
        let now = self.local_now();
        let study = self.state.registry.external(id)?;
        if let Some(number) = asker.request.as_ref().and_then(|request| begun_by(study, request)) {
            self.note_speaker(asker.connection, Word::Begins, (id, number));
            return Ok(self.state.registry.external(id)?.trial(number)?.id);
        }
        if study.trials().len() >= limits::EXTERNAL_TRIALS {
            let most = limits::EXTERNAL_TRIALS;
            return Err(Refusal::TooMany { what: "trials", most });
        }
        let mut trial = template.unwrap_or_else(|| Box::new(ExternalTrial::running(now)));
        if let Some(request) = asker.request {
            trial.system_attributes.insert(REQUEST.into(), request);
        }
        let decided = study.add_trial(trial);
        let number = self.record_external(id, decided)?;
        self.note_speaker(asker.connection, Word::Begins, (id, number));
        Ok(self.state.registry.external(id)?.trial(number)?.id)
    }

    /// Adds a trial that is to take these values.
    pub(crate) fn add_advised_trial(
        &mut self,
        asker: Asker,
        id: StudyId,
        advice: Option<PythonJson>,
    ) -> Result<TrialId, Refusal> {
        let mut trial = ExternalTrial::running(self.local_now());
        trial.system_attributes.extend(advice.map(|advice| (FIXED_PARAMS.into(), advice)));
        self.add_external_trial(asker, id, Some(Box::new(trial)))
    }

    /// Decides on a trial, and notes who has spoken for it.
    pub(crate) fn change_external_trial<R>(
        &mut self,
        asker: &Asker,
        word: Word,
        trial: TrialId,
        decide: impl FnOnce(&ExternalStudy, TrialNumber, NaiveTime) -> Decided<R>,
    ) -> Result<R, Refusal> {
        let now = self.local_now();
        let (id, number) = self.state.registry.external_trial(trial)?;
        let decided = decide(self.state.registry.external(id)?, number, now);
        // Whoever did not get a waiting trial has nothing to say about it.
        let is_heeded = decided.as_ref().is_ok_and(|(events, _)| !events.is_empty());
        let reply = self.record_external(id, decided)?;
        if is_heeded {
            self.note_speaker(asker.connection, word, (id, number));
        }
        Ok(reply)
    }

    /// Sets a trial's state. Whoever repeats the request that set it is told once more that it did.
    pub(crate) fn set_external_state(
        &mut self,
        asker: &Asker,
        trial: TrialId,
        state: TrialState,
        values: Option<Box<[f64]>>,
    ) -> Result<bool, Refusal> {
        let request = asker.request.clone();
        let word = if state == TrialState::Running { Word::Begins } else { Word::Tells };
        let is_set = self.change_external_trial(asker, word, trial, |study, number, now| {
            let known = study.trial(number)?.system_attributes.get(REQUEST);
            if request.is_some() && request.as_ref() == known {
                return Ok((Vec::new(), true));
            }
            let (mut events, is_changed) = study.set_state(number, state, values, now)?;
            if let Some(value) = request.filter(|_| is_changed) {
                let (scope, key) = (Scope::System, REQUEST.into());
                // Before it is over, after which nothing of it changes.
                events.insert(0, ExternalEvent::TrialAttributeSet { number, scope, key, value });
            }
            Ok((events, is_changed))
        })?;
        if is_set {
            // Also if it was set before, over a connection that may be gone.
            let trial = self.state.registry.external_trial(trial)?;
            self.note_speaker(asker.connection, word, trial);
        }
        Ok(is_set)
    }

    /// Fails the trials whose clients are gone for too long.
    pub(super) fn expire_external(&mut self) {
        let (tick, _) = self.state.now();
        let now = self.local_now();
        let lost = |(id, study): (_, &ExternalStudy)| (id, study.expire(tick, now));
        let lost: Vec<_> = self.state.registry.externals().map(lost).collect();
        for (id, events) in lost {
            for number in events.iter().filter_map(|event| match event {
                ExternalEvent::StateSet { number, .. } => Some(number),
                _ => None,
            }) {
                tracing::warn!(study = id.0, trial = number.0, "its client is gone: it has failed");
            }
            self.record(id, events.into_iter().map(Event::External).collect());
        }
    }

    fn record_external<R>(&mut self, id: StudyId, decided: Decided<R>) -> Result<R, Refusal> {
        let (events, reply) = decided?;
        self.record(id, events.into_iter().map(Event::External).collect());
        Ok(reply)
    }

    /// Notes that somebody has said something about a trial, which matters while it runs.
    fn note_speaker(&mut self, connection: Option<u64>, word: Word, trial: (StudyId, TrialNumber)) {
        let (id, number) = trial;
        let is_running = |study: &ExternalStudy| {
            study.trial(number).is_ok_and(|trial| trial.state == TrialState::Running)
        };
        if !self.state.registry.external(id).is_ok_and(is_running) {
            self.state.clients.forget(trial);
        } else if connection.is_none_or(|who| self.state.clients.say(who, word, trial)) {
            self.state.registry.hear(id, number);
        }
    }

    /// The time of day here, which is what any storage of Optuna's gives its trials.
    fn local_now(&self) -> NaiveTime {
        let (_, now) = self.state.now();
        naive_time::here(now)
    }
}

/// The trial that this request began.
fn begun_by(study: &ExternalStudy, request: &PythonJson) -> Option<TrialNumber> {
    let newest = study.trials().iter().enumerate().rev().take(REMEMBERED);
    let mut known =
        newest.filter(|(_, trial)| trial.system_attributes.get(REQUEST) == Some(request));
    known.next().map(|(number, _)| TrialNumber(number as u32))
}

/// Whether one more attribute may be set.
pub(crate) fn check_room(there: usize, is_known: bool) -> Result<(), Refusal> {
    let most = limits::EXTERNAL_ATTRIBUTES;
    if there >= most && !is_known {
        return Err(Refusal::TooMany { what: "attributes", most });
    }
    Ok(())
}
