//! Where the bytes of checkpoints and artifacts lie: a folder, or a bucket of S3 (or what speaks it), Google Cloud
//! Storage or Azure.
//!
//! What is saved is there whole or not at all: [`Upload`] compares size and SHA-256 before anything of it can be seen.
//! Nothing here is renamed, changed or used twice, so who knows a [`Key`] and its [`Content`] always reads the same
//! bytes, or learns that they are gone.

mod bucket;
mod check;
mod content;
mod download;
mod error;
mod folder;
mod key;
mod listing;
mod location;
mod store;
mod upload;

pub use content::Content;
pub use download::Download;
pub use error::ArtifactError;
pub use key::Key;
pub use listing::{Found, Listing};
pub use location::{Location, LocationError, Service};
pub use store::ArtifactStore;
pub use upload::Upload;
