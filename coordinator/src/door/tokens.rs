//! The tokens that let callers in.

use subtle::ConstantTimeEq as _;

use crate::who::TokenId;

/// The tokens that let callers in.
#[derive(Clone)]
pub struct Tokens {
    tokens: Vec<(Holder, TokenId, String)>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// Tokens of workers, which train trials, and of clients, which create, read and control
    /// studies.
    pub fn new(workers: Vec<String>, clients: Vec<String>) -> Self {
        let of = |holder: Holder, tokens: Vec<String>| {
            tokens.into_iter().map(move |secret| (holder, TokenId::of(&secret), secret))
        };
        // A token in both lists is a client's: the first match counts.
        let tokens = of(Holder::Client, clients).chain(of(Holder::Worker, workers)).collect();
        Self { tokens }
    }

    /// Finds the holder of a token. It is compared with all tokens, each in constant time, so that
    /// the time does not reveal how close a guess was.
    pub(crate) fn find(&self, given: &[u8]) -> Option<(Holder, TokenId)> {
        let mut found = None;
        for (holder, id, secret) in &self.tokens {
            let is_it = bool::from(given.ct_eq(secret.as_bytes()));
            found = found.or(is_it.then_some((*holder, *id)));
        }
        found
    }

    /// The clients' tokens.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (TokenId, &str)> {
        let clients = self.tokens.iter().filter(|(holder, _, _)| *holder == Holder::Client);
        clients.map(|(_, id, secret)| (*id, secret.as_str()))
    }

    /// Whether this token is still valid.
    pub(crate) fn has(&self, id: TokenId) -> bool {
        self.tokens.iter().any(|(_, known, _)| *known == id)
    }
}

/// Who holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Worker,
    Client,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_is_known_and_nothing_else() {
        let tokens = Tokens::new(vec!["w1".into(), "w2".into()], vec!["c1".into(), "c2".into()]);
        let holder = |given: &str| tokens.find(given.as_bytes()).map(|(holder, _)| holder);
        assert_eq!((holder("w1"), holder("w2")), (Some(Holder::Worker), Some(Holder::Worker)));
        assert_eq!((holder("c1"), holder("c2")), (Some(Holder::Client), Some(Holder::Client)));
        for wrong in ["", "c", "c3", "c11", "W1"] {
            assert_eq!(holder(wrong), None, "{wrong}");
        }
        let ids: std::collections::HashSet<_> =
            tokens.tokens.iter().map(|(_, id, _)| *id).collect();
        assert_eq!(ids.len(), 4);
        assert!(!format!("{tokens:?}").contains("c1"));
    }
}
