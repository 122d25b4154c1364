//! A store of artifacts.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::bucket;
use crate::content::{Content, Hex};
use crate::download::Download;
use crate::error::ArtifactError;
use crate::folder::Folder;
use crate::key::Key;
use crate::listing::Listing;
use crate::location::Location;
use crate::upload::Upload;

/// Whatever hangs longer than this counts as an outage. Each request to a service has a shorter limit of its own.
const OPERATION: Duration = Duration::from_mins(3);

/// A store of artifacts. Clones are the same store.
#[derive(Clone)]
pub struct ArtifactStore {
    backing: Backing,
    /// What all paths begin with.
    prefix: Path,
    place: Arc<str>,
}

#[derive(Clone)]
enum Backing {
    Folder(Arc<Folder>),
    Objects(Arc<dyn ObjectStore>),
}

impl ArtifactStore {
    /// Opens the store there. Credentials come from the environment: `AWS_…`, `GOOGLE_…`, `AZURE_…`. Nothing is made or
    /// asked yet, see [`Self::check`]; a folder is made when something is saved.
    pub fn open(location: &Location) -> Result<Self, ArtifactError> {
        let readable = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables: Vec<_> = std::env::vars_os().filter_map(readable).collect();
        Self::open_with(location, &variables)
    }

    /// Like [`Self::open`], with these variables instead of the environment's.
    pub fn open_with(
        location: &Location,
        variables: &[(String, String)],
    ) -> Result<Self, ArtifactError> {
        let place: Arc<str> = location.to_string().into();
        let (backing, prefix) = match location {
            Location::Folder(path) => {
                (Backing::Folder(Arc::new(Folder::new(path.clone()))), Path::default())
            }
            Location::Bucket { service, bucket, prefix } => {
                let objects = bucket::open(*service, bucket, variables)
                    .map_err(|error| ArtifactError::of(&place, &error))?;
                (Backing::Objects(objects), Path::from(prefix.as_str()))
            }
        };
        Ok(Self { backing, prefix, place })
    }

    /// A store that ends with its last clone.
    pub fn in_memory() -> Self {
        Self::on(Arc::new(InMemory::new()), "memory")
    }

    /// A store on objects of the caller's.
    pub(crate) fn on(objects: Arc<dyn ObjectStore>, place: &str) -> Self {
        Self { backing: Backing::Objects(objects), prefix: Path::default(), place: place.into() }
    }

    /// Begins to save bytes of this content. The key must not be in use.
    pub async fn upload(&self, key: Key, content: Content) -> Result<Upload, ArtifactError> {
        let objects =
            self.objects(true).await?.ok_or_else(|| ArtifactError::silent(&self.place))?;
        Ok(Upload::new(self.clone(), objects, key, content))
    }

    /// Begins to read what was saved. Whether it is there shows with the first piece.
    pub fn download(&self, key: Key, content: Content) -> Download {
        Download::new(self.clone(), key, content)
    }

    /// How many bytes are kept under the key.
    pub async fn size(&self, key: Key) -> Result<u64, ArtifactError> {
        let objects = self.objects(false).await?.ok_or_else(|| self.missing(key))?;
        let path = self.path(key);
        let found = self.within(objects.head(&path)).await?;
        Ok(found.map_err(|error| ArtifactError::of_key(&self.place, key, &error))?.size)
    }

    /// Removes what is kept under the key, if it is there.
    pub async fn delete(&self, key: Key) -> Result<(), ArtifactError> {
        let Some(objects) = self.objects(false).await? else { return Ok(()) };
        let path = self.path(key);
        match self.within(objects.delete(&path)).await? {
            Ok(()) => Ok(()),
            Err(error) => match ArtifactError::of_key(&self.place, key, &error) {
                ArtifactError::Missing { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    /// All that is kept for this history, in no particular order.
    pub async fn list(&self, history: [u8; 16]) -> Result<Listing, ArtifactError> {
        let path = self.prefix.clone().join(Hex(&history).to_string());
        let found = self.objects(false).await?.map(|objects| objects.list(Some(&path)));
        Ok(Listing::new(self.clone(), found, self.prefix.clone()))
    }

    /// Removes what uploads have left that were cut short and have stood still for this long, where that is ours to do: in
    /// a folder. A bucket has rules for it. Returns how many were removed.
    pub async fn remove_torn(
        &self,
        history: [u8; 16],
        age: Duration,
    ) -> Result<usize, ArtifactError> {
        let Backing::Folder(folder) = self.backing.clone() else { return Ok(0) };
        let history = Hex(&history).to_string();
        let removed = spawn_blocking(move || folder.remove_torn(&history, age));
        let removed =
            self.within(removed).await?.map_err(|e| ArtifactError::of(&self.place, &e.into()))?;
        removed.map_err(|error| ArtifactError::of_files(&self.place, &error))
    }

    /// The store, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn folder(&self) -> Option<&Folder> {
        if let Backing::Folder(folder) = &self.backing { Some(folder) } else { None }
    }

    pub(crate) fn path(&self, key: Key) -> Path {
        self.prefix.clone().join(Hex(&key.history).to_string()).join(Hex(&key.random).to_string())
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    pub(crate) fn missing(&self, key: Key) -> ArtifactError {
        ArtifactError::Missing { place: self.place.to_string(), key }
    }

    /// The objects, or `None` for a folder that is not there and is not to be made.
    pub(crate) async fn objects(
        &self,
        make: bool,
    ) -> Result<Option<Arc<dyn ObjectStore>>, ArtifactError> {
        let folder = match &self.backing {
            Backing::Objects(objects) => return Ok(Some(objects.clone())),
            Backing::Folder(folder) => folder.clone(),
        };
        let place = self.place.clone();
        let files = spawn_blocking(move || folder.files(&place, make));
        let files =
            self.within(files).await?.map_err(|e| ArtifactError::of(&self.place, &e.into()))?;
        Ok(files?.map(|files| files as Arc<dyn ObjectStore>))
    }

    /// Waits for the operation, but not for ever.
    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = T>,
    ) -> Result<T, ArtifactError> {
        timeout(OPERATION, operation).await.map_err(|_| ArtifactError::silent(&self.place))
    }
}

impl fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArtifactStore({})", self.place)
    }
}
