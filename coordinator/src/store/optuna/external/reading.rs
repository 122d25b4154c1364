//! Collects the rows of external studies, and makes studies of them.

use std::collections::{BTreeMap, HashMap};

use kindling_study::external::{
    ExternalDistribution, ExternalStudy, ExternalTrial, NaiveTime, PythonJson, Scope,
};
use kindling_study::{Direction, Directions, StudyId, StudyName, TrialId, Wall};

use super::rows::{
    ExternalAttributeRow, ExternalIntermediateRow, ExternalParamRow, ExternalStudyRow,
    ExternalTrialRow, ExternalValueRow,
};
use crate::store::optuna::cell::word;
use crate::store::optuna::damage::{Damage, Place};
use crate::store::optuna::encode;
use crate::store::optuna::reading::number;
use crate::store::optuna::rows::DirectionRow;
use crate::store::optuna::strangers::Strangers;

/// The rows that were read so far. A store hands in one table after the other, in the order of the methods.
#[derive(Default)]
pub(in crate::store::optuna) struct ExternalReading {
    studies: BTreeMap<i64, Draft>,
    /// The study of each trial, and its place there.
    places: HashMap<i64, (i64, usize)>,
}

struct Draft {
    at: Place,
    name: StudyName,
    created: Wall,
    directions: BTreeMap<i64, Direction>,
    user_attributes: BTreeMap<Box<str>, PythonJson>,
    system_attributes: BTreeMap<Box<str>, PythonJson>,
    trials: Vec<ExternalTrial>,
    /// The distributions that were read last, by parameter: nearly all trials have the same.
    distributions: HashMap<Box<str>, ExternalDistribution>,
}

impl ExternalReading {
    pub(in crate::store::optuna) fn has_study(&self, id: i64) -> bool {
        self.studies.contains_key(&id)
    }

    pub(in crate::store::optuna) fn has_trial(&self, id: i64) -> bool {
        self.places.contains_key(&id)
    }

    pub(in crate::store::optuna) fn study(
        &mut self,
        row: &ExternalStudyRow<'_>,
    ) -> Result<(), Damage> {
        let name =
            StudyName::of_external(row.name).map_err(|error| row.at.wrong("study_name", error))?;
        let draft = Draft {
            at: row.at,
            name,
            created: Wall(row.created_at),
            directions: BTreeMap::new(),
            user_attributes: BTreeMap::new(),
            system_attributes: BTreeMap::new(),
            trials: Vec::new(),
            distributions: HashMap::new(),
        };
        self.studies.insert(row.at.id, draft);
        Ok(())
    }

    /// Takes the direction if its study is external.
    pub(in crate::store::optuna) fn direction(
        &mut self,
        row: &DirectionRow<'_>,
        direction: Direction,
    ) -> bool {
        let study = self.studies.get_mut(&row.study);
        study.map(|study| study.directions.insert(row.objective, direction)).is_some()
    }

    /// The trials of a study must come in the order of their numbers.
    pub(in crate::store::optuna) fn trial(
        &mut self,
        row: &ExternalTrialRow<'_>,
    ) -> Result<(), Damage> {
        let at = row.at;
        let study = self.studies.get_mut(&row.study);
        let Draft { trials, .. } = study.ok_or_else(|| at.damaged("its study is not external"))?;
        let due = trials.len();
        if row.number as usize != due || trials.last().is_some_and(|last| last.id.0 >= at.id) {
            let what =
                format!("its number is {}, but the next is {due}, with a larger id", row.number);
            return Err(at.damaged(what));
        }
        let date = |column, text: Option<&str>| -> Result<Option<NaiveTime>, Damage> {
            text.map(|text| word(at, column, text, encode::naive_from)).transpose()
        };
        trials.push(ExternalTrial {
            id: TrialId(at.id),
            state: word(at, "state", row.state, encode::trial_state_from)?,
            started: date("datetime_start", row.datetime_start)?,
            completed: date("datetime_complete", row.datetime_complete)?,
            ..ExternalTrial::running(NaiveTime(0))
        });
        self.places.insert(at.id, (row.study, due));
        Ok(())
    }

    pub(in crate::store::optuna) fn param(
        &mut self,
        row: &ExternalParamRow<'_>,
    ) -> Result<(), Damage> {
        let at = row.at;
        let (study, place) = self.of(at, row.trial)?;
        let known = study.distributions.get(row.name).filter(|d| d.as_str() == row.distribution);
        let distribution = if let Some(known) = known {
            known.clone()
        } else {
            let read = ExternalDistribution::parse(row.distribution);
            let read = read.map_err(|error| at.wrong("distribution_json", error))?;
            study.distributions.insert(row.name.into(), read.clone());
            read
        };
        if !distribution.has(row.value) {
            return Err(at.wrong("param_value", row.value));
        }
        study.trials[place].params.insert(row.name.into(), (row.value, distribution));
        Ok(())
    }

