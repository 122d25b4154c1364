//! Addresses to listen on, as users type them.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};

/// Parses `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`, or a port on the loopback address: `8080`.
///
/// The error says what was expected.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let expected = "expected something like 127.0.0.1:8080, localhost:8080, 8080, or 0.0.0.0:8080 for all networks";
    let Some((host, port)) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
        return Err(expected.to_owned());
    };
    let Ok(port) = port.parse::<u16>() else { return Err(expected.to_owned()) };
    // Other addresses of `localhost` do not matter: browsers and our own commands try this one first.
    if host.eq_ignore_ascii_case("localhost") {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let found = (host, port).to_socket_addrs().map_err(|error| format!("{error}; {expected}"))?;
    found.into_iter().next().ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_written_as_people_do() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LOCALHOST:0", "127.0.0.1:0"),
            ("8080", "127.0.0.1:8080"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(listen_address(text), Ok(address.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_what_one_looks_like() {
        for text in
            ["", ":8080", "localhost", "localhost:", "65536", "http://localhost:8080", "a b:1"]
        {
            let error = listen_address(text).expect_err(text);
            assert!(error.contains("localhost:8080"), "{text}: {error}");
        }
    }
}
