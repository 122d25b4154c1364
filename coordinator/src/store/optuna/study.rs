//! A study while its rows are collected, and the checks that its trials fit together.

use kindling_study::external::PythonJson;
use kindling_study::{
    Artifact, ConfirmSpec, Confirmation, Direction, Notify, Remarks, Study, StudySpec, StudyState,
    Tick, Told, Trial, TrialNumber, Wall,
};

use super::cell::word;
use super::damage::{Damage, Place};
use super::draft::Draft;
use super::encode;
use super::rows::StudyRow;
use super::strangers::Strangers;
use crate::store::stored_spec;

pub(super) struct StudyDraft {
    pub(super) spec: StudySpec,
    state: StudyState,
    pause_reason: Option<String>,
    budget: u32,
    confirm: Option<ConfirmSpec>,
    notify: Option<Notify>,
    told: Told,
    created: Wall,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) remarks: Vec<(Box<str>, PythonJson)>,
    /// One direction per objective.
    directions: Box<[Option<Direction>]>,
    /// By trial number.
    pub(super) trials: Vec<Draft>,
    at: Place,
}

impl StudyDraft {
    pub(super) fn new(row: StudyRow<'_>) -> Result<Self, Damage> {
        let at = row.at;
        let spec = stored_spec::from_text(row.spec).map_err(|error| at.wrong("spec", error))?;
        if row.name != spec.name.as_str() {
            return Err(at.damaged("the name is not the one in `studies`"));
        }
        let state = word(at, "state", row.state, encode::state_from)?;
        let confirm = row.confirm.map(stored_spec::confirm_from_text).transpose();
        let confirm = confirm.map_err(|error| at.wrong("confirm", error))?;
        let objectives = spec.directions.as_slice().len();
        if let Some(Err(wrong)) =
            confirm.as_ref().map(|confirm| confirm.check(&spec.space, objectives))
        {
            return Err(at.damaged(wrong));
        }
        let notify = row.notify.map(stored_spec::notify_from_text).transpose();
        let told = row.told.map(stored_spec::told_from_text).transpose();
        Ok(Self {
            notify: notify.map_err(|error| at.wrong("notify", error))?,
            told: told.map_err(|error| at.wrong("told", error))?.unwrap_or_default(),
            state,
            pause_reason: row.pause_reason,
            budget: row.budget,
            confirm,
            created: Wall(row.created_at),
            artifacts: Vec::new(),
            remarks: Vec::new(),
            directions: vec![None; spec.directions.as_slice().len()].into(),
            // Growing step by step would need twice the memory for a moment.
            trials: Vec::with_capacity(row.trials as usize),
            spec,
            at,
        })
    }

    /// Where the direction of this objective goes, if the study has it.
    pub(super) fn direction_of(&mut self, objective: i64) -> Option<&mut Option<Direction>> {
        self.directions.get_mut(usize::try_from(objective).ok()?)
    }

    /// Checks that the rows fit together, and returns the study.
    pub(super) fn finish(
        self,
        lease_until: Tick,
        strangers: &mut Strangers,
    ) -> Result<Study, Damage> {
        let Self {
            spec,
            state,
            pause_reason,
            budget,
            confirm,
            notify,
            told,
            created,
            artifacts,
            ..
        } = self;
        let directions = self.directions.iter().copied();
        if !directions.eq(spec.directions.as_slice().iter().copied().map(Some)) {
            return Err(self.at.damaged("study_directions says otherwise"));
        }
        let finish_order = finish_order(&self.trials)?;
        check_proposals(&self.trials, finish_order.len())?;
        // Not `collect`: that would reuse the drafts' memory, which is several times as large.
        let mut trials: Vec<Trial> = Vec::with_capacity(self.trials.len());
        for draft in self.trials {
            let at = draft.place("kindling_trials");
            let trial = draft.check(&spec, lease_until, strangers)?;
            if let Some(Confirmation { of, .. }) = trial.confirms
                && !trials.get(of.index()).is_some_and(can_be_confirmed)
            {
                let what =
                    format!("it confirms trial {of}, which is none of the search with a value");
                return Err(at.damaged(what));
            }
            trials.push(trial);
        }
        let study = Study::restore(spec, state, budget, confirm, created, trials, finish_order);
        let remarks: Remarks = self.remarks.into_iter().collect();
        let study = study.paused_because(pause_reason).with_artifacts(artifacts);
        Ok(study.with_remarks(remarks).telling(notify, told))
    }
}

/// Checks what the proposals saw, since a replay uses it unchecked.
fn check_proposals(drafts: &[Draft], finished: usize) -> Result<(), Damage> {
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
            return Err(draft.place("kindling_trials").damaged(what));
        }
        least = *saw_finished as usize;
    }
    Ok(())
}

fn can_be_confirmed(trial: &Trial) -> bool {
    trial.confirms.is_none() && trial.values().is_some()
}

fn finish_order(drafts: &[Draft]) -> Result<Vec<TrialNumber>, Damage> {
    let mut finished: Vec<_> = drafts.iter().filter_map(|d| Some((d.finish_index?, d))).collect();
    finished.sort_by_key(|(index, _)| *index);
    for (due, (index, draft)) in finished.iter().enumerate() {
        if *index as usize != due {
            let what = format!("finish_index {index} where {due} is due");
            return Err(draft.place("kindling_trials").damaged(what));
        }
    }
    Ok(finished.into_iter().map(|(_, draft)| draft.number).collect())
}
