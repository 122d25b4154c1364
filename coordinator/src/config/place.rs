//! Finds the place of a key in the file's text.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key that a line assigns, if it assigns one.
pub(super) fn key_on(text: &str, line: usize) -> Option<String> {
    let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
    Some(key.trim().to_owned()).filter(|k| !k.is_empty() && !k.contains(char::is_whitespace))
}

/// The line and column of the deepest part of the key that the file contains.
pub(super) fn place_of(text: &str, key: &[String]) -> Option<(usize, usize)> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut place = None;
    for part in key {
        let Some((name, value)) = table.iter().find(|(k, _)| k.get_ref().as_ref() == part) else {
            break;
        };
        let start = Spanned::span(name).start;
        place = Some((line_at(text, start), column_at(text, start)));
        match value.get_ref() {
            DeValue::Table(below) => table = below,
            _ => break,
        }
    }
    place
}

pub(super) fn line_at(text: &str, offset: usize) -> usize {
    before(text, offset).matches('\n').count() + 1
}

/// In characters.
pub(super) fn column_at(text: &str, offset: usize) -> usize {
    let before = before(text, offset);
    before[before.rfind('\n').map_or(0, |end| end + 1)..].chars().count() + 1
}

fn before(text: &str, offset: usize) -> &str {
    &text[..text.floor_char_boundary(offset)]
}
