//! Decisions on an external study: what Optuna's storages answer to each of their calls.

use super::distribution::ExternalDistribution;
use super::event::{ExternalEvent, Scope};
use super::python_json::PythonJson;
use super::rules;
use super::study::ExternalStudy;
use super::trial::{ExternalTrial, NaiveTime, TrialState};
use crate::ids::TrialNumber;
use crate::refusal::Refusal;
use crate::remarks::{self, Annotation, RemarkKey};
use crate::space::unsigned_zero;

/// Events to apply, and the answer; or a refusal, which changes nothing.
pub type Decided<R> = Result<(Vec<ExternalEvent>, R), Refusal>;

impl ExternalStudy {
    /// Sets an attribute of the study.
    pub fn set_attribute(&self, scope: Scope, key: &str, value: PythonJson) -> Decided<()> {
        Ok((vec![self.set(scope, key.into(), value)], ()))
    }

    /// Changes what people wrote about the study, or about one of its trials, in whatever state that is.
    pub fn annotate(&self, number: Option<TrialNumber>, wanted: &Annotation) -> Decided<()> {
        let trial = number.map(|number| self.trial(number).map(|trial| trial.id)).transpose()?;
        let attributes = self.attributes(Scope::System);
        let puts = remarks::annotate(attributes, self.remark_bytes, trial, wanted)?;
        let set = |(key, value)| self.set(Scope::System, key, value);
        Ok((puts.into_iter().map(set).collect(), ()))
    }

    fn set(&self, scope: Scope, key: Box<str>, value: PythonJson) -> ExternalEvent {
        let remark = RemarkKey::parse(&key).filter(|_| scope == Scope::System);
        let of = remark.and_then(|remark| self.place_of(remark.trial?));
        ExternalEvent::AttributeSet { scope, key, value, of }
    }

    /// Adds a trial, perhaps with all that it has. Its id is given to it later.
    pub fn add_trial(&self, mut trial: Box<ExternalTrial>) -> Decided<TrialNumber> {
        if let Some(values) = &mut trial.values {
            self.check_values(values)?;
            values.iter_mut().for_each(|value| *value = unsigned_zero(*value));
        }
        for (name, (value, distribution)) in &mut trial.params {
            check_param(name, *value, distribution)?;
            *value = unsigned_zero(*value);
        }
        trial.intermediate.values_mut().for_each(|value| *value = unsigned_zero(*value));
        let number = self.next_number();
        Ok((vec![ExternalEvent::TrialAdded { number, trial }], number))
    }

    /// Sets a parameter of a trial that is not over. Its distribution must be compatible with the one that the study
    /// used before.
    pub fn set_param(
        &self,
        number: TrialNumber,
        name: &str,
        value: f64,
        distribution: ExternalDistribution,
    ) -> Decided<()> {
        self.unfinished(number)?;
        if let Some(known) = self.space().newest(name) {
            known.allows(&distribution).map_err(|why| wrong_param(name, &why.to_string()))?;
        }
        check_param(name, value, &distribution)?;
        let value = unsigned_zero(value);
        Ok((vec![ExternalEvent::ParamSet { number, name: name.into(), value, distribution }], ()))
    }

    /// Sets the state of a trial that is not over, and its values if there are some. Only one of those who want to run
    /// a waiting trial gets it: the others are answered `false`.
    pub fn set_state(
        &self,
        number: TrialNumber,
        state: TrialState,
        mut values: Option<Box<[f64]>>,
        at: NaiveTime,
    ) -> Decided<bool> {
        let trial = self.unfinished(number)?;
        if state == TrialState::Running && !rules::may_be_taken(trial) {
            return Ok((Vec::new(), false));
        }
        if let Some(values) = &mut values {
            self.check_values(values)?;
            values.iter_mut().for_each(|value| *value = unsigned_zero(*value));
        }
        Ok((vec![ExternalEvent::StateSet { number, state, values, at }], true))
    }

    /// Sets the intermediate value of a step.
    pub fn set_intermediate(&self, number: TrialNumber, step: i64, value: f64) -> Decided<()> {
        self.unfinished(number)?;
        let value = unsigned_zero(value);
        Ok((vec![ExternalEvent::IntermediateSet { number, step, value }], ()))
    }

    /// Sets an attribute of a trial that is not over.
    pub fn set_trial_attribute(
        &self,
        number: TrialNumber,
        scope: Scope,
        key: &str,
        value: PythonJson,
    ) -> Decided<()> {
        self.unfinished(number)?;
        let key = key.into();
        Ok((vec![ExternalEvent::TrialAttributeSet { number, scope, key, value }], ()))
    }

    fn unfinished(&self, number: TrialNumber) -> Result<&ExternalTrial, Refusal> {
        let trial = self.trial(number)?;
        if rules::is_closed(trial) {
            return Err(Refusal::TrialIsOver(number));
        }
        Ok(trial)
    }

    fn check_values(&self, values: &[f64]) -> Result<(), Refusal> {
        let objectives = self.directions().as_slice().len();
        if values.len() != objectives {
            return Err(Refusal::OtherValues { objectives, values: values.len() });
        }
        if values.iter().any(|value| value.is_nan()) {
            return Err(Refusal::NoNumber);
        }
        Ok(())
    }
}

fn check_param(name: &str, value: f64, distribution: &ExternalDistribution) -> Result<(), Refusal> {
    if distribution.has(value) {
        return Ok(());
    }
    Err(wrong_param(name, &format!("{value} is no value of {}", distribution.as_str())))
}

fn wrong_param(name: &str, why: &str) -> Refusal {
    Refusal::WrongParam { name: name.to_owned(), why: why.to_owned() }
}
