//! A trial while its rows are collected, and the check that they fit together.

use kindling_study::{
    Json, Lease, Outcome, Params, Phase, Proposal, SearchSpace, Tick, Trial, TrialId, TrialNumber,
    TrialResult, Values,
};

use super::encode;
use super::fault::{Fault, damaged};
use super::strangers::Strangers;

pub(super) struct Draft {
    pub(super) id: i64,
    pub(super) study: i64,
    pub(super) number: TrialNumber,
    pub(super) stage: Stage,
    /// Complete except for proposal and phase.
    pub(super) trial: Trial,
    pub(super) params: Params,
    /// The exact values of the integers that `params` may have rounded.
    pub(super) exact_ints: Option<Params>,
    /// How many finished and how many proposed trials its proposal saw.
    pub(super) saw: Option<(u32, u32)>,
    /// The process that holds the newest lease, if that lease is open.
    pub(super) holder: Option<u64>,
    pub(super) finish_index: Option<u32>,
    /// One value per objective.
    pub(super) values: Box<[Option<f64>]>,
    pub(super) fail_reason: Option<String>,
    pub(super) attribute_keys: Box<[String]>,
    pub(super) attributes: Vec<(String, Json)>,
}

/// The state of a trial in Optuna's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Running,
    Complete,
    Pruned,
    Fail,
}

impl Stage {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "WAITING" => Self::Waiting,
            "RUNNING" => Self::Running,
            "COMPLETE" => Self::Complete,
            "PRUNED" => Self::Pruned,
            "FAIL" => Self::Fail,
            _ => return None,
        })
    }
}

impl Draft {
    pub(super) fn new(
        id: i64,
        study: i64,
        number: TrialNumber,
        stage: Stage,
        fixed: Params,
        objectives: usize,
    ) -> Self {
        let nothing: Params = vec![None; fixed.len()].into();
        Self {
            id,
            study,
            number,
            stage,
            trial: Trial::waiting(TrialId(id), fixed),
            params: nothing,
            exact_ints: None,
            saw: None,
            holder: None,
            finish_index: None,
            values: vec![None; objectives].into(),
            fail_reason: None,
            attribute_keys: Box::default(),
            attributes: Vec::new(),
        }
    }

    /// Whether the study has this objective.
    pub(super) fn has_objective(&self, objective: i64) -> bool {
        usize::try_from(objective).is_ok_and(|place| place < self.values.len())
    }

    /// Checks that the rows fit together, and returns the trial.
    pub(super) fn check(
        mut self,
        space: &SearchSpace,
        lease_until: Tick,
        strangers: &Strangers,
    ) -> Result<Trial, Fault> {
        let id = self.id;
        let wrong = |what: &str| Err(damaged("trials", id, what));

        self.trial.proposal = self.take_proposal(space, strangers)?;
        self.trial.curve.sort_unstable_by_key(|(step, _)| *step);
        self.trial.curve = self.trial.curve.as_slice().to_vec(); // Drops spare capacity.
        let curve = &self.trial.curve;
        if curve.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return wrong("a step has two intermediate values");
        }
        if self.trial.pruned_at.is_some_and(|at| self.trial.intermediate(at).is_none()) {
            return wrong("pruned_at is a step without an intermediate value");
        }
        if self.trial.retry_of.is_some_and(|failed| failed >= self.number) {
            return wrong("retry_of is no earlier trial");
        }
        let was_leased = self.trial.attempt.0 > 0;
        if was_leased != self.trial.started.is_some() {
            return wrong("datetime_start is there without a lease, or the other way round");
        }
        if was_leased && self.trial.proposal.is_none() {
            return wrong("it was leased without parameters");
        }
        if self.holder.is_some() != (self.stage == Stage::Running) {
            return wrong("it is RUNNING without an open lease, or the other way round");
        }
        let is_over = !matches!(self.stage, Stage::Waiting | Stage::Running);
        if is_over != self.finish_index.is_some() || is_over != self.trial.finished.is_some() {
            return wrong(
                "its state, finish_index and datetime_complete disagree on whether it is over",
            );
        }
        if self.attributes.len() != self.attribute_keys.len() {
            return wrong("a user attribute of its result is missing");
        }
        let result = match (self.stage, self.fail_reason) {
            (Stage::Waiting, ..) => return Ok(Trial { phase: Phase::Waiting, ..self.trial }),
            (Stage::Running, ..) => {
                let phase = Phase::Running(Lease {
                    session: self.holder.unwrap_or_default(),
                    deadline: lease_until,
                });
                return Ok(Trial { phase, ..self.trial });
            }
            (Stage::Complete, _) => {
                let finite =
                    self.values.iter().map(|value| value.filter(|value| value.is_finite()));
                match finite.collect::<Option<Vec<_>>>().map(Values::new) {
                    Some(Ok(values)) => TrialResult::Complete(values),
                    _ => return wrong("it is COMPLETE without a finite value for each objective"),
                }
            }
            (Stage::Pruned, _) => TrialResult::Pruned,
            (Stage::Fail, Some(reason)) => TrialResult::Fail(reason),
            (Stage::Fail, None) => return wrong("it is FAIL without a fail_reason"),
        };
        let phase =
            Phase::Finished(Outcome { result, attributes: self.attributes.into_iter().collect() });
        Ok(Trial { phase, ..self.trial })
    }

    /// The parameters, and what their proposal saw. Values of a trial that was never proposed, or
    /// of inactive parameters, come from another program.
    fn take_proposal(
        &mut self,
        space: &SearchSpace,
        strangers: &Strangers,
    ) -> Result<Option<Proposal>, Fault> {
        let wrong = |what: &str| Err(damaged("kindling_trials", self.id, what));
        let mut params = std::mem::take(&mut self.params);
        let Some((saw_finished, saw_proposed)) = self.saw.take() else {
            if params.iter().any(Option::is_some) {
                let what = "values in trial_params without a proposal";
                strangers.pass_over(damaged("kindling_trials", self.id, what))?;
            }
            return Ok(None);
        };
        for place in 0..params.len() {
            if params[place].is_some() && !space.is_active(place, &params) {
                let name = &space.params()[place].name;
                let what = format!("a value for `{name}`, which is not active in it");
                strangers.pass_over(damaged("trial_params of trial", self.id, what))?;
                params[place] = None;
            }
        }
        for (value, exact) in params.iter_mut().zip(self.exact_ints.iter().flatten()) {
            if exact.is_some() && value.map(encode::param) != exact.map(encode::param) {
                return wrong("exact_ints is not what trial_params has");
            }
            *value = exact.or(*value);
        }
        if !space.contains(&params) {
            return wrong("its parameters are not in the search space");
        }
        Ok(Some(Proposal { params, saw_finished, saw_proposed }))
    }
}
