//! The server that speaks S3, if there is one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Where it is. Says so if there is none, and so a part of the test is left out.
pub(crate) fn s3() -> Option<String> {
    let endpoint = std::env::var("KINDLING_S3").ok();
    if endpoint.is_none() {
        eprintln!("skipped: S3, since KINDLING_S3 names no server");
    }
    endpoint
}

pub(crate) fn make_bucket(endpoint: &str, bucket: &str) {
    let address = endpoint.strip_prefix("http://").expect("an address with http://");
    let mut stream = TcpStream::connect(address).expect("a server at KINDLING_S3");
    let ask = format!(
        "PUT /{bucket} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
