//! Who makes a change, as the activity of a study tells it.

use kindling_study::{Act, Deed, TrialNumber};
use kindling_telemetry::is_unprintable;
use percent_encoding::percent_decode_str;
use tonic::Request;
use tonic::transport::server::TcpConnectInfo;

use crate::accept::Caller;
use crate::door::Holder;
use crate::who::USER;

/// The longest name of a person, in characters, and in bytes.
const USER_CHARS: usize = kindling_proto::limits::USER;
pub(crate) const USER_BYTES: usize = 4 * USER_CHARS;
/// The longest address with the kind of a token, in bytes.
pub(crate) const ORIGIN: usize = 128;
/// The longest details, in bytes.
pub(crate) const DETAILS: usize = kindling_proto::limits::ACTIVITY_DETAILS;

/// The coordinator itself, as somebody who does something.
const KINDLING: &str = "kindling";
/// Where somebody is who has the store's file, and asks no coordinator.
const FILE: &str = "file";

/// Somebody who makes a change.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    who: Box<str>,
    from: Box<str>,
}

impl Actor {
    /// Whoever made this call. What they say of themselves is not checked: it helps people who trust each other.
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        let said = request.metadata().get(USER.as_str()).and_then(|user| user.to_str().ok());
        let said = percent_decode_str(said.unwrap_or_default()).decode_utf8_lossy();
        let who: String = one_line(&said).chars().take(USER_CHARS).collect();
        let extensions = request.extensions();
        let address = extensions.get::<Caller>().map(Caller::address);
        // For a server without our own accept loop, as in tests.
        let other = || Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip());
        let token = Holder::word(extensions.get::<Holder>().copied());
        let from = match address.or_else(other) {
            Some(address) => format!("{} ({token})", address.to_canonical()),
            None => FILE.to_owned(),
        };
        Self { who: who.trim_end().into(), from: from.into() }
    }

    /// The coordinator, which does something without being asked.
    pub(crate) fn kindling() -> Self {
        Self { who: KINDLING.into(), from: Box::default() }
    }

    /// What they did.
    pub(crate) fn did(&self, deed: Deed, trial: Option<TrialNumber>, details: &str) -> Act {
        let details = kindling_proto::limits::cut(one_line(details), DETAILS);
        let Self { who, from } = self.clone();
        Act { who, from, deed, trial, details: details.into() }
    }
}

/// The text on one line, with spaces for all that a terminal would not show.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect()
}

/// Whether a text is such a line, and no longer than this.
pub(crate) fn is_line(text: &str, most: usize) -> bool {
    text.len() <= most && !text.contains(is_unprintable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(said: &str) -> String {
        let mut request = Request::new(());
        request.metadata_mut().insert("kindling-user", said.parse().expect("ASCII"));
        Actor::of(&request).who.into()
    }

    #[test]
    fn a_name_is_short_and_shows_itself() {
        assert_eq!(who("alice@gpu1"), "alice@gpu1");
        assert_eq!(who("J%C3%BCrgen"), "J\u{fc}rgen");
        assert_eq!(who("100%"), "100%", "not everybody encodes it");
        assert_eq!(who(" a%0Ab%1B[31m%E2%80%AE "), "a b [31m");
        assert_eq!(who("%FF"), "\u{fffd}");
        assert_eq!(who(&"%E7%A0%94".repeat(100)), "\u{7814}".repeat(64));
        assert_eq!(&*Actor::of(&Request::new(())).who, "");
        for said in ["x", &"%F0%9F%94%A5".repeat(99), "%00%01"] {
            assert!(is_line(&who(said), USER_BYTES), "{said}");
        }
    }

    #[test]
    fn details_are_one_line() {
        let act = Actor::kindling().did(Deed::Pause, None, &format!("a\nb {}", "x".repeat(999)));
        assert!(act.details.starts_with("a b xxx") && act.details.ends_with('…'));
        assert!(is_line(&act.details, DETAILS));
        assert_eq!((&*act.who, &*act.from), ("kindling", ""));
    }
}
