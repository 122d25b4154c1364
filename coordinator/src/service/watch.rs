//! `WatchStudy`: a stream of a study's changes.

use std::time::Duration;

use kindling_proto::{limits, v1};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::Status;

use super::Service;
use super::status::refused;
use crate::budget::{Caller, Share};
use crate::ledger::LedgerError;
use crate::view::{in_short, snapshot};

/// Changes within this time are sent as one message.
const GATHER: Duration = Duration::from_millis(100);
/// A watcher gets a message at least this often, so that rates and silences stay current.
const REFRESH: Duration = Duration::from_secs(5);
/// A watcher whose message was shortened for lack of room gets the rest after this time.
const LATER: Duration = Duration::from_secs(1);

pub(super) type Messages = mpsc::Sender<Result<v1::WatchStudyResponse, Status>>;

impl Service {
    /// Sends updates of the study until the watcher leaves, and a last one when the coordinator stops. `_place` is its
    /// share of the watches.
    pub(super) async fn watch(
        self,
        name: String,
        caller: Caller,
        messages: Messages,
        _place: Share,
    ) {
        let commits = self.ledger.commits();
        let mut seen = 0;
        // One message may wait to be read while the one before is on its way.
        let mut held = [None, None];
        let mut is_last = false;
        // Waits for room in the channel, so that no message is made for a watcher that does not
        // read.
        while let Ok(place) = messages.reserve().await {
            let (study, rings) = (name.clone(), commits.rings());
            let look =
                self.ledger.look(move |state| snapshot(state, &study, seen, limits::WATCH_BYTES));
            let mut pause = None;
            match look.await {
                Ok(Ok(mut now)) => {
                    now.message.study = now.message.study.map(in_short);
                    let mut share = self.room_for(caller, &now.message);
                    if share.is_none() {
                        // Without trials and workers the message is small, and nearly always fits.
                        now.message.changed.clear();
                        now.message.workers.clear();
                        (now.seen, now.more) = (seen, true);
                        pause = Some(LATER);
                        share = self.room_for(caller, &now.message);
                    }
                    if let Some(share) = share {
                        seen = now.seen;
                        held = [Some(share), held[0].take()];
                        place.send(Ok(now.message));
                    }
                    if now.more {
                        pause = pause.or(Some(Duration::ZERO));
                    }
                }
                Ok(Err(refusal)) => return place.send(Err(refused(&refusal))),
                // The next message includes everything that this one would have.
                Err(LedgerError::Overloaded) => {}
                Err(error) => return place.send(Err(error.into())),
            }
            if is_last && pause != Some(Duration::ZERO) {
                return;
            }
            let wait = async {
                if let Some(pause) = pause {
                    return tokio::time::sleep(pause).await;
                }
                tokio::select! {
                    biased;
                    _ = commits.after(rings) => tokio::time::sleep(GATHER).await,
                    () = tokio::time::sleep(REFRESH) => {}
                }
            };
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => is_last = true,
                () = messages.closed() => return,
                () = wait => {}
            }
        }
    }

    /// Takes room for a message until it is read, if there is some. A small message needs none.
    fn room_for(&self, caller: Caller, message: &v1::WatchStudyResponse) -> Option<Share> {
        let bytes = message.encoded_len();
        self.shares.unread.take(caller, if bytes > limits::SMALL { bytes } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use kindling_proto::v1;

    use super::super::bounds::{World, spec};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_watcher_learns_what_happened_just_before_the_end() {
        let world = World::new().await;
        world.create(spec(1)).await;
        let mut messages = world.watch().await.expect("a place");
        messages.message().await.expect("an answer").expect("the study as it is");
        let request = v1::StopStudyRequest { name: "s".to_owned() };
        world.studies().await.stop_study(request).await.expect("stopped");
        world.service.shutdown.cancel();
        let mut last = None;
        while let Some(message) = messages.message().await.expect("an answer") {
            last = message.study.map(|study| study.state());
        }
        assert_eq!(last, Some(v1::StudyState::Stopped));
    }
}
