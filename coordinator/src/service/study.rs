//! `StudyService`.

use std::ops::Bound;

use kindling_proto::v1::study_service_server::StudyService;
use kindling_proto::{limits, v1};
use kindling_study::{
    Annotation, ConfirmSpec, Refusal, Replay, SpecError, Study, StudyId, StudyState, WorkerId,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::status::refused;
use super::{Service, caller};
use crate::actor::Actor;
use crate::admission::Class;
use crate::convert;
use crate::state::State;
use crate::transaction::Transaction;
use crate::view;
use crate::view::paging::{self, Page};

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl StudyService for Service {
    type WatchStudyStream = ReceiverStream<Result<v1::WatchStudyResponse, Status>>;

    async fn create_study(
        &self,
        request: Request<v1::CreateStudyRequest>,
    ) -> Reply<v1::CreateStudyResponse> {
        let by = Actor::of(&request);
        let spec = request.into_inner().spec;
        let spec = spec.ok_or_else(|| convert::Invalid::new("spec", "is missing"))?;
        let spec = convert::spec(spec)?;
        let name = spec.name.to_string();
        let create = move |t: &mut Transaction<'_>| t.by(&by).create_study(spec);
        let (_, created) = self.ledger.write(Class::Begin, create).await?;
        if created {
            tracing::info!(study = name, "created");
        }
        let study = Some(self.study_after_write(name).await?);
        Ok(Response::new(v1::CreateStudyResponse { study, created }))
    }

    async fn get_study(
        &self,
        request: Request<v1::GetStudyRequest>,
    ) -> Reply<v1::GetStudyResponse> {
        let study = Some(self.study(request.into_inner().name).await?);
        Ok(Response::new(v1::GetStudyResponse { study }))
    }

    async fn list_studies(
        &self,
        request: Request<v1::ListStudiesRequest>,
    ) -> Reply<v1::ListStudiesResponse> {
        let caller = caller(&request);
        let v1::ListStudiesRequest { page_size, page_token } = request.into_inner();
        let after = match page_token.as_str() {
            "" => Bound::Unbounded,
            token => Bound::Excluded(StudyId(paging::number_of(token)?)),
        };
        let page = self.ledger.look(move |state| {
            let (mut page, mut last) = (Page::asked_for(page_size), StudyId(0));
            let mut next_page_token = String::new();
            for (id, study) in view::range(state, after) {
                if !page.add(study.to_wire_in_short(state, id)) {
                    next_page_token = last.0.to_string();
                    break;
                }
                last = id;
            }
            v1::ListStudiesResponse { studies: page.into_items(), next_page_token }
        });
        self.to_be_read(caller, page.await?)
    }

    async fn pause_study(
        &self,
        request: Request<v1::PauseStudyRequest>,
    ) -> Reply<v1::PauseStudyResponse> {
        let by = Actor::of(&request);
        let name = request.into_inner().name;
        let study = self.change_state(by, name, StudyState::Paused, None, None).await?;
        Ok(Response::new(v1::PauseStudyResponse { study: Some(study) }))
    }

    async fn resume_study(
        &self,
        request: Request<v1::ResumeStudyRequest>,
    ) -> Reply<v1::ResumeStudyResponse> {
        let by = Actor::of(&request);
        let v1::ResumeStudyRequest { name, trials, confirm } = request.into_inner();
        trials.map_or(Ok(()), check_budget)?;
        let confirm = confirm.map(convert::confirm_from_wire);
        let study = self.change_state(by, name, StudyState::Active, trials, confirm).await?;
        Ok(Response::new(v1::ResumeStudyResponse { study: Some(study) }))
    }

    async fn change_budget(
        &self,
        request: Request<v1::ChangeBudgetRequest>,
    ) -> Reply<v1::ChangeBudgetResponse> {
        let by = Actor::of(&request);
        let v1::ChangeBudgetRequest { name, trials } = request.into_inner();
        check_budget(trials)?;
        let study = name.clone();
        self.ledger.write(Class::Begin, move |t| t.by(&by).change_budget(&study, trials)).await?;
        tracing::info!(study = name, trials, "budget set");
        let study = Some(self.study_after_write(name).await?);
        Ok(Response::new(v1::ChangeBudgetResponse { study }))
    }

    async fn stop_study(
        &self,
        request: Request<v1::StopStudyRequest>,
    ) -> Reply<v1::StopStudyResponse> {
        let by = Actor::of(&request);
        let name = request.into_inner().name;
        let study = self.change_state(by, name, StudyState::Stopped, None, None).await?;
        Ok(Response::new(v1::StopStudyResponse { study: Some(study) }))
    }

    async fn annotate_study(
        &self,
        request: Request<v1::AnnotateStudyRequest>,
    ) -> Reply<v1::AnnotateStudyResponse> {
        let by = Actor::of(&request);
        let v1::AnnotateStudyRequest { name, note, note_version, tags, archived } =
            request.into_inner();
        let tags = tags.map(|tags| tags.tags);
        let wanted = Annotation { note, note_version, tags, archived };
        let study = name.clone();
        self.ledger.write(Class::Begin, move |t| t.by(&by).annotate(&study, None, &wanted)).await?;
        let study = Some(self.study_after_write(name).await?);
        Ok(Response::new(v1::AnnotateStudyResponse { study }))
    }

    async fn delete_study(
        &self,
        request: Request<v1::DeleteStudyRequest>,
    ) -> Reply<v1::DeleteStudyResponse> {
        let by = Actor::of(&request);
        let name = request.into_inner().name;
        tracing::info!(study = name, "deleting");
        let id = self.ledger.write(Class::Begin, move |t| t.by(&by).delete_study(&name)).await?;
        self.outputs.forget(id);
        Ok(Response::new(v1::DeleteStudyResponse {}))
    }

    async fn watch_study(
        &self,
        request: Request<v1::WatchStudyRequest>,
    ) -> Reply<Self::WatchStudyStream> {
        let caller = caller(&request);
        let name = request.into_inner().name;
        let place = self.shares.watches.take(caller, 1).ok_or_else(|| {
            Status::resource_exhausted(
                "too many streams watch studies; end one, or try again later",
            )
        })?;
        self.study(name.clone()).await?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().watch(name, caller, sender, place));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn replay_study(
        &self,
        request: Request<v1::ReplayStudyRequest>,
    ) -> Reply<v1::ReplayStudyResponse> {
        let caller = caller(&request);
        let name = request.into_inner().name;
        let place = self.shares.replays.take(caller, 1).ok_or_else(|| {
            Status::resource_exhausted("a replay is under way; try again when it has ended")
        })?;
        let copy = self.ledger.look(move |state| Ok(state.registry().find(&name)?.1.to_replay()));
        let study = copy.await?.map_err(|r| refused(&r))?;
        // The replay ends when its caller leaves.
        let left = CancellationToken::new();
        let _left = left.clone().drop_guard();
        // A replay takes long, so it runs outside the ledger.
        let replayed = tokio::task::spawn_blocking(move || {
            let replayed = study.replay_while(|| !left.is_cancelled()).map(|r| replay(&study, &r));
            drop(place);
            replayed
        });
        let replayed = replayed.await.map_err(|e| Status::internal(e.to_string()))?;
        let replayed = replayed.ok_or_else(|| Status::cancelled("its caller has left"))?;
        self.to_be_read(caller, replayed)
    }

    async fn list_activity(
        &self,
        request: Request<v1::ListActivityRequest>,
    ) -> Reply<v1::ListActivityResponse> {
        let caller = caller(&request);
        let v1::ListActivityRequest { study, page_size, page_token } = request.into_inner();
        let before = match page_token.as_str() {
            "" => i64::MAX,
            token => paging::number_of(token)?,
        };
        let look = self.ledger.look(move |state| activities(state, &study, before, page_size));
        self.to_be_read(caller, look.await?.map_err(|refusal| refused(&refusal))?)
    }

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Reply<v1::ListWorkersResponse> {
        let caller = caller(&request);
        let v1::ListWorkersRequest { page_size, page_token } = request.into_inner();
        let after = match page_token {
            token if token.is_empty() => None,
            token => Some(WorkerId::new(token).map_err(|_| paging::unknown())?),
        };
        let page = self.ledger.look(move |state| {
            let mut page = Page::asked_for(page_size);
            let (mut last, mut next_page_token) = ("", String::new());
            for (id, worker) in state.workers().after(after.as_ref()) {
                if !page.add(convert::worker(state, id, worker)) {
                    last.clone_into(&mut next_page_token);
                    break;
                }
                last = id.as_str();
            }
            v1::ListWorkersResponse { workers: page.into_items(), next_page_token }
        });
        self.to_be_read(caller, page.await?)
    }
}

impl Service {
    async fn study(&self, name: String) -> Result<v1::Study, Status> {
        let look = self.ledger.look(move |state| study(state, &name));
        look.await?.map_err(|refusal| refused(&refusal))
    }

    async fn study_after_write(&self, name: String) -> Result<v1::Study, Status> {
        let look = self.ledger.look_after_write(move |state| study(state, &name));
        look.await?.map_err(|refusal| refused(&refusal))
    }

    async fn change_state(
        &self,
        by: Actor,
        name: String,
        state: StudyState,
        budget: Option<u32>,
        confirm: Option<ConfirmSpec>,
    ) -> Result<v1::Study, Status> {
        let study = name.clone();
        let change = self.ledger.write(Class::Begin, move |transaction| {
            transaction.by(&by).change_state(&study, state, budget, confirm)
        });
        change.await?;
        tracing::info!(study = name, ?state, "state set");
        self.study_after_write(name).await
    }
}

/// What people did with the study, or with all of them, before an entry; the newest first.
fn activities(
    state: &State,
    study: &str,
    before: i64,
    page_size: u32,
) -> Result<v1::ListActivityResponse, Refusal> {
    let registry = state.registry();
    let one = if study.is_empty() { None } else { Some(registry.id_of(study)?) };
    let all = registry.activities();
    let of_one = one.into_iter().flat_map(|id| all.of(id).rev().map(move |one| (Some(id), one)));
    let of_one = of_one.filter(|(_, activity)| activity.id < before);
    let of_all = one.is_none().then(|| all.before(before));
    let (mut page, mut last) = (Page::asked_for(page_size), 0);
    let mut next_page_token = String::new();
    for (id, activity) in of_one.chain(of_all.into_iter().flatten()) {
        let name = id.and_then(|id| registry.name_of(id)).or(activity.deleted.as_ref());
        if !page.add(convert::activity(name, activity)) {
            next_page_token = last.to_string();
            break;
        }
        last = activity.id;
    }
    Ok(v1::ListActivityResponse { activities: page.into_items(), next_page_token })
}

fn check_budget(trials: u32) -> Result<(), convert::Invalid> {
    match trials {
        0 => Err(SpecError::range("trials", 1, u32::MAX.into(), 0).into()),
        _ => Ok(()),
    }
}

fn study(state: &State, name: &str) -> Result<v1::Study, Refusal> {
    let (id, study) = view::find(state, name)?;
    Ok(study.to_wire(state, id))
}

/// The result of a replay, as much as fits into a message.
fn replay(study: &Study, Replay { checked, mismatches }: &Replay) -> v1::ReplayStudyResponse {
    let space = &study.spec().space;
    let mut page = Page::new(usize::MAX, limits::PAGE_BYTES);
    for mismatch in mismatches {
        let mismatch = v1::ReplayMismatch {
            number: mismatch.number.0,
            recorded: convert::params(space, &mismatch.recorded),
            recomputed: convert::params(space, &mismatch.recomputed),
        };
        if !page.add(mismatch) {
            break;
        }
    }
    v1::ReplayStudyResponse {
        checked: *checked as u32,
        mismatches: page.into_items(),
        mismatched: mismatches.len() as u32,
    }
}
