//! Makes untrusted text safe to print on a terminal.
//!
//! Names, values, reasons and hosts come from any caller. A terminal obeys control characters, and some other
//! characters change the direction of a line. They are escaped as in JSON, `\u001b`, so that JSON stays
//! equivalent.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal would do something other than show the character.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates that change a line's direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line separators, the byte order mark, and interlinear annotations.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Escapes the text, including line breaks.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Escapes the text but keeps its line breaks.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n')
}

/// Escapes a log line but keeps its final line break and its colours; `tracing` escapes colours in values
/// itself.
///
/// Further lines, such as an error's hint, are indented so that they do not look like log lines of their own.
pub(crate) fn printable_log(line: &str) -> String {
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    coloured(line, |c| c == '\n').0.replace('\n', "\n    ") + end
}

/// Escapes a line of a program's output but keeps its colours, which end with it, and its tabs.
pub fn printable_output(line: &str) -> String {
    let (safe, is_coloured) = coloured(line, |c| c == '\t');
    if is_coloured { safe + "\u{1b}[0m" } else { safe }
}

/// Escapes all but colours and these characters. Returns whether there were colours.
fn coloured(line: &str, is_kept: impl Fn(char) -> bool + Copy) -> (String, bool) {
    let (mut safe, mut is_coloured) = (String::with_capacity(line.len()), false);
    for (at, part) in line.split('\u{1b}').enumerate() {
        let colour = part.strip_prefix('[').and_then(|rest| {
            let length = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            rest[length..].starts_with('m').then_some(length + 2)
        });
        let length = if at > 0 { colour.unwrap_or(0) } else { 0 };
        is_coloured |= length > 0;
        if at > 0 {
            safe.push_str(if length > 0 { "\u{1b}" } else { "\\u001b" });
        }
        safe.push_str(&part[..length]);
        safe.push_str(&escaped(&part[length..], is_kept));
    }
    (safe, is_coloured)
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_shown = |c: char| is_kept(c) || !is_unprintable(c);
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if is_shown(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            // Writing to a string cannot fail. All these characters fit into four digits.
            c => _ = write!(safe, "\\u{:04x}", u32::from(c)),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let hostile = "a\u{1b}[2Jb\u{7}\u{9b}31mc\u{202e}d\u{2066}e\r\nf\tg\u{7f}\u{2028}";
        assert_eq!(
            printable(hostile),
            r"a\u001b[2Jb\u0007\u009b31mc\u202ed\u2066e\r\nf\tg\u007f\u2028"
        );
        assert_eq!(printable_lines("one\ntwo\r\n"), "one\ntwo\\r\n");
        assert!(
            (0..=0x10_ffff)
                .filter_map(char::from_u32)
                .filter(|c| is_unprintable(*c))
                .all(|c| printable(&c.to_string()).chars().all(|c| c.is_ascii_graphic()))
        );
    }

    #[test]
    fn a_log_line_keeps_its_colours_and_its_end_alone() {
        let line = "\u{1b}[2mnow\u{1b}[0m lost\nhint: \u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\n";
        assert_eq!(
            printable_log(line),
            "\u{1b}[2mnow\u{1b}[0m lost\n    hint: \\u001b[2J\\u001b]0;title\\u0007\\u202e\n"
        );
    }

    #[test]
    fn of_a_programs_output_colours_and_tabs_stay_and_colours_end_with_their_line() {
        let line = "\u{1b}[1;31mred\tx\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{202e}";
        let safe =
            "\u{1b}[1;31mred\tx\\u001b[2J\\u001b]0;title\\u0007\\r\\u009b31m\\u202e\u{1b}[0m";
        assert_eq!(printable_output(line), safe);
        assert_eq!(printable_output("plain"), "plain");
    }

    #[test]
    fn words_of_all_languages_stay_as_they_are() {
        for text in ["weight-init", "研究 №1", "نموذج", "👩‍🔬", "a\u{301}", "%s $(x) '\"`\\"]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a\u{202e}": "\u{1b}\u{7f}\u{9b}\n\u{2028}" });
        let shown = printable_lines(&format!("{value:#}")).into_owned();
        assert!(!shown.contains(|c| c != '\n' && is_unprintable(c)));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }
}
