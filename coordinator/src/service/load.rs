//! Hands out what was saved.

use std::time::Duration;

use kindling_artifacts::{Content, Key};
use kindling_proto::v1;
use kindling_study::{Artifact, Blob, Refusal, TrialNumber};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::status::{loaded_status, refused};
use super::{Service, caller};
use crate::budget::{Caller, Share};
use crate::convert;
use crate::convert::kept::artifact;
use crate::state::State;

/// How long a reader may read nothing.
const PATIENCE: Duration = Duration::from_mins(2);

type Pieces<T> = ReceiverStream<Result<T, Status>>;

impl Service {
    /// The bytes of a checkpoint of the trial that the caller trains.
    pub(super) async fn load_checkpoint(
        &self,
        request: Request<v1::LoadRequest>,
    ) -> Result<Response<Pieces<v1::LoadResponse>>, Status> {
        let place = self.place_to_load(caller(&request))?;
        let v1::LoadRequest { claim, key } = request.into_inner();
        let claim = convert::claim(claim)?;
        let look = self.ledger.look(move |state| {
            let study = state.registry().get(claim.study);
            let trial = study.and_then(|study| study.may_save(&claim.claim));
            let trial = trial.map_err(|refusal| state.of_history(&claim, refusal))?;
            let mut checkpoints = trial.checkpoints.iter();
            Ok(checkpoints.find(|one| *one.blob.key == *key).map(|one| one.blob.clone()))
        });
        let blob = look.await?.map_err(|refusal| refused(&refusal))?;
        let blob = blob.ok_or_else(|| {
            Status::not_found("the trial has no checkpoint of this key, or not any more")
        })?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(
            self.clone().hand_out(blob, sender, place, |piece| v1::LoadResponse { piece }),
        );
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    /// All artifacts of a study, or of one of its trials.
    pub(super) async fn artifacts_of(
        &self,
        request: Request<v1::ListArtifactsRequest>,
    ) -> Result<Response<v1::ListArtifactsResponse>, Status> {
        let caller = caller(&request);
        let v1::ListArtifactsRequest { study, trial } = request.into_inner();
        let look = self.ledger.look(move |state| {
            let artifacts = find(state, &study, trial)?.iter().map(artifact).collect();
            Ok(v1::ListArtifactsResponse { artifacts })
        });
        self.to_be_read(caller, look.await?.map_err(|refusal| refused(&refusal))?)
    }

    /// One of them with its bytes.
    pub(super) async fn artifact_of(
        &self,
        request: Request<v1::GetArtifactRequest>,
    ) -> Result<Response<Pieces<v1::GetArtifactResponse>>, Status> {
        let place = self.place_to_load(caller(&request))?;
        let v1::GetArtifactRequest { study, trial, name } = request.into_inner();
        let look = self.ledger.look(move |state| {
            let artifacts = find(state, &study, trial)?;
            let found = artifacts.iter().find(|one| *one.name == *name).cloned();
            Ok(found.ok_or(name))
        });
        let found = look.await?.map_err(|refusal| refused(&refusal))?;
        let found = found.map_err(|name| {
            let of =
                trial.map_or("the study itself".to_owned(), |number| format!("trial {number}"));
            let name: String = name.chars().take(200).collect();
            Status::not_found(format!("{of} has no artifact `{name}`"))
        })?;
        let (sender, receiver) = mpsc::channel(1);
        let first = v1::GetArtifactResponse { artifact: Some(artifact(&found)), piece: Vec::new() };
        _ = sender.send(Ok(first)).await;
        let message = |piece| v1::GetArtifactResponse { artifact: None, piece };
        tokio::spawn(self.clone().hand_out(found.blob, sender, place, message));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    /// Sends the bytes as fast as they are read. If they are not those that were saved, the last message is an error.
    async fn hand_out<T>(
        self,
        blob: Blob,
        messages: mpsc::Sender<Result<T, Status>>,
        _place: Share,
        message: impl Fn(Vec<u8>) -> T,
    ) {
        let Some(key) = Key::parse(&blob.key) else {
            let place = self.artifacts.store().place();
            let status = Status::not_found(format!("{place}: `{}` is no key", blob.key));
            _ = messages.try_send(Err(status));
            return;
        };
        let content = Content { size: blob.size, sha256: blob.sha256 };
        let mut download = self.artifacts.store().download(key, content);
        loop {
            let next = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    Err(Status::unavailable("the coordinator is shutting down"))
                }
                () = messages.closed() => return,
                next = download.next() => next.map_err(|error| loaded_status(&error)),
            };
            let (next, is_last) = match next {
                Ok(Some(piece)) => (Ok(message(piece.into())), false),
                Ok(None) => return,
                Err(status) => (Err(status), true),
            };
            if messages.send_timeout(next, PATIENCE).await.is_err() || is_last {
                return;
            }
        }
    }

    fn place_to_load(&self, caller: Caller) -> Result<Share, Status> {
        self.shares.loads.take(caller, 1).ok_or_else(|| {
            Status::resource_exhausted("too many downloads are under way; try again in a moment")
        })
    }
}

/// The artifacts of a study, or of one of its trials. A study that Optuna's clients drive has none.
fn find<'a>(state: &'a State, study: &str, trial: Option<u32>) -> Result<&'a [Artifact], Refusal> {
    if state.registry().find_external(study).is_some() {
        return Ok(&[]);
    }
    let (_, study) = state.registry().find(study)?;
    match trial {
        None => Ok(study.artifacts()),
        Some(number) => Ok(&study.trial_at(TrialNumber(number))?.artifacts),
    }
}
