//! Formats values exactly, so that they can be typed back in.

use kindling_proto::v1::value::Kind;
use kindling_telemetry::is_unprintable;

/// The value in its shortest exact form. Text is quoted where it could be mistaken for something else, or is
/// empty.
pub(crate) fn literal(kind: &Kind) -> String {
    match kind {
        Kind::Float(x) => format!("{x:?}"),
        Kind::Int(i) => i.to_string(),
        Kind::Bool(b) => b.to_string(),
        Kind::Text(text) if is_plain(text) => text.clone(),
        Kind::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Kind::None(_) => "null".to_owned(),
        Kind::Json(json) => json.clone(),
    }
}

fn is_plain(text: &str) -> bool {
    // Within quotes, the escape for a control character can be typed.
    let is_other = text.parse::<f64>().is_ok()
        || text.parse::<bool>().is_ok()
        || text == "null"
        || text.starts_with(['[', '{'])
        || text.contains(is_unprintable);
    !text.is_empty() && text.trim() == text && !text.starts_with('"') && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_would_be_something_else() {
        let text = |text: &str| literal(&Kind::Text(text.to_owned()));
        assert_eq!(
            ["he", "1", "true", "", " a", "null", "[1]"].map(text),
            ["he", "\"1\"", "\"true\"", "\"\"", "\" a\"", "\"null\"", "\"[1]\""]
        );
        assert_eq!(literal(&Kind::None(0)), "null");
        assert_eq!(literal(&Kind::Json("[1]".to_owned())), "[1]");
        assert_eq!(
            [1e-5, 1.0, 0.1, 1e300].map(|x| literal(&Kind::Float(x))),
            ["1e-5", "1.0", "0.1", "1e300"]
        );
    }
}
