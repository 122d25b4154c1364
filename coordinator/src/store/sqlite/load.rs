//! Reads the whole store. If a row of ours makes no sense, the error names its table and id, and
//! nothing is repaired. A row that none of ours needs comes from another program: it is named in
//! the log and skipped. If that row was once one of ours, the check for missing rows will find it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use kindling_study::{
    Attempt, ConfirmSpec, Confirmation, Json, Mark, Registry, Study, StudyId, StudySpec,
    StudyState, Tick, Trial, TrialId, TrialNumber, Wall, WorkerId,
};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;

use super::draft::{Draft, Stage};
use super::encode;
use super::fault::{Fault, damaged};
use super::history;
use super::strangers::Strangers;

pub(super) fn registry(conn: &mut Connection, lease_until: Tick) -> Result<Registry, Fault> {
    let snapshot = conn.transaction()?;
    let strangers = Strangers::default();
    let loader = Loader { conn: &snapshot, strangers: &strangers };
    let studies = loader.studies()?;
    let mut trials = loader.trials(&studies)?;
    loader.leases(&mut trials)?;
    loader.params(&studies, &mut trials)?;
    loader.curves(&mut trials)?;
    loader.values(&mut trials)?;
    loader.fail_reasons(&mut trials)?;
    loader.attributes(&mut trials)?;

    let mut restored = BTreeMap::new();
    for (id, study) in studies {
        let drafts = trials.drafts.remove(&id).unwrap_or_default();
        let finish_order = finish_order(&drafts)?;
        check_proposals(&drafts, finish_order.len())?;
        let count = drafts.len();
        // Not `collect`: that would reuse the drafts' memory, which is several times as large.
        let mut trials = Vec::with_capacity(count);
        for draft in drafts {
            let space = &study.spec.space;
            let id = draft.id;
            let trial = draft.check(space, lease_until, &strangers)?;
            if let Some(Confirmation { of, .. }) = trial.confirms
                && !trials.get(of.index()).is_some_and(can_be_confirmed)
            {
                let what =
                    format!("it confirms trial {of}, which is none of the search with a value");
                return Err(damaged("kindling_trials", id, what));
            }
            trials.push(trial);
        }
        let StudyRow { spec, state, pause_reason, budget, confirm, created, .. } = study;
        let study = Study::restore(spec, state, budget, confirm, created, trials, finish_order);
        restored.insert(StudyId(id), study.paused_because(pause_reason));
    }
    let newest_study = restored.last_key_value().map(|(id, _)| id.0);
    let next_study = StudyId(loader.counter("next_study_id", newest_study)?);
    let next_trial = TrialId(loader.counter("next_trial_id", trials.places.into_keys().max())?);
    history::read(&snapshot)?;
    strangers.tell();
    Ok(Registry::restore(restored, next_study, next_trial))
}

struct StudyRow {
    spec: StudySpec,
    state: StudyState,
    pause_reason: Option<String>,
    budget: u32,
    confirm: Option<ConfirmSpec>,
    created: Wall,
    /// How many trials it has.
    trials: usize,
}

impl StudyRow {
    fn has_objective(&self, objective: i64) -> bool {
        usize::try_from(objective).is_ok_and(|place| place < self.spec.directions.as_slice().len())
    }
}

/// Trials by study and number, and the place of each row id.
struct Trials {
    drafts: BTreeMap<i64, Vec<Draft>>,
    places: HashMap<i64, (i64, TrialNumber)>,
}

impl Trials {
    /// The trial that a row belongs to.
    fn of(&mut self, cells: &Cells<'_>, id: i64) -> Result<&mut Draft, Fault> {
        self.find(id).ok_or_else(|| cells.damaged(format!("there is no trial {id}")))
    }

    fn find(&mut self, id: i64) -> Option<&mut Draft> {
        let (study, number) = self.places.get(&id)?;
        self.drafts.get_mut(study)?.get_mut(number.index())
    }
}

struct Loader<'a> {
    conn: &'a Connection,
    strangers: &'a Strangers,
}

