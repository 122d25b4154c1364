//! Collects the rows of a whole store, and makes studies of them. If a row of ours makes no sense,
//! the error names its table and id, and nothing is repaired. A row that none of ours needs comes
//! from another program: it is named in the log and skipped. If that row was once one of ours, the
//! check for missing rows will find it.

use std::collections::{BTreeMap, HashMap};

use kindling_study::external::{PythonJson, Scope};
use kindling_study::{
    Activities, Attempt, Json, LeaseEnd, Mark, OtherValue, Registry, RemarkKey, StudyId, StudySpec,
    Tick, TrialId, TrialNumber, Wall, WorkerId,
};

use super::cell::{json, word};
use super::damage::{Damage, Place};
use super::draft::{Draft, Stage};
use super::encode;
use super::external::{
    ExternalAttributeRow, ExternalIntermediateRow, ExternalParamRow, ExternalReading,
    ExternalStudyRow, ExternalTrialRow, ExternalValueRow,
};
use super::kept::{lease_end, resumed};
use super::rows::{
    AttributeRow, DirectionRow, IntermediateRow, LeaseRow, Number, OtherValueRow, ParamRow,
    ReasonRow, StudyRow, TrialRow, ValueRow,
};
use super::strangers::Strangers;
use super::study::StudyDraft;

/// The rows that were read so far. A store hands in one table after the other, in the order of the
/// methods.
#[derive(Default)]
pub(crate) struct Reading {
    studies: BTreeMap<i64, StudyDraft>,
    /// The study and number of each trial.
    places: HashMap<i64, (i64, TrialNumber)>,
    /// All trials of a worker share its id.
    workers: HashMap<String, WorkerId>,
    externals: ExternalReading,
    pub(super) activities: Activities,
    strangers: Strangers,
}

/// The counters in `kindling_meta`, if they are there.
pub(crate) struct NextIds {
    pub(crate) next_study_id: Option<i64>,
    pub(crate) next_trial_id: Option<i64>,
}

/// External studies. Their rows come first in each table.
impl Reading {
    pub(crate) fn external_study(&mut self, row: &ExternalStudyRow<'_>) -> Result<(), Damage> {
        self.externals.study(row)
    }

    pub(crate) fn external_trial(&mut self, row: &ExternalTrialRow<'_>) -> Result<(), Damage> {
        self.externals.trial(row)
    }

    pub(crate) fn external_param(&mut self, row: &ExternalParamRow<'_>) -> Result<(), Damage> {
        self.externals.param(row)
    }

    pub(crate) fn external_value(&mut self, row: &ExternalValueRow<'_>) -> Result<(), Damage> {
        self.externals.value(row)
    }

    pub(crate) fn external_intermediate(
        &mut self,
        row: &ExternalIntermediateRow<'_>,
    ) -> Result<(), Damage> {
        self.externals.intermediate(row)
    }

    pub(crate) fn study_attribute(&mut self, scope: Scope, row: ExternalAttributeRow<'_>) {
        self.externals.study_attribute(scope, row, &mut self.strangers);
    }

    pub(crate) fn trial_attribute(&mut self, scope: Scope, row: ExternalAttributeRow<'_>) {
        self.externals.trial_attribute(scope, row, &mut self.strangers);
    }
}

/// Our own.
impl Reading {
    pub(crate) fn study(&mut self, row: StudyRow<'_>) -> Result<(), Damage> {
        self.studies.insert(row.at.id, StudyDraft::new(row)?);
        Ok(())
    }

    pub(crate) fn direction(&mut self, row: &DirectionRow<'_>) -> Result<(), Damage> {
        let direction = word(row.at, "direction", row.direction, encode::direction_from)?;
        if self.externals.direction(row, direction) {
            return Ok(());
        }
        let study = self.studies.get_mut(&row.study);
        match study.and_then(|study| study.direction_of(row.objective)) {
            Some(place) => *place = Some(direction),
            None => self.strangers.pass_over(row.at.damaged("of no study's objective")),
        }
        Ok(())
    }

    /// The trials of a study must come in the order of their numbers.
    pub(crate) fn trial(&mut self, row: TrialRow<'_>) -> Result<(), Damage> {
        let TrialRow { at, study: id, number, .. } = row;
        let Some(study) = self.studies.get_mut(&id) else {
            return Err(at.damaged(format!("there is no study {id}")));
        };
        let due = study.trials.len();
        if number as usize != due {
            let what = format!("its number is {number}, but the next of study {id} is {due}");
            return Err(at.damaged(what));
        }
        self.places.insert(at.id, (id, TrialNumber(number)));
        study.trials.push(Draft::of(row, &study.spec)?);
        Ok(())
    }

