//! What Optuna's clients are answered: external studies as they are, and our own as Optuna would have them.

mod ours;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kindling_proto::{limits, optuna as wire};
use kindling_study::external::{ExternalStudy, ExternalTrial, PythonJson, Scope, TrialState};
use kindling_study::{
    Artifact, Direction, Directions, Refusal, Study, StudyId, TrialId, TrialNumber,
};

use crate::state::State;
use crate::store::{self, METRIC_NAMES, naive};
use crate::transaction::REQUEST;

/// A trial as it was seen. What takes time is done by [`Self::into_wire`], apart from the ledger.
pub(super) enum Seen {
    External(TrialNumber, Arc<ExternalTrial>),
    Ours(Box<wire::Trial>),
}

impl Seen {
    pub(super) fn into_wire(self) -> wire::Trial {
        match self {
            Self::Ours(trial) => *trial,
            Self::External(number, trial) => external(number, &trial),
        }
    }
}

pub(super) fn study(state: &State, id: StudyId) -> Result<wire::Study, Refusal> {
    if let Ok(study) = state.registry().external(id) {
        return Ok(external_study(id, study));
    }
    Ok(our_study(id, state.registry().get(id)?))
}

/// All studies, oldest first.
pub(super) fn studies(state: &State) -> Vec<wire::Study> {
    let externals = state.registry().externals().map(|(id, study)| external_study(id, study));
    let ours = state.registry().iter().map(|(id, study)| our_study(id, study));
    let mut studies: Vec<_> = externals.chain(ours).collect();
    studies.sort_unstable_by_key(|study| study.study_id);
    studies
}

pub(super) fn trial_id(state: &State, study: StudyId, number: i64) -> Result<TrialId, Refusal> {
    let registry = state.registry();
    // A number that is too large for any is one that there is not.
    let number = TrialNumber(u32::try_from(number).unwrap_or(u32::MAX));
    match registry.external(study) {
        Ok(study) => Ok(study.trial(number)?.id),
        Err(_) => Ok(registry.get(study)?.trial_at(number)?.id),
    }
}

pub(super) fn trial(state: &State, id: TrialId) -> Result<Seen, Refusal> {
    let registry = state.registry();
    if let Some((study, number)) = registry.trial_of_id(id) {
        let study = registry.get(study)?;
        let trial = ours::trial(study, number, study.trial_at(number)?);
        return Ok(Seen::Ours(Box::new(trial)));
    }
    let (study, number) = registry.external_trial(id)?;
    Ok(Seen::External(number, registry.external(study)?.trial(number)?.clone()))
}

/// The trials with these ids, and some of those after another one; with the id after which to go on if there are more.
pub(super) fn trials(
    state: &State,
    study: StudyId,
    included: &[TrialId],
    after: TrialId,
) -> Result<(Vec<Seen>, Option<TrialId>), Refusal> {
    let registry = state.registry();
    if let Ok(study) = registry.external(study) {
        let all = study.trials();
        let (places, next) = places(all, |trial| trial.id, included, after, limits::SEARCHED);
        let see = |place: usize| Seen::External(TrialNumber(place as u32), all[place].clone());
        return Ok((places.into_iter().map(see).collect(), next));
    }
    let study = registry.get(study)?;
    let all = study.trials();
    let (places, next) = places(all, |trial| trial.id, included, after, limits::AT_A_TIME);
    let see = |place: usize| {
        Seen::Ours(Box::new(ours::trial(study, TrialNumber(place as u32), &all[place])))
    };
    Ok((places.into_iter().map(see).collect(), next))
}

/// Where the included trials are, and the first of those after an id; and after which id to go on. Ids ascend.
fn places<T>(
    all: &[T],
    id: impl Fn(&T) -> TrialId,
    included: &[TrialId],
    after: TrialId,
    most: usize,
) -> (Vec<usize>, Option<TrialId>) {
    let first = all.partition_point(|trial| id(trial) <= after);
    let end = all.len().min(first + most);
    let place_of = |wanted: &TrialId| all.binary_search_by_key(wanted, &id).ok();
    let places = included.iter().filter_map(place_of).chain(first..end).collect();
    let next = all[first..end].last().filter(|_| end < all.len()).map(&id);
    (places, next)
}

fn external_study(id: StudyId, study: &ExternalStudy) -> wire::Study {
    wire::Study {
        study_id: id.0,
        study_name: study.name().to_string(),
        directions: directions(study.directions()),
        user_attributes: texts(study.attributes(Scope::User)),
        system_attributes: texts(study.attributes(Scope::System)),
    }
}

/// Of attributes, what Kindling knows: notes, tags and artifacts. Others are other programs' and stand in the store alone.
fn our_study(id: StudyId, study: &Study) -> wire::Study {
    wire::Study {
        study_id: id.0,
        study_name: study.spec().name.to_string(),
        directions: directions(&study.spec().directions),
        user_attributes: HashMap::new(),
        system_attributes: metric_names(&study.spec().metrics.names)
            .into_iter()
            .chain(artifacts(study.artifacts()))
            .chain(texts(study.remarks().attributes()))
            .collect(),
    }
}

fn artifacts(artifacts: &[Artifact]) -> impl Iterator<Item = (String, String)> {
    let told = |Artifact { name, media_type, blob, .. }: &Artifact| {
        store::artifact(name, media_type, &blob.key)
    };
    artifacts.iter().map(told)
}

fn metric_names(names: &[Box<str>]) -> HashMap<String, String> {
    let text = (!names.is_empty()).then(|| serde_json::json!(names).to_string());
    text.map(|text| (METRIC_NAMES.to_owned(), text)).into_iter().collect()
}

fn directions(directions: &Directions) -> Vec<i32> {
    let one = |direction: &Direction| match direction {
        Direction::Minimize => wire::StudyDirection::Minimize.into(),
        Direction::Maximize => wire::StudyDirection::Maximize.into(),
    };
    directions.as_slice().iter().map(one).collect()
}

fn external(number: TrialNumber, trial: &ExternalTrial) -> wire::Trial {
    let time = |at| naive(at).unwrap_or_default();
    let params = trial.params.iter();
    wire::Trial {
        trial_id: trial.id.0,
        number: number.0.into(),
        state: match trial.state {
            TrialState::Running => wire::TrialState::Running,
            TrialState::Complete => wire::TrialState::Complete,
            TrialState::Pruned => wire::TrialState::Pruned,
            TrialState::Fail => wire::TrialState::Fail,
            TrialState::Waiting => wire::TrialState::Waiting,
        }
        .into(),
        values: trial.values.as_deref().unwrap_or_default().to_vec(),
        datetime_start: trial.started.map(time).unwrap_or_default(),
        datetime_complete: trial.completed.map(time).unwrap_or_default(),
        params: params.clone().map(|(name, (value, _))| (name.to_string(), *value)).collect(),
        distributions: params
            .map(|(name, (_, distribution))| (name.to_string(), distribution.as_str().to_owned()))
            .collect(),
        user_attributes: texts(&trial.user_attributes),
        system_attributes: texts(&trial.system_attributes),
        intermediate_values: trial
            .intermediate
            .iter()
            .map(|(step, value)| (*step, *value))
            .collect(),
    }
}

fn texts(attributes: &BTreeMap<Box<str>, PythonJson>) -> HashMap<String, String> {
    let shown = attributes.iter().filter(|(key, _)| &***key != REQUEST);
    shown.map(|(key, value)| (key.to_string(), value.as_str().to_owned())).collect()
}
