//! What can go wrong on the way to MNIST, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::file::MAX_BYTES;
use crate::idx::IdxError;

/// Why MNIST is not to be had. The text ends with lines that start with `hint: `.
#[derive(Debug, Error)]
pub enum MnistError {
    /// The directory to read from is none.
    #[error("{} is not a directory\n{NAME_A_DIRECTORY}", dir.display())]
    NoDirectory {
        /// The directory that was named, or the cache.
        dir: PathBuf,
    },
    /// The directory is there, the files are not.
    #[error(
        "{} holds no {} (nor with .gz)\n{NAME_A_DIRECTORY}",
        dir.display(),
        names.join(", no ")
    )]
    Missing {
        /// The directory that was named, or the cache.
        dir: PathBuf,
        /// The files that it lacks, without `.gz`.
        names: Vec<&'static str>,
    },
    /// A file is there, but it is not the file that was published.
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
    /// There is no home directory, so there is no cache.
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
        /// The file, or the directory that was to hold it.
        path: PathBuf,
        /// What the system said.
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
        /// The directory that was to hold it.
        dir: PathBuf,
        /// What each mirror said.
        attempts: Vec<MirrorFailure>,
    },
}

/// The ways on that are always open.
const NAME_A_DIRECTORY: &str = "\
hint: pass `--data-dir DIR` (or set KINDLING_DATA_DIR) with the four files of MNIST, gzipped or not
hint: or study the embedded synthetic digits: `data = \"digits\"` in the study file";

const REPLACE_THE_FILE: &str = "\
hint: replace it by the file as it was published; `kindling data fetch` downloads it again";

/// What is wrong with one file.
#[derive(Debug, Error)]
pub enum FileFault {
    /// There is none, neither packed nor unpacked.
    #[error("missing")]
    Missing,
    /// The system does not hand it out.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It is cut short or damaged as a gzip file.
    #[error("damaged gzip file: {0}")]
    Gzip(io::Error),
    /// It unpacks to more than any of the files holds.
    #[error("unpacks to more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is readable but has another content.
    #[error("wrong content: SHA-256 {found} ({bytes} bytes unpacked), expected {expected}")]
    Checksum {
        /// The SHA-256 of its unpacked content.
        found: String,
        /// Bytes that it unpacks to.
        bytes: usize,
        /// What the SHA-256 should be.
        expected: String,
    },
}

impl FileFault {
    /// A word or two for a table.
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

/// One mirror that was of no help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorFailure {
    /// What was asked for.
    pub url: String,
    /// Why that failed.
    pub reason: String,
}

impl fmt::Display for MirrorFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

/// Each attempt on a line of its own.
fn lines(attempts: &[MirrorFailure]) -> String {
    attempts.iter().fold(String::new(), |text, attempt| text + "\n  " + &attempt.to_string())
}
