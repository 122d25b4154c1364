//! Bytes that the worker has put into the artifact store itself, until the studies refer to them.

use kindling_artifacts::{ArtifactStore, Key};
use kindling_proto::refusals::{NO_ROOM, NOT_THERE, STORE_FAILS};
use tokio::runtime::Handle;
use tonic::{Code, Status};

use super::direct::Direct;
use super::link::{Failure, Link};
use super::parcel::Parcel;
use crate::lease::{Claim, Refusal, What, Why};

/// How often the same is put there. The coordinator sweeps up what lies there for more than an hour unrecorded, as while the
/// coordinator itself was away.
const PUTS: usize = 2;

/// An object. It is removed with the value, unless the studies may refer to it.
///
/// If a newer checkpoint takes its place while it waits, the answer to a call with its key was lost, and nobody here
/// knows whether it is recorded. So it is left to the coordinator, which drops it as an older checkpoint or sweeps it up.
pub(super) struct Put {
    store: ArtifactStore,
    key: Key,
    /// Whether a call with the key was recorded, or its answer is not known.
    may_be_recorded: bool,
}

impl Put {
    pub(super) fn new(store: ArtifactStore, key: Key) -> Self {
        Self { store, key, may_be_recorded: false }
    }

    /// Tells the coordinator of it, once.
    async fn tell(
        &mut self,
        link: &Link,
        claim: &Claim,
        what: &What,
        parcel: &Parcel,
    ) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.may_be_recorded, true);
        let told = link.save(claim, what, parcel, Some(self.key)).await;
        // What was refused now may have been taken before, by a call whose answer was lost.
        match &told {
            Err(Failure::Refused(_)) => self.may_be_recorded = before,
            Err(Failure::Passing(status)) if has_no_room(status) => self.may_be_recorded = before,
            _ => {}
        }
        told
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.may_be_recorded, Handle::try_current()) else { return };
        let (store, key) = (self.store.clone(), self.key);
        runtime.spawn(async move {
            if let Err(error) = store.delete(key).await {
                tracing::debug!(%key, %error, "left to the coordinator, which sweeps up");
            }
        });
    }
}

/// Saves the bytes without the coordinator's help, once, and tells it. What lies there after a call whose answer was lost
/// stays in `put` for the next one. `None`: they go through the coordinator.
pub(super) async fn save(
    direct: &Direct,
    link: &Link,
    claim: &Claim,
    what: &What,
    parcel: &Parcel,
    put: &mut Option<Put>,
) -> Option<Result<(), Failure>> {
    for _ in 0..PUTS {
        if put.is_none() {
            *put = Some(direct.put(claim, parcel).await?);
        }
        let there = put.as_mut()?;
        match there.tell(link, claim, what, parcel).await {
            Err(Failure::Refused(Refusal { why: Why::Form, reason })) => {
                let there = put.take()?;
                if !reason.starts_with(NOT_THERE) {
                    // It may be about the key, as after a change of the history. If not, the coordinator refuses it again before
                    // it takes any bytes.
                    return None;
                }
                if direct.has(there.key, parcel.size).await? {
                    direct.note_elsewhere(&reason);
                    return None;
                }
            }
            Err(Failure::Passing(status)) if has_no_room(&status) => {
                direct.note_full();
                put.take_if(|put| !put.may_be_recorded);
                return Some(Err(Failure::Passing(status)));
            }
            Err(Failure::Passing(status)) if cannot_look(&status) => {
                // Perhaps only at what this worker puts there, as another user or account. The coordinator knows whether these
                // bytes are recorded already.
                direct.note_unread(status.message());
                return None;
            }
            told => {
                if told.is_ok() {
                    direct.works();
                }
                return Some(told);
            }
        }
    }
    None
}

fn cannot_look(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.message().starts_with(STORE_FAILS)
}

fn has_no_room(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && status.message().starts_with(NO_ROOM)
}
