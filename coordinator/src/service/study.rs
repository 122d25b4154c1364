//! `StudyService`.

use std::ops::Bound;
use std::time::Duration;

use kindling_proto::v1::study_service_server::StudyService;
use kindling_proto::{limits, v1};
use kindling_study::{ConfirmSpec, Refusal, StudyId, StudyState, TrialNumber};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Service;
use super::status::refused;
use crate::admission::Class;
use crate::convert;
use crate::ledger::LedgerError;
use crate::transaction::State;

/// Changes within this time of each other are sent to a watcher as one.
const GATHER: Duration = Duration::from_millis(100);
/// A watcher hears at least this often, so that rates and silences stay fresh.
const REFRESH: Duration = Duration::from_secs(5);

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl StudyService for Service {
    type WatchStudyStream = ReceiverStream<Result<v1::WatchStudyResponse, Status>>;

    async fn create_study(
        &self,
        request: Request<v1::CreateStudyRequest>,
    ) -> Reply<v1::CreateStudyResponse> {
        let spec = request.into_inner().spec;
        let spec = spec.ok_or_else(|| convert::Invalid::new("spec", "is missing"))?;
        let spec = convert::spec(spec)?;
        let name = spec.name.to_string();
        let (_, created) = self.ledger.write(Class::Begin, move |t| t.create_study(spec)).await?;
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
        let request = request.into_inner();
        let after = match request.page_token.as_str() {
            "" => Bound::Unbounded,
            token => Bound::Excluded(StudyId(page_token(token)?)),
        };
        let size = page_size(request.page_size);
        let page = self.ledger.look(move |state| {
            let (_, now) = state.now();
            let studies = state.registry().range(after).take(size);
            let studies = studies.map(|(id, study)| convert::study(id, study, now));
            let studies: Vec<_> = studies.collect();
            let last = studies.last().map_or(i64::MAX, |s| s.id);
            let more = state.registry().range(Bound::Excluded(StudyId(last))).next().is_some();
            let next_page_token = if more { last.to_string() } else { String::new() };
            v1::ListStudiesResponse { studies, next_page_token }
        });
        Ok(Response::new(page.await?))
    }

    async fn pause_study(
        &self,
        request: Request<v1::PauseStudyRequest>,
    ) -> Reply<v1::PauseStudyResponse> {
        let study =
            self.change_state(request.into_inner().name, StudyState::Paused, None, None).await?;
        Ok(Response::new(v1::PauseStudyResponse { study: Some(study) }))
    }

    async fn resume_study(
        &self,
        request: Request<v1::ResumeStudyRequest>,
    ) -> Reply<v1::ResumeStudyResponse> {
        let v1::ResumeStudyRequest { name, trials, confirm } = request.into_inner();
        if trials == Some(0) {
            return Err(convert::Invalid::new("trials", "is at least 1").into());
        }
        let confirm = confirm.map(convert::confirm_from_wire);
        let study = self.change_state(name, StudyState::Active, trials, confirm).await?;
        Ok(Response::new(v1::ResumeStudyResponse { study: Some(study) }))
    }

    async fn stop_study(
        &self,
        request: Request<v1::StopStudyRequest>,
    ) -> Reply<v1::StopStudyResponse> {
        let study =
            self.change_state(request.into_inner().name, StudyState::Stopped, None, None).await?;
        Ok(Response::new(v1::StopStudyResponse { study: Some(study) }))
    }

    async fn delete_study(
        &self,
        request: Request<v1::DeleteStudyRequest>,
    ) -> Reply<v1::DeleteStudyResponse> {
        let name = request.into_inner().name;
        tracing::info!(study = name, "deleting");
        self.ledger.write(Class::Begin, move |t| t.delete_study(&name)).await?;
        Ok(Response::new(v1::DeleteStudyResponse {}))
    }

    async fn watch_study(
        &self,
        request: Request<v1::WatchStudyRequest>,
    ) -> Reply<Self::WatchStudyStream> {
        let name = request.into_inner().name;
        self.study(name.clone()).await?;
        // One message waits at the most: a client that does not read costs nothing more.
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().watch(name, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn replay_study(
        &self,
        request: Request<v1::ReplayStudyRequest>,
    ) -> Reply<v1::ReplayStudyResponse> {
        let name = request.into_inner().name;
        let copy = self.ledger.look(move |state| Ok(state.registry().find(&name)?.1.clone()));
        let study = copy.await?.map_err(|r| refused(&r))?;
        // Computing takes long; the ledger goes on meanwhile.
        let replayed = tokio::task::spawn_blocking(move || {
            let replay = study.replay();
            let space = &study.spec().space;
            let mismatches = replay.mismatches.iter().map(|m| v1::ReplayMismatch {
                number: m.number.0,
                recorded: convert::params(space, &m.recorded),
                recomputed: convert::params(space, &m.recomputed),
            });
            v1::ReplayStudyResponse {
                checked: replay.checked as u32,
                mismatches: mismatches.collect(),
            }
        });
        let replayed = replayed.await.map_err(|e| Status::internal(e.to_string()))?;
        Ok(Response::new(replayed))
    }

    async fn list_workers(
        &self,
        _: Request<v1::ListWorkersRequest>,
    ) -> Reply<v1::ListWorkersResponse> {
        let workers = self.ledger.look(workers).await?;
        Ok(Response::new(v1::ListWorkersResponse { workers }))
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
        name: String,
        state: StudyState,
        budget: Option<u32>,
        confirm: Option<ConfirmSpec>,
    ) -> Result<v1::Study, Status> {
        let study = name.clone();
        let change = self.ledger.write(Class::Begin, move |transaction| {
            transaction.change_state(&study, state, budget, confirm)
        });
        change.await?;
        tracing::info!(study = name, ?state, "state set");
        self.study_after_write(name).await
    }

    async fn watch(
        self,
        name: String,
        sender: mpsc::Sender<Result<v1::WatchStudyResponse, Status>>,
    ) {
        let commits = self.ledger.commits();
        let mut seen = 0;
        loop {
            let (study, rings) = (name.clone(), commits.rings());
            let look =
                self.ledger.look(move |state| snapshot(state, &study, seen, MAX_TRIAL_BYTES));
            let message = match look.await {
                Ok(Ok((message, now_seen))) => {
                    seen = now_seen;
                    Some(Ok(message))
                }
                Ok(Err(refusal)) => Some(Err(refused(&refusal))),
                // The next one tells all that this one would have.
                Err(LedgerError::Overloaded) => None,
                Err(error) => Some(Err(error.into())),
            };
            if let Some(message) = message {
                let over = message.is_err();
                if sender.send(message).await.is_err() || over {
                    return;
                }
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = sender.closed() => return,
                _ = commits.after(rings) => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(REFRESH) => {}
            }
        }
    }
}

fn study(state: &State, name: &str) -> Result<v1::Study, Refusal> {
    let (id, study) = state.registry().find(name)?;
    Ok(convert::study(id, study, state.now().1))
}

/// The study, its workers, and the trials that changed after so many commits, of many the newest: at
/// most so many bytes of them. As of how many commits.
pub(crate) fn snapshot(
    state: &State,
    name: &str,
    seen: u64,
    max_bytes: usize,
) -> Result<(v1::WatchStudyResponse, u64), Refusal> {
    let (id, study) = state.registry().find(name)?;
    let trial = |n: TrialNumber| Some(convert::trial(study, n, study.get(n)?));
    let newest = state.changed_since(id, seen).into_iter().rev().filter_map(trial);
    let mut bytes = 0;
    let mut changed: Vec<_> = newest
        .take_while(|trial| {
            bytes += trial.encoded_len();
            bytes <= max_bytes
        })
        .collect();
    changed.reverse();
    let message = v1::WatchStudyResponse {
        study: Some(convert::study(id, study, state.now().1)),
        changed,
        workers: workers(state),
    };
    Ok((message, state.commits()))
}

fn workers(state: &State) -> Vec<v1::Worker> {
    state.workers().iter().map(|(id, worker)| convert::worker(state, id, worker)).collect()
}

/// The most bytes of trials in one message. A client takes 4 MiB unless it is told otherwise, and a
/// trial may have attributes as large as it likes.
pub(super) const MAX_TRIAL_BYTES: usize = 2 * 1024 * 1024;

pub(super) fn page_size(wanted: u32) -> usize {
    match wanted {
        0 => limits::PAGE,
        n => limits::LARGEST_PAGE.min(n as usize),
    }
}

pub(super) fn page_token(token: &str) -> Result<i64, convert::Invalid> {
    let invalid = |_| convert::Invalid::new("page_token", "is not one of this server's");
    token.parse().map_err(invalid)
}