    pub(crate) fn lease(&mut self, row: &LeaseRow<'_>) -> Result<(), Damage> {
        let LeaseRow { at, attempt, lost_before, .. } = *row;
        if lost_before >= attempt {
            let what = format!("attempt {attempt} cannot follow {lost_before} lost ones");
            return Err(at.damaged(what));
        }
        let worker = self.worker(at, row.worker)?;
        let (_, draft) = self.of(at, at.id)?;
        draft.trial.worker = Some(worker);
        draft.trial.attempt = Attempt(attempt);
        draft.trial.losses = lost_before;
        draft.trial.mark = row.mark.map(Mark::new);
        draft.trial.leased = Some(Wall(row.leased_at));
        draft.trial.resumed = resumed(at, row.resumed)?;
        if row.ended.is_some() != row.ended_at.is_some() {
            return Err(at.damaged("ended is there without ended_at, or the other way round"));
        }
        if let Some((end, ended_at)) = row.ended.and_then(lease_end).zip(row.ended_at) {
            draft.trial.losses += u32::from(end == LeaseEnd::Expired);
            draft.note_ended(end, Wall(ended_at));
            return Ok(());
        }
        match row.ended {
            None if draft.trial.mark.is_none() => {
                return Err(at.damaged("an open lease without a mark"));
            }
            None => draft.holder = Some(row.session.cast_unsigned()),
            Some("FINISHED") => {}
            Some(word) => return Err(at.damaged(format!("ended: `{word}`"))),
        }
        Ok(())
    }

    /// A row that fits no trial, or that cannot be read, is skipped. If it once belonged to a trial,
    /// the trial's check will miss it.
    pub(crate) fn param(&mut self, row: Result<ParamRow<'_>, Damage>) {
        if row.as_ref().is_ok_and(|row| self.externals.has_trial(row.trial)) {
            return;
        }
        if let Err(damage) = row.and_then(|row| self.take_param(&row)) {
            self.strangers.pass_over(damage);
        }
    }

    fn take_param(&mut self, row: &ParamRow<'_>) -> Result<(), Damage> {
        let ParamRow { at, name, value, .. } = *row;
        let (spec, draft) = self.of(at, row.trial)?;
        let Some(place) = spec.space.position(name) else {
            return Err(at.damaged(format!("the study has no parameter `{name}`")));
        };
        let distribution = &spec.space.params()[place].distribution;
        let read = encode::param_from(value, distribution);
        let read = read.ok_or_else(|| at.damaged(format!("{value} is not in {distribution}")))?;
        draft.params[place] = Some(read);
        Ok(())
    }

    pub(crate) fn intermediate(&mut self, row: &IntermediateRow<'_>) -> Result<(), Damage> {
        if self.externals.has_trial(row.trial) {
            return Ok(());
        }
        let IntermediateRow { at, step, .. } = *row;
        let step = u64::try_from(step).map_err(|_| at.damaged(format!("step {step}")))?;
        let value = number(at, &row.number, "intermediate_value_type")?;
        self.of(at, row.trial)?.1.trial.curve.push((step, value));
        Ok(())
    }

    pub(crate) fn other_value(&mut self, row: &OtherValueRow) -> Result<(), Damage> {
        let OtherValueRow { at, step, objective, value } = *row;
        let step = u64::try_from(step).map_err(|_| at.damaged(format!("step {step}")))?;
        let (spec, draft) = self.of(at, at.id)?;
        let place = usize::from(objective);
        if place >= spec.directions.as_slice().len() || place == spec.metrics.pruner_objective {
            return Err(at.damaged(format!("an intermediate value for objective {objective}")));
        }
        draft.trial.other_values.push(OtherValue { step, objective, value });
        Ok(())
    }

    pub(crate) fn value(&mut self, row: ValueRow<'_>) -> Result<(), Damage> {
        if self.externals.has_trial(row.trial) {
            return Ok(());
        }
        let ValueRow { at, objective, .. } = row;
        let value = self.of(at, row.trial).and_then(|(_, draft)| {
            let what = || at.damaged(format!("a value for objective {objective}"));
            draft.value_of(objective).ok_or_else(what)
        });
        match value {
            Ok(value) => *value = Some(number(at, &row.number?, "value_type")?),
            Err(damage) => self.strangers.pass_over(damage),
        }
        Ok(())
    }

