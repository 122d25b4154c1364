//! Turns `serde`'s messages into words for authors of study files, and finds the known word nearest
//! to a misspelt one.

pub use kindling_report::nearest;

/// The error for an unknown key.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    match (nearest(key, known), known) {
        (_, []) => "unknown key; none belongs here".to_owned(),
        (Some(near), _) => format!("unknown key; did you mean `{near}`?"),
        (None, _) => format!("unknown key; expected {}", one_of(known)),
    }
}

/// The error for an unknown word.
pub(crate) fn not_one_of(word: &str, known: &[&str]) -> String {
    let near = nearest(word, known);
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("expected {}, found {word:?}{near}", one_of(known))
}

fn one_of(known: &[&str]) -> String {
    let quoted: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    match &quoted[..] {
        [only] => only.clone(),
        [one, other] => format!("{one} or {other}"),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

/// A message of `serde`'s in plain words. Other messages stay as they are.
pub(crate) fn plain(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (word, known) = quoted(rest);
        return unknown(word, &known);
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let (word, known) = quoted(rest);
        return not_one_of(word, &known);
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("missing key {field}");
    }
    let invalid = ["invalid type: ", "invalid value: "];
    let invalid = invalid.iter().find_map(|prefix| message.strip_prefix(prefix));
    match invalid.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            format!("expected {}, found {}", type_in_words(expected), found_in_words(found))
        }
        None => message.to_owned(),
    }
}

/// The first word in backquotes, and the other ones.
fn quoted(message: &str) -> (&str, Vec<&str>) {
    let mut words = message.split('`').skip(1).step_by(2);
    (words.next().unwrap_or_default(), words.collect())
}

fn type_in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of at least 0",
        "a nonzero u16" => "a whole number from 1 to 65535",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        // The name of a type means nothing to the author of a file.
        kind if kind.starts_with("struct ") => "a table",
        kind if kind.contains("enum ") => "a word in quotes",
        other => other,
    }
}

fn found_in_words(found: &str) -> &str {
    match found {
        "map" => "a table",
        "sequence" => "a list",
        "null" => "nothing",
        _ => ["integer ", "floating point ", "boolean ", "string "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .map_or(found, |value| value.trim_matches('`')),
    }
}
