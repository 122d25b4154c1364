//! One script: what `study.optimize` does, call by call.

use std::time::Duration;

use kindling_proto::optuna as wire;
use kindling_proto::optuna::TrialState;
use kindling_proto::optuna::storage_service_client::StorageServiceClient;
use kindling_worker::Transport;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::log::{Log, Said, Word};
use super::{Habits, STUDY};
use crate::transport::Client;

const FLOAT: &str = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#;
/// The most steps of a trial.
const STEPS: i64 = 5;

/// Why a script ends before its study does: an error that it does not know, or its death.
struct Over;

type Goes<T> = Result<T, Over>;
type Storage = StorageServiceClient<Transport>;

pub(super) struct Script<'a> {
    client: &'a Client,
    habits: Habits,
    rng: &'a mut ChaCha8Rng,
    log: &'a Log,
    study: i64,
    /// The trial that it last spoke for, and the life of the coordinator that acknowledged it.
    heard: Option<(i64, Option<u64>)>,
}

impl<'a> Script<'a> {
    pub(super) fn new(
        client: &'a Client,
        habits: Habits,
        rng: &'a mut ChaCha8Rng,
        log: &'a Log,
    ) -> Self {
        Self { client, habits, rng, log, study: 0, heard: None }
    }

    /// Runs trials until it is done, or to its bad end.
    pub(super) async fn run(&mut self, done: &CancellationToken) {
        if self.open().await.is_err() {
            return;
        }
        while !done.is_cancelled() {
            if self.rng.random_bool(0.1) {
                self.trespass().await;
            }
            if self.trial().await.is_err() {
                return;
            }
        }
    }

    /// `create_study(load_if_exists=True)`, and what the study asks of us.
    async fn open(&mut self) -> Goes<()> {
        let create = wire::CreateNewStudyRequest {
            directions: vec![wire::StudyDirection::Maximize.into()],
            study_name: STUDY.to_owned(),
        };
        let find = wire::GetStudyIdFromNameRequest { study_name: STUDY.to_owned() };
        let made = self.call(create, async |mut s: Storage, r| s.create_new_study(r).await).await;
        self.study = match made {
            Ok(reply) => reply.study_id,
            Err(status) if status.code() == Code::AlreadyExists => {
                let found =
                    self.call(find, async |mut s: Storage, r| s.get_study_id_from_name(r).await);
                found.await.map_err(|_| Over)?.study_id
            }
            Err(_) => return Err(Over),
        };
        let Habits { lost_after, retry_lost, .. } = self.habits;
        // In this order: what is lost is to be repeated from the first on.
        for (key, value) in [
            ("kindling:retry_lost", retry_lost.to_string()),
            ("kindling:lost_after", lost_after.to_string()),
        ] {
            let set = wire::SetStudyUserAttributeRequest {
                study_id: self.study,
                key: key.to_owned(),
                value,
            };
            let call = async |mut s: Storage, r| s.set_study_user_attribute(r).await;
            self.call(set, call).await.map_err(|_| Over)?;
        }
        Ok(())
    }

    async fn trial(&mut self) -> Goes<()> {
        let trial_id = match self.take_a_waiting_one().await? {
            Some(waiting) => waiting,
            None => self.begin().await?,
        };
        let note = self.rng.next_u32().to_string();
        let set = wire::SetTrialUserAttributeRequest {
            trial_id,
            key: "note".to_owned(),
            value: note.clone(),
        };
        let call = async |mut s: Storage, r| s.set_trial_user_attribute(r).await;
        self.speak(Said::Noted(trial_id, note), set, call).await?;
        for step in 0..self.rng.random_range(0..STEPS) {
            let longest = self.habits.longest_step;
            let train = longest.mul_f64(self.rng.random_range(0.0_f64..1.0).powi(2));
            tokio::time::sleep(train.max(Duration::from_millis(1))).await;
            if self.rng.random_bool(self.habits.deadly) {
                return Err(Over);
            }
            let value = self.rng.random();
            let set = wire::SetTrialIntermediateValueRequest {
                trial_id,
                step,
                intermediate_value: value,
            };
            let call = async |mut s: Storage, r| s.set_trial_intermediate_value(r).await;
            self.speak(Said::Reported(trial_id, step, value), set, call).await?;
        }
        let (state, values) = match self.rng.random_range(0..6_u8) {
            0 => (TrialState::Fail, Vec::new()),
            1 => (TrialState::Pruned, Vec::new()),
            _ => (TrialState::Complete, vec![self.rng.random()]),
        };
        let said = Said::Ended(trial_id, state, values.clone());
        self.set_state(said, trial_id, state, values).await?;
        Ok(())
    }

