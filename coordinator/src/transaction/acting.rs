//! Changes that people ask for. Whatever changes something is noted with who asked for it, in the same commit; a call
//! that changes nothing, such as a repeated one, is not.

use kindling_proto::limits;
use kindling_study::external::{ExternalEvent, Scope};
use kindling_study::{
    Act, Annotation, Artifact, Blob, Choice, ConfirmSpec, Deed, Event, KNOWN_ACTIVITIES, Refusal,
    RemarkKey, StudyId, StudyName, StudySpec, StudyState, TrialNumber, What,
};

use super::{Retries, Transaction};
use crate::actor::Actor;

const _: () = assert!(KNOWN_ACTIVITIES == limits::ACTIVITIES);

/// How many of the trials of a call its details name.
const NAMED: usize = 20;

/// A transaction on somebody's behalf.
pub(crate) struct Acting<'t, 'a> {
    t: &'t mut Transaction<'a>,
    by: &'t Actor,
}

impl<'a> Transaction<'a> {
    /// Changes by this person.
    pub(crate) fn by<'t>(&'t mut self, by: &'t Actor) -> Acting<'t, 'a> {
        Acting { t: self, by }
    }

    /// Notes what somebody did with a study.
    pub(super) fn note(&mut self, study: StudyId, act: Act) {
        let event = self.state.registry.act(study, act);
        self.record(study, vec![event]);
    }
}

impl Acting<'_, '_> {
    pub(crate) fn create_study(&mut self, spec: StudySpec) -> Result<(StudyId, bool), Refusal> {
        let details = format!("{} trials, {}", spec.trials, spec.sampler.name());
        let (id, is_new) = self.t.create_study(spec)?;
        if is_new {
            self.note(id, Deed::Create, None, &details);
        }
        Ok((id, is_new))
    }

    pub(crate) fn delete_study(&mut self, name: &str) -> Result<StudyId, Refusal> {
        let registry = &self.t.state.registry;
        let id = registry.id_of(name)?;
        let trials = registry.get(id).map_or_else(
            |_| registry.external(id).map_or(0, |study| study.trials().len()),
            |study| study.trials().len(),
        );
        self.t.delete_study(name)?;
        // It was there, so the name is one.
        if let Ok(name) = StudyName::of_external(name) {
            let act = self.by.did(Deed::Delete, None, &format!("{trials} trials"));
            let event = self.t.state.registry.act_on_deleted(name, act);
            self.t.record(id, vec![event]);
        }
        Ok(id)
    }

    pub(crate) fn change_state(
        &mut self,
        name: &str,
        state: StudyState,
        budget: Option<u32>,
        confirm: Option<ConfirmSpec>,
    ) -> Result<StudyId, Refusal> {
        let (_, study) = self.t.state.registry.find(name)?;
        let before = (study.state(), study.budget(), study.confirm().cloned());
        let id = self.t.change_state(name, state, budget, confirm)?;
        self.note_budget(id, before.1)?;
        let confirm = self.t.state.registry.get(id)?.confirm().cloned();
        if let Some(now) = confirm.filter(|now| before.2.as_ref() != Some(now)) {
            let ConfirmSpec { by, best, seeds, .. } = now;
            let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
            self.note(id, Deed::Confirm, None, &format!("best {best}, {seeds} seeds{by}"));
        }
        if before.0 != state {
            let deed = match state {
                StudyState::Active => Deed::Resume,
                StudyState::Paused => Deed::Pause,
                StudyState::Stopped => Deed::Stop,
            };
            self.note(id, deed, None, "");
        }
        Ok(id)
    }

    pub(crate) fn change_budget(&mut self, name: &str, trials: u32) -> Result<StudyId, Refusal> {
        let (_, study) = self.t.state.registry.find(name)?;
        let before = study.budget();
        let id = self.t.change_budget(name, trials)?;
        self.note_budget(id, before)?;
        Ok(id)
    }

