//! `TrialService`.

use kindling_proto::v1::trial_service_server::TrialService;
use kindling_proto::{limits, v1};
use kindling_study::{Annotation, StudyId, TrialNumber};
use tonic::{Request, Response, Status};

use super::status::refused;
use super::{Service, caller};
use crate::admission::Class;
use crate::convert;
use crate::view;
use crate::view::paging::{self, Page};

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TrialService for Service {
    async fn list_trials(
        &self,
        request: Request<v1::ListTrialsRequest>,
    ) -> Reply<v1::ListTrialsResponse> {
        let caller = caller(&request);
        let v1::ListTrialsRequest { study, page_size, page_token, states } = request.into_inner();
        let states = convert::trial_states(&states)?;
        let first = match page_token.as_str() {
            "" => 0,
            token => usize::try_from(paging::number_of(token)?).map_err(|_| paging::unknown())?,
        };
        let look = self.ledger.look(move |state| {
            let (_, study) = view::find(state, &study)?;
            let (mut page, mut next_page_token) = (Page::asked_for(page_size), String::new());
            for index in first..study.trials() {
                let number = TrialNumber(index as u32);
                let is_listed = states.is_empty() || states.contains(&study.state_of(number)?);
                let is_over = index - first == limits::SEARCHED;
                if is_over || is_listed && !page.add(study.trial(number)?) {
                    next_page_token = index.to_string();
                    break;
                }
            }
            Ok(v1::ListTrialsResponse { trials: page.into_items(), next_page_token })
        });
        self.to_be_read(caller, look.await?.map_err(|r| refused(&r))?)
    }

    async fn get_trial(
        &self,
        request: Request<v1::GetTrialRequest>,
    ) -> Reply<v1::GetTrialResponse> {
        let caller = caller(&request);
        let v1::GetTrialRequest { study, number } = request.into_inner();
        let number = TrialNumber(number);
        let look = self.ledger.look(move |state| {
            let (_, study) = view::find(state, &study)?;
            study.trial(number)
        });
        let trial = Some(look.await?.map_err(|r| refused(&r))?);
        self.to_be_read(caller, v1::GetTrialResponse { trial })
    }

    async fn enqueue_trial(
        &self,
        request: Request<v1::EnqueueTrialRequest>,
    ) -> Reply<v1::EnqueueTrialResponse> {
        let v1::EnqueueTrialRequest { study, params, request_id, warm_start } =
            request.into_inner();
        let fixed = convert::named_values(params)?;
        let request_id = request_id_of(request_id)?;
        let warm_start = warm_start.map(TrialNumber);
        let (id, number) = self
            .ledger
            .write(Class::Begin, move |t| t.enqueue(&study, &fixed, warm_start, request_id))
            .await?;
        let trial = Some(self.trial(id, number).await?);
        Ok(Response::new(v1::EnqueueTrialResponse { trial }))
    }

    async fn retry_trial(
        &self,
        request: Request<v1::RetryTrialRequest>,
    ) -> Reply<v1::RetryTrialResponse> {
        let v1::RetryTrialRequest { study, number, request_id } = request.into_inner();
        let request_id = request_id_of(request_id)?;
        let (id, number) = self
            .ledger
            .write(Class::Begin, move |t| t.retry(&study, TrialNumber(number), request_id))
            .await?;
        let trial = Some(self.trial(id, number).await?);
        Ok(Response::new(v1::RetryTrialResponse { trial }))
    }

    async fn annotate_trial(
        &self,
        request: Request<v1::AnnotateTrialRequest>,
    ) -> Reply<v1::AnnotateTrialResponse> {
        let v1::AnnotateTrialRequest { study: name, number, note, note_version, tags } =
            request.into_inner();
        let (tags, number) = (tags.map(|tags| tags.tags), TrialNumber(number));
        let wanted = Annotation { note, note_version, tags, archived: None };
        let study = name.clone();
        self.ledger.write(Class::Begin, move |t| t.annotate(&study, Some(number), &wanted)).await?;
        let look = self.ledger.look_after_write(move |state| {
            let (_, study) = view::find(state, &name)?;
            study.trial(number)
        });
        let trial = Some(look.await?.map_err(|r| refused(&r))?);
        Ok(Response::new(v1::AnnotateTrialResponse { trial }))
    }
}

impl Service {
    async fn trial(&self, id: StudyId, number: TrialNumber) -> Result<v1::Trial, Status> {
        let look = self.ledger.look_after_write(move |state| {
            let study = state.registry().get(id)?;
            study.trial_at(number).map(|trial| convert::trial(study, number, trial))
        });
        look.await?.map_err(|r| refused(&r))
    }
}

fn request_id_of(text: String) -> Result<Option<String>, convert::Invalid> {
    if text.len() > limits::REQUEST_ID {
        let most = format!("at most {} bytes", limits::REQUEST_ID);
        return Err(convert::Invalid::new("request_id", most));
    }
    Ok(Some(text).filter(|t| !t.is_empty()))
}
