//! The forms of a letter: for a program, for ntfy, for Slack.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kindling_study::NotifyKind;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::letter::Letter;

/// The longest part of a header that may be encoded at once.
const WORD: usize = 45;

/// `link` is an address in ASCII, if the letter has one.
pub(super) fn fill(
    request: RequestBuilder,
    kind: NotifyKind,
    letter: &Letter,
    link: Option<&str>,
) -> RequestBuilder {
    let json = |request: RequestBuilder, body: serde_json::Value| {
        request.header(CONTENT_TYPE, "application/json").body(body.to_string())
    };
    match kind {
        NotifyKind::Webhook => json(request, letter.to_json(link)),
        NotifyKind::Slack => {
            let text = format!("*{}*\n{}", escaped(&letter.title()), escaped(&letter.text()));
            // Without words of its own: what imitates Slack takes an address in brackets, too.
            let link = link.map(|link| format!("\n<{}>", escaped(link))).unwrap_or_default();
            let text = text + &link;
            json(request, json!({ "text": text }))
        }
        NotifyKind::Ntfy => {
            let request = request
                .header("Title", header(&letter.title()))
                .header("Tags", letter.tag())
                .header("Priority", if letter.is_bad() { "high" } else { "default" })
                .header(CONTENT_TYPE, "text/plain; charset=utf-8")
                .body(letter.text());
            match link {
                Some(link) => request.header("Click", link),
                None => request,
            }
        }
    }
}

/// Text in which Slack finds neither links nor names.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text as a header may have it: if it is not plain, in the encoding of RFC 2047, which ntfy reads.
fn header(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_plain && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD));
        words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_plain_or_encoded() {
        assert_eq!(header("lr-sweep is finished"), "lr-sweep is finished");
        assert_eq!(header("größe"), "=?UTF-8?B?Z3LDtsOfZQ==?=");
        assert_eq!(header("a\r\nX: b"), "=?UTF-8?B?YQ0KWDogYg==?=");
        let long = header(&"ä".repeat(100));
        assert!(long.split(' ').all(|word| word.len() <= 75 && word.starts_with("=?UTF-8?B?")));
        assert_eq!(long.split(' ').count(), 5);
    }

    #[test]
    fn slack_finds_no_markup_in_it() {
        assert_eq!(
            escaped("<!channel> & <https://a|b>"),
            "&lt;!channel&gt; &amp; &lt;https://a|b&gt;"
        );
    }
}
