//! Who calls, as the coordinator tells others when something was changed.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tonic::metadata::{Ascii, MetadataValue};

/// Under this name a call says who makes it.
pub const USER: &str = "kindling-user";

/// What is written in another way: all that is not visible ASCII, and the sign for that.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// The longest name, in characters.
const LONGEST: usize = 64;

/// `USER@HOST`, as far as they are known, percent-encoded. Nothing is proved by it.
pub fn user() -> Option<MetadataValue<Ascii>> {
    let name = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    written(name.as_deref().unwrap_or_default(), hostname().as_deref())
}

/// This machine's name, if it has one.
pub fn hostname() -> Option<String> {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = from_kernel.ok().or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn written(name: &str, host: Option<&str>) -> Option<MetadataValue<Ascii>> {
    let text = match (name, host) {
        ("", None) => return None,
        (name, None) => name.to_owned(),
        ("", Some(host)) => host.to_owned(),
        (name, Some(host)) => format!("{name}@{host}"),
    };
    let text: String = text.chars().take(LONGEST).collect();
    utf8_percent_encode(&text, ESCAPED).to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_header() {
        let is = |name: &str, host: Option<&str>| {
            written(name, host).map(|value| value.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(is("alice", Some("gpu1")).as_deref(), Some("alice@gpu1"));
        assert_eq!(is("J\u{fc}rgen K", None).as_deref(), Some("J%C3%BCrgen%20K"));
        assert_eq!(is("", Some("gpu1")).as_deref(), Some("gpu1"));
        assert_eq!(is("50%\n", None).as_deref(), Some("50%25%0A"));
        assert_eq!(is("", None), None);
        assert_eq!(is(&"x".repeat(99), None).map(|name| name.len()), Some(64));
    }
}
