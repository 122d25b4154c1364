//! Who gets in: tokens, and limits on wrong ones. The gRPC services and the page share it.

mod guesses;
mod tokens;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use self::guesses::Guesses;
pub(crate) use self::tokens::Holder;
pub use self::tokens::Tokens;
use crate::accept::Caller;
use crate::observe;
use crate::seldom::Seldom;
use crate::who::{Network, TokenId};

/// Why a caller with a token does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The token is not valid.
    Wrong,
    /// Too many wrong tokens came from this address. None is checked for this long.
    Guessing(Duration),
    /// This token has as many connections as it may.
    Crowded,
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong => f.write_str("the token is not valid here"),
            Self::Guessing(wait) => {
                let seconds = wait.as_secs_f64().ceil();
                write!(f, "too many wrong tokens came from this address; try again in {seconds} s")
            }
            Self::Crowded => f.write_str("this token has as many connections as it may"),
        }
    }
}

/// Knows the tokens, and which addresses showed wrong ones lately.
#[derive(Debug, Clone)]
pub(crate) struct Doorkeeper(Arc<Door>);

#[derive(Debug)]
struct Door {
    /// If there are none, everybody gets in.
    tokens: RwLock<Option<Arc<Tokens>>>,
    guesses: Guesses,
    said: Seldom,
}

impl Doorkeeper {
    pub(crate) fn new(tokens: Option<Tokens>) -> Self {
        let tokens = RwLock::new(tokens.map(Arc::new));
        Self(Arc::new(Door { tokens, guesses: Guesses::default(), said: Seldom::default() }))
    }

    /// Replaces the valid tokens.
    pub(crate) fn change(&self, tokens: Tokens) {
        let tokens = Some(Arc::new(tokens));
        *self.0.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// The valid tokens, if tokens are needed.
    pub(crate) fn tokens(&self) -> Option<Arc<Tokens>> {
        self.0.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds the holder of a token. A connection that was let in with it before is not held up by
    /// wrong tokens that others send from its address.
    pub(crate) fn holder(
        &self,
        tokens: &Tokens,
        given: &[u8],
        caller: Option<&Caller>,
    ) -> Result<(Holder, TokenId), Denied> {
        let found = tokens.find(given);
        let Some(caller) = caller else { return found.ok_or(Denied::Wrong) };
        if let Some(found) = found.filter(|(_, token)| caller.showed(*token)) {
            return Ok(found);
        }
        let (network, now) = (Network::of(caller.address()), Instant::now());
        let guessing = self.0.guesses.wait(network, now).map(Denied::Guessing);
        let denied = match (guessing, found) {
            (None, Some(found)) => return Ok(found),
            (None, None) => {
                self.0.guesses.wrong(network, now);
                Denied::Wrong
            }
            (Some(guessing), _) => guessing,
        };
        observe::token_refused(matches!(denied, Denied::Wrong));
        if let Some(times) = self.0.said.again(now) {
            let address = caller.address();
            tracing::warn!(%address, times, "wrong tokens were shown; this is where the last came from");
        }
        Err(denied)
    }
}
