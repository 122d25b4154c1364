//! Bytes as text.

use std::fmt::Write as _;

/// Bytes in lower-case hexadecimal digits, as a SHA-256 is written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
