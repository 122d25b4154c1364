//! Reasons of failures, as `kindling-study` tells them apart (`coordinator/study/src/failures.rs`).

/// How much of a reason counts, in characters.
const LONGEST: usize = 300;

/// The beginning of a reason on one line, with each number replaced by `#`.
pub(super) fn kind_of(reason: &str) -> String {
    let start: String = reason.chars().take(LONGEST).collect();
    let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut kind = String::with_capacity(line.len());
    let mut in_number = false;
    for c in line.chars() {
        in_number = c.is_ascii_digit() || in_number && matches!(c, '.' | '-' | '+' | 'e' | 'E');
        if !in_number {
            kind.push(c);
        } else if !kind.ends_with('#') {
            kind.push('#');
        }
    }
    kind
}