impl Loader<'_> {
    fn studies(&self) -> Result<BTreeMap<i64, StudyRow>, Fault> {
        self.none_without("studies", "study_id", "kindling_studies")?;
        self.none_without("kindling_studies", "study_id", "studies")?;
        let mut studies = BTreeMap::new();
        self.each(
            "kindling_studies",
            "SELECT study_id, spec, state, budget, created_at, study_name,
                (SELECT count(*) FROM trials WHERE trials.study_id = kindling_studies.study_id),
                confirm, pause_reason
             FROM kindling_studies JOIN studies USING (study_id)",
            |row| {
                let spec = StudySpec::from_text(row.text(1)?).map_err(|e| row.wrong(1, e))?;
                if row.get::<String>(5)? != spec.name.as_str() {
                    return Err(row.damaged("the name is not the one in `studies`"));
                }
                let state = row.word(2, encode::state_from)?;
                let created = Wall(row.get(4)?);
                let (budget, trials) = (row.get(3)?, row.get::<u32>(6)? as usize);
                let confirm: Option<ConfirmSpec> = row.json_or_null(7)?;
                if let Some(Err(wrong)) = confirm.as_ref().map(|c| c.check(&spec.space)) {
                    return Err(row.damaged(wrong));
                }
                let pause_reason = row.get(8)?;
                let study =
                    StudyRow { spec, state, pause_reason, budget, confirm, created, trials };
                studies.insert(row.id, study);
                Ok(())
            },
        )?;
        let mut directions = BTreeMap::new();
        self.each(
            "study_directions",
            "SELECT study_direction_id, study_id, objective, direction FROM study_directions",
            |row| {
                let direction = row.word(3, encode::direction_from)?;
                let (study, objective): (i64, i64) = (row.get(1)?, row.get(2)?);
                match studies.get(&study) {
                    Some(study) if study.has_objective(objective) => {}
                    _ => return self.strangers.pass_over(row.damaged("of no study's objective")),
                }
                directions.insert((study, objective), direction);
                Ok(())
            },
        )?;
        for (id, study) in &studies {
            for (objective, direction) in (0..).zip(study.spec.directions.as_slice()) {
                if directions.remove(&(*id, objective)) != Some(*direction) {
                    return Err(damaged("kindling_studies", id, "study_directions says otherwise"));
                }
            }
        }
        Ok(studies)
    }

    fn trials(&self, studies: &BTreeMap<i64, StudyRow>) -> Result<Trials, Fault> {
        self.none_without("trials", "trial_id", "kindling_trials")?;
        self.none_without("kindling_trials", "trial_id", "trials")?;
        let mut trials = Trials { drafts: BTreeMap::new(), places: HashMap::new() };
        let mut previous = (0, None);
        self.each(
            "trials",
            "SELECT trial_id, study_id, number, state, datetime_start, datetime_complete,
                fixed, retry_of, request, saw_finished, saw_proposed, exact_ints, pruned_at,
                finish_index, attributes, confirms_of, confirms_seed
             FROM trials JOIN kindling_trials USING (trial_id) ORDER BY study_id, number",
            |row| {
                let study: i64 = row.get(1)?;
                let Some(StudyRow { spec, trials: count, .. }) = studies.get(&study) else {
                    return Err(row.damaged(format!("there is no study {study}")));
                };
                let number: u32 = row.get(2)?;
                let due =
                    if previous.0 == study { previous.1.map_or(0, |n: u32| n + 1) } else { 0 };
                if number != due {
                    let what =
                        format!("its number is {number}, but the next of study {study} is {due}");
                    return Err(row.damaged(what));
                }
                previous = (study, Some(number));
                let number = TrialNumber(number);
                trials.places.insert(row.id, (study, number));
                // Growing step by step would need twice the memory for a moment.
                let drafts = trials.drafts.entry(study);
                let drafts = drafts.or_insert_with(|| Vec::with_capacity(*count));
                drafts.push(draft(row, study, number, spec)?);
                Ok(())
            },
        )?;
        Ok(trials)
    }

    fn leases(&self, trials: &mut Trials) -> Result<(), Fault> {
        // All trials of a worker share its id.
        let mut workers: HashMap<String, WorkerId> = HashMap::new();
        self.each(
            "kindling_leases",
            "SELECT trial_id, attempt, worker, ended, coalesce(session, 0), lost_before, mark
             FROM kindling_leases",
            |row| {
                let draft = trials.of(row, row.id)?;
                let attempt: u32 = row.get(1)?;
                let lost_before: u32 = row.get(5)?;
                if lost_before >= attempt {
                    let what = format!("attempt {attempt} cannot follow {lost_before} lost ones");
                    return Err(row.damaged(what));
                }
                let worker = match workers.entry(row.get(2)?) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let worker = WorkerId::new(new.key());
                        new.insert(worker.map_err(|error| row.damaged(error))?)
                    }
                };
                draft.trial.worker = Some(worker.clone());
                draft.trial.attempt = Attempt(attempt);
                draft.trial.losses = lost_before;
                draft.trial.mark = row.get::<Option<[u8; Mark::LEN]>>(6)?.map(Mark::new);
                match row.get::<Option<String>>(3)?.as_deref() {
                    None if draft.trial.mark.is_none() => {
                        return Err(row.damaged("an open lease without a mark"));
                    }
                    None => draft.holder = Some(row.get::<i64>(4)?.cast_unsigned()),
                    Some("EXPIRED") => draft.trial.losses += 1,
                    Some("HANDED_BACK" | "STUDY_STOPPED" | "FINISHED") => {}
                    Some(word) => return Err(row.damaged(format!("ended: `{word}`"))),
                }
                Ok(())
            },
        )
    }

    /// A row that fits no trial is skipped. If it once belonged to a trial, the trial's check will
    /// miss it.
    fn params(&self, studies: &BTreeMap<i64, StudyRow>, trials: &mut Trials) -> Result<(), Fault> {
        self.each(
            "trial_params",
            "SELECT param_id, trial_id, param_name, param_value FROM trial_params",
            |row| param(row, studies, trials).or_else(|fault| self.strangers.pass_over(fault)),
        )
    }

    fn curves(&self, trials: &mut Trials) -> Result<(), Fault> {
        self.each(
            "trial_intermediate_values",
            "SELECT trial_intermediate_value_id, trial_id, step, intermediate_value,
                intermediate_value_type
             FROM trial_intermediate_values",
            |row| {
                let step: i64 = row.get(2)?;
                let step = u64::try_from(step).map_err(|_| row.damaged(format!("step {step}")))?;
                let value = row.float(3)?;
                trials.of(row, row.get(1)?)?.trial.curve.push((step, value));
                Ok(())
            },
        )
    }

    fn values(&self, trials: &mut Trials) -> Result<(), Fault> {
        self.each(
            "trial_values",
            "SELECT trial_value_id, trial_id, objective, value, value_type FROM trial_values",
            |row| {
                let objective: i64 = row.get(2)?;
                let draft = trials.of(row, row.get(1)?);
                match draft {
                    Ok(draft) if draft.has_objective(objective) => {
                        draft.values[objective as usize] = Some(row.float(3)?);
                    }
                    Ok(_) => {
                        let what = format!("a value for objective {objective}");
                        self.strangers.pass_over(row.damaged(what))?;
                    }
                    Err(fault) => self.strangers.pass_over(fault)?,
                }
                Ok(())
            },
        )
    }

    fn fail_reasons(&self, trials: &mut Trials) -> Result<(), Fault> {
        self.each(
            "trial_system_attributes",
            "SELECT trial_system_attribute_id, trial_id, value_json FROM trial_system_attributes
             WHERE key = 'fail_reason'",
            |row| {
                let Some(draft) = trials.find(row.get(1)?) else { return Ok(()) };
                if draft.stage == Stage::Fail {
                    draft.fail_reason = Some(row.json(2)?);
                }
                Ok(())
            },
        )
    }

    /// Reads only the attributes of results. All others may be attached by anybody.
    fn attributes(&self, trials: &mut Trials) -> Result<(), Fault> {
        self.each(
            "trial_user_attributes",
            "SELECT trial_user_attribute_id, trial_id, key, value_json FROM trial_user_attributes",
            |row| {
                let id: Option<i64> = row.get(1)?;
                let Some(draft) = id.and_then(|id| trials.find(id)) else { return Ok(()) };
                let key: Option<String> = row.get(2)?;
                if let Some(key) = key.filter(|key| draft.attribute_keys.contains(key)) {
                    let json = Json::parse(row.text(3)?).map_err(|error| row.wrong(3, error))?;
                    draft.attributes.push((key, json));
                }
                Ok(())
            },
        )
    }

    /// Reads an id counter, which must be above every existing id.
    fn counter(&self, key: &str, newest: Option<i64>) -> Result<i64, Fault> {
        let value = "SELECT value FROM kindling_meta WHERE key = ?1";
        let next = self.conn.query_row(value, [key], |row| row.get(0)).optional()?;
        // The upper bound leaves room to count on.
        next.filter(|next| (newest.unwrap_or(0) + 1..1 << 62).contains(next)).ok_or_else(|| {
            damaged("kindling_meta", key, format!("{next:?}, where the newest id is {newest:?}"))
        })
    }

    /// Refuses a row of `table` without its counterpart in `other`.
    fn none_without(&self, table: &'static str, key: &str, other: &str) -> Result<(), Fault> {
        let lone =
            format!("SELECT {key} FROM {table} WHERE {key} NOT IN (SELECT {key} FROM {other})");
        self.each(table, &lone, |row| Err(row.damaged(format!("it has no counterpart in {other}"))))
    }

    /// Visits the rows of a query. The first column must be the row's id in `table`.
    fn each(
        &self,
        table: &'static str,
        query: &str,
        mut visit: impl FnMut(&Cells<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut statement = self.conn.prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0).map_err(|error| damaged(table, "?", error))?;
            visit(&Cells { table, id, row })?;
        }
        Ok(())
    }
}

