//! A filter's text as words, quoted texts and signs.

use kindling_proto::limits;

use super::problem::{FilterError, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    Sign,
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What a quoted text holds; a sign in its plain spelling.
    pub(super) text: String,
    pub(super) span: Span,
}

const SPACES: [char; 5] = [' ', '\t', '\n', '\r', '\u{a0}'];

/// Whether a character ends a word.
fn stops(c: char) -> bool {
    SPACES.contains(&c)
        || matches!(c, '(' | ')' | ',' | '"' | '\'' | '=' | '!' | '<' | '>' | '≤' | '≥' | '≠')
}

/// Whether a text can stand without quotes: as one word.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(stops)
}

/// All tokens; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    // What is longer is not looked at.
    let chars: Vec<_> = text.chars().take(limits::FILTER + 1).collect();
    if chars.len() > limits::FILTER {
        let length = text.chars().count() - limits::FILTER;
        return Err(Span { at: limits::FILTER, length }
            .problem(format!("a filter has at most {} characters", limits::FILTER)));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if SPACES.contains(&chars[at]) {
            at += 1;
            continue;
        }
        let token = match chars[at] {
            '"' | '\'' => quoted(&chars, at)?,
            c if stops(c) => sign(&chars, at)?,
            _ => word(&chars, at),
        };
        at += token.span.length;
        found.push(token);
    }
    let span = Span { at: chars.len(), length: 0 };
    found.push(Token { kind: Kind::End, text: String::new(), span });
    Ok(found)
}

fn word(chars: &[char], at: usize) -> Token {
    let text: String = chars[at..].iter().take_while(|c| !stops(**c)).collect();
    let length = text.chars().count();
    Token { kind: Kind::Word, text, span: Span { at, length } }
}

/// A backslash takes the character behind it as it is.
fn quoted(chars: &[char], at: usize) -> Result<Token, FilterError> {
    let mut text = String::new();
    let mut rest = chars.iter().enumerate().skip(at + 1);
    while let Some((end, c)) = rest.next() {
        if *c == chars[at] {
            let span = Span { at, length: end + 1 - at };
            return Ok(Token { kind: Kind::Quoted, text, span });
        }
        let escaped = if *c == '\\' { rest.next() } else { None };
        text.push(escaped.map_or(*c, |(_, c)| *c));
    }
    Err(Span { at, length: chars.len() - at }.problem("this quote is not closed"))
}

fn sign(chars: &[char], at: usize) -> Result<Token, FilterError> {
    let with_equals = chars.get(at + 1) == Some(&'=');
    let long = if with_equals { 2 } else { 1 };
    let (text, length) = match (chars[at], with_equals) {
        ('≤', _) => ("<=", 1),
        ('≥', _) => (">=", 1),
        ('≠', _) => ("!=", 1),
        ('=', _) => ("=", long),
        ('!', true) => ("!=", 2),
        ('!', false) => {
            return Err(Span { at, length: 1 }.with_hint("`!` stands only in `!=`", "write `not`"));
        }
        ('<', true) => ("<=", 2),
        ('<', false) => ("<", 1),
        ('>', true) => (">=", 2),
        ('>', false) => (">", 1),
        ('(', _) => ("(", 1),
        (')', _) => (")", 1),
        _ => (",", 1),
    };
    Ok(Token { kind: Kind::Sign, text: text.to_owned(), span: Span { at, length } })
}
