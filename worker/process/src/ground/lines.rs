//! Cuts output into lines, whatever is in it.

/// Bytes of a line that are told. The rest of a longer line is dropped.
const LONGEST: usize = 16 * 1024;

/// Cuts what is read, piece by piece, into lines. Holds no more than one line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    /// The current line was told when it became too long; its rest is skipped.
    told: bool,
    /// The last byte was `\r`. If `\n` is next, they are one line's end.
    returned: bool,
    /// The current line goes on after a `\r`.
    redraws: bool,
}

/// What is found in output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A line without its end.
    Line(&'a [u8]),
    /// A line that ended with `\r`, as those of a progress bar do: on a terminal the next line overwrites it.
    Passing(&'a [u8]),
    /// The line just told as passing ended with `\r\n`, so it stays.
    Stays,
}

impl Lines {
    /// Takes what was read next.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut found: impl FnMut(Found<'_>)) {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.returned) && first == b'\n' {
                self.redraws = false;
                found(Found::Stays);
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            self.add(&bytes[..end.unwrap_or(bytes.len())], &mut found);
            let Some(end) = end else { break };
            self.returned = bytes[end] == b'\r';
            self.redraws = self.returned;
            if !std::mem::take(&mut self.told) {
                let line = &*self.line;
                found(if self.returned { Found::Passing(line) } else { Found::Line(line) });
            }
            self.line.clear();
            bytes = &bytes[end + 1..];
        }
    }

    /// What a line that is being redrawn shows now: what was written since the last `\r`.
    pub(crate) fn redrawn(&self) -> Option<&[u8]> {
        self.redraws.then_some(&*self.line)
    }

    /// The output is over: tells a line that was not ended.
    pub(crate) fn finish(&mut self, mut found: impl FnMut(Found<'_>)) {
        if !self.line.is_empty() {
            found(Found::Line(&self.line));
        }
        *self = Self::default();
    }

    fn add(&mut self, bytes: &[u8], mut found: impl FnMut(Found<'_>)) {
        if self.told {
            return;
        }
        let room = LONGEST - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            self.told = true;
            found(Found::Line(&self.line));
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        let mut take = |found: Found<'_>| match found {
            Found::Line(line) => told.push(String::from_utf8_lossy(line).into_owned()),
            Found::Passing(line) => told.push(format!("{}~", String::from_utf8_lossy(line))),
            Found::Stays => told.push("!".to_owned()),
        };
        for piece in pieces {
            lines.push(piece, &mut take);
        }
        lines.finish(take);
        told
    }

    #[test]
    fn a_line_ends_with_newline_or_return_or_with_the_output() {
        assert_eq!(lines(&[b"a\nb\rc"]), ["a", "b~", "c"]);
        assert_eq!(lines(&[b"a\r\n\nb\r", b"\nc"]), ["a~", "!", "", "b~", "!", "c"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_its_rest_is_dropped() {
        let long = vec![b'x'; 3 * LONGEST];
        let told = lines(&[&long, &long, b"\nnext\n"]);
        assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 4]);
        let fits = vec![b'x'; LONGEST];
        assert_eq!(lines(&[&fits, b"\nnext"]).len(), 2);
    }

    #[test]
    fn a_line_is_redrawn_from_its_return_to_its_newline() {
        let mut lines = Lines::default();
        let mut shows = |bytes: &[u8]| {
            lines.push(bytes, |_| {});
            lines.redrawn().map(|line| String::from_utf8_lossy(line).into_owned())
        };
        assert_eq!(shows(b"a\nb"), None);
        assert_eq!(shows(b"\r1%"), Some("1%".to_owned()));
        assert_eq!(shows(b"\r2"), Some("2".to_owned()));
        assert_eq!(shows(b"%\r"), Some(String::new()));
        assert_eq!(shows(b"\n"), None);
        assert_eq!(shows(b"\r3%\nnext"), None);
    }

    proptest! {
        #[test]
        fn how_output_is_cut_into_pieces_does_not_matter(
            output in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            at in 0_usize..200,
        ) {
            let (first, second) = output.split_at(at.min(output.len()));
            prop_assert_eq!(lines(&[first, second]), lines(&[&output]));
        }
    }
}