/// One row. Errors name its table, id and column.
struct Cells<'a> {
    table: &'static str,
    id: i64,
    row: &'a Row<'a>,
}

impl Cells<'_> {
    fn get<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        self.row.get(column).map_err(|error| self.damaged(error))
    }

    fn is_null(&self, column: usize) -> Result<bool, Fault> {
        let cell = self.row.get_ref(column).map_err(|error| self.damaged(error))?;
        Ok(cell == ValueRef::Null)
    }

    fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, Fault> {
        serde_json::from_str(self.text(column)?).map_err(|error| self.wrong(column, error))
    }

    fn json_or_null<T: DeserializeOwned>(&self, column: usize) -> Result<Option<T>, Fault> {
        if self.is_null(column)? { Ok(None) } else { self.json(column).map(Some) }
    }

    /// Borrowed text: most cells are not kept.
    fn text(&self, column: usize) -> Result<&str, Fault> {
        let cell = self.row.get_ref(column).map_err(|error| self.damaged(error))?;
        cell.as_str().map_err(|error| self.wrong(column, error))
    }

    fn word<T>(&self, column: usize, read: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        let word = self.text(column)?;
        read(word).ok_or_else(|| self.wrong(column, format!("`{word}`")))
    }

    /// A value. Its type is in the next column.
    fn float(&self, column: usize) -> Result<f64, Fault> {
        let value: Option<f64> = self.get(column)?;
        self.word(column + 1, |kind| encode::float_from(value, kind))
    }

    fn datetime(&self, column: usize) -> Result<Option<Wall>, Fault> {
        if self.is_null(column)? {
            return Ok(None);
        }
        self.word(column, encode::datetime_from).map(Some)
    }

    fn wrong(&self, column: usize, what: impl Display) -> Fault {
        let name = self.row.as_ref().column_name(column).unwrap_or("?");
        self.damaged(format!("{name}: {what}"))
    }

    fn damaged(&self, what: impl Display) -> Fault {
        damaged(self.table, self.id, what)
    }
}

