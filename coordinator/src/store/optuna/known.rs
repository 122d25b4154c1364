//! What is known of the studies in a store, so that writing an event needs no look-up.

use std::collections::HashMap;

use kindling_study::{Registry, SearchSpace, Study, StudyId, StudySpec, TrialId, TrialNumber};

use super::damage::Misfit;
use super::encode;

/// What is known of a store. It follows the events that are written.
#[derive(Debug)]
pub(crate) struct Known {
    studies: HashMap<StudyId, KnownStudy>,
    /// How many trials each external study has.
    externals: HashMap<StudyId, u32>,
    next_study: StudyId,
    next_trial: TrialId,
}

/// What is known of one study.
#[derive(Debug)]
pub(super) struct KnownStudy {
    pub(super) space: SearchSpace,
    /// Each parameter's distribution, in Optuna's format.
    pub(super) distributions: Vec<String>,
    pub(super) objectives: usize,
    /// The system attributes in which Optuna keeps what a trial says of each constraint.
    pub(super) constraint_keys: Vec<String>,
    /// How many checkpoints of a trial it keeps.
    pub(super) keep_checkpoints: u32,
    /// How many trials it has, and how many of them have finished.
    trials: u32,
    finished: u32,
}

impl Known {
    /// What there is to know of a store that holds this.
    pub(crate) fn of(registry: &Registry) -> Self {
        let studies = registry.iter().map(|(id, study)| (id, KnownStudy::of(study)));
        let externals = registry.externals().map(|(id, study)| (id, study.next_number().0));
        Self {
            studies: studies.collect(),
            externals: externals.collect(),
            next_study: registry.next_id(),
            next_trial: registry.next_trial_id(),
        }
    }

    /// The ids that come next, for `next_study_id` and `next_trial_id` in `kindling_meta`.
    pub(crate) fn next_ids(&self) -> (StudyId, TrialId) {
        (self.next_study, self.next_trial)
    }

    pub(super) fn add(&mut self, id: StudyId, spec: &StudySpec) {
        self.next_study = self.next_study.max(StudyId(id.0 + 1));
        self.studies.insert(id, KnownStudy::new(spec));
    }

    /// Whether the study was one of ours.
    pub(super) fn remove(&mut self, id: StudyId) -> bool {
        self.externals.remove(&id);
        self.studies.remove(&id).is_some()
    }

    pub(super) fn add_external(&mut self, id: StudyId) {
        self.next_study = self.next_study.max(StudyId(id.0 + 1));
        self.externals.insert(id, 0);
    }

    /// How many trials the external study has.
    pub(super) fn external(&mut self, id: StudyId) -> Result<&mut u32, Misfit> {
        let study = self.externals.get_mut(&id);
        study.ok_or_else(|| Misfit(format!("there is no external study {}", id.0)))
    }

    /// Whether there is such a study, of either kind.
    pub(super) fn has(&self, id: StudyId) -> bool {
        self.studies.contains_key(&id) || self.externals.contains_key(&id)
    }

    pub(super) fn study(&mut self, id: StudyId) -> Result<&mut KnownStudy, Misfit> {
        self.studies.get_mut(&id).ok_or_else(|| Misfit(format!("there is no study {}", id.0)))
    }

    /// Adds a trial of either kind of study, which must have the study's next number and an id that was never used.
    pub(super) fn add_trial(
        &mut self,
        study: StudyId,
        number: TrialNumber,
        id: TrialId,
    ) -> Result<(), Misfit> {
        let next = self.next_trial;
        let ours = self.studies.get_mut(&study).map(|known| &mut known.trials);
        let trials = ours.or_else(|| self.externals.get_mut(&study));
        let trials = trials.ok_or_else(|| Misfit(format!("there is no study {}", study.0)))?;
        if number.0 != *trials {
            return Err(Misfit(format!("trial {number} cannot follow {trials} others")));
        }
        if id < next {
            return Err(Misfit(format!("trial {number} has the id {}, which was used", id.0)));
        }
        *trials += 1;
        self.next_trial = id.next();
        Ok(())
    }
}

impl KnownStudy {
    fn of(study: &Study) -> Self {
        let (trials, finished) = (study.trials().len() as u32, study.finish_order().len() as u32);
        Self { trials, finished, ..Self::new(study.spec()) }
    }

    fn new(spec: &StudySpec) -> Self {
        let params = spec.space.params().iter();
        let distributions = params.map(|param| encode::distribution(&param.distribution)).collect();
        let objectives = spec.directions.as_slice().len();
        let constraints = spec.metrics.constraints.iter();
        let constraint_keys = constraints.map(|name| encode::constraint_key(name)).collect();
        Self {
            space: spec.space.clone(),
            distributions,
            objectives,
            constraint_keys,
            keep_checkpoints: spec.keep_checkpoints,
            trials: 0,
            finished: 0,
        }
    }

    pub(super) fn has(&self, number: TrialNumber) -> bool {
        number.0 < self.trials
    }

    /// Assigns the next place in the finish order.
    pub(super) fn next_finish_index(&mut self) -> u32 {
        self.finished += 1;
        self.finished - 1
    }
}