    /// The values of a trial must come in the order of the objectives.
    pub(in crate::store::optuna) fn value(
        &mut self,
        row: &ExternalValueRow<'_>,
    ) -> Result<(), Damage> {
        let at = row.at;
        let value = number(at, &row.number, "value_type")?;
        let (study, place) = self.of(at, row.trial)?;
        let values = &mut study.trials[place].values;
        let mut all = values.take().unwrap_or_default().into_vec();
        if row.objective != all.len() as i64 || value.is_nan() {
            return Err(at.damaged(format!("{value} for objective {}", row.objective)));
        }
        all.push(value);
        *values = Some(all.into());
        Ok(())
    }

    pub(in crate::store::optuna) fn intermediate(
        &mut self,
        row: &ExternalIntermediateRow<'_>,
    ) -> Result<(), Damage> {
        let value = number(row.at, &row.number, "intermediate_value_type")?;
        let (study, place) = self.of(row.at, row.trial)?;
        study.trials[place].intermediate.insert(row.step, value);
        Ok(())
    }

    /// An attribute that cannot be read is another program's, and is passed over.
    pub(in crate::store::optuna) fn study_attribute(
        &mut self,
        scope: Scope,
        row: ExternalAttributeRow<'_>,
        strangers: &mut Strangers,
    ) {
        let Some(study) = self.studies.get_mut(&row.owner) else { return };
        let attributes = match scope {
            Scope::User => &mut study.user_attributes,
            Scope::System => &mut study.system_attributes,
        };
        put(attributes, row, strangers);
    }

    /// The same for a trial's.
    pub(in crate::store::optuna) fn trial_attribute(
        &mut self,
        scope: Scope,
        row: ExternalAttributeRow<'_>,
        strangers: &mut Strangers,
    ) {
        let Ok((study, place)) = self.of(row.at, row.owner) else { return };
        let trial = &mut study.trials[place];
        let attributes = match scope {
            Scope::User => &mut trial.user_attributes,
            Scope::System => &mut trial.system_attributes,
        };
        put(attributes, row, strangers);
    }

    /// The newest ids of studies and trials.
    pub(in crate::store::optuna) fn newest(&self) -> (Option<i64>, Option<i64>) {
        (self.studies.last_key_value().map(|(id, _)| *id), self.places.keys().max().copied())
    }

    /// Checks that all rows fit together, and makes studies of them.
    pub(in crate::store::optuna) fn finish(
        self,
    ) -> Result<BTreeMap<StudyId, ExternalStudy>, Damage> {
        let finish = |(id, draft): (i64, Draft)| Ok((StudyId(id), draft.finish()?));
        self.studies.into_iter().map(finish).collect()
    }

    fn of(&mut self, at: Place, trial: i64) -> Result<(&mut Draft, usize), Damage> {
        let place = self.places.get(&trial);
        let found = place.and_then(|(study, place)| Some((self.studies.get_mut(study)?, *place)));
        found.ok_or_else(|| at.damaged(format!("there is no external trial {trial}")))
    }
}

impl Draft {
    fn finish(self) -> Result<ExternalStudy, Damage> {
        let in_order = self.directions.keys().copied().eq(0..self.directions.len() as i64);
        let directions = Directions::new(self.directions.into_values().collect::<Vec<_>>());
        let directions = directions.ok().filter(|_| in_order);
        let directions =
            directions.ok_or_else(|| self.at.damaged("study_directions lacks some"))?;
        let objectives = directions.as_slice().len();
        let odd = self
            .trials
            .iter()
            .find(|trial| trial.values.as_ref().is_some_and(|values| values.len() != objectives));
        if let Some(trial) = odd {
            let at = Place { table: "trials", id: trial.id.0 };
            return Err(at.damaged("it has values for some of its objectives only"));
        }
        let study = ExternalStudy::new(self.name, directions, self.created);
        Ok(study.restore(self.user_attributes, self.system_attributes, self.trials))
    }
}

fn put(
    attributes: &mut BTreeMap<Box<str>, PythonJson>,
    row: ExternalAttributeRow<'_>,
    strangers: &mut Strangers,
) {
    let ExternalAttributeRow { at, key, json, .. } = row;
    let read = json
        .and_then(|json| PythonJson::parse(json).map_err(|error| at.wrong("value_json", error)));
    match read {
        Ok(value) => _ = attributes.insert(key.into(), value),
        Err(damage) => strangers.pass_over(damage),
    }
}
