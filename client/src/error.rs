//! Errors in the arguments for a connection.

use std::path::{Path, PathBuf};

/// Why a connection cannot even be tried.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The address is invalid.
    #[error(
        "`{address}` is not a coordinator's address: {reason}\n\
         hint: something like http://127.0.0.1:50051, or https:// with TLS"
    )]
    Address {
        /// The given address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// The token file holds no valid token.
    #[error("{path} holds no token: {reason}\nhint: `kindling token create FILE` makes one", path = path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS arguments contradict each other or the certificates.
    #[error("TLS: {0}")]
    Tls(String),
}

/// The content of the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path)
        .map_err(|error| ConnectError::File { path: path.to_owned(), reason: error.to_string() })
}
