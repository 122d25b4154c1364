//! Removes what only a terminal understands.

use std::borrow::Cow;

pub(super) const ESCAPE: char = '\u{1b}';

/// The text without escape sequences: colours, movements of the cursor, titles and links.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(ESCAPE);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    let mut in_command = false;
    for part in parts {
        // A command (`ESC ]`) lasts until BEL or until `ESC \`.
        if in_command && let Some(rest) = part.strip_prefix('\\') {
            in_command = false;
            kept.push_str(rest);
            continue;
        }
        let (rest, command) = after(part);
        in_command = command;
        kept.push_str(rest);
    }
    Cow::Owned(kept)
}

/// What follows the sequence that began just before `part`, and whether it is a command that goes on.
fn after(part: &str) -> (&str, bool) {
    let mut letters = part.char_indices();
    match letters.next() {
        // `ESC [`, numbers, a letter.
        Some((_, '[')) => {
            let end = letters.find(|(_, c)| ('@'..='~').contains(c));
            (end.map_or("", |(at, c)| &part[at + c.len_utf8()..]), false)
        }
        Some((_, ']')) => match part.find('\u{7}') {
            Some(end) => (&part[end + 1..], false),
            None => ("", true),
        },
        // `ESC ( B`, which `tput sgr0` writes.
        Some((_, '(' | ')')) => {
            _ = letters.next();
            (letters.as_str(), false)
        }
        Some(_) => (letters.as_str(), false),
        None => ("", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_go_and_text_stays() {
        for (text, kept) in [
            ("plain", "plain"),
            ("\u{1b}[1;32macc\u{1b}[0m=\u{1b}[38;5;9m0.9\u{1b}[m", "acc=0.9"),
            ("\u{1b}[2K\u{1b}[1Aacc=0.9\u{1b}(B", "acc=0.9"),
            ("\u{1b}]0;title\u{7}acc=0.9", "acc=0.9"),
            ("\u{1b}]8;;http://x\u{1b}\\acc\u{1b}]8;;\u{1b}\\=0.9", "acc=0.9"),
            ("acc=0.9\u{1b}", "acc=0.9"),
            ("acc=0.9\u{1b}[", "acc=0.9"),
            ("\u{1b}ä\u{1b}[äm!", "!"),
        ] {
            assert_eq!(without(text), kept, "{text:?}");
        }
    }
}
