//! Optuna's journal file: one JSON object a line, each an operation that Optuna's storages replay. Operations that were
//! refused when they were written, since somebody else was first, are refused again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kindling_study::external::{
    Decided, ExternalDistribution, ExternalStudy, ExternalTrial, NaiveTime, PythonJson,
    PythonValue, Scope, TrialState,
};
use kindling_study::{
    Direction, Directions, Registry, StudyId, StudyName, TrialId, TrialNumber, Wall,
};

use super::error::{Location, StoreError};
use crate::naive_time;

/// The longest line.
const LINE: u64 = 64 << 20;

/// The studies of the journal; `None` if it is none.
pub(super) fn read(path: &Path) -> Result<Option<Registry>, StoreError> {
    let location = || Location::from(path);
    let io =
        |error: std::io::Error| StoreError::Failed { location: location(), source: error.into() };
    let mut lines = BufReader::new(File::open(path).map_err(io)?);
    let mut journal = Journal::default();
    for number in 1_u64.. {
        let mut line = Vec::new();
        std::io::Read::take(&mut lines, LINE).read_until(b'\n', &mut line).map_err(io)?;
        // Somebody may be writing the last one.
        if line.last() != Some(&b'\n') {
            break;
        }
        let text =
            str::from_utf8(&line).ok().and_then(|text| PythonJson::parse(text.trim_end()).ok());
        let is_one = text.as_ref().is_some_and(|text| text.value().get("op_code").is_some());
        let taken = match text.filter(|_| is_one) {
            None if number == 1 => return Ok(None),
            None => Err(Odd("it is no operation".to_owned())),
            Some(text) => journal.take(&text.value()),
        };
        taken.map_err(|Odd(what)| {
            let found = format!("line {number} of Optuna's journal: {what}");
            StoreError::Damaged { location: location(), found }
        })?;
    }
    Ok((journal.created > 0).then(|| journal.finish()))
}

/// What is wrong with an operation.
struct Odd(String);

/// Ids in a journal count from 0, ours from 1.
#[derive(Default)]
struct Journal {
    studies: BTreeMap<StudyId, ExternalStudy>,
    created: i64,
    /// The study and number of each trial.
    trials: Vec<Option<(StudyId, TrialNumber)>>,
}

impl Journal {
    fn finish(self) -> Registry {
        let next_trial = TrialId(self.trials.len() as i64 + 1);
        Registry::restore(BTreeMap::new(), self.studies, StudyId(self.created + 1), next_trial)
    }

    /// Carries out an operation.
    fn take(&mut self, of: &PythonValue) -> Result<(), Odd> {
        match whole(of, "op_code")? {
            0 => self.create_study(of),
            1 => {
                self.studies.remove(&study_id(of)?);
                Ok(())
            }
            2 => self.set_attribute(of, Scope::User, "user_attr"),
            3 => self.set_attribute(of, Scope::System, "system_attr"),
            4 => self.create_trial(of),
            5 => {
                let (name, value) = (text(of, "param_name")?, number(of, "param_value_internal")?);
                let distribution = distribution(text(of, "distribution")?)?;
                self.change(of, |study, trial| study.set_param(trial, name, value, distribution))
            }
            6 => self.set_state(of),
            7 => {
                let (step, value) = (whole(of, "step")?, number(of, "intermediate_value")?);
                self.change(of, |study, trial| study.set_intermediate(trial, step, value))
            }
            8 => self.set_trial_attribute(of, Scope::User, "user_attr"),
            9 => self.set_trial_attribute(of, Scope::System, "system_attr"),
            // Optuna passes over it, too.
            10 => Ok(()),
            other => Err(Odd(format!("operation {other} is unknown"))),
        }
    }

    fn create_study(&mut self, of: &PythonValue) -> Result<(), Odd> {
        let name = StudyName::of_external(text(of, "study_name")?);
        let name = name.map_err(|error| Odd(error.to_string()))?;
        if self.studies.values().any(|study| *study.name() == name) {
            return Ok(());
        }
        let Some(PythonValue::List(directions)) = of.get("directions") else {
            return Err(Odd("it has no directions".to_owned()));
        };
        let directions = directions.iter().map(|direction| match direction {
            PythonValue::Int(2) => Direction::Maximize,
            _ => Direction::Minimize,
        });
        let directions = Directions::new(directions.collect::<Vec<_>>());
        let directions = directions.map_err(|error| Odd(error.to_string()))?;
        self.created += 1;
        let study = ExternalStudy::new(name, directions, Wall(0));
        self.studies.insert(StudyId(self.created), study);
        Ok(())
    }

    fn set_attribute(&mut self, of: &PythonValue, scope: Scope, field: &str) -> Result<(), Odd> {
        let Some(study) = self.studies.get_mut(&study_id(of)?) else { return Ok(()) };
        for (key, value) in entries(of, field) {
            let decided = study.set_attribute(scope, key, json(value)?);
            apply(study, decided, TrialId(0));
        }
        Ok(())
    }

