//! The heartbeat stream: it renews the leases, hears which are lost, and by its end tells the
//! coordinator that the worker is gone.

use std::time::Duration;

use kindling_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Session;
use super::link::Backoff;

/// Before the coordinator has said how often.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// Beats for as long as the session lives.
pub(super) async fn beat(session: Session) {
    let mut backoff = Backoff::default();
    loop {
        let started = tokio::time::Instant::now();
        let status = stream(&session).await;
        session.link.note_down("heartbeat", &status);
        if started.elapsed() > Duration::from_secs(30) {
            backoff = Backoff::default();
        }
        backoff.wait().await;
    }
}

/// Holds one stream until it breaks.
async fn stream(session: &Session) -> Status {
    let (beats, outgoing) = mpsc::channel(1);
    if beats.send(message(session)).await.is_err() {
        return Status::internal("no stream");
    }
    let response = session.link.client().heartbeat(ReceiverStream::new(outgoing)).await;
    let mut answers = match response {
        Ok(response) => response.into_inner(),
        Err(status) => return status,
    };
    let mut interval = FIRST_INTERVAL;
    let mut holding = session.holding.claims.subscribe();
    loop {
        tokio::select! {
            answer = answers.message() => match answer {
                Ok(Some(answer)) => {
                    session.link.note_up("heartbeat");
                    session.holding.drop_lost(&answer.lost);
                    let wanted = answer.interval.and_then(|i| Duration::try_from(i).ok());
                    interval = wanted.unwrap_or(FIRST_INTERVAL).max(Duration::from_millis(10));
                    continue; // Only sending resets the wait.
                }
                Ok(None) => return Status::unavailable("the stream ended"),
                Err(status) => return status,
            },
            () = tokio::time::sleep(interval) => {}
            _ = holding.changed() => {}
        }
        if beats.send(message(session)).await.is_err() {
            return Status::unavailable("the stream ended");
        }
    }
}

fn message(session: &Session) -> v1::HeartbeatRequest {
    v1::HeartbeatRequest { holding: session.holding.claims(), ..session.identity.clone() }
}
