//! What the files of an attempt's output consist of: records, each with its length and a checksum.
//!
//! A crash may leave half a record at a file's end, and nothing is ever overwritten. So what can be read of a file is
//! all records before the first that is not whole.

use prost::Message;

/// The length and the checksum before each record.
const FRAME: usize = 8;

/// How much an attempt wrote, kept or not.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Totals {
    /// The number of the next line that the worker sends.
    #[prost(uint64, tag = "1")]
    pub(crate) next: u64,
    /// Lines, those included that somebody left out.
    #[prost(uint64, tag = "2")]
    pub(crate) lines: u64,
    /// Bytes of these lines.
    #[prost(uint64, tag = "3")]
    pub(crate) bytes: u64,
}

/// The first record of a file.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Begin {
    /// Tells two leases apart that have the same trial and attempt, in a store that was put back.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) lease: Vec<u8>,
    /// What came before this file.
    #[prost(message, required, tag = "2")]
    pub(super) before: Totals,
}

/// Any other record: a line.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Line {
    /// As the worker counts, from 0.
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// As on the wire.
    #[prost(int32, tag = "2")]
    pub(crate) stream: i32,
    /// Microseconds since 1970.
    #[prost(int64, tag = "3")]
    pub(crate) time: i64,
    #[prost(string, tag = "4")]
    pub(crate) text: String,
    /// Of what came before this line.
    #[prost(uint64, tag = "5")]
    pub(crate) lines_left_out: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) bytes_left_out: u64,
}

impl Totals {
    pub(super) fn add(&mut self, line: &Line) {
        self.next = line.number.saturating_add(1);
        self.lines = self.lines.saturating_add(line.lines_left_out).saturating_add(1);
        let bytes = line.bytes_left_out.saturating_add(line.text.len() as u64);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Appends a record.
pub(super) fn write(record: &impl Message, to: &mut Vec<u8>) {
    let content = record.encode_to_vec();
    to.extend((content.len() as u32).to_le_bytes());
    to.extend(crc32fast::hash(&content).to_le_bytes());
    to.extend(content);
}

/// How long the record is in a file.
pub(super) fn length(record: &impl Message) -> usize {
    FRAME + record.encoded_len()
}

/// The records in these bytes, each with the place where it ends, up to the first that is not whole.
pub(super) fn all(bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let frame = bytes.get(at..at + FRAME)?;
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| frame[at + i]));
        let from = at + FRAME;
        let content = bytes.get(from..from.checked_add(number(0) as usize)?)?;
        if crc32fast::hash(content) != number(4) {
            return None;
        }
        at = from + content.len();
        Some((content, at))
    })
}
