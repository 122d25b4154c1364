//! The login cookie. It holds an expiry time and a proof that the holder had a client's or a viewer's
//! token. The token cannot be read from it. If the token is revoked, the proof is worthless.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::door::{Holder, Tokens};
use crate::who::TokenId;

/// Long enough that somebody who watches a study for days logs in once.
pub(super) const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Makes a cookie for the holder of this token. Empty if there is no such token.
pub(super) fn made(tokens: &Tokens, token: TokenId, now: Timestamp) -> String {
    let until = now.as_second() + LIFETIME.as_secs() as i64;
    let secret = tokens.of_people().find(|(_, id, _)| *id == token).map(|(_, _, secret)| secret);
    let proof = secret
        .map(|secret| BASE64_URL_SAFE_NO_PAD.encode(mac(secret, until).finalize().into_bytes()));
    proof.map_or_else(String::new, |proof| format!("{until}.{proof}"))
}

/// The token that a cookie was made for, and its holder, if the cookie is still valid.
pub(super) fn holder(cookie: &str, tokens: &Tokens, now: Timestamp) -> Option<(Holder, TokenId)> {
    let (until, proof) = cookie.split_once('.')?;
    let until: i64 = until.parse().ok()?;
    let longest = now.as_second() + LIFETIME.as_secs() as i64;
    if !(now.as_second()..=longest).contains(&until) {
        return None;
    }
    let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?;
    let mut people = tokens.of_people();
    let its = people.find(|(_, _, secret)| mac(secret, until).verify_slice(&proof).is_ok());
    its.map(|(holder, id, _)| (holder, id))
}

fn mac(secret: &str, until: i64) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.chain_update(b"kindling page\0").chain_update(until.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(clients: &[&str]) -> Tokens {
        Tokens::new(vec![], clients.iter().map(|&secret| secret.to_owned()).collect())
    }

    #[test]
    fn a_login_ends_with_its_time_and_with_its_token() {
        let at = |seconds: u64| Timestamp::from_second(1_000_000 + seconds as i64).expect("a time");
        let (both, end) = (tokens(&["alice's", "bob's"]), LIFETIME.as_secs());
        let (_, bob) = both.find(b"bob's").expect("known");
        let cookie = made(&both, bob, at(0));
        assert!(!cookie.contains("bob"));
        let bobs = Some((Holder::Client, bob));
        assert_eq!(holder(&cookie, &both, at(0)), bobs);
        assert_eq!(holder(&cookie, &both, at(end)), bobs);
        assert_eq!(holder(&cookie, &both, at(end + 1)), None, "its time is over");
        assert_eq!(holder(&cookie, &tokens(&["alice's"]), at(0)), None, "its token was revoked");

        let (until, proof) = cookie.split_once('.').expect("two parts");
        let later = until.parse::<u64>().expect("a number") + 60;
        assert_eq!(holder(&format!("{later}.{proof}"), &both, at(60)), None, "made longer by hand");
        for wrong in ["", ".", "1.", "x.y", until, proof, &cookie[..cookie.len() - 1]] {
            assert_eq!(holder(wrong, &both, at(0)), None, "{wrong}");
        }

        let viewed = both.with_viewers(vec!["carol's".to_owned()]);
        let (_, carol) = viewed.find(b"carol's").expect("known");
        let cookie = made(&viewed, carol, at(0));
        assert_eq!(holder(&cookie, &viewed, at(0)), Some((Holder::Viewer, carol)));
        // The same secret among the clients' makes another login of it.
        let promoted = tokens(&["carol's"]);
        assert_eq!(holder(&cookie, &promoted, at(0)), Some((Holder::Client, carol)));
    }
}
