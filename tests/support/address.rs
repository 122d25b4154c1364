//! Addresses that last longer than the coordinator on them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

/// A loopback address of this process's own, so that nobody takes it while its coordinator is away. On
/// 127.0.0.1 somebody's outgoing connection might, even that of a client to this very address.
pub(crate) fn lasting_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(50_051);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, 0x80 | high, middle, low), port).into()
}
