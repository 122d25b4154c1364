//! A study as readers see it, whoever drives it: what Kindling's workers run, or Optuna's clients. Below the read model
//! nobody asks which.

use std::ops::Bound;

use kindling_proto::{limits, v1};
use kindling_study::external::ExternalStudy;
use kindling_study::{Refusal, SearchSpace, Study, StudyId, TrialNumber, Wall};

use crate::state::State;
use crate::{convert, naive_time};

/// Among so many of an external study's trials the newest is looked for: they are not indexed by time.
const RECENT: usize = 100;

/// A study of either kind.
pub(crate) enum AnyStudy<'a> {
    Ours(&'a Study),
    /// With the space that its trials have shown, if there is one.
    External(&'a ExternalStudy, Option<SearchSpace>),
}

/// The study of this name.
pub(crate) fn find<'a>(state: &'a State, name: &str) -> Result<(StudyId, AnyStudy<'a>), Refusal> {
    if let Some((id, study)) = state.registry().find_external(name) {
        return Ok((id, AnyStudy::of_external(study)));
    }
    let (id, study) = state.registry().find(name)?;
    Ok((id, AnyStudy::Ours(study)))
}

/// The artifacts of the study of this name itself. What Optuna's clients drive has none.
pub(crate) fn artifacts(state: &State, name: &str) -> Result<Vec<v1::Artifact>, Refusal> {
    Ok(match find(state, name)? {
        (_, AnyStudy::Ours(study)) => {
            study.artifacts().iter().map(convert::kept::artifact).collect()
        }
        (_, AnyStudy::External(..)) => Vec::new(),
    })
}

/// The studies after a bound, oldest first.
pub(crate) fn range(
    state: &State,
    after: Bound<StudyId>,
) -> impl Iterator<Item = (StudyId, AnyStudy<'_>)> {
    let mut ours = state.registry().range(after).peekable();
    let mut externals = state.registry().externals_in(after).peekable();
    std::iter::from_fn(move || {
        let ours_first = match (ours.peek(), externals.peek()) {
            (Some((a, _)), Some((b, _))) => a < b,
            (ours, _) => ours.is_some(),
        };
        if ours_first {
            ours.next().map(|(id, study)| (id, AnyStudy::Ours(study)))
        } else {
            externals.next().map(|(id, study)| (id, AnyStudy::of_external(study)))
        }
    })
}

/// The study with the beginning of its note.
pub(crate) fn in_short(study: v1::Study) -> v1::Study {
    v1::Study { note: limits::cut(study.note, limits::NOTE_IN_SHORT), ..study }
}

impl<'a> AnyStudy<'a> {
    fn of_external(study: &'a ExternalStudy) -> Self {
        Self::External(study, study.space().search_space())
    }

    /// The study with all of its note.
    pub(crate) fn to_wire(&self, state: &State, id: StudyId) -> v1::Study {
        match self {
            Self::Ours(study) => convert::study(state, id, study),
            Self::External(study, space) => convert::external_study(id, study, space.as_ref()),
        }
    }

    /// The study as lists and streams have it, with the beginning of its note.
    pub(crate) fn to_wire_in_short(&self, state: &State, id: StudyId) -> v1::Study {
        in_short(self.to_wire(state, id))
    }

    /// How many trials it has.
    pub(crate) fn trials(&self) -> usize {
        match self {
            Self::Ours(study) => study.trials().len(),
            Self::External(study, _) => study.trials().len(),
        }
    }

    /// When a trial of it last began or ended, as far as the newest ones tell.
    pub(crate) fn newest(&self) -> Option<Wall> {
        match self {
            Self::Ours(study) => {
                let running = study.running().iter().filter_map(|n| study.get(*n)?.leased);
                let last = study.finish_order().last().and_then(|n| study.get(*n)?.finished);
                running.chain(last).max_by_key(|Wall(at)| *at)
            }
            Self::External(study, _) => {
                let newest = study.trials().iter().rev().take(RECENT);
                let times = newest.flat_map(|trial| [trial.started, trial.completed]);
                times.flatten().max().and_then(naive_time::moment)
            }
        }
    }

    /// A trial with all that fits into a message.
    pub(crate) fn trial(&self, number: TrialNumber) -> Result<v1::Trial, Refusal> {
        match self {
            Self::Ours(study) => Ok(convert::trial(study, number, study.trial_at(number)?)),
            Self::External(study, space) => {
                Ok(convert::external_trial(study, space.as_ref(), number, study.trial(number)?))
            }
        }
    }

    /// A trial without its intermediate values and attributes.
    pub(crate) fn trial_in_short(&self, number: TrialNumber) -> Result<v1::Trial, Refusal> {
        match self {
            Self::Ours(study) => {
                Ok(convert::trial_in_short(study, number, study.trial_at(number)?))
            }
            Self::External(study, space) => {
                let trial = study.trial(number)?;
                Ok(convert::external_trial_in_short(study, space.as_ref(), number, trial))
            }
        }
    }

    /// The state of a trial.
    pub(crate) fn state_of(&self, number: TrialNumber) -> Result<v1::TrialState, Refusal> {
        match self {
            Self::Ours(study) => Ok(convert::state(study.trial_at(number)?)),
            Self::External(study, _) => Ok(convert::external_state(study.trial(number)?)),
        }
    }
}
