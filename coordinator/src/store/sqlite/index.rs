//! The row ids of all trials, so that writing an event needs no look-up.

use std::collections::HashMap;

use kindling_study::{SearchSpace, StudyId, StudySpec, TrialNumber};
use rusqlite::Connection;

use super::encode;
use super::fault::{Fault, damaged};
use crate::store::stored_spec;

#[derive(Debug)]
pub(super) struct Index {
    pub(super) next_study_id: i64,
    pub(super) next_trial_id: i64,
    studies: HashMap<StudyId, StudyRows>,
}

/// The rows of one study.
#[derive(Debug)]
pub(super) struct StudyRows {
    pub(super) space: SearchSpace,
    /// Each parameter's distribution, in Optuna's format.
    pub(super) distributions: Vec<String>,
    /// The trials' row ids, by trial number.
    trials: Vec<i64>,
    /// How many of the trials have finished.
    finished: u32,
}

impl Index {
    pub(super) fn read(conn: &Connection) -> Result<Self, Fault> {
        let counter = |key: &str| {
            let value = "SELECT value FROM kindling_meta WHERE key = ?1";
            conn.query_row(value, [key], |row| row.get(0))
                .map_err(|error| damaged("kindling_meta", key, error))
        };
        let mut index = Self {
            next_study_id: counter("next_study_id")?,
            next_trial_id: counter("next_trial_id")?,
            studies: HashMap::new(),
        };
        let mut studies = conn.prepare(
            "SELECT study_id, spec,
                (SELECT count(finish_index) FROM trials JOIN kindling_trials USING (trial_id)
                 WHERE trials.study_id = kindling_studies.study_id)
             FROM kindling_studies",
        )?;
        let mut trials =
            conn.prepare("SELECT trial_id FROM trials WHERE study_id = ?1 ORDER BY number")?;
        let mut rows = studies.query([])?;
        while let Some(row) = rows.next()? {
            let (id, spec, finished): (i64, String, u32) = row.try_into()?;
            let spec = stored_spec::from_text(&spec)
                .map_err(|error| damaged("kindling_studies", id, error))?;
            let rows = index.add(StudyId(id), &spec);
            rows.trials = trials.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
            rows.finished = finished;
        }
        Ok(index)
    }

    /// Adds a study.
    pub(super) fn add(&mut self, id: StudyId, spec: &StudySpec) -> &mut StudyRows {
        self.next_study_id = self.next_study_id.max(id.0 + 1);
        let distributions =
            spec.space.params().iter().map(|p| encode::distribution(&p.distribution));
        let rows = StudyRows {
            space: spec.space.clone(),
            distributions: distributions.collect(),
            trials: Vec::new(),
            finished: 0,
        };
        self.studies.entry(id).insert_entry(rows).into_mut()
    }

    pub(super) fn remove(&mut self, id: StudyId) {
        self.studies.remove(&id);
    }

    pub(super) fn study(&mut self, id: StudyId) -> Result<&mut StudyRows, Fault> {
        self.studies
            .get_mut(&id)
            .ok_or_else(|| Fault::Misfit(format!("there is no study {}", id.0)))
    }

    /// Assigns the row id of a new trial, which must have the study's next number.
    pub(super) fn add_trial(&mut self, study: StudyId, number: TrialNumber) -> Result<i64, Fault> {
        let id = self.next_trial_id;
        let trials = &mut self.study(study)?.trials;
        if number.index() != trials.len() {
            let what = format!("trial {number} cannot follow {} others", trials.len());
            return Err(Fault::Misfit(what));
        }
        trials.push(id);
        self.next_trial_id += 1;
        Ok(id)
    }
}

impl StudyRows {
    pub(super) fn trial(&self, number: TrialNumber) -> Option<i64> {
        self.trials.get(number.index()).copied()
    }

    /// Assigns the next place in the finish order.
    pub(super) fn next_finish_index(&mut self) -> u32 {
        self.finished += 1;
        self.finished - 1
    }
}
