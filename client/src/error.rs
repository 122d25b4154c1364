//! What may be wrong with the way to a coordinator.

use std::path::{Path, PathBuf};

/// Why it makes no sense to try to connect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The address makes no sense.
    #[error(
        "`{address}` is not a coordinator's address: {reason}\n\
         hint: something like http://127.0.0.1:50051, or https:// with TLS"
    )]
    Address {
        /// What was given.
        address: String,
        /// Why not.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The token's file holds no token.
    #[error("{path} holds no token: {reason}\nhint: `kindling token create FILE` makes one", path = path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The arguments for TLS do not fit together, or with the certificates.
    #[error("TLS: {0}")]
    Tls(String),
}

/// The content of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path)
        .map_err(|error| ConnectError::File { path: path.to_owned(), reason: error.to_string() })
}