/// Reads the value of one parameter of one trial.
fn param(
    row: &Cells<'_>,
    studies: &BTreeMap<i64, StudyRow>,
    trials: &mut Trials,
) -> Result<(), Fault> {
    let draft = trials.of(row, row.get(1)?)?;
    let name = row.text(2)?;
    let value: f64 = row.get(3)?;
    let space = studies.get(&draft.study).map(|study| &study.spec.space);
    let place = space.and_then(|space| Some((space, space.position(name)?)));
    let Some((space, place)) = place else {
        return Err(row.damaged(format!("the study has no parameter `{name}`")));
    };
    let distribution = &space.params()[place].distribution;
    let read = encode::param_from(value, distribution);
    let read = read.ok_or_else(|| row.damaged(format!("{value} is not in {distribution}")))?;
    draft.params[place] = Some(read);
    Ok(())
}

/// A trial, as far as its own two rows describe it.
fn draft(
    row: &Cells<'_>,
    study: i64,
    number: TrialNumber,
    spec: &StudySpec,
) -> Result<Draft, Fault> {
    let space = &spec.space;
    let fixed = match row.get::<Option<String>>(6)? {
        Some(text) => encode::fixed_from(space, &text).map_err(|what| row.wrong(6, what))?,
        None => encode::nothing(space),
    };
    let exact_ints = match row.get::<Option<String>>(11)? {
        Some(text) => Some(encode::fixed_from(space, &text).map_err(|what| row.wrong(11, what))?),
        None => None,
    };
    let (stage, objectives) = (row.word(3, Stage::from_word)?, spec.directions.as_slice().len());
    let mut draft = Draft::new(row.id, study, number, stage, fixed, objectives);
    draft.exact_ints = exact_ints;
    draft.trial.started = row.datetime(4)?;
    draft.trial.finished = row.datetime(5)?;
    draft.trial.retry_of = row.get::<Option<u32>>(7)?.map(TrialNumber);
    draft.trial.request = row.get(8)?;
    let saw_finished: Option<u32> = row.get(9)?;
    draft.saw = saw_finished.zip(row.get(10)?);
    draft.trial.pruned_at = match row.get::<Option<i64>>(12)? {
        Some(step) => Some(u64::try_from(step).map_err(|error| row.wrong(12, error))?),
        None => None,
    };
    draft.finish_index = row.get(13)?;
    draft.attribute_keys = row.json_or_null(14)?.unwrap_or_default();
    draft.attributes = Vec::with_capacity(draft.attribute_keys.len());
    let (of, seed) = (row.get::<Option<u32>>(15)?, row.get::<Option<u32>>(16)?);
    if of.is_some() != seed.is_some() {
        return Err(row.wrong(15, "it confirms a trial under no seed, or the other way round"));
    }
    draft.trial.confirms =
        of.zip(seed).map(|(of, seed)| Confirmation { of: TrialNumber(of), seed });
    Ok(draft)
}

