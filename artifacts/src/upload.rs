//! Saves bytes as they come.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::content::{Content, Hex, Seen};
use crate::error::ArtifactError;
use crate::key::Key;
use crate::store::ArtifactStore;

/// What is sent at a time. Services accept no smaller parts, and some want all of them to have one size.
///
/// An upload holds one part that fills and one that is sent.
pub(crate) const PART: usize = 5 << 20;

/// Bytes on their way into the store. Nothing of them can be seen before [`Self::finish`]; if it is dropped, nothing is
/// kept.
pub struct Upload {
    store: ArtifactStore,
    objects: Arc<dyn ObjectStore>,
    path: Path,
    expected: Content,
    seen: Seen,
    /// What was not sent yet.
    pieces: Vec<Bytes>,
    waiting: usize,
    parts: Option<Parts>,
}

/// An upload in parts.
struct Parts {
    upload: Box<dyn MultipartUpload>,
    on_its_way: Option<JoinHandle<object_store::Result<()>>>,
}

impl Upload {
    pub(crate) fn new(
        store: ArtifactStore,
        objects: Arc<dyn ObjectStore>,
        key: Key,
        expected: Content,
    ) -> Self {
        let path = store.path(key);
        let seen = Seen::default();
        Self { store, objects, path, expected, seen, pieces: Vec::new(), waiting: 0, parts: None }
    }

    /// Takes the next bytes. Returns once there is room for more.
    pub async fn write(&mut self, mut piece: Bytes) -> Result<(), ArtifactError> {
        let expected = self.expected.size;
        if piece.len() as u64 > expected - self.seen.size() {
            return Err(ArtifactError::Mismatch(format!(
                "more than the announced {expected} bytes came"
            )));
        }
        self.seen.add(&piece);
        // What fits into one part is sent whole.
        while expected > PART as u64 && self.waiting + piece.len() >= PART {
            self.pieces.push(piece.split_to(PART - self.waiting));
            self.send().await?;
        }
        if !piece.is_empty() {
            self.waiting += piece.len();
            self.pieces.push(piece);
        }
        Ok(())
    }

    /// Compares size and SHA-256 with what was announced. Once this returns, the bytes are safe.
    pub async fn finish(mut self) -> Result<(), ArtifactError> {
        let seen = std::mem::take(&mut self.seen).content();
        check(self.expected, seen)?;
        if self.parts.is_some() && self.waiting > 0 {
            self.send().await?;
        }
        let Some(mut parts) = self.parts.take() else {
            let whole = std::mem::take(&mut self.pieces).into_iter().collect::<PutPayload>();
            let put = self.store.within(self.objects.put(&self.path, whole)).await?;
            return put.map(drop).map_err(|error| self.failed(&error));
        };
        let completed = async {
            parts.arrived().await?;
            parts.upload.complete().await
        };
        let completed = self.store.within(completed).await;
        // If it fails, what was sent goes, as in any other case.
        self.parts = Some(parts);
        completed?.map_err(|error| self.failed(&error))?;
        self.parts = None;
        Ok(())
    }

    /// Sends what is waiting as a part, once the one before has arrived.
    async fn send(&mut self) -> Result<(), ArtifactError> {
        if self.parts.is_none() {
            let begun = self.store.within(self.objects.put_multipart(&self.path)).await?;
            let upload = begun.map_err(|error| self.failed(&error))?;
            self.parts = Some(Parts { upload, on_its_way: None });
        }
        let Some(parts) = &mut self.parts else { return Ok(()) };
        let arrived = self.store.within(parts.arrived()).await?;
        arrived.map_err(|error| ArtifactError::of(self.store.place(), &error))?;
        let part: PutPayload = std::mem::take(&mut self.pieces).into_iter().collect();
        self.waiting = 0;
        parts.on_its_way = Some(tokio::spawn(parts.upload.put_part(part)));
        Ok(())
    }

    fn failed(&self, error: &object_store::Error) -> ArtifactError {
        ArtifactError::of(self.store.place(), error)
    }
}

impl Parts {
    async fn arrived(&mut self) -> object_store::Result<()> {
        let Some(part) = &mut self.on_its_way else { return Ok(()) };
        let arrived = part.await;
        self.on_its_way = None;
        arrived?
    }
}

/// Takes back what was sent.
impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mut parts), Ok(runtime)) = (self.parts.take(), Handle::try_current()) else {
            return;
        };
        let (place, path) = (self.store.place().to_owned(), self.path.clone());
        runtime.spawn(async move {
            if let Some(part) = parts.on_its_way.take() {
                part.abort();
                _ = part.await;
            }
            if let Err(error) = parts.upload.abort().await {
                tracing::debug!(place, %path, %error, "what an upload left could not be removed");
            }
        });
    }
}

fn check(expected: Content, seen: Content) -> Result<(), ArtifactError> {
    if seen.size != expected.size {
        let (came, size) = (seen.size, expected.size);
        return Err(ArtifactError::Mismatch(format!("{came} of the announced {size} bytes came")));
    }
    if seen.sha256 != expected.sha256 {
        let (came, sha256) = (Hex(&seen.sha256), Hex(&expected.sha256));
        return Err(ArtifactError::Mismatch(format!(
            "their SHA-256 is {came}, and {sha256} was announced"
        )));
    }
    Ok(())
}
