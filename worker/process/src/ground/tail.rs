//! The last lines of standard error, for the reason of a failure.

use std::collections::VecDeque;

use super::happened::{Happened, Stream};

/// Lines that are kept.
const LINES: usize = 50;
/// Bytes that are kept, of all lines together.
const BYTES: usize = 8 * 1024;
/// Bytes that are kept of one line.
const LINE_BYTES: usize = 2 * 1024;

/// The last lines of standard error, as a terminal would show them.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    /// The next line overwrites the last one.
    passing: bool,
}

impl Tail {
    /// Takes what was written to it, and leaves alone what else happened.
    pub(crate) fn hear(&mut self, happened: &Happened) {
        match happened {
            Happened::Line(Stream::Err, line) => self.push(line, false),
            Happened::Redrawn(Stream::Err, line) => self.push(line, true),
            Happened::Stays(Stream::Err) => self.passing = false,
            _ => {}
        }
    }

    /// Takes the next line. A passing one is overwritten by the line that follows.
    fn push(&mut self, line: &str, passing: bool) {
        let overwrites = std::mem::replace(&mut self.passing, passing);
        if overwrites {
            // A progress bar may clear itself with an empty line; what it said last is worth more.
            if line.trim().is_empty() {
                return;
            }
            self.drop_line(VecDeque::pop_back);
        }
        let line = &line[..line.floor_char_boundary(LINE_BYTES)];
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.lines.len() > LINES || self.bytes > BYTES {
            self.drop_line(VecDeque::pop_front);
        }
    }

    /// All that is kept.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn drop_line(&mut self, drop: fn(&mut VecDeque<String>) -> Option<String>) {
        self.bytes -= drop(&mut self.lines).map_or(0, |line| line.len() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_within_bounds() {
        let mut tail = Tail::default();
        (0..200).for_each(|n| tail.push(&format!("line {n}"), false));
        assert_eq!(tail.text().lines().count(), LINES);
        assert!(tail.text().ends_with("line 199"));
        (0..20).for_each(|_| tail.push(&"ä".repeat(LINE_BYTES), false));
        assert!(tail.text().len() <= BYTES);
        assert_eq!(tail.bytes, tail.text().len() + 1);
    }

    #[test]
    fn of_a_progress_bar_only_its_last_state_is_kept() {
        let mut tail = Tail::default();
        tail.push("before", false);
        (0..1000).for_each(|n| tail.push(&format!("{n}/1000"), true));
        tail.push("", true);
        assert_eq!(tail.text(), "before\n999/1000");
        tail.hear(&Happened::Stays(Stream::Err));
        tail.push("after", false);
        assert_eq!(tail.text(), "before\n999/1000\nafter");
    }
}
