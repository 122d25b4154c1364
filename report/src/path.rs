//! Names in URLs: any study's page, any artifact.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Escapes everything that is special anywhere in a path or a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a study's page.
///
/// The names `.` and `..` cannot be part of a path, even escaped, because browsers resolve them.
pub fn study_path(name: &str) -> String {
    let escaped = escaped(name);
    match name {
        "." | ".." => format!("/study?name={escaped}"),
        _ => format!("/studies/{escaped}"),
    }
}

/// The path of a trial on it.
pub fn trial_path(study: &str, trial: u32) -> String {
    let path = study_path(study);
    let is_query = path.contains('?');
    let view = if is_query { "&view=trials%2F" } else { "/trials/" };
    format!("{path}{view}{trial}")
}

/// A text as part of a path or a query: ASCII, without slashes.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_path() {
        for (name, path) in [
            ("mnist-he_2.1~", "/studies/mnist-he_2.1~"),
            ("a b/c", "/studies/a%20b%2Fc"),
            ("run#1?", "/studies/run%231%3F"),
            ("50%25", "/studies/50%2525"),
            ("../up", "/studies/..%2Fup"),
            (".", "/study?name=."),
            ("..", "/study?name=.."),
        ] {
            assert_eq!(study_path(name), path);
        }
        assert_eq!(trial_path("a b", 12), "/studies/a%20b/trials/12");
        assert_eq!(trial_path("..", 12), "/study?name=..&view=trials%2F12");
    }
}
