//! `TrialService`.

use kindling_proto::v1::trial_service_server::TrialService;
use kindling_proto::{limits, v1};
use kindling_study::{Annotation, Refusal, StudyId, TrialNumber};
use tonic::{Request, Response, Status};

use super::status::refused;
use super::{Service, caller};
use crate::actor::Actor;
use crate::admission::Class;
use crate::convert;
use crate::transaction::Retries;
use crate::view;
use crate::view::paging::{self, Page};

/// The longest reason why a trial is not repeated, in bytes.
const WHY: usize = 512;

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
        let by = Actor::of(&request);
        let v1::EnqueueTrialRequest { study, params, request_id, warm_start } =
            request.into_inner();
        let fixed = convert::named_values(params)?;
        let request_id = request_id_of(request_id)?;
        let warm_start = warm_start.map(TrialNumber);
        let (id, number) = self
            .ledger
            .write(Class::Begin, move |t| t.by(&by).enqueue(&study, &fixed, warm_start, request_id))
            .await?;
        let trial = Some(self.trial(id, number).await?);
        Ok(Response::new(v1::EnqueueTrialResponse { trial }))
    }

    async fn retry_trial(
        &self,
        request: Request<v1::RetryTrialRequest>,
    ) -> Reply<v1::RetryTrialResponse> {
        let by = Actor::of(&request);
        let v1::RetryTrialRequest { study, number, request_id } = request.into_inner();
        let request_id = request_id_of(request_id)?;
        let (id, number) = self
            .ledger
            .write(Class::Begin, move |t| t.by(&by).retry(&study, TrialNumber(number), request_id))
            .await?;
        let trial = Some(self.trial(id, number).await?);
        Ok(Response::new(v1::RetryTrialResponse { trial }))
    }

    async fn retry_trials(
        &self,
        request: Request<v1::RetryTrialsRequest>,
    ) -> Reply<v1::RetryTrialsResponse> {
        let (caller, by) = (caller(&request), Actor::of(&request));
        let v1::RetryTrialsRequest { study, numbers, request_id } = request.into_inner();
        if numbers.len() > limits::RETRIED {
            let most = format!("at most {} at a time", limits::RETRIED);
            return Err(convert::Invalid::new("numbers", most).into());
        }
        // Each trial's own request has its number behind this.
        let request_id = request_id_within(limits::REQUEST_ID - 16, request_id)?;
        let failed: Vec<_> = numbers.into_iter().map(TrialNumber).collect();
        let Retries { retried: all, refused } = self
            .ledger
            .write(Class::Begin, move |t| {
                t.by(&by).retry_all(&study, &failed, request_id.as_deref())
            })
            .await?;
        let retried = |(failed, number): (TrialNumber, TrialNumber)| v1::Retried {
            failed: failed.0,
            number: number.0,
        };
        let not_retried = |(failed, refusal): (TrialNumber, Refusal)| v1::NotRetried {
            failed: failed.0,
            reason: limits::cut(refusal.to_string(), WHY),
        };
        let answer = v1::RetryTrialsResponse {
            retried: all.into_iter().map(retried).collect(),
            refused: refused.into_iter().map(not_retried).collect(),
        };
        self.to_be_read(caller, answer)
    }

    async fn annotate_trial(
        &self,
        request: Request<v1::AnnotateTrialRequest>,
    ) -> Reply<v1::AnnotateTrialResponse> {
        let by = Actor::of(&request);
        let v1::AnnotateTrialRequest { study: name, number, note, note_version, tags } =
            request.into_inner();
        let (tags, number) = (tags.map(|tags| tags.tags), TrialNumber(number));
        let wanted = Annotation { note, note_version, tags, archived: None };
        let study = name.clone();
        self.ledger
            .write(Class::Begin, move |t| t.by(&by).annotate(&study, Some(number), &wanted))
            .await?;
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
    request_id_within(limits::REQUEST_ID, text)
}

fn request_id_within(most: usize, text: String) -> Result<Option<String>, convert::Invalid> {
    if text.len() > most {
        return Err(convert::Invalid::new("request_id", format!("at most {most} bytes")));
    }
    Ok(Some(text).filter(|t| !t.is_empty()))
}
