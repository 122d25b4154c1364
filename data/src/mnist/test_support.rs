//! A tiny fake MNIST, and an HTTP server that serves it correctly or with faults.

use std::borrow::Cow;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fetch::Source;
use super::file;
use super::manifest::{FileSpec, MNIST, Manifest};
use crate::idx::write::{images, labels};

/// Three training and two test images of 2 × 2 pixels.
pub(super) struct Fake {
    pub(super) manifest: Manifest,
    /// The unpacked content of each file.
    pub(super) contents: [Vec<u8>; 4],
}

impl Fake {
    pub(super) fn new() -> Self {
        let pixels: Vec<u8> = (0..12).collect();
        let contents = [
            images(3, 2, 2, &pixels),
            labels(3, &[5, 0, 4]),
            images(2, 2, 2, &pixels[..8]),
            labels(2, &[7, 2]),
        ];
        let mut fake = Self { manifest: MNIST, contents: contents.clone() };
        for (i, content) in contents.into_iter().enumerate() {
            fake.replace(i, content);
        }
        fake
    }

    /// Makes `content` the expected content of file `i`.
    pub(super) fn replace(&mut self, i: usize, content: Vec<u8>) {
        let spec = &mut self.manifest.0[i];
        *spec = FileSpec { sha256: Cow::Owned(file::sha256(&content)), ..spec.clone() };
        self.contents[i] = content;
    }

    pub(super) fn write_gz(&self, dir: &Path) {
        for (spec, content) in self.manifest.0.iter().zip(&self.contents) {
            fs::write(file::usual_path(dir, spec), gzip(content)).unwrap();
        }
    }

    /// The replies of a working mirror.
    pub(super) fn replies(&self) -> Vec<(String, Reply)> {
        let files = self.manifest.0.iter().zip(&self.contents);
        files
            .map(|(spec, content)| (format!("{}.gz", spec.name), Reply::Body(gzip(content))))
            .collect()
    }

    /// Mirrors that serve this data set, with a short timeout.
    pub(super) fn source(&self, mirrors: &[String]) -> Source {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(Duration::from_millis(500)));
        Source {
            manifest: self.manifest.clone(),
            mirrors: mirrors.to_vec(),
            agent: config.build().new_agent(),
        }
    }
}

/// The server's reply to a request for a file. All other files are unknown to it.
#[derive(Clone)]
pub(super) enum Reply {
    Body(Vec<u8>),
    /// Announces one byte more than it sends.
    BreakOff(Vec<u8>),
    NotFound,
    /// Holds the connection open and sends nothing.
    Silence,
}

/// A server that runs until the test's process ends.
pub(super) struct Server(SocketAddr);

impl Server {
    pub(super) fn start(replies: Vec<(String, Reply)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut silent = Vec::new();
            for connection in listener.incoming() {
                silent.extend(answer(connection.unwrap(), &replies));
            }
        });
        Self(address)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// Answers one request and closes the connection, unless the reply is silence.
fn answer(mut connection: TcpStream, replies: &[(String, Reply)]) -> Option<TcpStream> {
    let mut request = String::new();
    let mut lines = BufReader::new(&connection);
    while lines.read_line(&mut request).unwrap() > 2 {}
    let name = request.split_whitespace().nth(1).unwrap().trim_start_matches('/');
    let reply = replies.iter().find(|(known, _)| known == name);
    let (status, length, body) = match reply.map(|(_, reply)| reply) {
        Some(Reply::Body(body)) => ("200 OK", body.len(), body.as_slice()),
        Some(Reply::BreakOff(body)) => ("200 OK", body.len() + 1, body.as_slice()),
        Some(Reply::NotFound) | None => ("404 Not Found", 0, &[][..]),
        Some(Reply::Silence) => return Some(connection),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    // The client may have given up.
    let _ = connection.write_all(&[head.as_bytes(), body].concat());
    None
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
