//! `optuna.StorageService`: the door for Optuna's `GrpcStorageProxy`.
//!
//! It writes to external studies, and of our own notes and tags alone; it reads both. Optuna's client ends at the first
//! refusal that it does not know. So calls are never turned away here: they wait before the door until there is room.

mod advice;
mod answer;
mod ask;

pub(super) use advice::Advisors;

use kindling_proto::optuna::storage_service_server::StorageService;
use kindling_proto::{limits, optuna as wire};
use kindling_study::external::Scope;
use kindling_study::{Refusal, StudyId, TrialId};
use prost::Message;
use tokio::time::{Duration, sleep};
use tonic::{Request, Response, Status};

use super::status::refused;
use super::{Service, caller};
use crate::admission::Class;
use crate::clients::Word;
use crate::connection::Connection;
use crate::state::State;
use crate::transaction::{Asker, Transaction};

type Reply<T> = Result<Response<T>, Status>;

/// How often to look whether there is room for an answer.
const AGAIN: Duration = Duration::from_millis(20);

#[tonic::async_trait]
impl StorageService for Service {
    async fn create_new_study(
        &self,
        request: Request<wire::CreateNewStudyRequest>,
    ) -> Reply<wire::CreateNewStudyReply> {
        let asker = self.asker(&request)?;
        let (name, directions) = ask::study(&request.into_inner())?;
        let told = name.to_string();
        let id = self.change(move |t| t.create_external(asker, name, directions)).await?;
        tracing::info!(study = told, "created by an Optuna client");
        Ok(Response::new(wire::CreateNewStudyReply { study_id: id.0 }))
    }

    async fn delete_study(
        &self,
        request: Request<wire::DeleteStudyRequest>,
    ) -> Reply<wire::DeleteStudyReply> {
        let id = StudyId(request.into_inner().study_id);
        tracing::info!(study = id.0, "deleting for an Optuna client");
        self.change(move |t| t.delete_external(id)).await?;
        self.advisors.forget(id);
        Ok(Response::new(wire::DeleteStudyReply {}))
    }

    async fn set_study_user_attribute(
        &self,
        request: Request<wire::SetStudyUserAttributeRequest>,
    ) -> Reply<wire::SetStudyUserAttributeReply> {
        let wire::SetStudyUserAttributeRequest { study_id, key, value } = request.into_inner();
        self.set_study_attribute(study_id, Scope::User, key, &value).await?;
        Ok(Response::new(wire::SetStudyUserAttributeReply {}))
    }

    async fn set_study_system_attribute(
        &self,
        request: Request<wire::SetStudySystemAttributeRequest>,
    ) -> Reply<wire::SetStudySystemAttributeReply> {
        let wire::SetStudySystemAttributeRequest { study_id, key, value } = request.into_inner();
        self.set_study_attribute(study_id, Scope::System, key, &value).await?;
        Ok(Response::new(wire::SetStudySystemAttributeReply {}))
    }

    async fn get_study_id_from_name(
        &self,
        request: Request<wire::GetStudyIdFromNameRequest>,
    ) -> Reply<wire::GetStudyIdFromNameReply> {
        let name = request.into_inner().study_name;
        let id = self.see(move |state| state.registry().id_of(&name)).await?;
        Ok(Response::new(wire::GetStudyIdFromNameReply { study_id: id.0 }))
    }

    async fn get_study_name_from_id(
        &self,
        request: Request<wire::GetStudyNameFromIdRequest>,
    ) -> Reply<wire::GetStudyNameFromIdReply> {
        let id = StudyId(request.into_inner().study_id);
        let study_name = self.see(move |state| Ok(answer::study(state, id)?.study_name)).await?;
        Ok(Response::new(wire::GetStudyNameFromIdReply { study_name }))
    }

    async fn get_study_directions(
        &self,
        request: Request<wire::GetStudyDirectionsRequest>,
    ) -> Reply<wire::GetStudyDirectionsReply> {
        let id = StudyId(request.into_inner().study_id);
        let directions = self.see(move |state| Ok(answer::study(state, id)?.directions)).await?;
        Ok(Response::new(wire::GetStudyDirectionsReply { directions }))
    }

    async fn get_study_user_attributes(
        &self,
        request: Request<wire::GetStudyUserAttributesRequest>,
    ) -> Reply<wire::GetStudyUserAttributesReply> {
        let caller = caller(&request);
        let id = StudyId(request.into_inner().study_id);
        let study = self.see(move |state| answer::study(state, id)).await?;
        let user_attributes = study.user_attributes;
        self.when_read(caller, wire::GetStudyUserAttributesReply { user_attributes }).await
    }

    async fn get_study_system_attributes(
        &self,
        request: Request<wire::GetStudySystemAttributesRequest>,
    ) -> Reply<wire::GetStudySystemAttributesReply> {
        let caller = caller(&request);
        let id = StudyId(request.into_inner().study_id);
        let study = self.see(move |state| answer::study(state, id)).await?;
        let system_attributes = study.system_attributes;
        self.when_read(caller, wire::GetStudySystemAttributesReply { system_attributes }).await
    }

