//! Whether the log beside a store lost something that it had.
//!
//! `SQLite` reads a log up to the first frame that is not whole, as it should: that is what a power
//! loss leaves of a commit that nobody was told of. But frames are written behind a commit only once
//! it is synced. So a broken frame before a commit that has others behind it was whole once, and with
//! it `SQLite` would drop commits that were acknowledged.

use std::fs;
use std::io;
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The last bit says in which order of bytes it adds up.
const MAGIC: u32 = 0x377F_0682;

/// What is wrong with a log, if anything is.
pub(super) fn damage(path: &Path) -> io::Result<Option<String>> {
    let log = fs::read(path)?;
    let Some(header) = Header::read(&log) else { return Ok(None) };
    let frames = || log[HEADER..].chunks_exact(FRAME_HEADER + header.page);
    let mut sum = header.sum;
    let whole = frames().take_while(|frame| header.is_whole(frame, &mut sum)).count();
    let mut after_a_commit = false;
    for (number, frame) in frames().enumerate().skip(whole) {
        if !header.is_of_this_log(frame) {
            continue;
        }
        if after_a_commit {
            let what = format!(
                "frame {} of the -wal is broken, and {} is behind it",
                whole + 1,
                number + 1
            );
            return Ok(Some(what));
        }
        after_a_commit = word(frame, 4) != 0;
    }
    Ok(None)
}

/// What all frames of a log have in common.
struct Header {
    page: usize,
    salt: [u8; 8],
    sum: Sum,
}

/// A sum over all that comes before.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum {
    is_big_endian: bool,
    words: (u32, u32),
}

impl Header {
    /// The header, if it is whole. While a new one is written nothing is in the log.
    fn read(log: &[u8]) -> Option<Self> {
        let bytes = log.get(..HEADER)?;
        let magic = word(bytes, 0);
        let is_big_endian = magic == MAGIC | 1;
        let mut sum = Sum { is_big_endian, words: (0, 0) };
        sum.add(&bytes[..24]);
        let page = word(bytes, 8) as usize;
        let is_whole = magic & !1 == MAGIC && sum.is_at(bytes, 24) && page.is_power_of_two();
        let salt = bytes[16..24].try_into().ok()?;
        (is_whole && page >= 512).then_some(Self { page, salt, sum })
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
