//! Reads what a caller uploads: no faster than it can be put away, and for no longer than is reasonable.

use std::time::Duration;

use axum::body::Bytes;
use kindling_proto::{limits, v1};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

/// How long a sender may say nothing.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// How long it may say nothing in all, beside the time that a slow line takes.
const SILENCE_IN_ALL: Duration = Duration::from_mins(2);
/// What a slow line carries at least, in bytes per second.
const SLOW: u64 = 64 << 10;

/// A message of an upload.
pub(super) trait Message {
    /// What the first one says.
    type Head;

    /// Which of the two it is; `None` for neither.
    fn part(self) -> Option<Part<Self::Head>>;
}

/// One of an upload's parts.
pub(super) enum Part<H> {
    Head(H),
    Piece(Vec<u8>),
}

impl Message for v1::SaveRequest {
    type Head = v1::Saving;

    fn part(self) -> Option<Part<Self::Head>> {
        Some(match self.part? {
            v1::save_request::Part::Saving(head) => Part::Head(head),
            v1::save_request::Part::Piece(piece) => Part::Piece(piece),
        })
    }
}

impl Message for v1::SaveArtifactRequest {
    type Head = v1::StudyArtifact;

    fn part(self) -> Option<Part<Self::Head>> {
        Some(match self.part? {
            v1::save_artifact_request::Part::Artifact(head) => Part::Head(head),
            v1::save_artifact_request::Part::Piece(piece) => Part::Piece(piece),
        })
    }
}

/// An upload that comes in.
pub(super) struct Intake<M> {
    messages: Streaming<M>,
    shutdown: CancellationToken,
    pace: Pace,
}

impl<M: Message> Intake<M> {
    pub(super) fn new(messages: Streaming<M>, shutdown: CancellationToken) -> Self {
        Self { messages, shutdown, pace: Pace::default() }
    }

    /// What the first message says.
    pub(super) async fn head(&mut self) -> Result<M::Head, Status> {
        match self.message().await?.map(Message::part) {
            Some(Some(Part::Head(head))) => Ok(head),
            _ => Err(Status::invalid_argument("the first message says what it is that is saved")),
        }
    }

    /// The next bytes.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(message) = self.message().await? else { return Ok(None) };
        let Some(Part::Piece(piece)) = message.part() else {
            return Err(Status::invalid_argument("all messages but the first have a piece"));
        };
        if piece.len() > limits::PIECE {
            let most = limits::PIECE;
            return Err(Status::invalid_argument(format!("a piece has at most {most} bytes")));
        }
        self.pace.came(piece.len());
        Ok(Some(piece.into()))
    }

    async fn message(&mut self) -> Result<Option<M>, Status> {
        let begun = Instant::now();
        let patience = self.pace.patience();
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {
                Err(Status::unavailable("the coordinator is shutting down"))
            }
            message = timeout(patience, self.messages.message()) => {
                self.pace.waited(begun.elapsed());
                message.unwrap_or_else(|_| Err(Status::deadline_exceeded(
                    "the upload stood still for too long; begin it again",
                )))
            }
        }
    }
}

/// How long a sender has been waited for, and what came. Time in which it had to wait for us does not count.
#[derive(Debug, Default)]
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// How long the next message may take.
    fn patience(&self) -> Duration {
        let on_a_slow_line = Duration::from_secs(self.bytes / SLOW);
        SILENCE.min((SILENCE_IN_ALL + on_a_slow_line).saturating_sub(self.waited))
    }

    fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_is_fast_enough_and_a_drop_now_and_then_is_not() {
        let lasts = |bytes: usize, time: Duration| {
            let mut pace = Pace::default();
            for _ in 0..20_000 {
                if time > pace.patience() {
                    return false;
                }
                pace.waited(time);
                pace.came(bytes);
            }
            true
        };
        let second = Duration::from_secs(1);
        assert!(lasts(SLOW as usize, second));
        assert!(!lasts(SLOW as usize * 9 / 10, second));
        assert!(!lasts(1, Duration::from_millis(20)), "a byte now and then");
        assert!(!lasts(limits::PIECE, SILENCE + Duration::from_millis(1)));
    }
}