    async fn get_all_studies(
        &self,
        request: Request<wire::GetAllStudiesRequest>,
    ) -> Reply<wire::GetAllStudiesReply> {
        let caller = caller(&request);
        let studies = self.see(move |state| Ok(answer::studies(state))).await?;
        self.when_read(caller, wire::GetAllStudiesReply { studies }).await
    }

    async fn create_new_trial(
        &self,
        request: Request<wire::CreateNewTrialRequest>,
    ) -> Reply<wire::CreateNewTrialReply> {
        let asker = self.asker(&request)?;
        let request = request.into_inner();
        let id = StudyId(request.study_id);
        let template = ask::template(request)?.map(Box::new);
        if template.is_none()
            && let Some(advisor) = self.advisor(id).await?
        {
            // Until its trial is there, nobody else is advised: each sees those before it.
            let mut advisor = advisor.lock().await;
            let advice = self.advise(&mut advisor, id).await?;
            let add = move |t: &mut Transaction<'_>| t.add_advised_trial(asker, id, advice);
            let trial_id = self.change(add).await?.0;
            return Ok(Response::new(wire::CreateNewTrialReply { trial_id }));
        }
        let trial = self.change(move |t| t.add_external_trial(asker, id, template)).await?;
        Ok(Response::new(wire::CreateNewTrialReply { trial_id: trial.0 }))
    }

    async fn set_trial_parameter(
        &self,
        request: Request<wire::SetTrialParameterRequest>,
    ) -> Reply<wire::SetTrialParameterReply> {
        let asker = self.asker(&request)?;
        let request = request.into_inner();
        let trial = TrialId(request.trial_id);
        let distribution = ask::distribution(&request.param_name, &request.distribution)?;
        let (name, value) = (request.param_name, request.param_value_internal);
        self.change(move |t| {
            t.change_external_trial(&asker, Word::Tells, trial, |study, number, _| {
                let there = &study.trial(number)?.params;
                if there.len() >= limits::PARAMS && !there.contains_key(&*name) {
                    return Err(Refusal::TooMany { what: "parameters", most: limits::PARAMS });
                }
                study.set_param(number, &name, value, distribution)
            })
        })
        .await?;
        Ok(Response::new(wire::SetTrialParameterReply {}))
    }

    async fn get_trial_id_from_study_id_trial_number(
        &self,
        request: Request<wire::GetTrialIdFromStudyIdTrialNumberRequest>,
    ) -> Reply<wire::GetTrialIdFromStudyIdTrialNumberReply> {
        let wire::GetTrialIdFromStudyIdTrialNumberRequest { study_id, trial_number } =
            request.into_inner();
        let of = move |state: &State| answer::trial_id(state, StudyId(study_id), trial_number);
        let trial_id = self.see(of).await?.0;
        Ok(Response::new(wire::GetTrialIdFromStudyIdTrialNumberReply { trial_id }))
    }

    async fn set_trial_state_values(
        &self,
        request: Request<wire::SetTrialStateValuesRequest>,
    ) -> Reply<wire::SetTrialStateValuesReply> {
        let asker = self.asker(&request)?;
        let request = request.into_inner();
        let trial = TrialId(request.trial_id);
        let state = ask::state(request.state)?;
        let values = (!request.values.is_empty()).then(|| request.values.into_boxed_slice());
        let trial_updated =
            self.change(move |t| t.set_external_state(&asker, trial, state, values)).await?;
        Ok(Response::new(wire::SetTrialStateValuesReply { trial_updated }))
    }

    async fn set_trial_intermediate_value(
        &self,
        request: Request<wire::SetTrialIntermediateValueRequest>,
    ) -> Reply<wire::SetTrialIntermediateValueReply> {
        let asker = self.asker(&request)?;
        let wire::SetTrialIntermediateValueRequest { trial_id, step, intermediate_value } =
            request.into_inner();
        self.change(move |t| {
            t.change_external_trial(&asker, Word::Tells, TrialId(trial_id), |study, number, _| {
                let there = &study.trial(number)?.intermediate;
                if there.len() >= limits::REPORTS && !there.contains_key(&step) {
                    return Err(Refusal::TooManyReports { number, most: limits::REPORTS });
                }
                study.set_intermediate(number, step, intermediate_value)
            })
        })
        .await?;
        Ok(Response::new(wire::SetTrialIntermediateValueReply {}))
    }

    async fn set_trial_user_attribute(
        &self,
        request: Request<wire::SetTrialUserAttributeRequest>,
    ) -> Reply<wire::SetTrialUserAttributeReply> {
        let asker = self.asker(&request)?;
        let wire::SetTrialUserAttributeRequest { trial_id, key, value } = request.into_inner();
        self.set_trial_attribute(asker, trial_id, Scope::User, key, &value).await?;
        Ok(Response::new(wire::SetTrialUserAttributeReply {}))
    }

