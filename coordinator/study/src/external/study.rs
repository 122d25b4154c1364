//! An external study, and how events change it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::{ExternalEvent, Scope};
use super::lost::Lost;
use super::python_json::{PythonJson, PythonValue};
use super::space::ShownSpace;
use super::trial::{ExternalTrial, TrialState};
use crate::best::Best;
use crate::ids::{StudyName, TrialId, TrialNumber};
use crate::metrics::{MAX_CONSTRAINTS, MAX_NAME, MAX_OBJECTIVES};
use crate::refusal::Refusal;
use crate::remarks::{self, Remark};
use crate::time::Wall;
use crate::values::{Directions, Values};

/// The attribute under which Optuna keeps the names of the objectives.
const METRIC_NAMES: &str = "study:metric_names";

/// How many trials are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u32; 5]);

impl Counts {
    /// Those in this state.
    pub fn of(&self, state: TrialState) -> u32 {
        self.0[state as usize]
    }
}

/// A study that Optuna's clients drive.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalStudy {
    name: StudyName,
    directions: Directions,
    created: Wall,
    user_attributes: BTreeMap<Box<str>, PythonJson>,
    system_attributes: BTreeMap<Box<str>, PythonJson>,
    /// By number. Shared with those who read them, so that a reader takes no time of the ledger's.
    trials: Vec<Arc<ExternalTrial>>,
    // Derived from the trials.
    space: ShownSpace,
    counts: Counts,
    best: Best,
    /// The names of the constraints that its trials told of.
    constraints: BTreeSet<Box<str>>,
    /// How many bytes of its system attributes are remarks on trials.
    pub(super) remark_bytes: usize,
    /// Running trials whose client is not connected. Not stored.
    pub(super) lost: Lost,
}

impl ExternalStudy {
    /// A study without trials.
    pub fn new(name: StudyName, directions: Directions, created: Wall) -> Self {
        Self {
            name,
            directions,
            created,
            user_attributes: BTreeMap::new(),
            system_attributes: BTreeMap::new(),
            trials: Vec::new(),
            space: ShownSpace::default(),
            counts: Counts::default(),
            best: Best::default(),
            constraints: BTreeSet::new(),
            remark_bytes: 0,
            lost: Lost::default(),
        }
    }

    /// The study as loaded from a store, with its trials by number.
    #[must_use]
    pub fn restore(
        self,
        user_attributes: BTreeMap<Box<str>, PythonJson>,
        system_attributes: BTreeMap<Box<str>, PythonJson>,
        trials: Vec<ExternalTrial>,
    ) -> Self {
        let mut study = Self { user_attributes, ..self };
        for (key, value) in system_attributes {
            study.put_system_attribute(&key, &value);
        }
        for trial in trials {
            study.push(trial);
        }
        study
    }

    /// Its name.
    pub fn name(&self) -> &StudyName {
        &self.name
    }

    /// Which way is better.
    pub fn directions(&self) -> &Directions {
        &self.directions
    }

    /// When it was created.
    pub fn created(&self) -> Wall {
        self.created
    }

    /// Its attributes of one scope.
    pub fn attributes(&self, scope: Scope) -> &BTreeMap<Box<str>, PythonJson> {
        match scope {
            Scope::User => &self.user_attributes,
            Scope::System => &self.system_attributes,
        }
    }

    /// Its trials, by number.
    pub fn trials(&self) -> &[Arc<ExternalTrial>] {
        &self.trials
    }

    /// The trial of this number.
    pub fn trial(&self, number: TrialNumber) -> Result<&Arc<ExternalTrial>, Refusal> {
        let trials = self.trials.len();
        self.trials.get(number.index()).ok_or(Refusal::UnknownTrial { number, trials })
    }

    /// The parameters of its trials so far.
    pub fn space(&self) -> &ShownSpace {
        &self.space
    }

    /// How many trials are in each state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The best completed, feasible trial, of equals the first to finish. Of several objectives, the first of the front.
    pub fn best(&self) -> Option<TrialNumber> {
        self.best.first()
    }

    /// The completed, feasible trials that no other dominates, by the first objective, then by the next.
    pub fn front(&self) -> impl ExactSizeIterator<Item = TrialNumber> {
        self.best.front()
    }

    /// The names of the constraints that its trials told of, as many as one of our own studies may have.
    pub fn constraints(&self) -> impl ExactSizeIterator<Item = &str> {
        self.constraints.iter().take(MAX_CONSTRAINTS).map(|name| &**name)
    }

