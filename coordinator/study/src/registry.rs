//! All studies of a coordinator.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use crate::activity::{Act, Activities, Activity};
use crate::event::{Event, Record};
use crate::external::ExternalStudy;
use crate::ids::{StudyId, StudyName, TrialId, TrialNumber, WorkerId};
use crate::kept::Blob;
use crate::mark::Mark;
use crate::refusal::Refusal;
use crate::spec::StudySpec;
use crate::study::Study;
use crate::time::{Tick, Wall};

mod external;

/// The studies, by id, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    studies: BTreeMap<StudyId, Study>,
    /// Those that Optuna's clients drive.
    externals: BTreeMap<StudyId, ExternalStudy>,
    // Indices derived from both.
    names: HashMap<StudyName, StudyId>,
    /// The studies of external trials.
    external_trials: HashMap<TrialId, StudyId>,
    /// The studies in which a worker holds trials.
    busy: HashMap<WorkerId, BTreeSet<StudyId>>,
    /// What people did.
    activities: Activities,
    // Larger than any id ever used.
    next_id: StudyId,
    next_trial_id: TrialId,
}

/// The result of creating a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// The study exists already, with the same spec: apply and commit these events, if any.
    Exists(StudyId, Vec<Event>),
    /// The study is new: apply and commit this event.
    New(StudyId, Event),
}

impl Default for Registry {
    fn default() -> Self {
        Self::restore(BTreeMap::new(), BTreeMap::new(), StudyId(1), TrialId(1))
    }
}

impl Registry {
    /// The studies as loaded from a store. The next ids must be larger than any ever used.
    pub fn restore(
        studies: BTreeMap<StudyId, Study>,
        externals: BTreeMap<StudyId, ExternalStudy>,
        next_id: StudyId,
        next_trial_id: TrialId,
    ) -> Self {
        let mut registry = Self {
            studies: BTreeMap::new(),
            externals: BTreeMap::new(),
            names: HashMap::new(),
            external_trials: HashMap::new(),
            busy: HashMap::new(),
            activities: Activities::default(),
            next_id,
            next_trial_id,
        };
        for (id, study) in studies {
            registry.add(id, study);
        }
        for (id, study) in externals {
            registry.add_external(id, study);
        }
        registry
    }

    /// The same, with what people did.
    #[must_use]
    pub fn with_activities(self, activities: Activities) -> Self {
        Self { activities, ..self }
    }

    /// What people did.
    pub fn activities(&self) -> &Activities {
        &self.activities
    }

    /// Notes what somebody did with a study.
    pub fn act(&self, study: StudyId, act: Act) -> Event {
        self.acted(Some(study), act, None)
    }

    /// Notes what somebody did with a study that is gone now.
    pub fn act_on_deleted(&self, name: StudyName, act: Act) -> Event {
        self.acted(None, act, Some(name))
    }

    fn acted(&self, study: Option<StudyId>, act: Act, deleted: Option<StudyName>) -> Event {
        let (id, forgets) = (self.activities.next_id(), self.activities.too_old(study));
        Event::Acted { id, act: Box::new(act), deleted, forgets }
    }

    /// How many studies there are, of both kinds.
    pub fn len(&self) -> usize {
        self.studies.len() + self.externals.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id for the next study.
    pub fn next_id(&self) -> StudyId {
        self.next_id
    }

    /// The id for the next trial, of whichever study.
    pub fn next_trial_id(&self) -> TrialId {
        self.next_trial_id
    }

    /// The studies, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (StudyId, &Study)> {
        self.studies.iter().map(|(id, study)| (*id, study))
    }

    /// The studies after a bound, oldest first.
    pub fn range(&self, after: Bound<StudyId>) -> impl Iterator<Item = (StudyId, &Study)> {
        self.studies.range((after, Bound::Unbounded)).map(|(id, study)| (*id, study))
    }

    /// The study of this id.
    pub fn get(&self, id: StudyId) -> Result<&Study, Refusal> {
        self.studies.get(&id).ok_or_else(|| Refusal::UnknownStudy(format!("#{}", id.0)))
    }

    /// The study of this name.
    pub fn find(&self, name: &str) -> Result<(StudyId, &Study), Refusal> {
        let id = self.id_of(name)?;
        match self.studies.get(&id) {
            Some(study) => Ok((id, study)),
            None => Err(Refusal::External(name.to_owned())),
        }
    }

    /// Decides on a new study. If one exists with the same name and spec, the answer is that study. `trials` and `confirm`
    /// may differ, and stay as they are. Whom to tell may differ, too, and changes, so that a wrong address can be mended.
    pub fn create(&self, spec: StudySpec) -> Result<Creation, Refusal> {
        if self.find_external(spec.name.as_str()).is_some() {
            return Err(Refusal::IsExternal(spec.name));
        }
        let Ok((id, study)) = self.find(spec.name.as_str()) else {
            return Ok(Creation::New(self.next_id, Event::Created { spec: Box::new(spec) }));
        };
        let differences = study.spec().differences(&spec);
        if differences.is_empty() {
            let notify = spec.notify.map(|notify| study.change_notify(notify));
            Ok(Creation::Exists(id, notify.unwrap_or_default()))
        } else {
            Err(Refusal::OtherSpec { name: spec.name, differences })
        }
    }

    /// Decides on deleting a study. It must have no running trials, unless Optuna's clients run them.
    pub fn delete(&self, id: StudyId) -> Result<Event, Refusal> {
        if self.externals.contains_key(&id) {
            return Ok(Event::Deleted);
        }
        match self.get(id)?.running().len() {
            0 => Ok(Event::Deleted),
            running => Err(Refusal::StillRunning(running)),
        }
    }

