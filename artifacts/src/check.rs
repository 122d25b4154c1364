//! Tries everything that will be done, before somebody relies on it.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio_stream::StreamExt as _;

use crate::error::ArtifactError;
use crate::store::ArtifactStore;

impl ArtifactStore {
    /// Saves, reads, lists and removes something small. `name` must be unlike that of any other check at the time.
    ///
    /// An error that [may pass](ArtifactError::may_pass) is an outage; any other needs somebody to do something.
    pub async fn check(&self, name: &str) -> Result<(), ArtifactError> {
        let was_there = self.folder().is_none_or(crate::folder::Folder::is_there);
        let Some(objects) = self.objects(true).await? else { return Ok(()) };
        let path = self.prefix().clone().join(format!("check-{name}"));
        let tried = self.within(try_all(&*objects, &path)).await;
        if tried.is_err() || matches!(tried, Ok(Err(_))) {
            _ = self.within(objects.delete(&path)).await;
        }
        if let Some(folder) = self.folder().filter(|_| !was_there) {
            folder.remove_if_empty();
        }
        tried?.map_err(|error| ArtifactError::of(self.place(), &error))
    }
}

async fn try_all(objects: &dyn ObjectStore, path: &Path) -> object_store::Result<()> {
    let content = PutPayload::from_static(b"kindling");
    objects.put(path, content).await?;
    objects.get_range(path, 0..1).await?;
    if let Some(first) = objects.list(Some(path)).next().await {
        first?;
    }
    objects.delete(path).await
}
