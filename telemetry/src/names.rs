//! The host name that a request was sent to.

use std::net::IpAddr;

use http::{HeaderMap, Uri, header};

/// Whether the request's host is a loopback name.
///
/// Another site can point its own name to 127.0.0.1 and so read the metrics in a user's browser, but it cannot
/// change the host that the browser sends.
/// HTTP/1 names the host in a header, HTTP/2 in the request itself.
pub fn names_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = header.and_then(|host| host.parse::<Uri>().ok());
    let host = host.as_ref().unwrap_or(uri).host();
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(host: &'static str) -> bool {
        let headers = [(header::HOST, host.parse().expect("a value"))].into_iter().collect();
        names_loopback(&headers, &Uri::from_static("/metrics"))
    }

    #[test]
    fn loopback_has_few_names() {
        for ours in ["localhost", "localhost:9090", "127.0.0.1:9090", "127.1.2.3", "[::1]:9090"] {
            assert!(by(ours), "{ours}");
        }
        for other in
            ["example.org", "127.0.0.1.example.org", "localhost.example.org", "10.0.0.1", ""]
        {
            assert!(!by(other), "{other}");
        }
        let uri = Uri::from_static("https://localhost:9090/metrics");
        assert!(names_loopback(&HeaderMap::new(), &uri), "HTTP/2");
        assert!(!names_loopback(&HeaderMap::new(), &Uri::from_static("/metrics")), "no name");
    }
}
