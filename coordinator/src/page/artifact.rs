//! Artifacts, as files to download and pictures to look at.
//!
//! Names, types and bytes are what a trial chose. So only pictures without programs in them are shown by browsers, whatever
//! else is there is downloaded, and nothing runs as part of the page.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Extensions, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kindling_proto::v1;
use kindling_proto::v1::artifact_service_server::ArtifactService as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_stream::StreamExt as _;

use super::failure::Failure;
use super::named::{Asked, NamedFile};
use super::pages::{Pages, call};
use crate::budget::{Caller, held};

/// For whoever opens a file by its address: it may load nothing and run nothing.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const TEXT: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";
/// What may stand in a header's file name as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Sends an artifact, as fast as it is read.
pub(super) async fn artifact(
    State(pages): State<Pages>,
    caller: Caller,
    extensions: Extensions,
    Asked(NamedFile { name, trial, file }): Asked<NamedFile>,
) -> Result<Response, Failure> {
    let place = pages.place_for_file(caller).await?;
    let asked = v1::GetArtifactRequest { study: name, trial, name: file };
    let mut pieces = pages.service.get_artifact(call(extensions, asked)).await?.into_inner();
    let first = pieces.next().await.transpose()?;
    let Some(v1::GetArtifactResponse { artifact: Some(artifact), piece }) = first else {
        return Err(Failure::Internal("an artifact came without a word on what it is".to_owned()));
    };
    let first = tokio_stream::once(Ok(Bytes::from(piece)));
    let rest = pieces.map(|piece| piece.map(|piece| Bytes::from(piece.piece)));
    let size = artifact.blob.as_ref().map_or(0, |blob| blob.size);
    let (media_type, is_picture) = media_type(&artifact.media_type);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(size)),
        (header::CONTENT_DISPOSITION, disposition(&artifact.name, is_picture)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let response = (headers, Body::from_stream(first.chain(rest))).into_response();
    Ok(response.map(|body| held(body, Arc::new(place))))
}

/// The type that browsers are told, and whether it is a picture that they show.
fn media_type(said: &str) -> (&'static str, bool) {
    let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match PICTURES.into_iter().find(|picture| *picture == kind) {
        Some(picture) => (picture, true),
        None if kind == "text/plain" => (TEXT, false),
        None => (UNKNOWN, false),
    }
}

/// What browsers call the file: the last part of its name.
fn disposition(name: &str, is_picture: bool) -> HeaderValue {
    let kind = if is_picture { "inline" } else { "attachment" };
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim_matches('.').trim().is_empty());
    let harmless = |c: char| if turns_or_hides(c) { '_' } else { c };
    let last: String = last.unwrap_or("artifact").chars().map(harmless).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let plain: String = last.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let whole = utf8_percent_encode(&last, PLAIN);
    let value = format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{whole}");
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// Whether a name with this character may look like another one.
fn turns_or_hides(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    c.is_control() || is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_without_programs_are_shown() {
        for (said, told) in [
            ("image/png", ("image/png", true)),
            ("IMAGE/JPEG; q=1", ("image/jpeg", true)),
            ("image/gif", ("image/gif", true)),
            ("image/webp", ("image/webp", true)),
            ("text/plain", (TEXT, false)),
            ("text/plain; charset=utf-7", (TEXT, false)),
            ("text/html", (UNKNOWN, false)),
            ("image/svg+xml", (UNKNOWN, false)),
            ("image/png+xml", (UNKNOWN, false)),
            ("application/xhtml+xml", (UNKNOWN, false)),
            ("application/pdf", (UNKNOWN, false)),
            ("text/javascript", (UNKNOWN, false)),
            ("text/html;image/png", (UNKNOWN, false)),
            ("image/png,text/html", (UNKNOWN, false)),
            ("", (UNKNOWN, false)),
        ] {
            assert_eq!(media_type(said), told, "{said}");
        }
    }

    #[test]
    fn a_file_is_called_by_the_last_part_of_its_name_and_a_header_by_nothing_else() {
        for (name, plain, whole) in [
            ("plots/loss.png", "loss.png", "loss.png"),
            ("../../etc/passwd", "passwd", "passwd"),
            ("C:\\a\\b.txt", "b.txt", "b.txt"),
            ("..", "artifact", "artifact"),
            ("a/../", "a", "a"),
            ("///", "artifact", "artifact"),
            ("a\"; filename=b.exe", "a__ filename_b.exe", "a%22%3B%20filename%3Db.exe"),
            ("<b>'%41", "_b___41", "%3Cb%3E%27%2541"),
            ("\u{202e}gnp.exe", "_gnp.exe", "_gnp.exe"),
            ("a\r\nX: y", "a__X_ y", "a__X%3A%20y"),
            ("ä\u{200b}", "__", "%C3%A4_"),
        ] {
            let told = disposition(name, false);
            let wanted = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}");
            assert_eq!(told.to_str().expect("ASCII"), wanted, "{name}");
        }
        let long = "x".repeat(kindling_proto::limits::ARTIFACT_NAME);
        let picture = disposition(&long, true);
        assert!(picture.to_str().expect("ASCII").starts_with("inline; filename=\"xxx"));
    }
}