    /// The names of the objectives, if its client gave them and none is too long to be shown.
    pub fn metric_names(&self) -> Option<Vec<String>> {
        let PythonValue::List(names) = self.system_attributes.get(METRIC_NAMES)?.value() else {
            return None;
        };
        let name = |name| match name {
            PythonValue::Str(name) if name.len() <= MAX_NAME => Some(name),
            _ => None,
        };
        let names = names.into_iter().map(name).collect::<Option<Vec<_>>>()?;
        (names.len() == self.directions.as_slice().len()).then_some(names)
    }

    /// What people wrote about it.
    pub fn remark(&self) -> Remark {
        Remark::read(&self.system_attributes, None)
    }

    /// What people wrote about the trial of this id.
    pub fn remark_on(&self, trial: TrialId) -> Remark {
        Remark::read(&self.system_attributes, Some(trial))
    }

    /// Whether it is archived: it has left the lists. It goes on as before.
    pub fn is_archived(&self) -> bool {
        remarks::is_archived(&self.system_attributes)
    }

    /// The number of the trial of this id.
    pub fn place_of(&self, id: TrialId) -> Option<TrialNumber> {
        let place = self.trials.binary_search_by_key(&id, |trial| trial.id).ok()?;
        Some(TrialNumber(place as u32))
    }

    /// The number that the next trial gets.
    pub fn next_number(&self) -> TrialNumber {
        TrialNumber(self.trials.len() as u32)
    }

    /// Applies an event. A trial that it adds gets `next_trial` as its id.
    pub fn apply(&mut self, event: &ExternalEvent, next_trial: TrialId) {
        match event {
            ExternalEvent::Created { .. } => {}
            ExternalEvent::AttributeSet { scope, key, value, .. } => match scope {
                Scope::User => _ = self.user_attributes.insert(key.clone(), value.clone()),
                Scope::System => self.put_system_attribute(key, value),
            },
            ExternalEvent::TrialAdded { trial, .. } => {
                self.push(ExternalTrial { id: next_trial, ..(**trial).clone() });
            }
            ExternalEvent::ParamSet { number, name, value, distribution } => {
                let distribution = self.space.see(name, distribution);
                self.change(*number, |trial| {
                    trial.params.insert(name.clone(), (*value, distribution));
                });
            }
            ExternalEvent::StateSet { number, state, values, at } => {
                self.lost.remove(*number);
                if let Some(trial) = self.trials.get(number.index()) {
                    self.counts.0[trial.state as usize] -= 1;
                    self.counts.0[*state as usize] += 1;
                }
                self.change(*number, |trial| {
                    trial.state = *state;
                    if values.is_some() {
                        trial.values.clone_from(values);
                    }
                    if *state == TrialState::Running {
                        trial.started = Some(*at);
                    }
                    if state.is_finished() {
                        trial.completed = Some(*at);
                    }
                });
                self.note_best(*number);
            }
            ExternalEvent::IntermediateSet { number, step, value } => {
                self.change(*number, |trial| _ = trial.intermediate.insert(*step, *value));
            }
            ExternalEvent::TrialAttributeSet { number, scope, key, value } => {
                self.change(*number, |trial| {
                    trial.attributes_mut(*scope).insert(key.clone(), value.clone());
                });
            }
        }
    }

    fn push(&mut self, mut trial: ExternalTrial) {
        for (name, (_, distribution)) in &mut trial.params {
            *distribution = self.space.see(name, distribution);
        }
        let number = self.next_number();
        self.counts.0[trial.state as usize] += 1;
        self.trials.push(Arc::new(trial));
        self.note_best(number);
    }

    fn put_system_attribute(&mut self, key: &str, value: &PythonJson) {
        remarks::put(&mut self.system_attributes, &mut self.remark_bytes, key, value);
    }

    /// Compares a trial with the best ones so far.
    fn note_best(&mut self, number: TrialNumber) {
        let Some(trial) = self.trials.get(number.index()).filter(|t| t.state.is_finished()) else {
            return;
        };
        let told = trial.constraints();
        let is_feasible = told.values().all(|value| *value <= 0.0);
        self.constraints.extend(told.into_keys());
        let is_complete = trial.state == TrialState::Complete;
        let values = trial.values.clone().filter(|_| is_complete && is_feasible);
        let Some(Ok(values)) = values.map(Values::new) else { return };
        // With more objectives nearly all trials would be on the front, and each new one be compared with all of them.
        let objectives = self.directions.as_slice().len();
        if values.as_slice().len() == objectives && objectives <= MAX_OBJECTIVES {
            self.best.add(number, number.0, &values, &self.directions);
        }
    }

    fn change(&mut self, number: TrialNumber, change: impl FnOnce(&mut ExternalTrial)) {
        if let Some(trial) = self.trials.get_mut(number.index()) {
            change(Arc::make_mut(trial));
        }
    }
}
