//! Saves what trials and studies leave behind. The bytes go straight into the artifact store, and the ledger hears of
//! them once they are safe.

use kindling_artifacts::{ArtifactError, Content, Key};
use kindling_proto::refusals::NOT_THERE;
use kindling_proto::{limits, v1};
use kindling_study::{Artifact, Refusal};
use tonic::{Code, Request, Response, Status, Streaming};

use super::intake::{Intake, Message};
use super::status::{refused, saved_status};
use super::{Service, caller};
use crate::actor::Actor;
use crate::admission::Class;
use crate::artifacts::{NoRoom, Reservation};
use crate::budget::Share;
use crate::convert::saving::{Announced, Saving, StudyFile, What, blob, saving, study_file};
use crate::ledger::LedgerError;
use crate::state::State;
use crate::transaction::Transaction;
use crate::{kept, observe};

/// What is known of an upload before its bytes are read.
enum Known<T> {
    /// It was saved before.
    Saved(T),
    /// Under this key it would be new.
    New(Key),
}

/// How an upload was recorded.
struct Recorded<T> {
    answer: T,
    /// Whether it is these bytes that are kept, and not those of an earlier call.
    is_kept: bool,
}

impl Service {
    /// Saves a checkpoint or an artifact of a trial.
    pub(super) async fn save_of_trial(
        &self,
        request: Request<Streaming<v1::SaveRequest>>,
    ) -> Result<Response<v1::SaveResponse>, Status> {
        self.to_the_end(request, |service, mut intake| async move {
            let saving = saving(intake.head().await?)?;
            let (asked, given) = (saving.clone(), saving.announced);
            let look = service.ledger.note(move |state| asked.known(state));
            let key = match look.await?.map_err(|refusal| refused(&refusal))? {
                Known::Saved(()) => return Ok(v1::SaveResponse {}),
                Known::New(key) => key,
            };
            let room = service.put_away(key, given, &mut intake).await?;
            let content = given.content;
            let recorded = service.ledger.write(Class::End, move |t| saving.record(t, key, &room));
            service.settle(key, content, given.key.is_none(), recorded.await).await?;
            Ok(v1::SaveResponse {})
        })
        .await
    }

    /// Saves an artifact of a study itself.
    pub(super) async fn save_of_study(
        &self,
        request: Request<Streaming<v1::SaveArtifactRequest>>,
    ) -> Result<Response<v1::SaveArtifactResponse>, Status> {
        let by = Actor::of(&request);
        self.to_the_end(request, |service, mut intake| async move {
            let file = study_file(intake.head().await?)?;
            let (asked, content) = (file.clone(), file.content);
            let look = service.ledger.note(move |state| asked.known(state));
            let artifact = match look.await?.map_err(|refusal| refused(&refusal))? {
                Known::Saved(artifact) => artifact,
                Known::New(key) => {
                    let announced = Announced { content, key: None };
                    let room = service.put_away(key, announced, &mut intake).await?;
                    let record = move |t: &mut Transaction<'_>| file.record(t, &by, key, &room);
                    let recorded = service.ledger.write(Class::Begin, record).await;
                    service.settle(key, content, true, recorded).await?
                }
            };
            let artifact = Some(crate::convert::kept::artifact(&artifact));
            Ok(v1::SaveArtifactResponse { artifact })
        })
        .await
    }

    /// Runs an upload on a task of its own, so that it is recorded or taken back also if its caller leaves.
    async fn to_the_end<M, R, F>(
        &self,
        request: Request<Streaming<M>>,
        save: impl FnOnce(Service, Intake<M>) -> F,
    ) -> Result<Response<R>, Status>
    where
        M: Message,
        R: Send + 'static,
        F: Future<Output = Result<R, Status>> + Send + 'static,
    {
        let place = self.place_to_save(&request)?;
        let intake = Intake::new(request.into_inner(), self.shutdown.clone());
        let saving = save(self.clone(), intake);
        let saved = tokio::spawn(async move {
            let saved = saving.await;
            drop(place);
            saved
        });
        let saved = saved.await.map_err(|error| Status::internal(error.to_string()))?;
        if let Err(status) = &saved {
            observe::not_saved(status.code());
        }
        saved.map(Response::new)
    }

    fn place_to_save<T>(&self, request: &Request<T>) -> Result<Share, Status> {
        self.shares.saves.take(caller(request), 1).ok_or_else(|| {
            Status::resource_exhausted("too many uploads are under way; try again in a moment")
        })
    }

    /// Puts the bytes into the artifact store, or looks whether they lie there. Then they are safe.
    async fn put_away<M: Message>(
        &self,
        key: Key,
        Announced { content, key: given }: Announced,
        intake: &mut Intake<M>,
    ) -> Result<Reservation, Status> {
        let room = self.artifacts.reserve(&self.ledger, key, content).await.map_err(no_room)?;
        if given.is_some() {
            self.look_at(key, content).await?;
            return Ok(room);
        }
        let turn = self.artifacts.turn().await.ok_or_else(|| {
            Status::resource_exhausted("too many uploads are under way; try again in a moment")
        })?;
        self.upload(key, content, intake).await?;
        drop(turn);
        Ok(room)
    }

    async fn upload<M: Message>(
        &self,
        key: Key,
        content: Content,
        intake: &mut Intake<M>,
    ) -> Result<(), Status> {
        let mut upload = self.artifacts.store().upload(key, content).await.map_err(not_put)?;
        while let Some(piece) = intake.piece().await? {
            upload.write(piece).await.map_err(not_put)?;
        }
        upload.finish().await.map_err(not_put)
    }

