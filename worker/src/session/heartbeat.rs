//! The heartbeat stream.
//!
//! It renews the leases and reports which ones are lost. When it ends, the coordinator knows that the worker
//! is gone.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{Session, WorkerError};
use crate::convert;

/// Used until the coordinator sends an interval.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// Beats for as long as the session lives.
pub(super) async fn beat(session: Session) {
    let mut backoff = session.link.backoff("heartbeat");
    loop {
        let (answered, status) = stream(&session).await;
        // Another process uses this worker's name, so the coordinator no longer accepts this one's trials.
        if status.code() == Code::AlreadyExists {
            return session.end(WorkerError::refused(convert::refusal(&status)));
        }
        session.link.note_down("heartbeat", &status);
        if answered {
            backoff = session.link.backoff("heartbeat");
        }
        backoff.wait().await;
    }
}

/// Runs one stream until it breaks. Returns whether the coordinator ever answered, and why the stream broke.
async fn stream(session: &Session) -> (bool, Status) {
    let mut answered = false;
    let status = match hold(session, &mut answered).await {
        Ok(()) => Status::unavailable("the stream ended"),
        Err(status) => status,
    };
    (answered, status)
}

async fn hold(session: &Session, answered: &mut bool) -> Result<(), Status> {
    let (beats, outgoing) = mpsc::channel(1);
    let message = || convert::heartbeat(&session.worker, session.holding.claims());
    _ = beats.try_send(message());
    let response = session.link.client().heartbeat(ReceiverStream::new(outgoing)).await;
    let mut answers = response?.into_inner();
    let mut interval = FIRST_INTERVAL;
    let mut holding = session.holding.claims.subscribe();
    loop {
        tokio::select! {
            biased;
            answer = answers.message() => {
                let Some(answer) = answer? else { return Ok(()) };
                *answered = true;
                session.link.note_up("heartbeat");
                let lost: Vec<_> = answer.lost.into_iter().map(Into::into).collect();
                session.holding.drop_lost(&lost);
                let wanted = answer.interval.and_then(|i| Duration::try_from(i).ok());
                interval = wanted.unwrap_or(FIRST_INTERVAL).max(Duration::from_millis(10));
                continue;
            }
            () = tokio::time::sleep(interval) => {}
            _ = holding.changed() => {}
        }
        if beats.send(message()).await.is_err() {
            return Ok(());
        }
    }
}
