//! What bytes are, without the bytes.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// How many bytes, and their SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl Content {
    /// The content of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut seen = Seen::default();
        seen.add(bytes);
        seen.content()
    }

    /// The content of all that can be read.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let (mut seen, mut buffer) = (Seen::default(), vec![0; 1 << 16]);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(seen.content()),
                Ok(read) => seen.add(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Says what has passed by so far.
#[derive(Default)]
pub(crate) struct Seen {
    size: u64,
    hash: Sha256,
}

impl Seen {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn content(self) -> Content {
        Content { size: self.size, sha256: self.hash.finalize().into() }
    }
}

/// A SHA-256 as text.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
