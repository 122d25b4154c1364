//! What a trial saves, on its way to the coordinator: its newest checkpoint, and its artifacts.
//!
//! A checkpoint goes once the reports up to its step are there. While it cannot go, a newer one takes its place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;
use tracing::Instrument as _;

use super::Session;
use super::direct::Direct;
use super::link::{Failure, Link};
use super::parcel::Parcel;
use super::put::{self, Put};
use super::told::Told;
use super::training::Unsent;
use crate::lease::{Claim, Refusal, What};

/// The most artifacts of a trial that wait.
const MOST: usize = 64;

/// What waits to be sent. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Keeper(Arc<watch::Sender<State>>);

#[derive(Default)]
struct State {
    checkpoint: Option<Waiting>,
    artifacts: VecDeque<Waiting>,
    /// The step of the newest checkpoint that the coordinator has.
    safe: Option<u64>,
    /// Once the trial is over.
    closing: Option<Closing>,
}

/// How long it is still tried to send what waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// Until when a call that failed is repeated.
    pub(super) until: Instant,
    /// Whether it goes on after that while the coordinator itself is out of reach.
    pub(super) waits_for_coordinator: bool,
}

impl Closing {
    pub(super) fn within(time: Duration, waits_for_coordinator: bool) -> Self {
        Self { until: Instant::now() + time, waits_for_coordinator }
    }
}

/// Something to save.
struct Waiting {
    what: What,
    parcel: Parcel,
    /// Where its bytes lie already, if the worker has put them there itself.
    put: Option<Put>,
    /// For the one who waits. Dropped after the first failure, and if something newer takes its place.
    answer: Option<oneshot::Sender<Answer>>,
}

/// What the coordinator said to it.
pub(super) type Answer = Result<(), Refusal>;

impl Keeper {
    /// Has this sent. The answer comes when it is safe or refused, and is dropped if the first try fails. `None`: too
    /// many wait already.
    pub(super) fn put(&self, what: What, parcel: Parcel) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { what, parcel, put: None, answer: Some(answer) };
        let mut has_room = true;
        self.0.send_modify(|state| {
            let What::Artifact { .. } = waiting.what else {
                state.checkpoint = Some(waiting);
                return;
            };
            state.artifacts.retain(|other| !other.is_replaced_by(&waiting.what));
            has_room = state.artifacts.len() < MOST;
            if has_room {
                state.artifacts.push_back(waiting);
            }
        });
        has_room.then_some(answered)
    }

    /// The step of the newest checkpoint that the coordinator has.
    pub(super) fn safe(&self) -> Option<u64> {
        self.0.borrow().safe
    }

    /// The trial is over: what waits is sent, and nothing more comes.
    fn close(&self, closing: Closing) {
        self.0.send_modify(|state| state.closing = Some(closing));
    }

    /// The next to send; `None` once there will be none.
    async fn next(&self) -> Option<Waiting> {
        let mut state = self.0.subscribe();
        let has_news = |state: &State| {
            state.checkpoint.is_some() || !state.artifacts.is_empty() || state.closing.is_some()
        };
        // This holds a sender.
        _ = state.wait_for(has_news).await;
        let mut next = None;
        self.0.send_if_modified(|state| {
            next = state.checkpoint.take().or_else(|| state.artifacts.pop_front());
            false
        });
        next
    }

    /// Whether a checkpoint waits, and so takes the place of one that is on its way.
    fn has_newer(&self) -> bool {
        self.0.borrow().checkpoint.is_some()
    }

    /// Puts back what could not be sent, unless something newer has taken its place or the time is up. `is_up`: whether
    /// the coordinator itself is in reach.
    fn put_back(&self, waiting: Waiting, is_up: bool) {
        self.0.send_if_modified(|state| {
            if let Some(Closing { until, waits_for_coordinator }) = state.closing
                && Instant::now() >= until
                && (is_up || !waits_for_coordinator)
            {
                tracing::error!("{} is not kept: its trial is over", waiting.what);
                return false;
            }
            match waiting.what {
                What::Checkpoint { .. } => _ = state.checkpoint.get_or_insert(waiting),
                What::Artifact { .. } => {
                    if !state.artifacts.iter().any(|newer| waiting.is_replaced_by(&newer.what)) {
                        state.artifacts.push_front(waiting);
                    }
                }
            }
            false
        });
    }
}

impl Waiting {
    /// Sends it, once: by itself if there is a way, else through the coordinator.
    async fn send(
        &mut self,
        link: &Link,
        claim: &Claim,
        direct: Option<&Direct>,
    ) -> Result<(), Failure> {
        let Self { what, parcel, put, .. } = self;
        if let Some(direct) = direct
            && let Some(sent) = put::save(direct, link, claim, what, parcel, put).await
        {
            return sent;
        }
        link.save(claim, what, parcel, None).await
    }

    fn is_replaced_by(&self, newer: &What) -> bool {
        match (&self.what, newer) {
            (What::Artifact { name, .. }, What::Artifact { name: newer, .. }) => name == newer,
            (What::Checkpoint { .. }, What::Checkpoint { .. }) => true,
            _ => false,
        }
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(waits) = self.answer.take() {
            _ = waits.send(answer);
        }
    }
}

