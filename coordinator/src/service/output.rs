//! Output of trials: `WorkerService.Write` and `ArtifactService.ReadOutput`.

use std::io;
use std::time::{Duration, Instant};

use kindling_proto::{limits, v1};
use kindling_study::{Phase, Refusal, TrialNumber};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::status::refused;
use super::{Service, caller};
use crate::budget::Share;
use crate::convert;
use crate::output::{Batch, NotTaken, Reading, StudyKey, Trial};
use crate::state::{State, StudyClaim, is_newest};

/// How often somebody who follows is told what is new.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing must come of a trial that is finished until it counts as all. Its last lines come beside its result.
const QUIET: Duration = Duration::from_secs(2);
/// How many bytes of a lease's fingerprint are kept.
const FINGERPRINT: usize = 8;

pub(super) type Pieces = ReceiverStream<Result<v1::ReadOutputResponse, Status>>;
type Sender = mpsc::Sender<Result<v1::ReadOutputResponse, Status>>;

impl Service {
    /// Takes lines of an attempt.
    pub(super) async fn keep_output(
        &self,
        request: Request<v1::WriteRequest>,
    ) -> Result<Response<v1::WriteResponse>, Status> {
        let request = request.into_inner();
        let bytes = request.encoded_len();
        if bytes > limits::OUTPUT_BATCH {
            let message = format!("lines: at most {} bytes in a message", limits::OUTPUT_BATCH);
            return Err(Status::out_of_range(message));
        }
        let v1::WriteRequest { claim, first, lines } = request;
        let claim = convert::claim(claim)?;
        let lines = convert::lines(first, lines)?;
        // Before anything else: whatever is too much must not get as far as the ledger.
        let place = self.outputs.place(bytes)?;
        let study = self.study_of(&claim).await?;
        let number = claim.claim.number.0;
        let batch = Batch {
            trial: Trial { study, number },
            attempt: claim.claim.attempt.0,
            lease: fingerprint(&claim),
            first,
            lines,
        };
        self.outputs.write(place, batch).await?;
        Ok(Response::new(v1::WriteResponse {}))
    }

    /// The study of a claim that is good: the trial's newest lease, also for a while after it has ended.
    async fn study_of(&self, claim: &StudyClaim) -> Result<StudyKey, Status> {
        let claims = self.outputs.claims();
        if let Some(study) = claims.find(claim, Instant::now()) {
            return Ok(study);
        }
        let asked = claim.clone();
        let look = self.ledger.look(move |state| check(state, &asked)).await?;
        let study = look.map_err(|refusal| refused(&refusal))?;
        claims.add(claim.clone(), study, Instant::now());
        Ok(study)
    }

    /// Tells what a trial wrote.
    pub(super) async fn show_output(
        &self,
        request: Request<v1::ReadOutputRequest>,
    ) -> Result<Response<Pieces>, Status> {
        let caller = caller(&request);
        let asked = request.into_inner();
        let place = self.shares.readers.take(caller, 1).ok_or_else(|| {
            Status::resource_exhausted("too many callers read output; end one, or try again later")
        })?;
        let (trial, _) = self.where_it_is(&asked).await?;
        let (sender, receiver) = mpsc::channel(1);
        if let Some(folder) = self.outputs.folder_of(trial) {
            let (only, last) = (asked.attempt, u64::from(asked.last));
            let open = move || Reading::open(folder, only, last);
            let reading = blocking(open).await?;
            tokio::spawn(self.clone().tell_output(asked, reading, sender, place));
        }
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn tell_output(
        self,
        asked: v1::ReadOutputRequest,
        mut reading: Reading,
        pieces: Sender,
        _place: Share,
    ) {
        let mut newest = Instant::now();
        // Waits for room first, so that nothing is read for somebody who does not.
        while let Ok(place) = pieces.reserve().await {
            let next = blocking(move || reading.next().map(|piece| (reading, piece))).await;
            match next {
                Err(status) => return place.send(Err(status)),
                Ok((goes_on, Some(piece))) => {
                    reading = goes_on;
                    newest = Instant::now();
                    place.send(Ok(convert::piece(piece)));
                    continue;
                }
                Ok((goes_on, None)) => reading = goes_on,
            }
            if !asked.follow {
                return;
            }
            match self.where_it_is(&asked).await {
                Ok((_, is_over)) if is_over && newest.elapsed() >= QUIET => return,
                // A coordinator that is busy is asked again.
                Ok(_) => {}
                Err(status) if status.code() == tonic::Code::ResourceExhausted => {}
                Err(status) => return place.send(Err(status)),
            }
            drop(place);
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                () = pieces.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The trial, and whether it writes no more to what is asked for.
    async fn where_it_is(&self, asked: &v1::ReadOutputRequest) -> Result<(Trial, bool), Status> {
        let (name, number, only) = (asked.study.clone(), asked.trial, asked.attempt);
        let look = self.ledger.look(move |state| {
            let (id, study) = state.registry().find(&name)?;
            let trial = study.trial_at(TrialNumber(number))?;
            let is_finished = matches!(trial.phase, Phase::Finished(_));
            let is_over = is_finished || only.is_some_and(|only| only < trial.attempt.0);
            Ok((Trial { study: StudyKey::of(id, study), number }, is_over))
        });
        look.await?.map_err(|refusal: Refusal| refused(&refusal))
    }
}

/// The claim's study, if it names the newest lease of its trial.
fn check(state: &State, claim: &StudyClaim) -> Result<StudyKey, Refusal> {
    let number = claim.claim.number;
    let study = state.registry().get(claim.study)?;
    if is_newest(state.registry(), claim) {
        return Ok(StudyKey::of(claim.study, study));
    }
    if claim.history.is_some_and(|history| history != state.history()) {
        return Err(Refusal::OtherHistory { number });
    }
    study.trial_at(number)?;
    let stands = "its newest lease is another";
    Err(Refusal::StaleLease { number, claimed: claim.claim.attempt, stands })
}

/// Tells leases apart, and does not reveal the mark.
fn fingerprint(claim: &StudyClaim) -> Vec<u8> {
    let mark = claim.claim.mark.as_ref().map_or(&[][..], |mark| mark.bytes());
    Sha256::digest(mark)[..FINGERPRINT].to_vec()
}

/// Reads files beside the tasks.
async fn blocking<R: Send + 'static>(
    read: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> Result<R, Status> {
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| Status::internal(error.to_string()))?;
    read.map_err(|error| Status::internal(format!("the output cannot be read: {error}")))
}

impl From<NotTaken> for Status {
    fn from(why: NotTaken) -> Self {
        let message = why.to_string();
        match why {
            NotTaken::Busy | NotTaken::NoRoom | NotTaken::Failed(_) => {
                Self::resource_exhausted(message)
            }
            NotTaken::Deleted => Self::not_found(message),
            NotTaken::Nowhere => Self::unimplemented(message),
        }
    }
}