    fn create_trial(&mut self, of: &PythonValue) -> Result<(), Odd> {
        let id = study_id(of)?;
        let Some(study) = self.studies.get_mut(&id) else { return Ok(()) };
        let mut trial = ExternalTrial {
            state: of.get("state").map_or(Ok(TrialState::Running), state)?,
            values: values(of),
            started: time(of, "datetime_start")?,
            completed: time(of, "datetime_complete")?,
            ..ExternalTrial::running(NaiveTime(0))
        };
        for (name, told) in entries(of, "distributions") {
            let PythonValue::Str(told) = told else { return Err(Odd(format!("`{name}`"))) };
            let value = of.get("params").and_then(|params| params.get(name));
            let value =
                value.and_then(PythonValue::number).ok_or_else(|| Odd(format!("`{name}`")))?;
            trial.params.insert(name.into(), (value, distribution(told)?));
        }
        for (field, into) in [
            ("user_attrs", &mut trial.user_attributes),
            ("system_attrs", &mut trial.system_attributes),
        ] {
            for (key, value) in entries(of, field) {
                into.insert(key.into(), json(value)?);
            }
        }
        for (step, value) in entries(of, "intermediate_values") {
            let step = step.parse().map_err(|_| Odd(format!("step `{step}`")))?;
            trial.intermediate.insert(step, value.number().unwrap_or(f64::NAN));
        }
        let decided = study.add_trial(Box::new(trial));
        let place = apply(study, decided, TrialId(self.trials.len() as i64 + 1));
        self.trials.push(place.map(|number| (id, number)));
        Ok(())
    }

    fn set_state(&mut self, of: &PythonValue) -> Result<(), Odd> {
        let state = state(of.get("state").unwrap_or(&PythonValue::None))?;
        let field =
            if state == TrialState::Running { "datetime_start" } else { "datetime_complete" };
        let at = time(of, field)?.unwrap_or(NaiveTime(0));
        self.change(of, |study, trial| study.set_state(trial, state, values(of), at))
    }

    fn set_trial_attribute(
        &mut self,
        of: &PythonValue,
        scope: Scope,
        field: &str,
    ) -> Result<(), Odd> {
        for (key, value) in entries(of, field) {
            let value = json(value)?;
            self.change(of, |study, trial| study.set_trial_attribute(trial, scope, key, value))?;
        }
        Ok(())
    }

    /// Changes the trial that the operation names, if it still may.
    fn change<R>(
        &mut self,
        of: &PythonValue,
        decide: impl FnOnce(&ExternalStudy, TrialNumber) -> Decided<R>,
    ) -> Result<(), Odd> {
        let place = usize::try_from(whole(of, "trial_id")?).ok();
        let known = place.and_then(|place| self.trials.get(place)).copied().flatten();
        let Some((id, number)) = known else { return Ok(()) };
        if let Some(study) = self.studies.get_mut(&id) {
            let decided = decide(study, number);
            apply(study, decided, TrialId(0));
        }
        Ok(())
    }
}

fn apply<R>(study: &mut ExternalStudy, decided: Decided<R>, next_trial: TrialId) -> Option<R> {
    let (events, reply) = decided.ok()?;
    for event in &events {
        study.apply(event, next_trial);
    }
    Some(reply)
}

fn study_id(of: &PythonValue) -> Result<StudyId, Odd> {
    Ok(StudyId(whole(of, "study_id")?.saturating_add(1)))
}

fn whole(of: &PythonValue, field: &str) -> Result<i64, Odd> {
    match of.get(field) {
        Some(PythonValue::Int(value)) => Ok(*value),
        _ => Err(Odd(format!("`{field}` is no whole number"))),
    }
}

fn number(of: &PythonValue, field: &str) -> Result<f64, Odd> {
    let number = of.get(field).and_then(PythonValue::number);
    number.ok_or_else(|| Odd(format!("`{field}` is no number")))
}

fn text<'a>(of: &'a PythonValue, field: &str) -> Result<&'a str, Odd> {
    match of.get(field) {
        Some(PythonValue::Str(text)) => Ok(text),
        _ => Err(Odd(format!("`{field}` is no text"))),
    }
}

fn entries<'a>(
    of: &'a PythonValue,
    field: &str,
) -> impl Iterator<Item = (&'a str, &'a PythonValue)> {
    let entries = match of.get(field) {
        Some(PythonValue::Table(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(key, value)| (key.as_str(), value))
}

fn state(of: &PythonValue) -> Result<TrialState, Odd> {
    Ok(match of {
        PythonValue::Int(0) => TrialState::Running,
        PythonValue::Int(1) => TrialState::Complete,
        PythonValue::Int(2) => TrialState::Pruned,
        PythonValue::Int(3) => TrialState::Fail,
        PythonValue::Int(4) => TrialState::Waiting,
        other => return Err(Odd(format!("state {other:?}"))),
    })
}

/// A template has one value or several.
fn values(of: &PythonValue) -> Option<Box<[f64]>> {
    if let Some(PythonValue::List(values)) = of.get("values") {
        return values.iter().map(PythonValue::number).collect();
    }
    Some([of.get("value")?.number()?].into())
}

fn distribution(text: &str) -> Result<ExternalDistribution, Odd> {
    ExternalDistribution::parse(text).map_err(|error| Odd(error.to_string()))
}

fn json(value: &PythonValue) -> Result<PythonJson, Odd> {
    PythonJson::parse(&value.to_text()).map_err(|error| Odd(error.to_string()))
}

/// A time of day here. Journals have it with an offset, or already so.
fn time(of: &PythonValue, field: &str) -> Result<Option<NaiveTime>, Odd> {
    let Some(PythonValue::Str(text)) = of.get(field) else { return Ok(None) };
    let local = match text.parse::<Timestamp>() {
        Ok(at) => TimeZone::system().to_datetime(at),
        Err(_) => text.parse::<DateTime>().map_err(|error| Odd(format!("`{field}`: {error}")))?,
    };
    let at = naive_time::naive(local);
    at.map(Some).ok_or_else(|| Odd(format!("`{field}`: `{text}` is no time that Python knows")))
}
