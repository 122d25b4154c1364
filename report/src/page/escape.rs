//! Escapes text for HTML.

/// Escapes an element's text.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes JSON in a script element, so that nothing looks like a tag.
pub(super) fn json(json: &str) -> String {
    // In JSON, only strings can contain `<`.
    json.replace('<', "\\u003c")
}

/// Escapes a program in a script element.
///
/// Only its strings and regular expressions can contain what HTML would read as the element's end, or as a
/// comment that hides the end.
pub(super) fn script(program: &str) -> String {
    let mut safe = String::with_capacity(program.len());
    for (number, piece) in program.split('<').enumerate() {
        let opens = |tag: &str| piece.get(..tag.len()).is_some_and(|p| p.eq_ignore_ascii_case(tag));
        if number > 0 {
            safe.push_str(if opens("/script") || opens("!--") { "\\x3c" } else { "<" });
        }
        safe.push_str(piece);
    }
    safe
}

/// Escapes CSS in a style element.
pub(super) fn style(looks: &str) -> String {
    looks.replace("</", "<\\/")
}
