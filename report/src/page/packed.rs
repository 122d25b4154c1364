//! A document packed into a page: JSON, gzip, base64.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::small::Small;
use crate::document::Document;

/// The document as text for `atob` and `DecompressionStream`.
pub(super) fn document(document: &Document) -> String {
    let json = serde_json::to_vec(&Small::new(document)).expect("a document is JSON");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&json).expect("memory takes all");
    BASE64_STANDARD.encode(gzip.finish().expect("memory takes all"))
}
