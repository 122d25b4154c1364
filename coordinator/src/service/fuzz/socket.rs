//! The same over a real socket, plus whatever else may arrive on one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use super::handlers::body;
use super::messages::Grammar;
use super::*;
use crate::proofs::{Random, is_long, proofs};
use crate::{Coordinator, Options};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// HTTP/2 frame types.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// A coordinator on a socket, with the study.
struct Running {
    coordinator: Coordinator,
    channel: Channel,
    _folder: TempDir,
}

impl Running {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let term = Duration::from_hours(1);
        let options = Options::open(folder.path().join("study.db"), listen, term);
        let coordinator = Coordinator::start(options).await.expect("started");
        let address = format!("http://{}", coordinator.address());
        let channel = Endpoint::new(address).expect("an address").connect_lazy();
        populate(channel.clone()).await;
        Self { coordinator, channel, _folder: folder }
    }

    async fn stop(mut self) {
        drop(self.channel);
        self.coordinator.stop();
        self.coordinator.ended().await.expect("in peace");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_breaks_the_server() {
    let before = panics();
    let grammar = Grammar::new();
    let calls = proofs(800, 40_000);
    let mut random = Random::new(2);
    let mut codes = BTreeMap::<String, u32>::new();
    let mut running = Running::start().await;
    let mut state = shown(running.channel.clone()).await;
    // A waiting call that was cancelled may still be served until the server hears of that.
    let mut waited = false;
    for number in 0..calls {
        if number % 400 == 399 || waited {
            running.stop().await;
            running = Running::start().await;
            state = shown(running.channel.clone()).await;
        }
        let method = &grammar.methods[number % grammar.methods.len()];
        let body = body(&grammar, method, &mut random);
        let answer = call(running.channel.clone(), &method.path, body, method.waits).await;
        let now = shown(running.channel.clone()).await;
        let code = outcome(&answer, now == state, || format!("call {number}, {}", method.path));
        waited = matches!(answer, Answer::Waits);
        state = now;
        *codes.entry(code).or_default() += 1;
        assert_eq!(panics(), before, "call {number}, {}", method.path);
    }
    let huge = vec![framed(&vec![0x7A; 5_000_000])];
    // For the server, a stream that breaks has ended.
    for method in grammar.methods.iter().filter(|method| !method.takes_a_stream) {
        let answer = call(running.channel.clone(), &method.path, huge.clone(), false).await;
        let refused =
            matches!(&answer, Answer::Status(status) if status.code() == Code::OutOfRange);
        assert!(refused, "{}: {answer:?}", method.path);
    }
    assert!(shown(running.channel.clone()).await == state);
    running.stop().await;
    if is_long() {
        eprintln!("socket: {calls} calls, 0 panics, 0 changes by a refused one: {codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_garbage_breaks_the_server() {
    let before = panics();
    let running = Running::start().await;
    let state = shown(running.channel.clone()).await;
    let rounds = proofs(10, 1000);
    let mut random = Random::new(3);
    // These peers say nothing more, but stay connected.
    let mut silent = Vec::new();
    for round in 0..rounds {
        for kind in 0..9 {
            let garbage = garbage(kind, &mut random);
            let mut peer =
                TcpStream::connect(running.coordinator.address()).await.expect("accepted");
            // The server may close the connection at any time.
            _ = peer.write_all(&garbage).await;
            match random.within(0..3) {
                0 => {
                    _ = peer.shutdown().await;
                    let mut said = Vec::new();
                    _ = tokio::time::timeout(PATIENCE, peer.read_to_end(&mut said)).await;
                }
                1 if silent.len() < 100 => silent.push(peer),
                _ => drop(peer),
            }
        }
        if round % 5 == 4 {
            assert!(shown(running.channel.clone()).await == state, "round {round}");
            assert_eq!(panics(), before, "round {round}");
        }
    }
    let fresh = Endpoint::new(format!("http://{}", running.coordinator.address()));
    let fresh = fresh.expect("an address").connect().await.expect("there is room for another");
    assert!(shown(fresh).await == state);
    running.stop().await;
    if is_long() {
        eprintln!("socket: {} connections of garbage, 0 panics, state unchanged", rounds * 9);
    }
}

#[tokio::test]
async fn what_is_not_grpc_is_answered_all_the_same() {
    let running = Running::start().await;
    let path = "/kindling.v1.StudyService/ListStudies";
    for (method, path, content_type) in [
        ("POST", path, "application/json"),
        ("POST", path, "application/grpc-web"),
        ("GET", path, "application/grpc"),
        ("POST", "/", "application/grpc"),
        ("POST", "/kindling.v1.StudyService/", "application/grpc"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(Body::new(Chunks(VecDeque::from([framed(&[])]))))
            .expect("a request");
        let mut channel = running.channel.clone();
        std::future::poll_fn(|context| channel.poll_ready(context)).await.expect("ready");
        let response = channel.call(request).await.expect("an answer");
        assert!(!response.status().is_server_error(), "{method} {path} {content_type}");
        shown(running.channel.clone()).await;
    }
    running.stop().await;
}

fn garbage(kind: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes =
        if kind == 0 { Vec::new() } else { [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat() };
    match kind {
        // Not HTTP/2, or nothing at all.
        0 => bytes = noise(random, 70_000),
        1 => bytes = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        2 => bytes.extend(noise(random, 70_000)),
        // Frames of any type, for any stream.
        3 => {
            for _ in 0..50 {
                let payload = noise(random, 64);
                let (kind, flags) = (random.within(0..14) as u8, random.number() as u8);
                bytes.extend(frame(kind, flags, random.within(0..8) as u32, &payload));
            }
        }
        // A frame that is cut off, and one that claims to be huge.
        4 => bytes.extend(&frame(HEADERS, END_HEADERS, 1, &request_headers())[..20]),
        5 => bytes.extend([0xFF, 0xFF, 0xFF, DATA, 0, 0, 0, 0, 1]),
        // A header list without an end.
        6 => {
            bytes.extend(frame(HEADERS, 0, 1, &request_headers()));
            for _ in 0..200 {
                let header = [&[0, 1, b'a', 0x7F, 0x81, 0x3F][..], &[b'b'; 8192]].concat();
                bytes.extend(frame(CONTINUATION, 0, 1, &header));
            }
        }
        // Calls that are cancelled as soon as they are made.
        7 => {
            for stream in 0..1000 {
                let id = 1 + 2 * stream;
                bytes.extend(frame(HEADERS, END_HEADERS, id, &request_headers()));
                bytes.extend(frame(RESET, 0, id, &8_u32.to_be_bytes()));
            }
        }
        // Calls that begin a message and never end it.
        _ => {
            for stream in 0..100 {
                let id = 1 + 2 * stream;
                bytes.extend(frame(HEADERS, END_HEADERS, id, &request_headers()));
                bytes.extend(frame(DATA, 0, id, &[0, 0, 1, 0, 0, 7]));
            }
        }
    }
    bytes
}

fn noise(random: &mut Random, most: usize) -> Vec<u8> {
    let length = *random.pick(&[0, 1, 8, 23, 24, 100, 5000, 70_000]);
    random.bytes(length.min(most))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a valid call, uncompressed.
fn request_headers() -> Vec<u8> {
    let mut block = vec![0x83, 0x86]; // POST, http
    let mut literal = |name: &[u8], value: &[u8]| {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend(text);
        }
    };
    literal(b":path", b"/kindling.v1.StudyService/ListStudies");
    literal(b":authority", b"x");
    literal(b"content-type", b"application/grpc");
    literal(b"te", b"trailers");
    block
}