    async fn set_trial_system_attribute(
        &self,
        request: Request<wire::SetTrialSystemAttributeRequest>,
    ) -> Reply<wire::SetTrialSystemAttributeReply> {
        let asker = self.asker(&request)?;
        let wire::SetTrialSystemAttributeRequest { trial_id, key, value } = request.into_inner();
        self.set_trial_attribute(asker, trial_id, Scope::System, key, &value).await?;
        Ok(Response::new(wire::SetTrialSystemAttributeReply {}))
    }

    async fn get_trial(
        &self,
        request: Request<wire::GetTrialRequest>,
    ) -> Reply<wire::GetTrialReply> {
        let caller = caller(&request);
        let id = TrialId(request.into_inner().trial_id);
        let seen = self.see(move |state| answer::trial(state, id)).await?;
        self.when_read(caller, wire::GetTrialReply { trial: Some(seen.into_wire()) }).await
    }

    async fn get_trials(
        &self,
        request: Request<wire::GetTrialsRequest>,
    ) -> Reply<wire::GetTrialsReply> {
        let caller = caller(&request);
        let wire::GetTrialsRequest { study_id, included_trial_ids, trial_id_greater_than } =
            request.into_inner();
        let id = StudyId(study_id);
        let mut included: Vec<_> = included_trial_ids.into_iter().map(TrialId).collect();
        included.retain(|trial| trial.0 <= trial_id_greater_than);
        included.sort_unstable();
        included.dedup();
        let mut after = TrialId(trial_id_greater_than);
        let mut trials = Vec::new();
        loop {
            let asked = std::mem::take(&mut included);
            let part = self.see(move |state| answer::trials(state, id, &asked, after)).await?;
            let (seen, next) = part;
            // Made apart from the ledger: there may be very many.
            trials.extend(seen.into_iter().map(answer::Seen::into_wire));
            let Some(next) = next else { break };
            after = next;
        }
        self.when_read(caller, wire::GetTrialsReply { trials }).await
    }
}

impl Service {
    /// Runs a decision, once there is room for it.
    async fn change<R: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Transaction<'_>) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<R, Status> {
        let _place = self.external_calls.acquire().await;
        Ok(self.ledger.write(Class::End, decide).await?)
    }

    /// Reads, once there is room for it.
    async fn see<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> Result<R, Refusal> + Send + 'static,
    ) -> Result<R, Status> {
        let _place = self.external_calls.acquire().await;
        let seen = self.ledger.look_after_write(look).await?;
        seen.map_err(|refusal| refused(&refusal))
    }

    async fn set_study_attribute(
        &self,
        study: i64,
        scope: Scope,
        key: String,
        value: &str,
    ) -> Result<(), Status> {
        let value = ask::attribute(&key, value)?;
        ask::check_setting(&key, &value)?;
        self.change(move |t| t.set_study_attribute(StudyId(study), scope, &key, value)).await
    }

    async fn set_trial_attribute(
        &self,
        asker: Asker,
        trial: i64,
        scope: Scope,
        key: String,
        value: &str,
    ) -> Result<(), Status> {
        let value = ask::attribute(&key, value)?;
        self.change(move |t| {
            t.change_external_trial(&asker, Word::Remarks, TrialId(trial), |study, number, _| {
                let there = study.trial(number)?.attributes(scope);
                crate::transaction::check_room(there.len(), there.contains_key(&*key))?;
                study.set_trial_attribute(number, scope, &key, value)
            })
        })
        .await
    }

    /// Who makes a call.
    fn asker<T>(&self, request: &Request<T>) -> Result<Asker, Status> {
        Ok(Asker { connection: self.connection(request), request: ask::request_id(request)? })
    }

    /// The connection of a call. The first time that it is seen, somebody begins to wait for its end.
    fn connection<T>(&self, request: &Request<T>) -> Option<u64> {
        let connection = Connection::of(request.extensions())?;
        let number = connection.number();
        if self.external_connections.add(number) {
            let service = self.clone();
            tokio::spawn(async move {
                connection.ended().await;
                service.external_connections.remove(number);
                _ = service.ledger.note(move |state| state.client_left(number)).await;
            });
        }
        Some(number)
    }

    /// An answer that may be large. It waits until its caller has read others.
    async fn when_read<T: Message>(&self, caller: crate::budget::Caller, message: T) -> Reply<T> {
        let bytes = message.encoded_len();
        let mut response = Response::new(message);
        if bytes > limits::SMALL {
            let share = loop {
                match self.shares.external_unread.take_most(caller, bytes) {
                    Some(share) => break share,
                    None => sleep(AGAIN).await,
                }
            };
            response.extensions_mut().insert(std::sync::Arc::new(share));
        }
        Ok(response)
    }
}
