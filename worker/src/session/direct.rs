//! The artifact store, for a worker that reaches it itself: what its trials save and load need not pass the coordinator.
//!
//! This is only a shorter way. Whatever goes wrong on it, the coordinator is asked as if there were none.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kindling_artifacts::{ArtifactError, ArtifactStore, Content, Key, Location};
use tokio::time::Instant;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::WorkerError;
use super::parcel::Parcel;
use super::put::Put;
use crate::lease::{Checkpoint, Claim};

/// How long everything goes through the coordinator after a failure; after each further one twice as long. Else each
/// checkpoint would wait for the same timeouts.
const REST: Duration = Duration::from_mins(1);
const LONGEST_REST: Duration = Duration::from_mins(30);

/// A way to the artifact store. Clones share it.
#[derive(Clone)]
pub(super) struct Direct(Arc<Inner>);

struct Inner {
    store: ArtifactStore,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Works,
    Failed(Rest),
    /// There was no room.
    Full(Rest),
    /// The coordinator's is another one.
    Elsewhere,
}

/// Until when it is not tried, and for how long that was.
#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    length: Duration,
}

impl State {
    /// The rest after another failure.
    fn rest(self) -> Rest {
        let length = match self {
            Self::Failed(rest) | Self::Full(rest) => LONGEST_REST.min(rest.length * 2),
            Self::Works | Self::Elsewhere => REST,
        };
        Rest { until: Instant::now() + length, length }
    }
}

impl Direct {
    pub(super) fn new(store: ArtifactStore) -> Self {
        Self(Arc::new(Inner { store, state: Mutex::new(State::Works) }))
    }

    /// Opens the store there, and tries it as a coordinator does: whoever waits for the first checkpoint waits long. An
    /// outage is no reason not to start. Ends early if the worker is told to stop.
    pub(super) async fn open(
        location: &Location,
        stop: &CancellationToken,
    ) -> Result<Self, WorkerError> {
        let store = ArtifactStore::open(location).map_err(|error| unusable(&error))?;
        Self::tried(store, stop).await
    }