    /// Optuna's `_pop_waiting_trial_id`.
    async fn take_a_waiting_one(&mut self) -> Goes<Option<i64>> {
        let called = self.client.history.now();
        let call = async |mut s: Storage, r| s.get_trials(r).await;
        let trials = self.call(all_of(self.study), call).await.map_err(|_| Over)?.trials;
        let of = |state| {
            let those = trials.iter().filter(move |trial| trial.state() == state);
            those.map(|trial| trial.trial_id).collect::<Vec<_>>()
        };
        let (waiting, running) = (of(TrialState::Waiting), of(TrialState::Running));
        self.note(called, Said::Saw(trials));
        if let Some(running) = running.choose(self.rng)
            && self.rng.random_bool(0.3)
        {
            self.remark(*running).await;
        }
        for id in waiting {
            if self.set_state(Said::Took(id), id, TrialState::Running, Vec::new()).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Sets an attribute of a trial that somebody else runs, as a dashboard does.
    async fn remark(&mut self, trial_id: i64) {
        let (key, value) = ("dashboard:note".to_owned(), "\"a remark\"".to_owned());
        let set = wire::SetTrialSystemAttributeRequest { trial_id, key, value };
        let call = async |mut s: Storage, r| s.set_trial_system_attribute(r).await;
        // Nothing depends on it.
        _ = self.call(set, call).await;
    }

    /// Begins a trial, and draws its parameter.
    async fn begin(&mut self) -> Goes<i64> {
        let called = self.client.history.now();
        let begin = wire::CreateNewTrialRequest {
            study_id: self.study,
            template_trial: None,
            template_trial_is_none: true,
        };
        let call = async |mut s: Storage, r| s.create_new_trial(r).await;
        let trial_id = self.call(begin, call).await.map_err(|_| Over)?.trial_id;
        self.heard = Some((trial_id, self.life()));
        self.note(called, Said::Began(trial_id));
        let x = self.rng.random();
        let set = wire::SetTrialParameterRequest {
            trial_id,
            param_name: "x".to_owned(),
            param_value_internal: x,
            distribution: FLOAT.to_owned(),
        };
        let call = async |mut s: Storage, r| s.set_trial_parameter(r).await;
        self.speak(Said::Param(trial_id, x), set, call).await?;
        Ok(trial_id)
    }

    async fn set_state(
        &mut self,
        said: Said,
        trial_id: i64,
        state: TrialState,
        values: Vec<f64>,
    ) -> Goes<bool> {
        self.log.notes().asked.push((trial_id, state));
        let set = wire::SetTrialStateValuesRequest { trial_id, state: state.into(), values };
        let called = self.client.history.now();
        let call = async |mut s: Storage, r| s.set_trial_state_values(r).await;
        let answer = self.call(set, call).await;
        let is_updated = self.heeded(&said, answer)?.trial_updated;
        if is_updated {
            self.note(called, said);
        }
        Ok(is_updated)
    }

    /// Writes to a study of the cluster, in every way that there is.
    async fn trespass(&mut self) {
        let mut storage = StorageServiceClient::new(self.client.transport());
        let find = wire::GetStudyIdFromNameRequest { study_name: "s".to_owned() };
        let Ok(found) = storage.get_study_id_from_name(find).await else { return };
        let study_id = found.into_inner().study_id;
        let Ok(trials) = storage.get_trials(all_of(study_id)).await else { return };
        let mut refused = vec![
            storage.delete_study(wire::DeleteStudyRequest { study_id }).await.err(),
            storage
                .create_new_trial(wire::CreateNewTrialRequest {
                    study_id,
                    template_trial: None,
                    template_trial_is_none: true,
                })
                .await
                .err(),
        ];
        let (key, value) = ("note".to_owned(), "1".to_owned());
        let set = wire::SetStudySystemAttributeRequest { study_id, key, value };
        refused.push(storage.set_study_system_attribute(set).await.err());
        for trial in trials.into_inner().trials {
            let trial_id = trial.trial_id;
            let (key, value) = ("note".to_owned(), "1".to_owned());
            let note = wire::SetTrialUserAttributeRequest { trial_id, key, value };
            refused.push(storage.set_trial_user_attribute(note).await.err());
            let (state, values) = (TrialState::Complete.into(), vec![0.5]);
            let end = wire::SetTrialStateValuesRequest { trial_id, state, values };
            refused.push(storage.set_trial_state_values(end).await.err());
            let (step, intermediate_value) = (0, 0.5);
            let report =
                wire::SetTrialIntermediateValueRequest { trial_id, step, intermediate_value };
            refused.push(storage.set_trial_intermediate_value(report).await.err());
            let param = wire::SetTrialParameterRequest {
                trial_id,
                param_name: "rate".to_owned(),
                param_value_internal: 0.5,
                distribution: FLOAT.to_owned(),
            };
            refused.push(storage.set_trial_parameter(param).await.err());
        }
        if refused.iter().any(Option::is_none) {
            let what = format!("the cluster's study is not written through this door: {refused:?}");
            self.log.notes().broken.push(what);
        }
    }

    /// Makes a call about a trial, and notes what was said once it is acknowledged.
    async fn speak<M: Clone, T>(
        &mut self,
        said: Said,
        message: M,
        call: impl AsyncFn(Storage, Request<M>) -> Result<Response<T>, Status>,
    ) -> Goes<T> {
        let called = self.client.history.now();
        let answer = self.call(message, call).await;
        let reply = self.heeded(&said, answer)?;
        self.note(called, said);
        Ok(reply)
    }

    /// The answer to a call about a trial. Nobody else may have ended the trial while its client was there.
    fn heeded<T>(&mut self, said: &Said, answer: Result<T, Status>) -> Goes<T> {
        let here = said.trial().map(|trial| (trial, self.life()));
        match answer {
            Ok(reply) => {
                self.heard = here;
                Ok(reply)
            }
            Err(status) => {
                let is_over = status.code() == Code::FailedPrecondition;
                if is_over && here.is_some() && self.heard == here {
                    let what = format!("a client that is there loses no trial: {said:?}: {status}");
                    self.log.notes().broken.push(what);
                }
                Err(Over)
            }
        }
    }

    /// Makes a call, and repeats it if the client is one that does.
    async fn call<M: Clone, T>(
        &mut self,
        message: M,
        call: impl AsyncFn(Storage, Request<M>) -> Result<Response<T>, Status>,
    ) -> Result<T, Status> {
        let name = self.habits.insists.then(|| format!("{:x}", self.rng.next_u64()));
        loop {
            let mut request = Request::new(message.clone());
            if let Some(name) = &name {
                let name = name.parse().expect("an id");
                request.metadata_mut().insert("kindling-request", name);
            }
            let storage = StorageServiceClient::new(self.client.transport());
            match call(storage, request).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status)
                    if name.is_some()
                        && matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) =>
                {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(status) => return Err(status),
            }
        }
    }

    fn note(&self, called: Duration, said: Said) {
        let heard = self.client.history.now();
        self.log.notes().words.push(Word { called, heard, said });
    }

    fn life(&self) -> Option<u64> {
        self.client.network.life(&self.client.name)
    }
}

/// Asks for all trials of a study.
pub(super) fn all_of(study_id: i64) -> wire::GetTrialsRequest {
    wire::GetTrialsRequest { study_id, included_trial_ids: Vec::new(), trial_id_greater_than: -1 }
}
