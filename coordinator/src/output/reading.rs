//! The output of a trial, as it is read: while it is written, too.
//!
//! A reader takes no lock. Only the newest segment of an attempt grows. What is not whole yet at its end is read later, and
//! a segment that went before it was read is counted.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::attempt::{decode, files, path};
use super::record::{self, Begin, Line, Totals};

/// Reads a trial's output, piece by piece.
#[derive(Debug)]
pub(crate) struct Reading {
    folder: PathBuf,
    /// The only attempt to read.
    only: Option<u32>,
    at: Option<Place>,
    /// How many lines are skipped first.
    skip: u64,
}

/// Where a reader is.
#[derive(Debug, Clone, Default)]
struct Place {
    attempt: u32,
    segment: u64,
    /// What was read of the segment.
    offset: usize,
    /// What was read or left out up to here.
    totals: Totals,
    /// What was left out before the next line.
    lines_left_out: u64,
    bytes_left_out: u64,
}

/// Lines of one attempt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) attempt: u32,
    pub(crate) lines: Vec<Line>,
}

impl Reading {
    /// Reads the lines in the trial's folder: of this attempt or of all, and only the last ones, unless that is 0.
    pub(crate) fn open(folder: PathBuf, only: Option<u32>, last: u64) -> io::Result<Self> {
        let mut reading = Self { folder, only, at: None, skip: 0 };
        if last > 0 {
            reading.go_to_last(last)?;
        }
        Ok(reading)
    }

    /// Finds the newest attempts that have so many lines together, and how many of them to skip.
    fn go_to_last(&mut self, last: u64) -> io::Result<()> {
        let mut found = 0;
        for attempt in self.attempts()?.into_iter().rev() {
            let mut counting =
                Self { folder: self.folder.clone(), only: Some(attempt), at: None, skip: 0 };
            let before = found;
            while let Some(piece) = counting.next()? {
                found += piece.lines.len() as u64;
            }
            if found > before {
                self.at = Some(Place { attempt, ..Place::default() });
            }
            if found >= last {
                break;
            }
        }
        self.skip = found.saturating_sub(last);
        Ok(())
    }

    fn attempts(&self) -> io::Result<Vec<u32>> {
        let all = files(&self.folder)?.into_keys();
        Ok(all.filter(|attempt| self.only.is_none_or(|only| only == *attempt)).collect())
    }

    /// The next lines, of one segment at most; `None` if there are no more, for now.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            // Asked before anything is read: of these files only the last of the last attempt can still grow.
            let there = files(&self.folder)?;
            let is_wanted = |attempt: u32| self.only.is_none_or(|only| only == attempt);
            let mut wanted = there.keys().copied().filter(|attempt| is_wanted(*attempt));
            let at = match &mut self.at {
                Some(at) => at,
                None => match wanted.next() {
                    Some(attempt) => self.at.insert(Place { attempt, ..Place::default() }),
                    None => return Ok(None),
                },
            };
            let lines = read(&path(&self.folder, at.attempt, at.segment), at)?;
            let skipped = self.skip.min(lines.len() as u64);
            self.skip -= skipped;
            let lines: Vec<_> = lines.into_iter().skip(skipped as usize).collect();
            if !lines.is_empty() {
                return Ok(Some(Piece { attempt: at.attempt, lines }));
            }
            if skipped > 0 {
                continue;
            }
            let later = there.get(&at.attempt).and_then(|own| own.range(at.segment + 1..).next());
            if let Some((segment, _)) = later {
                (at.segment, at.offset) = (*segment, 0);
            } else if let Some(attempt) = wanted.find(|attempt| *attempt > at.attempt) {
                *at = Place { attempt, ..Place::default() };
            } else {
                return Ok(None);
            }
        }
    }
}

/// The lines of a segment from a place on, which moves behind them.
fn read(path: &Path, at: &mut Place) -> io::Result<Vec<Line>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        file => {
            let mut file = file?;
            file.seek(SeekFrom::Start(at.offset as u64))?;
            file.read_to_end(&mut bytes)?;
        }
    }
    let (from, mut lines) = (at.offset, Vec::new());
    for (content, end) in record::all(&bytes) {
        let is_first = at.offset == 0;
        at.offset = from + end;
        if is_first {
            let before = decode::<Begin>(content)?.before;
            let missed = |before: u64, seen: u64| before.saturating_sub(seen);
            let lines = missed(before.lines, at.totals.lines);
            let bytes = missed(before.bytes, at.totals.bytes);
            at.lines_left_out = at.lines_left_out.saturating_add(lines);
            at.bytes_left_out = at.bytes_left_out.saturating_add(bytes);
            at.totals = before;
            continue;
        }
        let mut line: Line = decode(content)?;
        at.totals.add(&line);
        let (lines_before, bytes_before) =
            (std::mem::take(&mut at.lines_left_out), std::mem::take(&mut at.bytes_left_out));
        line.lines_left_out = line.lines_left_out.saturating_add(lines_before);
        line.bytes_left_out = line.bytes_left_out.saturating_add(bytes_before);
        lines.push(line);
    }
    Ok(lines)
}