    /// Whether the worker has put the bytes there by itself.
    async fn look_at(&self, key: Key, content: Content) -> Result<(), Status> {
        let found = match self.artifacts.store().size(key).await {
            Ok(found) if found == content.size => return Ok(()),
            Ok(found) => format!("has {found} bytes there, and {} were announced", content.size),
            Err(ArtifactError::Missing { .. }) => "is not there".to_owned(),
            Err(error) => return Err(not_put(error)),
        };
        let place = self.artifacts.store().place();
        Err(Status::invalid_argument(format!("{NOT_THERE}{key} {found} ({place})")))
    }

    /// Answers, and removes at once what turns out not to be kept.
    async fn settle<T>(
        &self,
        key: Key,
        content: Content,
        is_ours: bool,
        recorded: Result<Recorded<T>, LedgerError>,
    ) -> Result<T, Status> {
        let is_kept = match &recorded {
            Ok(recorded) => recorded.is_kept,
            Err(LedgerError::Refused(_)) => false,
            // Whether it is recorded is not known for certain. If not, it is found as an orphan.
            Err(_) => true,
        };
        if is_kept && recorded.is_ok() {
            observe::saved(content.size);
        }
        if !is_kept
            && is_ours
            && let Err(error) = self.artifacts.store().delete(key).await
        {
            tracing::debug!(%key, %error, "what is not kept is not removed yet");
        }
        Ok(recorded?.answer)
    }
}

impl Saving {
    /// Decides as if the bytes were safe: nobody sends what would be refused.
    fn known(self, state: &mut State) -> Result<Known<()>, Refusal> {
        let Self { claim, what, announced } = self;
        if let What::Artifact { name, media_type } = &what {
            kept::check_name(name, media_type)?;
        }
        let key = announced.key.unwrap_or_else(|| state.draw_key());
        if key.history != state.history().0 {
            let odd = format!("{key} is of another history than this store's");
            return Err(Refusal::OddFile(odd));
        }
        let blob = blob(key, announced.content);
        let decided = state.registry().get(claim.study).and_then(|study| match &what {
            What::Checkpoint(step) => study.save_checkpoint(&claim.claim, *step, blob),
            What::Artifact { name, media_type } => {
                let decided = study.save_artifact(&claim.claim, name, media_type, blob)?;
                let artifacts = &study.trial_at(claim.claim.number)?.artifacts;
                kept::check_room(artifacts, name, limits::TRIAL_ARTIFACTS)?;
                Ok(decided)
            }
        });
        let (events, ()) = decided.map_err(|refusal| state.of_history(&claim, refusal))?;
        Ok(if events.is_empty() { Known::Saved(()) } else { Known::New(key) })
    }

    fn record(
        self,
        transaction: &mut Transaction<'_>,
        key: Key,
        room: &Reservation,
    ) -> Result<Recorded<()>, Refusal> {
        let Self { claim, what, announced } = self;
        let blob = blob(key, announced.content);
        let text = blob.key.clone();
        match &what {
            What::Checkpoint(step) => transaction.save_checkpoint(&claim, *step, blob)?,
            What::Artifact { name, media_type } => {
                transaction.save_artifact(&claim, name, media_type, blob)?;
            }
        }
        let study = transaction.state().registry().get(claim.study)?;
        let trial = study.trial_at(claim.claim.number)?;
        let mut kept = trial.checkpoints.iter().map(|checkpoint| &checkpoint.blob);
        let mut files = trial.artifacts.iter().map(|artifact| &artifact.blob);
        let is_kept = kept.any(|blob| blob.key == text) || files.any(|blob| blob.key == text);
        if is_kept {
            room.note_recorded();
        }
        Ok(Recorded { answer: (), is_kept })
    }
}

impl StudyFile {
    fn known(self, state: &mut State) -> Result<Known<Artifact>, Refusal> {
        let Self { study, name, media_type, content } = self;
        kept::check_name(&name, &media_type)?;
        let key = state.draw_key();
        let (_, known) = state.registry().find(&study)?;
        kept::check_room(known.artifacts(), &name, limits::STUDY_ARTIFACTS)?;
        if known.save_study_artifact(&name, &media_type, blob(key, content)).is_empty()
            && let Some(saved) = known.artifacts().iter().find(|one| *one.name == *name)
        {
            return Ok(Known::Saved(saved.clone()));
        }
        Ok(Known::New(key))
    }

    fn record(
        self,
        transaction: &mut Transaction<'_>,
        by: &Actor,
        key: Key,
        room: &Reservation,
    ) -> Result<Recorded<Artifact>, Refusal> {
        let Self { study, name, media_type, content } = self;
        let blob = blob(key, content);
        let text = blob.key.clone();
        let answer = transaction.by(by).save_study_artifact(&study, &name, &media_type, blob)?;
        let is_kept = answer.blob.key == text;
        if is_kept {
            room.note_recorded();
        }
        Ok(Recorded { answer, is_kept })
    }
}

fn no_room(why: NoRoom) -> Status {
    match why {
        NoRoom::Full { .. } => Status::resource_exhausted(why.to_string()),
        NoRoom::InUse(_) => Status::new(Code::Aborted, why.to_string()),
        NoRoom::Ledger(error) => error.into(),
    }
}

/// The sender's fault, or the store's. Then the sender may try again later.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_put(error: ArtifactError) -> Status {
    saved_status(&error)
}
