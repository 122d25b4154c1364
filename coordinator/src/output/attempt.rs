//! The output of one attempt, as it is written: the first lines and the last ones.
//!
//! It lies in segments, files of up to 128 KiB in the trial's folder, `ATTEMPT.SEGMENT`. The first two are the head and stay. Of
//! those after them the newest six stay, the tail: before a segment begins, the one that is too many goes. Only the newest
//! one is ever written to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use kindling_proto::limits;

use super::record::{self, Begin, Line, Totals};
use super::room;

/// The size of a segment in bytes.
pub(super) const SEGMENT: usize = 128 * 1024;
/// How many segments are the head.
const HEAD: u64 = (limits::OUTPUT_HEAD / SEGMENT) as u64;
/// How many segments are the tail.
const TAIL: u64 = (limits::OUTPUT_TAIL / SEGMENT) as u64;

/// An attempt whose output is being written.
#[derive(Debug)]
pub(super) struct Attempt {
    folder: PathBuf,
    number: u32,
    lease: Vec<u8>,
    totals: Totals,
    /// What its files contain, in bytes. Empty before the first line.
    segments: BTreeMap<u64, usize>,
}

impl Attempt {
    /// Goes on where the files end. What was written under another lease is removed, and so are attempts that are too many.
    pub(super) fn open(folder: &Path, attempt: u32, lease: &[u8]) -> io::Result<Self> {
        let mut of_all = files(folder)?;
        let mut opened = Self {
            folder: folder.to_owned(),
            number: attempt,
            lease: lease.to_vec(),
            totals: Totals::default(),
            segments: of_all.remove(&attempt).unwrap_or_default(),
        };
        let too_many = attempt.saturating_sub(limits::OUTPUT_ATTEMPTS);
        for (old, segments) in of_all.range(..=too_many) {
            for segment in segments.keys() {
                remove(&path(folder, *old, *segment))?;
            }
        }
        while let Some(newest) = opened.segments.keys().next_back().copied() {
            if opened.resume(newest)? {
                return Ok(opened);
            }
            // Not even its first record is whole, or it is another lease's.
            remove(&path(folder, attempt, newest))?;
            opened.segments.remove(&newest);
        }
        Ok(opened)
    }

    /// Cuts off the torn end of the newest segment. Returns whether it can be gone on with.
    fn resume(&mut self, segment: u64) -> io::Result<bool> {
        let path = path(&self.folder, self.number, segment);
        let bytes = fs::read(&path)?;
        let mut records = record::all(&bytes);
        let Some((first, mut end)) = records.next() else { return Ok(false) };
        let begin: Begin = decode(first)?;
        if begin.lease != self.lease {
            return Ok(false);
        }
        self.totals = begin.before;
        for (content, at) in records {
            self.totals.add(&decode(content)?);
            end = at;
        }
        if end < bytes.len() {
            File::options().write(true).open(&path)?.set_len(end as u64)?;
        }
        self.segments.insert(segment, end);
        Ok(true)
    }

    /// Appends the lines, the first of which has this number. Those that are there already are ignored.
    ///
    /// After an error this is of no more use: what is in the files is known only when they are opened again.
    pub(super) fn write(&mut self, first: u64, lines: Vec<Line>) -> io::Result<()> {
        let mut buffer = Vec::new();
        for (number, mut line) in (first..).zip(lines) {
            if number < self.totals.next {
                continue;
            }
            // Those between were taken once, and were lost in a crash.
            let lost = number - self.totals.next;
            line.lines_left_out = line.lines_left_out.saturating_add(lost);
            line.number = number;
            let newest = self.segments.last_key_value();
            let room = newest.map_or(0, |(_, written)| SEGMENT.saturating_sub(*written));
            if buffer.len() + record::length(&line) > room {
                self.append(&mut buffer)?;
                self.begin_segment(&mut buffer)?;
            }
            record::write(&line, &mut buffer);
            self.totals.add(&line);
        }
        self.append(&mut buffer)
    }

    /// What its files take on disk.
    pub(super) fn room(&self) -> u64 {
        room::of_files(self.segments.values())
    }

    fn begin_segment(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let segment = self.segments.last_key_value().map_or(0, |(newest, _)| newest + 1);
        if let Some(old) = segment.checked_sub(TAIL).filter(|old| *old >= HEAD)
            && self.segments.remove(&old).is_some()
        {
            remove(&path(&self.folder, self.number, old))?;
        }
        fs::create_dir_all(&self.folder)?;
        self.segments.insert(segment, 0);
        record::write(&Begin { lease: self.lease.clone(), before: self.totals }, buffer);
        Ok(())
    }

    fn append(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Some(mut newest) = self.segments.last_entry() else { return Ok(()) };
        if buffer.is_empty() {
            return Ok(());
        }
        let path = path(&self.folder, self.number, *newest.key());
        // Not synced: after a power cut the newest lines may be missing, and nothing depends on them.
        File::options().append(true).create(true).open(path)?.write_all(buffer)?;
        *newest.get_mut() += buffer.len();
        buffer.clear();
        Ok(())
    }
}

/// The path of a segment.
pub(super) fn path(folder: &Path, attempt: u32, segment: u64) -> PathBuf {
    folder.join(format!("{attempt}.{segment}"))
}

/// The segments of all attempts in a trial's folder, and their sizes.
pub(super) fn files(folder: &Path) -> io::Result<BTreeMap<u32, BTreeMap<u64, usize>>> {
    let mut found = BTreeMap::<u32, BTreeMap<u64, usize>>::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let parsed = name.to_str().and_then(|name| {
            let (attempt, segment) = name.split_once('.')?;
            Some((attempt.parse().ok()?, segment.parse().ok()?))
        });
        // Somebody else's file is left alone, and one may vanish meanwhile.
        let (Some((attempt, segment)), Ok(about)) = (parsed, entry.metadata()) else { continue };
        found.entry(attempt).or_default().insert(segment, about.len() as usize);
    }
    Ok(found)
}

/// The content of a record whose checksum is right. Only a later version writes what cannot be decoded.
pub(super) fn decode<T: prost::Message + Default>(content: &[u8]) -> io::Result<T> {
    T::decode(content).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
