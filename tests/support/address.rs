//! Addresses that nobody else takes while nothing listens on them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

/// A loopback address unique to this process, so that nobody takes it while its coordinator is down.
///
/// On 127.0.0.1 an outgoing connection might take it, even a client's connection to this very address.
pub(crate) fn lasting_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(50_051);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, 0x80 | high, middle, low), port).into()
}