    pub(crate) fn reason(&mut self, row: ReasonRow<'_>) -> Result<(), Damage> {
        match self.find(row.trial) {
            Some((_, draft)) if draft.stage == Stage::Fail => {
                draft.fail_reason = Some(json(row.at, "value_json", row.json?)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes only the attributes of results. All others may be attached by anybody.
    pub(crate) fn attribute(&mut self, row: AttributeRow<'_>) -> Result<(), Damage> {
        let Some((_, draft)) = self.find(row.trial) else { return Ok(()) };
        if let Some(key) = draft.attribute_keys.iter().find(|key| *key == row.key) {
            let json = Json::parse(row.json?).map_err(|e| row.at.wrong("value_json", e))?;
            draft.attributes.push((key.clone(), json));
        }
        Ok(())
    }

    /// Takes notes and tags, after the trials. optuna-dashboard may have written them, and anybody may have attached
    /// anything else. What could not be written as it is here is passed over.
    pub(crate) fn remark(&mut self, row: ExternalAttributeRow<'_>) {
        let Some(key) = RemarkKey::parse(row.key) else { return };
        let of = |trial: TrialId| self.places.get(&trial.0).is_some_and(|(of, _)| *of == row.owner);
        let is_known = key.trial.is_none_or(of);
        let Some(study) = self.studies.get_mut(&row.owner).filter(|_| is_known) else { return };
        let read = row.json.and_then(|text| {
            let value =
                PythonJson::parse(text).map_err(|error| row.at.wrong("value_json", error))?;
            key.check(&value).map_err(|error| row.at.wrong("value_json", error))?;
            Ok(value)
        });
        match read {
            Ok(value) => study.remarks.push((row.key.into(), value)),
            Err(damage) => self.strangers.pass_over(damage),
        }
    }

    /// Checks that all rows fit together, and makes studies of them. Open leases end at
    /// `lease_until`.
    pub(crate) fn finish(self, next: &NextIds, lease_until: Tick) -> Result<Registry, Damage> {
        let Self { studies, places, mut strangers, externals, activities, .. } = self;
        if let Some(id) = studies.keys().find(|id| externals.has_study(**id)) {
            return Err(Damage::at(
                "kindling_external_studies",
                id,
                "it is in kindling_studies, too",
            ));
        }
        let (external_study, external_trial) = externals.newest();
        let newest_study = studies.last_key_value().map(|(id, _)| *id).max(external_study);
        let newest_trial = places.into_keys().max().max(external_trial);
        let mut restored = BTreeMap::new();
        for (id, study) in studies {
            restored.insert(StudyId(id), study.finish(lease_until, &mut strangers)?);
        }
        let next_study = counter("next_study_id", next.next_study_id, newest_study)?;
        let next_trial = counter("next_trial_id", next.next_trial_id, newest_trial)?;
        let externals = externals.finish()?;
        strangers.tell();
        let (next_study, next_trial) = (StudyId(next_study), TrialId(next_trial));
        let registry = Registry::restore(restored, externals, next_study, next_trial);
        Ok(registry.with_activities(activities))
    }

    /// Whether there is such a study, of either kind.
    pub(super) fn has_study(&self, id: i64) -> bool {
        self.studies.contains_key(&id) || self.externals.has_study(id)
    }

    /// The trial that a row belongs to, and the spec of its study.
    pub(super) fn of(&mut self, at: Place, trial: i64) -> Result<(&StudySpec, &mut Draft), Damage> {
        self.find(trial).ok_or_else(|| at.damaged(format!("there is no trial {trial}")))
    }

    pub(super) fn study_of(&mut self, id: i64) -> Option<&mut StudyDraft> {
        self.studies.get_mut(&id)
    }

    fn find(&mut self, trial: i64) -> Option<(&StudySpec, &mut Draft)> {
        let (study, number) = self.places.get(&trial)?;
        let StudyDraft { spec, trials, .. } = self.studies.get_mut(study)?;
        Some((spec, trials.get_mut(number.index())?))
    }

    pub(super) fn worker(&mut self, at: Place, name: &str) -> Result<WorkerId, Damage> {
        if let Some(known) = self.workers.get(name) {
            return Ok(known.clone());
        }
        let worker = WorkerId::new(name).map_err(|error| at.damaged(error))?;
        self.workers.insert(name.to_owned(), worker.clone());
        Ok(worker)
    }
}

/// Checks a counter, which must be above every id there is.
fn counter(key: &str, next: Option<i64>, newest: Option<i64>) -> Result<i64, Damage> {
    // The upper bound leaves room to count on.
    next.filter(|next| (newest.unwrap_or(0) + 1..1 << 62).contains(next)).ok_or_else(|| {
        let what = format!("{next:?}, where the newest id is {newest:?}");
        Damage::at("kindling_meta", key, what)
    })
}

pub(super) fn number(
    at: Place,
    Number { value, kind }: &Number<'_>,
    column: &str,
) -> Result<f64, Damage> {
    word(at, column, kind, |kind| encode::float_from(*value, kind))
}
