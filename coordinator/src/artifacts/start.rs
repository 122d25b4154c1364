//! What is looked at before a coordinator serves.

use kindling_artifacts::{ArtifactError, ArtifactStore, Location};

use super::Artifacts;
use crate::ledger::Ledger;

/// Why artifacts cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// The store of artifacts cannot be used.
    #[error("artifacts: {0}")]
    Store(#[from] ArtifactError),
    /// Another one was used before.
    #[error(
        "artifacts: {place} has none of the newest {looked_for} of {referred} files that the studies refer to"
    )]
    Elsewhere {
        /// The store that was given.
        place: String,
        /// How many were looked for.
        looked_for: usize,
        /// How many there should be.
        referred: usize,
    },
    /// The studies cannot be looked at.
    #[error("artifacts: {0}")]
    Closed(String),
}

impl ArtifactsError {
    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Elsewhere { .. } => Some(
                "give the --artifacts of before, with its prefix; if the files are lost, add --restored once: trials then \
                 go on without them",
            ),
            Self::Closed(_) => None,
        }
    }
}

impl Artifacts {
    /// Opens the store there, or beside the studies' store, and tries it: whoever waits for the first checkpoint waits long.
    /// An outage is no reason not to start. `was_restored`: files that are not there are known to be lost.
    pub(crate) async fn open(
        location: Option<&Location>,
        beside: &Location,
        limit: u64,
        ledger: &Ledger,
        was_restored: bool,
    ) -> Result<Self, ArtifactsError> {
        let store = ArtifactStore::open(location.unwrap_or(beside))?;
        let artifacts = Self::new(store, limit);
        let closed = |error: crate::LedgerError| ArtifactsError::Closed(error.to_string());
        let counted = artifacts.count(ledger).await.map_err(closed)?;
        // The folder beside the store is made when it is needed. That the store's own can be written is known.
        let is_needed = location.is_some() || counted.len() > 0;
        let tried = if is_needed { artifacts.try_out().await } else { Ok(()) };
        match tried {
            Err(error) if error.may_pass() => {
                let place = artifacts.store().place();
                tracing::warn!(place, %error, "artifacts cannot be kept now; it is tried again when there are some");
                return Ok(artifacts);
            }
            tried => tried?,
        }
        let mut missing = 0;
        for (key, _) in counted.newest() {
            match artifacts.store().size(*key).await {
                Err(ArtifactError::Missing { .. }) => missing += 1,
                _ => break,
            }
        }
        if missing > 0 && missing == counted.newest().len() {
            let place = artifacts.store().place().to_owned();
            let elsewhere =
                ArtifactsError::Elsewhere { place, looked_for: missing, referred: counted.len() };
            if !was_restored {
                return Err(elsewhere);
            }
            tracing::warn!("{elsewhere}");
        }
        Ok(artifacts)
    }

    async fn try_out(&self) -> Result<(), ArtifactError> {
        let name = format!("{:032x}", rand::random::<u128>());
        self.store().check(&name).await
    }
}
