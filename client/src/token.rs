//! Tokens and token files. A file has one token per line; if it has several, each follows its name.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{ConnectError, read};

/// The longest allowed name of a token.
const MAX_NAME: usize = 64;
/// The shortest allowed token.
const MIN_SECRET: usize = 16;

/// A secret that grants its bearer access.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    name: Option<String>,
    secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token in a file; the first, if there are several.
    pub fn read(path: &Path) -> Result<Self, ConnectError> {
        Ok(Self::read_all(path)?.swap_remove(0))
    }

    /// All tokens in a file, at least one, each with a unique name. Warns if everybody may read the file.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, ConnectError> {
        warn_if_open(path);
        let content = read(path)?;
        Self::parse_all(&content)
            .map_err(|reason| ConnectError::Token { path: path.to_owned(), reason })
    }

    fn parse_all(content: &[u8]) -> Result<Vec<Self>, String> {
        let text = std::str::from_utf8(content).map_err(|_| "it is not text")?;
        let mut tokens: Vec<Self> = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |reason: &str| match text.lines().count() {
                1 => reason.to_owned(),
                _ => format!("line {}: {reason}", place + 1),
            };
            let token = Self::parse(line).map_err(at)?;
            if tokens.iter().any(|known| known.label() == token.label()) {
                return Err(at(&format!("a second token `{}`", token.label())));
            }
            tokens.push(token);
        }
        if tokens.is_empty() { Err("it is empty".to_owned()) } else { Ok(tokens) }
    }

    /// Parses a line: a token, or a name and a token.
    fn parse(line: &str) -> Result<Self, &'static str> {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let (name, secret) = match words[..] {
            [secret] => (None, secret),
            [name, secret] if is_name(name) => (Some(name.to_owned()), secret),
            [_, _] => {
                return Err(
                    "expected a name of letters, digits, `.`, `_` and `-` before the token",
                );
            }
            _ => return Err("expected a token, or a name and a token, on each line"),
        };
        if secret.len() < MIN_SECRET {
            return Err("expected at least 16 characters");
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("expected ASCII characters");
        }
        Ok(Self { name, secret: secret.to_owned() })
    }

    /// A token with this name; `None` if the name is invalid.
    pub fn named(name: &str, secret: &str) -> Option<Self> {
        is_name(name).then(|| Self { name: Some(name.to_owned()), secret: secret.to_owned() })
    }

    /// The token's name or, without one, a fingerprint that does not reveal the token.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("#{}", self.fingerprint()))
    }

    /// The first 32 bits of the token's hash.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.secret.as_bytes());
        let start = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        format!("{start:08x}")
    }

    /// The token's line in a file.
    pub fn line(&self) -> String {
        let name = self.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        format!("{name}{}\n", self.secret)
    }

    /// The secret, for comparison.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.len() <= MAX_NAME && !name.starts_with('-') && name.bytes().all(is_plain)
}

/// Warns if everybody on this machine may read or change a file with a secret.
pub fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(metadata) = path.metadata() else { return };
    let path = path.display();
    if metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        tracing::warn!(
            "{path} holds a secret, and everybody on this machine may use it; hint: chmod 600 {path}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(content: &str) -> Result<Vec<String>, String> {
        Ok(Token::parse_all(content.as_bytes())?.iter().map(Token::label).collect())
    }

    #[test]
    fn a_token_is_one_word_and_no_secret_to_a_log() {
        let tokens = Token::parse_all(b"0123456789abcdef\n").unwrap();
        assert_eq!(tokens[0].secret(), "0123456789abcdef");
        assert_eq!(format!("{tokens:?}"), "[Token(…)]");
        assert_eq!(tokens[0].line(), "0123456789abcdef\n");
        for content in [
            &b""[..],
            b"\n# nothing\n",
            b"short",
            b"two words, many letters",
            b"0123456789abcdef\xff",
            b"-name 0123456789abcdef",
            b"a/b 0123456789abcdef",
        ] {
            assert!(Token::parse_all(content).is_err(), "{content:?}");
        }
    }

    #[test]
    fn several_tokens_have_names() {
        let file = "# people\nalice 0123456789abcdef\n\nbob fedcba9876543210\naaaabbbbccccdddd\n";
        let known = labels(file).unwrap();
        assert_eq!(known[..2], ["alice", "bob"]);
        assert!(known[2].starts_with('#') && known[2].len() == 9, "{known:?}");
        let twice = labels("alice 0123456789abcdef\nalice fedcba9876543210\n").unwrap_err();
        assert!(twice.contains("line 2") && twice.contains("alice"), "{twice}");
        assert!(labels("0123456789abcdef\n0123456789abcdef\n").is_err(), "the same again");
    }
}
