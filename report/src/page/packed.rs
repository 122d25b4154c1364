//! A document packed into a page, in pieces: JSON, gzip, base64, each of them in an element of its own. So the page reads
//! it without a pause that anybody would notice, however large it is.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::small::{Head, Small};
use crate::document::Document;

/// About as many bytes of JSON are a piece.
const PIECE: usize = 256 * 1024;

/// The elements that hold the document, in the order in which they are to be read. Their names are those of the
/// coordinator's events.
pub(super) fn document(document: &Document) -> String {
    let small = Small::new(document);
    let mut elements = String::new();
    put(&mut elements, "begin", &json(&Head::new(document, &small)));
    let mut piece = Vec::new();
    for trial in &document.trials {
        piece.push(if piece.is_empty() { b'[' } else { b',' });
        piece.extend(json(&small.trial(trial)));
        if piece.len() >= PIECE {
            piece.push(b']');
            put(&mut elements, "trials", &piece);
            piece.clear();
        }
    }
    if !piece.is_empty() {
        piece.push(b']');
        put(&mut elements, "trials", &piece);
    }
    put(&mut elements, "analysis", &json(&document.analysis));
    elements
}

fn json(of: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(of).expect("a document is JSON")
}

/// For `atob` and `DecompressionStream`.
fn put(elements: &mut String, name: &str, json: &[u8]) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(json).expect("memory takes all");
    let text = BASE64_STANDARD.encode(gzip.finish().expect("memory takes all"));
    let _ = writeln!(elements, "<script type=\"text/plain\" data-piece=\"{name}\">{text}</script>");
}
