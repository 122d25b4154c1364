//! Who calls: the network address and the token, in the form in which they are counted, and a name.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderName;
use sha2::{Digest as _, Sha256};

/// Under this name callers say who they are: percent-encoded, in a header or in metadata.
pub(crate) const USER: HeaderName = HeaderName::from_static("kindling-user");

/// What counts as one address. For IPv6 that is a /64, since whoever has one address of it has all
/// of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Identifies a token without revealing it: the first 8 bytes of its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenId(pub(crate) u64);

impl TokenId {
    pub(crate) fn of(secret: &str) -> Self {
        let hash = Sha256::digest(secret.as_bytes());
        Self(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}