    pub(crate) fn enqueue(
        &mut self,
        name: &str,
        fixed: &[(String, Choice)],
        warm_start: Option<TrialNumber>,
        request: Option<String>,
    ) -> Result<(StudyId, TrialNumber), Refusal> {
        let before = self.t.records.len();
        let (id, number) = self.t.enqueue(name, fixed, warm_start, request)?;
        if self.t.records.len() > before {
            let fixed = fixed.iter().map(|(name, value)| format!("{name} = {value}"));
            let from = warm_start.map(|from| format!("from the checkpoint of trial {from}"));
            let details: Vec<_> = from.into_iter().chain(fixed).collect();
            self.note(id, Deed::Enqueue, Some(number), &details.join(", "));
        }
        Ok((id, number))
    }

    pub(crate) fn retry(
        &mut self,
        name: &str,
        failed: TrialNumber,
        request: Option<String>,
    ) -> Result<(StudyId, TrialNumber), Refusal> {
        let before = self.t.records.len();
        let (id, number) = self.t.retry(name, failed, request)?;
        if self.t.records.len() > before {
            self.note(id, Deed::Retry, Some(failed), &format!("as trial {number}"));
        }
        Ok((id, number))
    }

    /// However many they are, they are one entry.
    pub(crate) fn retry_all(
        &mut self,
        name: &str,
        failed: &[TrialNumber],
        request: Option<&str>,
    ) -> Result<Retries, Refusal> {
        let before = self.t.records.len();
        let retries = self.t.retry_all(name, failed, request)?;
        if self.t.records.len() > before {
            let id = self.t.state.registry.id_of(name)?;
            let numbers = retries.retried.iter().take(NAMED).map(|(failed, _)| failed.to_string());
            let numbers: Vec<_> = numbers.collect();
            let more = if retries.retried.len() > NAMED { ", …" } else { "" };
            let details = format!("{} trials: {}{more}", retries.retried.len(), numbers.join(", "));
            self.note(id, Deed::Retry, None, &details);
        }
        Ok(retries)
    }

    /// One entry for each of the note, the tags and the archive, if it changed.
    pub(crate) fn annotate(
        &mut self,
        name: &str,
        number: Option<TrialNumber>,
        wanted: &Annotation,
    ) -> Result<StudyId, Refusal> {
        let before = self.t.records.len();
        let id = self.t.annotate(name, number, wanted)?;
        let mut changed = Vec::new();
        for record in &self.t.records[before..] {
            let deed = match remark(&record.event) {
                Some(What::NoteVersion | What::NotePiece(_)) => Deed::Note,
                Some(What::Tags) => Deed::Tags,
                Some(What::Archived) if wanted.archived == Some(false) => Deed::Unarchive,
                Some(What::Archived) => Deed::Archive,
                None => continue,
            };
            if !changed.contains(&deed) {
                changed.push(deed);
            }
        }
        for deed in changed {
            let tags = wanted.tags.as_deref().filter(|_| deed == Deed::Tags);
            self.note(id, deed, number, &tags.unwrap_or_default().join(", "));
        }
        Ok(id)
    }

    pub(crate) fn save_study_artifact(
        &mut self,
        study: &str,
        name: &str,
        media_type: &str,
        blob: Blob,
    ) -> Result<Artifact, Refusal> {
        let before = self.t.records.len();
        let artifact = self.t.save_study_artifact(study, name, media_type, blob)?;
        if self.t.records.len() > before {
            let id = self.t.state.registry.id_of(study)?;
            self.note(id, Deed::Artifact, None, name);
        }
        Ok(artifact)
    }

    fn note_budget(&mut self, id: StudyId, before: u32) -> Result<(), Refusal> {
        let now = self.t.state.registry.get(id)?.budget();
        if now != before {
            self.note(id, Deed::Budget, None, &format!("{before} → {now} trials"));
        }
        Ok(())
    }

    fn note(&mut self, study: StudyId, deed: Deed, trial: Option<TrialNumber>, details: &str) {
        self.t.note(study, self.by.did(deed, trial, details));
    }
}

/// What the event changes of what people wrote.
fn remark(event: &Event) -> Option<What> {
    let (Event::RemarkSet { key, .. }
    | Event::External(ExternalEvent::AttributeSet { scope: Scope::System, key, .. })) = event
    else {
        return None;
    };
    RemarkKey::parse(key).map(|key| key.what)
}