/// Checks what the proposals saw, since a replay uses it unchecked.
fn check_proposals(drafts: &[Draft], finished: usize) -> Result<(), Fault> {
    let mut proposed: Vec<_> = drafts.iter().filter_map(|d| Some((d.saw?, d))).collect();
    proposed.sort_by_key(|((_, saw_proposed), _)| *saw_proposed);
    let mut least = 0;
    for (due, ((saw_finished, saw_proposed), draft)) in proposed.iter().enumerate() {
        let fits = (least..=due.min(finished)).contains(&(*saw_finished as usize));
        if *saw_proposed as usize != due || !fits {
            let what = format!(
                "its proposal, number {due} of its study, saw {saw_proposed} others, of which \
                 {saw_finished} had finished"
            );
            return Err(damaged("kindling_trials", draft.id, what));
        }
        least = *saw_finished as usize;
    }
    Ok(())
}

fn can_be_confirmed(trial: &Trial) -> bool {
    trial.confirms.is_none() && trial.values().is_some()
}

fn finish_order(drafts: &[Draft]) -> Result<Vec<TrialNumber>, Fault> {
    let mut finished: Vec<_> = drafts.iter().filter_map(|d| Some((d.finish_index?, d))).collect();
    finished.sort_by_key(|(index, _)| *index);
    for (due, (index, draft)) in finished.iter().enumerate() {
        if *index as usize != due {
            let what = format!("finish_index {index} where {due} is due");
            return Err(damaged("kindling_trials", draft.id, what));
        }
    }
    Ok(finished.into_iter().map(|(_, draft)| draft.number).collect())
}
