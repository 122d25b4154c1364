//! A trial while its rows are collected, and the check that they fit together.

use kindling_study::{
    Confirmation, Json, Lease, Outcome, ParamValue, Params, Phase, Proposal, SearchSpace,
    StudySpec, Tick, Trial, TrialId, TrialNumber, TrialResult, Values,
};

use super::cell::{datetime, json_or_null, word};
use super::damage::{Damage, Place};
use super::encode;
use super::rows::TrialRow;
use super::strangers::Strangers;

pub(super) struct Draft {
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
    /// As its row has them; nothing if it has none.
    pub(super) constraints: Box<[f64]>,
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
    /// A trial as far as its own two rows describe it.
    pub(super) fn of(row: TrialRow<'_>, spec: &StudySpec) -> Result<Self, Damage> {
        let (at, space) = (row.at, &spec.space);
        let (number, id) = (TrialNumber(row.number), TrialId(row.at.id));
        let values = |column: &str, text: Option<&str>| {
            let read = text.map(|text| encode::fixed_from(space, text)).transpose();
            read.map_err(|what| at.wrong(column, what))
        };
        let fixed = values("fixed", row.fixed)?.unwrap_or_else(|| space.nothing());
        let exact_ints = values("exact_ints", row.exact_ints)?;
        let stage = word(at, "state", row.state, Stage::from_word)?;
        let mut trial = Trial::waiting(id, fixed);
        trial.started = datetime(at, "datetime_start", row.datetime_start)?;
        trial.finished = datetime(at, "datetime_complete", row.datetime_complete)?;
        trial.retry_of = row.retry_of.map(TrialNumber);
        trial.request = row.request;
        trial.warm_start = row.warm_start.map(TrialNumber);
        let pruned_at = row.pruned_at.map(u64::try_from).transpose();
        trial.pruned_at = pruned_at.map_err(|error| at.wrong("pruned_at", error))?;
        let (of, seed) = (row.confirms_of, row.confirms_seed);
        if of.is_some() != seed.is_some() {
            let what = "it confirms a trial under no seed, or the other way round";
            return Err(at.wrong("confirms_of", what));
        }
        trial.confirms = of.zip(seed).map(|(of, seed)| Confirmation { of: TrialNumber(of), seed });
        let keys = json_or_null(at, "attributes", row.attributes)?;
        let attribute_keys: Box<[String]> = keys.unwrap_or_default();
        let constraints = json_or_null(at, "constraints", row.constraints)?;
        Ok(Self {
            number,
            stage,
            trial,
            params: space.nothing(),
            exact_ints,
            saw: row.saw_finished.zip(row.saw_proposed),
            holder: None,
            finish_index: row.finish_index,
            values: vec![None; spec.directions.as_slice().len()].into(),
            fail_reason: None,
            constraints: constraints.unwrap_or_default(),
            attributes: Vec::with_capacity(attribute_keys.len()),
            attribute_keys,
        })
    }

    /// Its row in one of the tables by `trial_id`.
    pub(super) fn place(&self, table: &'static str) -> Place {
        Place { table, id: self.trial.id.0 }
    }

    /// Where the value of this objective goes, if the study has it.
    pub(super) fn value_of(&mut self, objective: i64) -> Option<&mut Option<f64>> {
        self.values.get_mut(usize::try_from(objective).ok()?)
    }

    /// Checks that the rows fit together, and returns the trial.
    pub(super) fn check(
        mut self,
        spec: &StudySpec,
        lease_until: Tick,
        strangers: &mut Strangers,
    ) -> Result<Trial, Damage> {
        let at = self.place("trials");
        let wrong = |what: &str| Err(at.damaged(what));

        self.trial.proposal = self.take_proposal(&spec.space, strangers)?;
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
        self.check_others()?;
        self.check_kept(spec)?;
        self.check_constraints(spec)?;
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
        let attributes = self.attributes.into_iter().collect();
        let phase = Phase::Finished(Outcome { result, constraints: self.constraints, attributes });
        Ok(Trial { phase, ..self.trial })
    }

    /// Intermediate values of other objectives stand beside those of the pruner's.
    fn check_others(&mut self) -> Result<(), Damage> {
        let wrong = |what: &str| Err(self.place("trials").damaged(what));
        let others = &self.trial.other_values;
        if others.iter().any(|other| !other.value.is_finite()) {
            return wrong("kindling_other_values has no finite number");
        }
        if others.iter().any(|other| self.trial.intermediate(other.step).is_none()) {
            return wrong("kindling_other_values has a step without an intermediate value");
        }
        // A copy, without spare capacity.
        let mut others = others.as_slice().to_vec();
        others.sort_unstable_by_key(|other| (other.step, other.objective));
        self.trial.other_values = others;
        Ok(())
    }

    /// Completed trials say all constraints, pruned ones all or none, others none.
    fn check_constraints(&self, spec: &StudySpec) -> Result<(), Damage> {
        let told = self.constraints.len();
        let is_all = told == spec.metrics.constraints.len();
        let fits = match self.stage {
            Stage::Waiting | Stage::Running | Stage::Fail => told == 0,
            Stage::Complete => is_all,
            Stage::Pruned => is_all || told == 0,
        };
        if !fits || self.constraints.iter().any(|value| !value.is_finite()) {
            let what = "constraints is not one finite number for each of the study's";
            return Err(self.place("kindling_trials").damaged(what));
        }
        Ok(())
    }

    /// The parameters, and what their proposal saw. Values of a trial that was never proposed, or
    /// of inactive parameters, come from another program.
    fn take_proposal(
        &mut self,
        space: &SearchSpace,
        strangers: &mut Strangers,
    ) -> Result<Option<Proposal>, Damage> {
        let at = self.place("kindling_trials");
        let wrong = |what: &str| Err(at.damaged(what));
        let mut params = std::mem::take(&mut self.params);
        let Some((saw_finished, saw_proposed)) = self.saw.take() else {
            if params.iter().any(Option::is_some) {
                strangers.pass_over(at.damaged("values in trial_params without a proposal"));
            }
            return Ok(None);
        };
        for place in 0..params.len() {
            if params[place].is_some() && !space.is_active(place, &params) {
                let name = &space.params()[place].name;
                let what = format!("a value for `{name}`, which is not active in it");
                strangers.pass_over(self.place("trial_params of trial").damaged(what));
                params[place] = None;
            }
        }
        for (value, exact) in params.iter_mut().zip(self.exact_ints.iter().flatten()) {
            if exact.is_some()
                && value.map(ParamValue::as_number) != exact.map(ParamValue::as_number)
            {
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
