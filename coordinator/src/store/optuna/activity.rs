//! Takes the rows of what people did, and checks them by the rules by which they were made.

use kindling_study::{
    Act, Activity, Deed, KNOWN_ACTIVITIES, StudyId, StudyName, TrialNumber, Wall,
};

use super::cell::word;
use super::damage::{Damage, Place};
use super::reading::Reading;
use crate::actor::{DETAILS, ORIGIN, USER_BYTES, is_line};

/// A row of `kindling_activity`.
pub(crate) struct ActivityRow<'a> {
    pub(crate) at: Place,
    pub(crate) study: Option<i64>,
    pub(crate) deleted: Option<&'a str>,
    pub(crate) time: i64,
    pub(crate) who: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) deed: &'a str,
    pub(crate) trial: Option<u32>,
    pub(crate) details: &'a str,
}

impl Reading {
    /// After all studies, in the order of their ids.
    pub(crate) fn activity(&mut self, row: &ActivityRow<'_>) -> Result<(), Damage> {
        let at = row.at;
        if at.id < 1 || at.id > i64::MAX / 2 {
            return Err(at.damaged("no place that an entry has"));
        }
        let deleted = row.deleted.map(StudyName::of_external).transpose();
        let deleted = deleted.map_err(|error| at.wrong("deleted", error))?;
        if row.study.is_some() == deleted.is_some() {
            return Err(at.damaged("either a study has it, or it names one that is gone"));
        }
        if row.study.is_some_and(|study| !self.has_study(study)) {
            return Err(at.damaged("there is no such study"));
        }
        let study = row.study.map(StudyId);
        if self.activities.len(study) >= KNOWN_ACTIVITIES {
            return Err(at.damaged(format!("more than {KNOWN_ACTIVITIES} of one study")));
        }
        for (column, text, most) in [
            ("who", row.who, USER_BYTES),
            ("origin", row.origin, ORIGIN),
            ("details", row.details, DETAILS),
        ] {
            if !is_line(text, most) {
                return Err(at.wrong(column, "no short line"));
            }
        }
        let deed = |word: &str| Deed::ALL.into_iter().find(|deed| deed.as_str() == word);
        let act = Act {
            who: row.who.into(),
            from: row.origin.into(),
            deed: word(at, "deed", row.deed, deed)?,
            trial: row.trial.map(TrialNumber),
            details: row.details.into(),
        };
        self.activities.add(study, Activity { id: at.id, at: Wall(row.time), deleted, act });
        Ok(())
    }
}
