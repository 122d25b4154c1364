//! An external study, and how events change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{ExternalEvent, Scope};
use super::lost::Lost;
use super::python_json::PythonJson;
use super::space::ShownSpace;
use super::trial::{ExternalTrial, TrialState};
use crate::ids::{StudyName, TrialId, TrialNumber};
use crate::refusal::Refusal;
use crate::time::Wall;
use crate::values::Directions;

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
    /// Of one objective, the best completed trial.
    best: Option<TrialNumber>,
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
            best: None,
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
        let mut study = Self { user_attributes, system_attributes, ..self };
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

    /// The best completed trial, if there is one objective. The earliest of equals.
    pub fn best(&self) -> Option<TrialNumber> {
        self.best
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
            ExternalEvent::AttributeSet { scope, key, value } => {
                let attributes = match scope {
                    Scope::User => &mut self.user_attributes,
                    Scope::System => &mut self.system_attributes,
                };
                attributes.insert(key.clone(), value.clone());
            }
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

    /// Compares a trial with the best one so far.
    fn note_best(&mut self, number: TrialNumber) {
        let value = |number: TrialNumber| match self.trials.get(number.index())?.values.as_deref() {
            Some([value]) => Some(*value),
            _ => None,
        };
        let is_complete = self
            .trials
            .get(number.index())
            .is_some_and(|trial| trial.state == TrialState::Complete);
        let Some(new) = value(number).filter(|_| is_complete) else { return };
        let is_better = |than: TrialNumber| match value(than) {
            Some(old) => {
                let direction = self.directions.first();
                direction.better(new, old) || number < than && !direction.better(old, new)
            }
            None => true,
        };
        if self.best.is_none_or(is_better) {
            self.best = Some(number);
        }
    }

    fn change(&mut self, number: TrialNumber, change: impl FnOnce(&mut ExternalTrial)) {
        if let Some(trial) = self.trials.get_mut(number.index()) {
            change(Arc::make_mut(trial));
        }
    }
}
