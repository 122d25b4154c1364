//! Text inside HTML.

/// As an element's text.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON inside a script element: nothing in it looks like a tag.
pub(super) fn json(json: &str) -> String {
    // Only strings can hold it.
    json.replace('<', "\\u003c")
}

/// A program inside a script element. Only its strings and patterns hold what HTML would take for its
/// end, or for a comment that hides the end.
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

/// Looks inside a style element.
pub(super) fn style(looks: &str) -> String {
    looks.replace("</", "<\\/")
}
