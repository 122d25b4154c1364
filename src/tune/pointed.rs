//! Errors in a word of the command line, with a caret below the place.

use std::ops::Range;

use kindling_telemetry::printable;
use unicode_width::UnicodeWidthStr as _;

use crate::hint::hinted;

/// How much of a line is shown on each side of the place, in characters.
const AROUND: usize = 40;

/// Something wrong at a place of a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The bytes of the word that are wrong.
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Wrong {
    pub(super) fn new(
        at: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { at, message: message.into(), hint: hint.into() }
    }

    /// The error, with the line of the word in which it is.
    pub(super) fn in_word(self, word: &str) -> anyhow::Error {
        let Self { at, message, hint } = self;
        hinted(format!("{message}\n{}", pointed(word, at)), hint)
    }
}

/// The place's line, or what fits of it, and carets below the place.
fn pointed(word: &str, at: Range<usize>) -> String {
    let line_start = word[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = word[at.start..].find('\n').map_or(word.len(), |newline| at.start + newline);
    let at = at.start..at.end.clamp(at.start, line_end);

    let mut before = word[line_start..at.start].char_indices().rev();
    let from = before.nth(AROUND).map(|(start, _)| line_start + start);
    let mut after = word[at.start..line_end].char_indices();
    let to = after.nth(2 * AROUND).map(|(end, _)| at.start + end);
    let end = at.end.min(to.unwrap_or(line_end));

    let before = format!(
        "{}{}",
        if from.is_some() { "…" } else { "" },
        &word[from.unwrap_or(line_start)..at.start]
    );
    let (wrong, after) = (&word[at.start..end], &word[end..to.unwrap_or(line_end)]);
    let cut = if to.is_some() { "…" } else { "" };
    let [before, wrong, after] = [&before, wrong, after].map(printable);
    let indent = " ".repeat(before.width());
    let carets = "^".repeat(wrong.width().max(1));
    format!("  {before}{wrong}{after}{cut}\n  {indent}{carets}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_below_the_place() {
        assert_eq!(pointed("--lr={lr: 1..x}", 13..14), "  --lr={lr: 1..x}\n               ^");
        assert_eq!(pointed("研究 {x", 7..9), "  研究 {x\n       ^^");
        assert_eq!(pointed("{x", 2..2), "  {x\n    ^");
        assert_eq!(pointed("one\nt{o\nthree", 5..7), "  t{o\n   ^^");
        assert_eq!(pointed("a\tb{", 3..4), "  a\\tb{\n      ^");
    }

    #[test]
    fn a_long_word_is_shown_around_the_place() {
        let word = format!("{}{{{}", "a".repeat(1000), "b".repeat(1000));
        let shown = pointed(&word, 1000..1001);
        let (line, carets) = shown.split_once('\n').expect("two lines");
        assert!(
            line.chars().count() < 130 && line.contains("…aaa") && line.ends_with("bbb…"),
            "{line}"
        );
        let caret = carets.chars().count() - 1;
        assert_eq!(line.chars().nth(caret), Some('{'));
        // The place itself may be long, too.
        let shown = pointed(&word, 1000..2001);
        assert!(shown.lines().all(|line| line.chars().count() < 130), "{shown}");
    }
}
