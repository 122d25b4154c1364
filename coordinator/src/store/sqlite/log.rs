//! Reads the log beside a store, and checks whether it lost something.
//!
//! `SQLite` reads a log up to the first broken frame. That is right after a power loss in the
//! middle of a commit that was not acknowledged. But frames are written after a commit only once it
//! is synced. So if a broken frame lies before a commit with frames after it, the frame was once
//! whole. There `SQLite` would drop acknowledged commits.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use super::mark;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The last bit gives the byte order of the checksums.
const MAGIC: u32 = 0x377F_0682;
/// The only version that exists.
const VERSION: u32 = 3_007_000;

/// What was found in a log. The log may be larger than the memory.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What is wrong with the log, if anything is.
    pub(super) damage: Option<String>,
    /// The first and the last mark in its commits. See `pair.rs`.
    pub(super) marks: Option<(u32, u32)>,
    /// Whether it starts like a log. A header that is only partly written counts.
    pub(super) is_begun: bool,
}

impl Log {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Self::of(BufReader::with_capacity(1 << 20, File::open(path)?))
    }

    fn of(mut file: impl Read) -> io::Result<Self> {
        let mut log = Self::default();
        let mut bytes = [0; HEADER];
        if !fill(&mut file, &mut bytes)? {
            return Ok(log);
        }
        log.is_begun = word(&bytes, 0) & !1 == MAGIC && word(&bytes, 4) == VERSION;
        let Some(header) = Header::read(&bytes) else { return Ok(log) };

        let mut frame = vec![0; FRAME_HEADER + header.page];
        let (mut sum, mut number) = (header.sum, 0_u64);
        // The marks of the commit that is being read.
        let mut marks = None;
        let mut broken = None;
        let mut after_a_commit = false;
        while fill(&mut file, &mut frame)? {
            number += 1;
            if broken.is_none() && header.is_whole(&frame, &mut sum) {
                if let (1, Some(mark)) = (word(&frame, 0), mark::in_page(&frame[FRAME_HEADER..])) {
                    marks = span(marks, Some((mark, mark)));
                }
                if is_commit(&frame) {
                    log.marks = span(log.marks, marks.take());
                }
                continue;
            }
            let first_broken = *broken.get_or_insert(number);
            if !header.is_of_this_log(&frame) {
                continue;
            }
            if after_a_commit {
                let what = format!(
                    "frame {first_broken} of the -wal is broken, and {number} is behind it"
                );
                log.damage = Some(what);
                return Ok(log);
            }
            after_a_commit = is_commit(&frame);
        }
        Ok(log)
    }
}

/// From the start of the first to the end of the second.
fn span(a: Option<(u32, u32)>, b: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (a, b) {
        (Some((first, _)), Some((_, last))) => Some((first, last)),
        (a, b) => a.or(b),
    }
}

/// Fills the buffer. Returns false if too few bytes are left.
fn fill(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_commit(frame: &[u8]) -> bool {
    word(frame, 4) != 0
}

/// What all frames of a log have in common.
struct Header {
    page: usize,
    salt: [u8; 8],
    sum: Sum,
}

/// A running checksum of everything so far.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum {
    is_big_endian: bool,
    words: (u32, u32),
}

impl Header {
    /// The header, if it is whole. While a new one is being written, the log is empty.
    fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let magic = word(bytes, 0);
        let is_big_endian = magic == MAGIC | 1;
        let mut sum = Sum { is_big_endian, words: (0, 0) };
        sum.add(&bytes[..24]);
        let page = word(bytes, 8) as usize;
        let is_whole = magic & !1 == MAGIC && sum.is_at(bytes, 24) && page.is_power_of_two();
        let salt = bytes[16..24].try_into().ok()?;
        (is_whole && (512..=1 << 16).contains(&page)).then_some(Self { page, salt, sum })
    }

    fn is_of_this_log(&self, frame: &[u8]) -> bool {
        frame[8..16] == self.salt
    }

    fn is_whole(&self, frame: &[u8], sum: &mut Sum) -> bool {
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER..]);
        self.is_of_this_log(frame) && sum.is_at(frame, 16)
    }
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut a, mut b) = self.words;
        for pair in bytes.chunks_exact(8) {
            let (x, y) = if self.is_big_endian {
                (word(pair, 0), word(pair, 4))
            } else {
                (word(pair, 0).swap_bytes(), word(pair, 4).swap_bytes())
            };
            a = a.wrapping_add(x).wrapping_add(b);
            b = b.wrapping_add(y).wrapping_add(a);
        }
        self.words = (a, b);
    }

    fn is_at(&self, bytes: &[u8], place: usize) -> bool {
        (word(bytes, place), word(bytes, place + 4)) == self.words
    }
}

fn word(bytes: &[u8], place: usize) -> u32 {
    u32::from_be_bytes([bytes[place], bytes[place + 1], bytes[place + 2], bytes[place + 3]])
}
