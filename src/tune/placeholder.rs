//! Words with placeholders, such as `--lr={lr: 1e-5..1e-1 log}`.

use std::ops::Range;

use super::pointed::Wrong;
use super::range::{Spec, spec};

/// How to write a brace that is no placeholder's.
const LITERAL: &str = "for a brace of your own, write it twice: {{ and }}";

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// `{NAME}` or `{NAME: SPEC}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placeholder {
    pub(super) name: String,
    /// What the parameter may be, unless this only refers to it.
    pub(super) spec: Option<Spec>,
    /// Its bytes in the word, braces included.
    pub(super) at: Range<usize>,
}

/// Takes a word apart. `{{` and `}}` are braces of the word's own, as in Python's format strings.
pub(super) fn pieces(word: &str) -> Result<Vec<Piece>, Wrong> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(c) = word[at..].chars().next() {
        let rest = &word[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            text.push(c);
            at += 2;
        } else if c == '{' {
            if text.ends_with('$') {
                let message = "`$` right before a placeholder";
                return Err(Wrong::new(at - 1..at, message, without_dollar(rest)));
            }
            let end = end_of(word, at)?;
            let placeholder = placeholder(word, at..end)?;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Placeholder(placeholder));
            at = end;
        } else if c == '}' {
            return Err(Wrong::new(at..at + 1, "`}` without a `{` before it", LITERAL));
        } else {
            text.push(c);
            at += c.len_utf8();
        }
    }
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// What to write instead of `${NAME…`: `rest` begins at the brace.
fn without_dollar(rest: &str) -> String {
    let name = rest[1..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
    let text = name.map(|name| format!(", or ${{{{{name}}}}} for that very text"));
    format!("write {{NAME: …}} without the `$`{}", text.unwrap_or_default())
}

/// The byte after the `}` that closes the `{` at `start`. Within quotes, a `}` closes nothing.
fn end_of(word: &str, start: usize) -> Result<usize, Wrong> {
    let mut in_quotes = false;
    let mut escaped = false;
    for (offset, c) in word[start + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '}' if !in_quotes => return Ok(start + 1 + offset + 1),
            _ => {}
        }
    }
    let message = "`{` without a `}` after it";
    Err(Wrong::new(start..start + 1, message, LITERAL))
}

fn placeholder(word: &str, at: Range<usize>) -> Result<Placeholder, Wrong> {
    let inner = at.start + 1..at.end - 1;
    let name_end = word[inner.clone()].find(':').map_or(inner.end, |colon| inner.start + colon);
    let name = trimmed(word, inner.start..name_end);
    if !is_name(&word[name.clone()]) {
        let hint =
            format!("a placeholder is {{NAME: LOW..HIGH}}, {{NAME: A|B|C}} or {{NAME}}; {LITERAL}");
        return Err(match &word[name.clone()] {
            "" => Wrong::new(at, "a placeholder without a name", hint),
            other => Wrong::new(name, format!("`{other}` is not the name of a parameter"), hint),
        });
    }
    let spec = match name_end {
        end if end == inner.end => None,
        colon => Some(spec(word, trimmed(word, colon + 1..inner.end))?),
    };
    Ok(Placeholder { name: word[name].to_owned(), spec, at })
}

/// A letter or `_`, then letters, digits, `_`, `-`, `.` and `/`. A study file allows more, but not within braces.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
}

/// The range without white space around it. Of nothing but white space, its beginning is left.
pub(super) fn trimmed(word: &str, at: Range<usize>) -> Range<usize> {
    let text = &word[at.clone()];
    let start = at.start + (text.len() - text.trim_start().len());
    let start = if start == at.end { at.start } else { start };
    start..start + text.trim().len()
}