/// Sends what a running trial saves. Ends with the value.
pub(super) struct Keeping {
    keeper: Keeper,
    sending: JoinSet<()>,
}

impl Keeping {
    pub(super) fn start(session: &Session, claim: &Claim, unsent: Unsent, keeper: Keeper) -> Self {
        let mut sending = JoinSet::new();
        let (link, direct) = (session.link.clone(), session.direct.clone());
        let all = send_all(link, direct, claim.clone(), unsent, keeper.clone());
        sending.spawn(all.in_current_span());
        Self { keeper, sending }
    }

    /// Sends what still waits; at most until the trial is no longer this worker's, or the worker has left.
    pub(super) async fn finish(
        mut self,
        closing: Closing,
        told: &Told,
        leaving: impl Future<Output = ()>,
    ) {
        self.keeper.close(closing);
        tokio::select! {
            biased;
            _ = self.sending.join_next() => {}
            () = told.dropped() => {}
            () = leaving => {}
        }
    }
}

/// Sends what a trial saves until it is over and nothing waits.
async fn send_all(
    link: Link,
    direct: Option<Direct>,
    claim: Claim,
    unsent: Unsent,
    keeper: Keeper,
) {
    let mut backoff = link.backoff("save");
    while let Some(mut waiting) = keeper.next().await {
        if let What::Checkpoint { step } = waiting.what {
            unsent.sent_up_to(step).await;
            if keeper.has_newer() {
                continue;
            }
        }
        match waiting.send(&link, &claim, direct.as_ref()).await {
            Ok(()) => {
                let (what, bytes) = (&waiting.what, waiting.parcel.size);
                tracing::debug!(bytes, directly = waiting.put.is_some(), "{what} is safe");
                if let What::Checkpoint { step } = waiting.what {
                    keeper.0.send_if_modified(|state| {
                        state.safe = Some(step);
                        false
                    });
                }
                waiting.answer(Ok(()));
                backoff = link.backoff("save");
            }
            Err(Failure::Refused(refusal)) => {
                let reason = &refusal.reason;
                tracing::warn!(reason, "{} was refused, and is not kept", waiting.what);
                waiting.answer(Err(refusal));
            }
            Err(Failure::Passing(status)) => {
                note(&mut waiting, &status);
                keeper.put_back(waiting, link.is_up());
                backoff.wait().await;
            }
        }
    }
}

/// Says once that something is not saved yet, and lets go who waits for it.
fn note(waiting: &mut Waiting, status: &Status) {
    let (what, code, message) = (&waiting.what, status.code(), status.message());
    if waiting.answer.take().is_some() {
        tracing::warn!(?code, message, "{what} is not saved yet; trying again");
    } else {
        tracing::debug!(?code, message, "{what} is still not saved");
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawers::Drawers;
    use super::*;
    use crate::content::Content;

    fn checkpoint(step: u64) -> What {
        What::Checkpoint { step }
    }

    fn artifact(name: &str) -> What {
        What::Artifact { name: name.to_owned(), media_type: String::new() }
    }

    fn put(keeper: &Keeper, what: What) -> oneshot::Receiver<Answer> {
        let drawer = Arc::new(Drawers::within(None).drawer());
        let parcel = Parcel::take(Content::Bytes(vec![1]), &drawer).expect("bytes");
        keeper.put(what, parcel).expect("room")
    }

    #[tokio::test]
    async fn what_comes_back_gives_way_to_what_is_newer() {
        let keeper = Keeper::default();
        _ = put(&keeper, artifact("a"));
        _ = put(&keeper, checkpoint(1));
        let failed = keeper.next().await.expect("the checkpoint comes first");
        _ = put(&keeper, checkpoint(2));
        keeper.put_back(failed, true);
        let newer = keeper.next().await.expect("the newer one");
        assert_eq!(newer.what, checkpoint(2));
        keeper.put_back(newer, true);
        assert_eq!(keeper.next().await.expect("the same").what, checkpoint(2));
        let failed = keeper.next().await.expect("the artifact");
        _ = put(&keeper, artifact("b"));
        keeper.put_back(failed, true);
        let failed = keeper.next().await.expect("the older one first");
        assert_eq!(failed.what, artifact("a"));
        _ = put(&keeper, artifact("a"));
        keeper.put_back(failed, true);
        let left = [keeper.next().await, keeper.next().await].map(|one| one.expect("two").what);
        assert_eq!(left, [artifact("b"), artifact("a")]);
    }

    #[tokio::test]
    async fn after_a_trials_end_a_store_that_is_away_is_waited_for_as_long_as_was_said() {
        let away = |is_up: bool, waits: bool, time: Duration| async move {
            let keeper = Keeper::default();
            let answer = put(&keeper, checkpoint(1));
            let failed = keeper.next().await.expect("it");
            keeper.close(Closing::within(time, waits));
            keeper.put_back(failed, is_up);
            drop(answer);
            keeper.next().await.is_some()
        };
        let (over, long) = (Duration::ZERO, Duration::from_mins(1));
        assert!(away(true, true, long).await);
        assert!(!away(true, true, over).await);
        // As long as the result itself has to wait.
        assert!(away(false, true, over).await);
        assert!(!away(false, false, over).await);
    }
}
