//! What a store has.

use std::pin::Pin;
use std::time::SystemTime;

use object_store::path::Path;
use object_store::{ObjectMeta, Result};
use tokio_stream::{Stream, StreamExt as _};

use crate::error::ArtifactError;
use crate::key::Key;
use crate::store::ArtifactStore;

/// Something that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its key.
    pub key: Key,
    /// How many bytes.
    pub size: u64,
    /// When it was saved, by the store's clock. Of a large one some services say when its upload began.
    pub saved: SystemTime,
}

/// What a store has of one history.
pub struct Listing {
    store: ArtifactStore,
    objects: Option<Objects>,
    prefix: Path,
}

type Objects = Pin<Box<dyn Stream<Item = Result<ObjectMeta>> + Send>>;

impl Listing {
    pub(crate) fn new(store: ArtifactStore, objects: Option<Objects>, prefix: Path) -> Self {
        Self { store, objects, prefix }
    }

    /// The next one. What has no key's name is not ours, and is left out.
    pub async fn next(&mut self) -> std::result::Result<Option<Found>, ArtifactError> {
        let Some(objects) = &mut self.objects else { return Ok(None) };
        loop {
            let object = match self.store.within(objects.next()).await? {
                Some(Ok(object)) => object,
                // A folder that is not there has nothing.
                Some(Err(object_store::Error::NotFound { .. })) | None => return Ok(None),
                Some(Err(error)) => return Err(ArtifactError::of(self.store.place(), &error)),
            };
            let Some(parts) = object.location.prefix_match(&self.prefix) else { continue };
            let name: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
            if let Some(key) = Key::parse(&name.join("/")) {
                return Ok(Some(Found {
                    key,
                    size: object.size,
                    saved: object.last_modified.into(),
                }));
            }
        }
    }
}
