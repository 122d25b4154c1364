//! Finds the line of a key in the file's text.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key that a line assigns, if it assigns one.
pub(super) fn key_on(text: &str, line: usize) -> Option<String> {
    let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
    Some(key.trim().to_owned()).filter(|k| !k.is_empty() && !k.contains(char::is_whitespace))
}

/// The line of the deepest part of the key that the file contains.
pub(super) fn line_of(text: &str, key: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut line = None;
    for part in key {
        let Some((name, value)) = table.iter().find(|(k, _)| k.get_ref().as_ref() == part) else {
            break;
        };
        line = Some(line_at(text, Spanned::span(name).start));
        match value.get_ref() {
            DeValue::Table(below) => table = below,
            _ => break,
        }
    }
    line
}

pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}
