//! The address under which people reach the page. It stands in every message, so that a click leads there.

use url::{ParseError, Url};

/// The longest one, in bytes.
const LONGEST: usize = 512;

/// Where the page is for people: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl(String);

/// Why a text is no such address. It does not say what was found, which may have a password in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PageUrlError {
    /// It is too long.
    #[error("expected at most {LONGEST} bytes, found {0}")]
    TooLong(usize),
    /// It cannot be read.
    #[error("expected an address: {0}")]
    Malformed(ParseError),
    /// Browsers open it in another way.
    #[error("expected an address that begins with http:// or https://")]
    Scheme,
    /// Every message would show them.
    #[error("expected an address without a user and a password")]
    Credentials,
    /// The page's program asks for its data at the root of its host.
    #[error("expected no more than a host and a port: the page cannot lie below a path")]
    Below,
}

impl PageUrl {
    /// Reads an address such as `https://kindling.example`.
    pub fn parse(text: &str) -> Result<Self, PageUrlError> {
        if text.len() > LONGEST {
            return Err(PageUrlError::TooLong(text.len()));
        }
        let url = Url::parse(text).map_err(PageUrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PageUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PageUrlError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(PageUrlError::Below);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The address of a path of the page.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for (text, page) in [
            ("https://kindling.example", "https://kindling.example/x"),
            ("HTTPS://Kindling.Example:443/", "https://kindling.example/x"),
            ("http://10.0.0.7:8080", "http://10.0.0.7:8080/x"),
            ("http://[::1]:8080/", "http://[::1]:8080/x"),
            ("https://größe.example", "https://xn--gre-6ka8i.example/x"),
        ] {
            assert_eq!(PageUrl::parse(text).map(|url| url.at("/x")), Ok(page.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_page_is_refused_without_saying_what_it_was() {
        let long = format!("https://{}.example", "secret".repeat(100));
        for (text, error) in [
            ("", PageUrlError::Malformed(ParseError::RelativeUrlWithoutBase)),
            ("secret.example", PageUrlError::Malformed(ParseError::RelativeUrlWithoutBase)),
            ("https://", PageUrlError::Malformed(ParseError::EmptyHost)),
            ("https://secret .example", PageUrlError::Malformed(ParseError::IdnaError)),
            ("secret.example:8080", PageUrlError::Scheme),
            ("ftp://secret.example", PageUrlError::Scheme),
            ("javascript:alert('secret')", PageUrlError::Scheme),
            ("https://user:secret@a.example", PageUrlError::Credentials),
            ("https://secret@a.example", PageUrlError::Credentials),
            ("https://a.example/secret", PageUrlError::Below),
            ("https://a.example/?secret", PageUrlError::Below),
            ("https://a.example/#secret", PageUrlError::Below),
            (&long, PageUrlError::TooLong(long.len())),
        ] {
            let found = PageUrl::parse(text).expect_err(text);
            assert!(!found.to_string().contains("secret"), "{found}");
            assert_eq!(found, error, "{text}");
        }
    }
}