    async fn tried(store: ArtifactStore, stop: &CancellationToken) -> Result<Self, WorkerError> {
        let name = format!("{:032x}", rand::random::<u128>());
        let (trying, place) = (store.clone(), store.place().to_owned());
        // On its own, so that it removes what it has put there if the process lives that long.
        let check = tokio::spawn(async move { trying.check(&name).await });
        tracing::info!(place, "trying the artifact store");
        let checked = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            checked = check => checked.unwrap_or(Ok(())),
        };
        let direct = Self::new(store);
        match checked {
            Err(error) if error.may_pass() => direct.fails(&error),
            checked => checked.map_err(|error| unusable(&error))?,
        }
        Ok(direct)
    }

    /// Puts the bytes there, under a key of their own. `None`: they go through the coordinator.
    pub(super) async fn put(&self, claim: &Claim, parcel: &Parcel) -> Option<Put> {
        let store = self.store()?;
        // Without a history nobody could tell whose the object is.
        let key = Key { history: claim.history[..].try_into().ok()?, random: rand::random() };
        let put = Put::new(store.clone(), key);
        match upload(store, key, parcel).await {
            Ok(()) => Some(put),
            Err(Fault::Bytes(reason)) => {
                tracing::debug!(
                    reason,
                    "what is saved cannot be read; the coordinator will say so"
                );
                None
            }
            Err(Fault::Store(error)) => {
                self.fails(&error);
                None
            }
        }
    }

    /// Reads a checkpoint into something. `None`: it comes through the coordinator. An error is of what it is written into.
    pub(super) async fn load<W: Write>(
        &self,
        checkpoint: &Checkpoint,
        mut into: W,
    ) -> io::Result<Option<W>> {
        let (Some(store), Some(key)) = (self.store(), Key::parse(&checkpoint.key)) else {
            return Ok(None);
        };
        let content = Content { size: checkpoint.size, sha256: checkpoint.sha256 };
        let mut download = store.download(key, content);
        loop {
            match download.next().await {
                Ok(Some(piece)) => into.write_all(&piece)?,
                Ok(None) => {
                    self.works();
                    into.flush()?;
                    return Ok(Some(into));
                }
                Err(error @ (ArtifactError::Missing { .. } | ArtifactError::Damaged { .. })) => {
                    tracing::warn!(%error, "the coordinator is asked for the checkpoint instead");
                    return Ok(None);
                }
                Err(error) => {
                    self.fails(&error);
                    return Ok(None);
                }
            }
        }
    }

    /// Whether so many bytes lie under the key here. `None`: it cannot be known now.
    pub(super) async fn has(&self, key: Key, size: u64) -> Option<bool> {
        match self.0.store.size(key).await {
            Ok(found) => Some(found == size),
            Err(ArtifactError::Missing { .. }) => Some(false),
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    /// There is no room: through the coordinator nothing is sent in vain.
    pub(super) fn note_full(&self) {
        let mut state = self.state();
        if !matches!(*state, State::Elsewhere) {
            *state = State::Full(state.rest());
        }
    }

    /// The coordinator cannot read what was put here, or cannot reach the place now.
    pub(super) fn note_unread(&self, said: &str) {
        if self.begin_rest() {
            tracing::warn!(
                said,
                "the coordinator cannot look at what this worker puts into the artifact store; it saves through the \
                 coordinator for now"
            );
        }
    }

    /// The coordinator does not see what was put here.
    pub(super) fn note_elsewhere(&self, said: &str) {
        if !matches!(std::mem::replace(&mut *self.state(), State::Elsewhere), State::Elsewhere) {
            let place = self.0.store.place();
            let hint =
                "start this worker with the --artifacts of its coordinator, with the same prefix";
            tracing::warn!(
                place,
                said,
                hint,
                "the coordinator does not see what this worker saves: theirs are two places; from now on all goes \
                 through the coordinator"
            );
        }
    }

    /// The store, if it is to be used now.
    fn store(&self) -> Option<&ArtifactStore> {
        let is_due = match *self.state() {
            State::Works => true,
            State::Failed(rest) | State::Full(rest) => Instant::now() >= rest.until,
            State::Elsewhere => false,
        };
        is_due.then_some(&self.0.store)
    }

    /// What was put here is recorded, or something was read here.
    pub(super) fn works(&self) {
        let mut state = self.state();
        let before = *state;
        if !matches!(before, State::Elsewhere) {
            *state = State::Works;
        }
        drop(state);
        if matches!(before, State::Failed(_)) {
            let place = self.0.store.place();
            tracing::info!(place, "this worker saves there again");
        }
    }

    /// Says so once, until it works again.
    fn fails(&self, error: &ArtifactError) {
        if self.begin_rest() {
            let hint = error.hint();
            tracing::warn!(%error, hint, "this worker saves and loads through the coordinator for now");
        } else {
            tracing::debug!(%error, "still through the coordinator");
        }
    }

    /// It failed. Returns whether that is news.
    fn begin_rest(&self) -> bool {
        let mut state = self.state();
        let before = *state;
        if !matches!(before, State::Elsewhere) {
            *state = State::Failed(before.rest());
        }
        matches!(before, State::Works | State::Full(_))
    }

    /// Poisoning does not matter: nothing panics while it is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Fault {
    /// The bytes are not there any more, or not as they were.
    Bytes(String),
    Store(ArtifactError),
}

impl From<ArtifactError> for Fault {
    fn from(error: ArtifactError) -> Self {
        match error {
            ArtifactError::Mismatch(what) => Self::Bytes(what),
            error => Self::Store(error),
        }
    }
}

/// Sends the bytes as they are read, in parts: an upload holds two of 5 MiB.
async fn upload(store: &ArtifactStore, key: Key, parcel: &Parcel) -> Result<(), Fault> {
    let mut pieces = parcel.pieces().map_err(|error| Fault::Bytes(error.to_string()))?;
    let mut upload = store.upload(key, parcel.content()).await?;
    while let Some(piece) = pieces.next().await {
        upload.write(piece.into()).await?;
    }
    Ok(upload.finish().await?)
}

fn unusable(error: &ArtifactError) -> WorkerError {
    let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
    let reason = format!(
        "{error}\nhint: {hint}--artifacts names the place of the coordinator, and the credentials are in this worker's \
         environment; without the option all goes through the coordinator"
    );
    WorkerError::Artifacts { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_that_cannot_be_used_is_an_error_with_a_hint_and_an_outage_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (file, stop) = (dir.path().join("file"), CancellationToken::new());
        std::fs::write(&file, "in the way").unwrap();
        let refused = Direct::open(&Location::Folder(file), &stop).await.err().expect("a file");
        let said = refused.to_string();
        assert!(said.starts_with("artifacts: ") && said.contains("\nhint: "), "{said}");

        let folder = dir.path().join("folder");
        let direct = Direct::open(&Location::Folder(folder.clone()), &stop).await.unwrap();
        assert!(direct.store().is_some() && !folder.exists(), "nothing is left of the check");

        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let variables = [
            ("AWS_ENDPOINT_URL", format!("http://{nobody}")),
            ("AWS_ACCESS_KEY_ID", "a".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "b".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let bucket = "s3://bucket".parse().unwrap();
        let away = ArtifactStore::open_with(&bucket, &variables).unwrap();
        let direct = Direct::tried(away, &stop).await.unwrap();
        assert!(direct.store().is_none(), "it rests");
    }

    #[test]
    fn a_place_that_failed_is_tried_again_later_and_another_place_is_not() {
        let direct = Direct::new(ArtifactStore::in_memory());
        for length in [1, 2, 4, 8, 16, 30, 30] {
            let is_news = direct.begin_rest();
            assert!(direct.store().is_none());
            let State::Failed(rest) = *direct.state() else { panic!("it failed") };
            assert_eq!((rest.length.as_secs() / 60, is_news), (length, length == 1));
        }
        direct.note_full();
        assert!(direct.begin_rest(), "that it fails, too, is news");
        *direct.state() = State::Failed(Rest { until: Instant::now(), length: LONGEST_REST });
        assert!(direct.store().is_some());
        direct.works();
        assert!(direct.begin_rest());
        direct.note_elsewhere("it is not there");
        for look in [Direct::works, Direct::note_full] {
            look(&direct);
            assert!(direct.store().is_none());
        }
    }
}
