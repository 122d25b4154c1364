//! Single cells: words and JSON. An error names the row and the column.

use kindling_study::Wall;
use serde::de::DeserializeOwned;

use super::damage::{Damage, Place};
use super::encode;

/// A word of a fixed vocabulary.
pub(super) fn word<T>(
    at: Place,
    column: &str,
    word: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, Damage> {
    read(word).ok_or_else(|| at.wrong(column, format!("`{word}`")))
}

pub(super) fn datetime(
    at: Place,
    column: &str,
    text: Option<&str>,
) -> Result<Option<Wall>, Damage> {
    text.map(|text| word(at, column, text, encode::datetime_from)).transpose()
}

pub(super) fn json<T: DeserializeOwned>(at: Place, column: &str, text: &str) -> Result<T, Damage> {
    serde_json::from_str(text).map_err(|error| at.wrong(column, error))
}

pub(super) fn json_or_null<T: DeserializeOwned>(
    at: Place,
    column: &str,
    text: Option<&str>,
) -> Result<Option<T>, Damage> {
    text.map(|text| json(at, column, text)).transpose()
}
