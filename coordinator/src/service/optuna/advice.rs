//! Our samplers behind the scripts of Optuna's clients, for studies that ask for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kindling_study::external::{Advisor, PythonJson, PythonValue, SAMPLER};
use kindling_study::sampler::SamplerSpec;
use kindling_study::{SpecError, StudyId};
use serde_json::{Map, Value};
use tokio::sync::Mutex as AsyncMutex;
use tonic::Status;

use crate::service::Service;
use crate::{options, price};

/// The advisor of each study that has one. Clones share them.
#[derive(Clone, Default)]
pub(in crate::service) struct Advisors(Arc<Mutex<HashMap<StudyId, Shared>>>);

type Shared = Arc<AsyncMutex<Advisor>>;

impl Advisors {
    fn of(&self, study: StudyId) -> Shared {
        self.all().entry(study).or_default().clone()
    }

    pub(super) fn forget(&self, study: StudyId) {
        self.all().remove(&study);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<StudyId, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The study's advisor, if the study asks for a sampler of ours.
    pub(super) async fn advisor(&self, id: StudyId) -> Result<Option<Shared>, Status> {
        let is_wanted = self
            .see(move |state| Ok(state.registry().external(id)?.setting_as_text(SAMPLER).is_some()))
            .await;
        if !matches!(is_wanted, Ok(true)) {
            self.advisors.forget(id);
            // What is wrong with the study is told by what comes next.
            return Ok(None);
        }
        Ok(Some(self.advisors.of(id)))
    }

    /// What the study's next trial should try, as JSON. Computed beside the ledger.
    pub(super) async fn advise(
        &self,
        advisor: &mut Advisor,
        id: StudyId,
    ) -> Result<Option<PythonJson>, Status> {
        let looked = self.see(move |state| {
            let study = state.registry().external(id)?;
            let sampler = study.setting_as_text(SAMPLER).cloned();
            Ok((sampler, study.directions().clone(), study.trials().to_vec()))
        });
        let (sampler, directions, trials) = looked.await?;
        let Some(Ok(sampler)) = sampler.map(|text| sampler_of(&text)) else { return Ok(None) };
        let (seed, mut working) = (id.0.cast_unsigned(), std::mem::take(advisor));
        let advised = tokio::task::spawn_blocking(move || {
            let may = |space: &_| price::is_affordable(&sampler, space);
            let advice = working.advise(&sampler, &directions, seed, &trials, may);
            (working, advice)
        });
        let (working, advice) =
            advised.await.map_err(|error| Status::internal(error.to_string()))?;
        *advisor = working;
        if advice.is_empty() {
            return Ok(None);
        }
        let text = PythonValue::Table(advice).to_text();
        Ok(PythonJson::parse(&text).ok())
    }
}

/// The sampler that a study's attribute names: `"auto"`, or `{"kind": "gp", …}`.
pub(super) fn sampler_of(text: &PythonJson) -> Result<SamplerSpec, SpecError> {
    let options = match serde_json::from_str(text.as_str()) {
        Ok(Value::Object(options)) => options,
        Ok(kind) => Map::from_iter([("kind".to_owned(), kind)]),
        Err(error) => {
            return Err(SpecError { key: vec![SAMPLER.to_owned()], message: error.to_string() });
        }
    };
    options::read(SAMPLER, options)
}
