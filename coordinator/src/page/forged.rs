//! Requests that another site makes a browser send, with the browser's cookie or from a machine that needs none.
//!
//! A browser says where such a request comes from, and no script can change that: newer ones in `Sec-Fetch-Site`, but
//! only over TLS and on loopback, older ones in `Origin`. Besides, a form cannot send JSON, and a script of another
//! site has to ask first and gets no answer. Programs send neither header, and are let through.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request that would change something looks like another site's; nothing if it does not.
pub(super) fn suspicion(headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    if headers.get_all(SITE).iter().any(|site| site != "same-origin") {
        return Some("the browser says that this request comes from another site");
    }
    let host = host(headers, uri);
    let is_ours = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| host.is_some_and(|host| is_of(origin, host)))
    };
    if !headers.get_all(header::ORIGIN).iter().all(is_ours) {
        return Some(
            "the browser says that this request comes from another address than this page's",
        );
    }
    // That is no page's: a program took this address for the coordinator's, and hears so elsewhere. Like JSON, no form can send it.
    if !has_type(headers, "application/json") && !has_type(headers, "application/grpc") {
        return Some("a change is sent as JSON, with `Content-Type: application/json`");
    }
    None
}

/// The host that the request is for, with its port.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| uri.authority().map(Authority::as_str))
}

/// Whether an origin, as `https://host:port`, is this host. Behind a proxy the scheme may differ from ours.
fn is_of(origin: &str, host: &str) -> bool {
    let Some((scheme, from)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |host: &'_ str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    !from.is_empty() && bare(from) == bare(host)
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/json");
    const HOST: (&str, &str) = ("host", "localhost:8080");

    fn is_taken(given: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_static(value));
        }
        suspicion(&headers, &Uri::from_static("/api/change")).is_none()
    }

    #[test]
    fn the_page_itself_and_programs_are_let_through() {
        assert!(is_taken(&[JSON, HOST]), "a program");
        assert!(is_taken(&[HOST, ("content-type", "Application/JSON; charset=utf-8")]));
        assert!(is_taken(&[JSON, HOST, ("origin", "http://localhost:8080")]));
        assert!(is_taken(&[
            JSON,
            HOST,
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin"),
        ]));
        let proxied = ("host", "kindling.example.org");
        assert!(is_taken(&[JSON, proxied, ("origin", "https://kindling.example.org")]));
        assert!(is_taken(&[JSON, proxied, ("origin", "https://Kindling.example.org:443")]));
    }

    #[test]
    fn other_sites_are_not() {
        for site in ["cross-site", "same-site", "none", "", "same-origin, cross-site"] {
            assert!(!is_taken(&[JSON, HOST, ("sec-fetch-site", site)]), "{site}");
        }
        for origin in [
            "null",
            "",
            "http://localhost",
            "http://localhost:8081",
            "http://127.0.0.1:8080",
            "https://evil.example",
            "http://localhost:8080.evil.example",
            "http://evil.example/localhost:8080",
            "localhost:8080",
            "file://localhost:8080",
            "http://",
        ] {
            assert!(!is_taken(&[JSON, HOST, ("origin", origin)]), "{origin}");
        }
        let ours = ("origin", "http://localhost:8080");
        assert!(!is_taken(&[JSON, HOST, ours, ("origin", "https://evil.example")]), "both count");
        assert!(!is_taken(&[JSON, ours]), "without a host nothing is ours");
        let site = ("sec-fetch-site", "same-origin");
        assert!(!is_taken(&[JSON, HOST, site, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn what_a_form_can_send_is_no_change() {
        assert!(!is_taken(&[HOST]));
        for form in [
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/plain",
            "text/json",
            "",
        ] {
            assert!(!is_taken(&[HOST, ("content-type", form)]), "{form}");
        }
    }
}
