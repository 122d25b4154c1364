//! Errors in finding and downloading MNIST, with hints.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::manifest::MAX_BYTES;
use crate::idx::IdxError;

/// Why MNIST is not available. The text ends with lines that start with `hint: `.
#[derive(Debug, Error)]
pub enum MnistError {
    /// The directory does not exist.
    #[error("{} is not a directory\n{NAME_A_DIRECTORY}", dir.display())]
    NoDirectory {
        /// The named directory, or the cache.
        dir: PathBuf,
    },
    /// The directory lacks some of the files.
    #[error(
        "{} holds no {} (nor with .gz)\n{NAME_A_DIRECTORY}",
        dir.display(),
        names.join(", no ")
    )]
    Missing {
        /// The named directory, or the cache.
        dir: PathBuf,
        /// The missing files, without `.gz`.
        names: Vec<&'static str>,
    },
    /// A file is not the published one.
    #[error("{}: {fault}\n{REPLACE_THE_FILE}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// An image file or its label file is not in the IDX format.
    #[error("{} or its labels: {source}\n{REPLACE_THE_FILE}", path.display())]
    Format {
        /// The image file.
        path: PathBuf,
        /// What is wrong with it or with its label file.
        source: IdxError,
    },
    /// There is no home directory and hence no cache.
    #[error(
        "no cache directory: this user has no home directory\n\
         hint: set XDG_CACHE_HOME (or HOME) to a directory that can be written\n{NAME_A_DIRECTORY}"
    )]
    NoCache,
    /// A downloaded file could not be written.
    #[error(
        "cannot write {}: {source}\n\
         hint: make room, or make its directory writable for this user\n{NAME_A_DIRECTORY}",
        path.display()
    )]
    Write {
        /// The file, or the directory for it.
        path: PathBuf,
        /// The system's message.
        source: io::Error,
    },
    /// No mirror had the file.
    #[error(
        "cannot download {name} into {}{}\n{NAME_A_DIRECTORY}",
        dir.display(),
        lines(attempts)
    )]
    Download {
        /// The file, with `.gz`.
        name: String,
        /// The directory for it.
        dir: PathBuf,
        /// What went wrong at each mirror.
        attempts: Vec<MirrorFailure>,
    },
}

/// The hints that always apply.
const NAME_A_DIRECTORY: &str = "\
hint: pass `--data-dir DIR` (or set KINDLING_DATA_DIR) with the four files of MNIST, gzipped or not
hint: or study the embedded synthetic digits: `data = \"digits\"` in the study file";

const REPLACE_THE_FILE: &str = "\
hint: replace it by the file as it was published; `kindling data fetch` downloads it again";

/// What is wrong with one file.
#[derive(Debug, Error)]
pub enum FileFault {
    /// There is neither a packed nor an unpacked file.
    #[error("missing")]
    Missing,
    /// The system cannot read it.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It is truncated or damaged as a gzip file.
    #[error("damaged gzip file: {0}")]
    Gzip(io::Error),
    /// It unpacks to more than any of the files holds.
    #[error("unpacks to more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is readable but has different content.
    #[error("wrong content: SHA-256 {found} ({bytes} bytes unpacked), expected {expected}")]
    Checksum {
        /// The SHA-256 of its unpacked content.
        found: String,
        /// The size of its unpacked content in bytes.
        bytes: usize,
        /// The expected SHA-256.
        expected: String,
    },
}

impl FileFault {
    /// A word or two, for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Read(_) => "unreadable",
            Self::Gzip(_) => "damaged gzip",
            Self::TooLarge => "too large",
            Self::Checksum { .. } => "wrong checksum",
        }
    }
}

/// A mirror that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorFailure {
    /// The requested URL.
    pub url: String,
    /// Why it failed.
    pub reason: String,
}

impl fmt::Display for MirrorFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

/// Each attempt on its own line.
fn lines(attempts: &[MirrorFailure]) -> String {
    attempts.iter().fold(String::new(), |text, attempt| text + "\n  " + &attempt.to_string())
}
