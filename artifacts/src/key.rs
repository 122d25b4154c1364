//! Names of what is kept.

use std::fmt;

use crate::content::Hex;

/// The name of bytes in a store: the history of the store of studies that refers to them, and 16 random bytes. Never
/// used twice.
///
/// As text it is both in hexadecimal, with a slash between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The history. What another one refers to is not ours to remove.
    pub history: [u8; 16],
    /// What tells it from all others of the history.
    pub random: [u8; 16],
}

impl Key {
    /// Reads a key's text. There is one text of each key.
    pub fn parse(text: &str) -> Option<Self> {
        let (history, random) = text.split_once('/')?;
        Some(Self { history: bytes(history)?, random: bytes(random)? })
    }
}

fn bytes(hex: &str) -> Option<[u8; 16]> {
    let is_ours = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_whole = hex.len() == 32 && hex.bytes().all(is_ours);
    is_whole.then(|| u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)).flatten()
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Hex(&self.history), Hex(&self.random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_text() {
        let key = Key { history: [0; 16], random: [0xAB; 16] };
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        let (zeros, other) = ("0".repeat(32), "ab".repeat(16));
        assert_eq!(key.to_string(), format!("{zeros}/{other}"));
        for text in [
            String::new(),
            "/".to_owned(),
            zeros.clone(),
            format!("{zeros}/"),
            format!("{zeros}/{other}/"),
            format!("{zeros}/{other}/x"),
            format!("/{zeros}/{other}"),
            format!("{zeros}/{}", other.to_uppercase()),
            format!("{zeros}/+{}", &other[1..]),
            format!("{zeros}/../{}", &other[3..]),
            format!("{zeros}/{other}#1"),
        ] {
            assert_eq!(Key::parse(&text), None, "{text:?}");
        }
    }
}
