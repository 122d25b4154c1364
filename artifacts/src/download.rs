//! Reads what was saved, piece by piece.

use bytes::Bytes;
use object_store::ObjectStoreExt as _;

use crate::content::{Content, Seen};
use crate::error::ArtifactError;
use crate::key::Key;
use crate::store::ArtifactStore;

/// What is read at a time. Each is a request of its own, so a reader may take as long as it likes in between.
const RANGE: u64 = 4 << 20;
/// The largest piece that is handed out.
const PIECE: usize = 1 << 20;

/// Bytes on their way out of the store.
pub struct Download {
    store: ArtifactStore,
    key: Key,
    expected: Content,
    asked: u64,
    read: Bytes,
    /// `None` once all was read and compared.
    seen: Option<Seen>,
}

impl Download {
    pub(crate) fn new(store: ArtifactStore, key: Key, expected: Content) -> Self {
        Self { store, key, expected, asked: 0, read: Bytes::new(), seen: Some(Seen::default()) }
    }

    /// The next piece, of at most 1 MiB. `None` means that all of them were those that were saved; an error, that none of
    /// them may be used.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ArtifactError> {
        if self.read.is_empty() && self.asked < self.expected.size {
            self.ask().await?;
        }
        let Some(seen) = &mut self.seen else { return Ok(None) };
        if self.read.is_empty() {
            let seen = std::mem::take(seen).content();
            self.seen = None;
            return if seen == self.expected {
                Ok(None)
            } else {
                Err(self.damaged("its SHA-256 is another one"))
            };
        }
        let piece = self.read.split_to(self.read.len().min(PIECE));
        seen.add(&piece);
        Ok(Some(piece))
    }

    async fn ask(&mut self) -> Result<(), ArtifactError> {
        let objects = self.store.objects(false).await?;
        let objects = objects.ok_or_else(|| self.store.missing(self.key))?;
        let path = self.store.path(self.key);
        let end = self.expected.size.min(self.asked + RANGE);
        let answer = self.store.within(objects.get_range(&path, self.asked..end)).await?;
        let read = answer.map_err(|error| {
            let is_short = matches!(&error, object_store::Error::Generic { .. })
                && error.to_string().to_lowercase().contains("range");
            if is_short {
                return self.damaged("it is shorter than what was saved");
            }
            ArtifactError::of_key(self.store.place(), self.key, &error)
        })?;
        if read.len() as u64 != end - self.asked {
            return Err(self.damaged("it is shorter than what was saved"));
        }
        self.asked = end;
        self.read = read;
        Ok(())
    }

    fn damaged(&self, what: &str) -> ArtifactError {
        let place = self.store.place().to_owned();
        ArtifactError::Damaged { place, key: self.key, what: what.to_owned() }
    }
}