    /// Leases a trial of the oldest study that has work for these objectives and is not put off. The mark must be
    /// fresh.
    pub fn lease(
        &self,
        worker: &WorkerId,
        session: u64,
        objectives: &[String],
        mark: Mark,
        mut is_put_off: impl FnMut(StudyId, &Study) -> bool,
    ) -> Option<(StudyId, Vec<Event>, TrialNumber)> {
        self.iter().filter(|(_, study)| objectives.contains(&study.spec().objective.kind)).find_map(
            |(id, study)| {
                if is_put_off(id, study) {
                    return None;
                }
                let leased = study.lease(worker, session, mark);
                leased.map(|(events, number)| (id, events, number))
            },
        )
    }

    /// All bytes in the artifact store that belong to a study. What else lies there is an orphan. It walks over all
    /// trials.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.studies.values().flat_map(|study| {
            let of_trials = study.trials().iter().flat_map(|trial| {
                let checkpoints = trial.checkpoints.iter().map(|checkpoint| &checkpoint.blob);
                checkpoints.chain(trial.artifacts.iter().map(|artifact| &artifact.blob))
            });
            study.artifacts().iter().map(|artifact| &artifact.blob).chain(of_trials)
        })
    }

    /// The trials that the worker holds.
    pub fn held_by(&self, worker: &WorkerId) -> Vec<(StudyId, TrialNumber)> {
        let held = |(id, study): (StudyId, &Study)| -> Vec<_> {
            study.held_by(worker).map(|number| (id, number)).collect()
        };
        self.busy_in(worker)
            .filter_map(|id| Some((id, self.studies.get(&id)?)))
            .flat_map(held)
            .collect()
    }

    /// The studies in which a worker holds trials.
    fn busy_in(&self, worker: &WorkerId) -> impl Iterator<Item = StudyId> {
        self.busy.get(worker).into_iter().flatten().copied()
    }

    fn add(&mut self, id: StudyId, study: Study) {
        self.names.insert(study.spec().name.clone(), id);
        for worker in study.holders() {
            self.busy.entry(worker.clone()).or_default().insert(id);
        }
        self.studies.insert(id, study);
    }

    /// The holders of all running trials, each with its process.
    pub fn holders(&self) -> impl Iterator<Item = (&WorkerId, u64)> {
        self.studies.values().flat_map(|study| {
            let running = study.running().iter().filter_map(|number| study.get(*number));
            running.filter_map(|trial| Some((trial.worker.as_ref()?, trial.lease()?.session)))
        })
    }

    /// Renews all leases of the worker.
    pub fn renew(&mut self, worker: &WorkerId, deadline: Tick) {
        for id in self.busy.get(worker).into_iter().flatten() {
            if let Some(study) = self.studies.get_mut(id) {
                study.renew(worker, deadline);
            }
        }
    }

    /// Gives every open lease a new deadline, because no worker could be heard until now.
    pub fn renew_all(&mut self, deadline: Tick) {
        self.studies.values_mut().for_each(|study| study.renew_all(deadline));
    }

    /// Lets the worker's leases end by `deadline`, unless it renews them.
    pub fn hasten(&mut self, worker: &WorkerId, deadline: Tick) {
        for id in self.busy.get(worker).into_iter().flatten() {
            if let Some(study) = self.studies.get_mut(id) {
                study.hasten(worker, deadline);
            }
        }
    }

    /// Applies an event, and returns the record of it for the store. A trial that it adds gets the next id.
    /// `lease_until` is the deadline of a lease that starts with it.
    pub fn apply(&mut self, study: StudyId, at: Wall, event: Event, lease_until: Tick) -> Record {
        let trial = match &event {
            Event::Created { spec } => {
                self.add(study, Study::new((**spec).clone(), at));
                self.next_id = self.next_id.max(StudyId(study.0 + 1));
                None
            }
            Event::Deleted => {
                if let Some(study) = self.studies.remove(&study) {
                    self.names.remove(&study.spec().name);
                }
                self.remove_external(study);
                self.activities.forget(study);
                None
            }
            Event::Acted { id, act, deleted, .. } => {
                let of = deleted.is_none().then_some(study);
                let (id, act, deleted) = (*id, (**act).clone(), deleted.clone());
                self.activities.add(of, Activity { id, at, deleted, act });
                None
            }
            Event::External(event) => self.apply_external(study, at, event),
            event => self.apply_to(study, at, event, lease_until),
        };
        Record { study, trial, at, event }
    }

    /// Applies an event to a study, and returns the trial that it is about, if any.
    fn apply_to(
        &mut self,
        id: StudyId,
        at: Wall,
        event: &Event,
        lease_until: Tick,
    ) -> Option<TrialId> {
        let study = self.studies.get_mut(&id)?;
        study.apply(event, self.next_trial_id, at, lease_until);
        let trial = study.get(event.trial()?)?;
        if trial.id == self.next_trial_id {
            self.next_trial_id = trial.id.next();
        }
        if let Some(worker) = &trial.worker {
            let holds = study.held_by(worker).next().is_some();
            note_busy(&mut self.busy, worker, id, holds);
        }
        Some(trial.id)
    }
}

/// Updates whether the worker holds trials of the study.
fn note_busy(
    busy: &mut HashMap<WorkerId, BTreeSet<StudyId>>,
    worker: &WorkerId,
    study: StudyId,
    holds: bool,
) {
    if holds {
        busy.entry(worker.clone()).or_default().insert(study);
    } else if let Some(studies) = busy.get_mut(worker) {
        studies.remove(&study);
        if studies.is_empty() {
            busy.remove(worker);
        }
    }
}
