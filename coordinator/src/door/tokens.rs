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
        // A token in several lists counts as in the first one: the first match counts.
        Self { tokens: Vec::new() }.with(Holder::Client, clients).with(Holder::Worker, workers)
    }

    /// The same, and tokens of viewers, which only read.
    #[must_use]
    pub fn with_viewers(self, viewers: Vec<String>) -> Self {
        self.with(Holder::Viewer, viewers)
    }

    fn with(mut self, holder: Holder, tokens: Vec<String>) -> Self {
        let of = |secret: String| (holder, TokenId::of(&secret), secret);
        self.tokens.extend(tokens.into_iter().map(of));
        self
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

    /// The tokens that open the page: those of clients and viewers.
    pub(crate) fn of_people(&self) -> impl Iterator<Item = (Holder, TokenId, &str)> {
        let people = self.tokens.iter().filter(|(holder, _, _)| *holder != Holder::Worker);
        people.map(|(holder, id, secret)| (*holder, *id, secret.as_str()))
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
    /// Somebody who may look at everything that a client sees, and change nothing.
    Viewer,
}

impl Holder {
    /// The word for whoever has such a token; without tokens that is anyone.
    pub(crate) fn word(holder: Option<Self>) -> &'static str {
        match holder {
            Some(Self::Worker) => "worker",
            Some(Self::Client) => "client",
            Some(Self::Viewer) => "viewer",
            None => "anyone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_is_known_and_nothing_else() {
        let tokens = Tokens::new(vec!["w1".into(), "w2".into()], vec!["c1".into(), "c2".into()])
            .with_viewers(vec!["v1".into()]);
        let holder = |given: &str| tokens.find(given.as_bytes()).map(|(holder, _)| holder);
        assert_eq!((holder("w1"), holder("w2")), (Some(Holder::Worker), Some(Holder::Worker)));
        assert_eq!((holder("c1"), holder("c2")), (Some(Holder::Client), Some(Holder::Client)));
        assert_eq!(holder("v1"), Some(Holder::Viewer));
        for wrong in ["", "c", "c3", "c11", "W1"] {
            assert_eq!(holder(wrong), None, "{wrong}");
        }
        let ids: std::collections::HashSet<_> =
            tokens.tokens.iter().map(|(_, id, _)| *id).collect();
        assert_eq!(ids.len(), 5);
        let people: Vec<_> = tokens.of_people().map(|(_, _, secret)| secret).collect();
        assert_eq!(people, ["c1", "c2", "v1"]);
        assert!(!format!("{tokens:?}").contains("c1"));
    }
}
