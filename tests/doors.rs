//! Crowds of connections without a token: silent, half-open or guessing. They must not block others, and must
//! be closed.
//!
//! Each test prints its measurements: `cargo test --test doors -- --nocapture`.

mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use support::address::lasting_address;
use support::disk::SmallDisk;
use support::keys::{Keys, text};
use support::metrics::{metrics, number};
use support::proofs::proofs;
use support::{Coordinator, Folder, PATIENCE, kindling_by, wire};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;

/// An HTTP/2 preface with empty settings.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// This many file descriptors leave room for a few hundred connections.
const HANDLES: &str = "700";
const FEW: usize = 600;

/// A command with these limits on file descriptors.
fn with_handles(soft: &str, hard: &str, args: &[&str]) -> Command {
    let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$@\"");
    kindling_by(&["sh", "-c", &script, "sh"], args)
}

/// Lists studies with the client's token, on a connection of its own.
async fn list(channel: Channel, token: &str) -> Result<(), Status> {
    let mut request =
        Request::new(v1::ListStudiesRequest { page_size: 1, page_token: String::new() });
    let value = format!("Bearer {token}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    let call = async { StudyServiceClient::new(channel).list_studies(request).await };
    let answer = tokio::time::timeout(Duration::from_secs(10), call).await;
    answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer"))).map(|_| ())
}

/// Whether a client gets in, with a few retries.
async fn gets_in(channel: impl Fn() -> Channel, token: &str) -> bool {
    for _ in 0..3 {
        match list(channel(), token).await {
            Ok(()) => return true,
            Err(status) => eprintln!("refused: {status}"),
        }
    }
    false
}

/// Waits until the other side has closed the connection.
async fn closed(mut peer: impl AsyncRead + Unpin) {
    let mut heard = [0; 4096];
    loop {
        match peer.read(&mut heard).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock);
                return;
            }
        }
    }
}

/// Waits until all are closed. Returns how long the last one lasted.
async fn all_closed<P: AsyncRead + Unpin + Send + 'static>(peers: Vec<P>) -> Duration {
    let start = Instant::now();
    let peers: Vec<_> = peers.into_iter().map(|peer| tokio::spawn(closed(peer))).collect();
    for peer in peers {
        let left = PATIENCE.saturating_sub(start.elapsed());
        tokio::time::timeout(left, peer).await.expect("closed in the end").expect("no panic");
    }
    start.elapsed()
}

/// `many` connections that send these bytes and nothing more.
async fn peers(address: &str, many: usize, say: &[u8]) -> Vec<TcpStream> {
    let mut peers = Vec::with_capacity(many);
    for _ in 0..many {
        if let Ok(mut peer) = TcpStream::connect(address).await {
            // Some are closed already.
            _ = peer.write_all(say).await;
            peers.push(peer);
        }
    }
    peers
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_peers_behind_tls_keep_nobody_out_and_go() {
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let (keys, many) = (Keys::new(), proofs(FEW, 9000));
    let handles = proofs(HANDLES, "16384");
    let command = |args: &[&str]| with_handles(handles, handles, args);
    let coordinator = keys.coordinator_by(command, &keys.server_tls());
    let ca = keys.pem("certificates/ca.pem");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&ca).expect("PEM")).expect("a certificate");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let mut peers = Vec::new();
    for _ in 0..many {
        let Ok(stream) = TcpStream::connect(coordinator.address()).await else { continue };
        let name = ServerName::try_from("localhost").expect("a name");
        let shaken = tokio::time::timeout(Duration::from_secs(2), connector.connect(name, stream));
        if let Ok(Ok(peer)) = shaken.await {
            peers.push(peer);
        }
    }
    let url = format!("https://{}", coordinator.address());
    let channel = || {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&ca));
        let endpoint = Endpoint::from_shared(url.clone()).expect("an address");
        endpoint.tls_config(tls).expect("TLS").connect_lazy()
    };
    let in_time = gets_in(channel, &keys.token("client")).await;
    eprintln!(
        "doors: {} of {many} silent peers behind TLS; another client gets in: {in_time}",
        peers.len()
    );
    assert!(in_time);
    let lasted = all_closed(peers).await;
    eprintln!("doors: the last of them is closed after {:.1} s", lasted.as_secs_f64());
    assert!(coordinator.log().contains("connections were closed"), "{}", coordinator.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_browsers_keep_nobody_out_and_go() {
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let (keys, many) = (Keys::new(), 600);
    let page = lasting_address().to_string();
    let coordinator = keys.coordinator(&["--http", &page]);
    for (what, said) in [
        ("that say nothing", &b""[..]),
        ("with unfinished headers", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "),
        ("with a greeting", GREETING),
        (
            "with unfinished logins",
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\
              Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=",
        ),
        ("that asked without a token", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        let peers = peers(&page, many, said).await;
        let asked = ask_page(&page, &keys.token("client")).await;
        eprintln!(
            "doors: {} of {many} browsers {what}; another one gets in: {}",
            peers.len(),
            asked.is_ok()
        );
        assert_eq!(asked, Ok(200), "{what}");
        let lasted = all_closed(peers).await;
        eprintln!("doors: the last of them is closed after {:.1} s", lasted.as_secs_f64());
    }
    drop(coordinator);
}

/// The HTTP status of the list of studies, or why there is none.
async fn ask_page(page: &str, token: &str) -> Result<u16, String> {
    let ask = async {
        let mut stream = TcpStream::connect(page).await?;
        let request = format!(
            "GET /api/studies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), ask).await;
    let answer = answer.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
    let status = answer.split(' ').nth(1).ok_or("closed")?;
    status.parse().map_err(|_| answer.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_few_and_known_callers_do_not_suffer() {
    let keys = Keys::new();
    let (page, seen) = (lasting_address().to_string(), lasting_address().to_string());
    let coordinator = keys.coordinator(&["--http", &page, "--metrics", &seen]);
    let known = wire::channel(coordinator.address());
    list(known.clone(), &keys.token("client")).await.expect("let in");
    let (mut looked_at, mut not_looked_at) = (0, 0);
    let start = Instant::now();
    let time = Duration::from_secs(5);
    let guessing: Vec<_> = (0..8)
        .map(|_| {
            let channel = wire::channel(coordinator.address());
            tokio::spawn(async move {
                let mut codes = Vec::new();
                while start.elapsed() < time {
                    codes.push(
                        list(channel.clone(), "0123456789abcdef").await.expect_err("wrong").code(),
                    );
                }
                codes
            })
        })
        .collect();
    for guesses in guessing {
        for code in guesses.await.expect("no panic") {
            match code {
                Code::Unauthenticated => looked_at += 1,
                Code::ResourceExhausted => not_looked_at += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    eprintln!(
        "doors: {:.0} wrong tokens a second, of which {looked_at} in {} s were looked at",
        f64::from(looked_at + not_looked_at) / time.as_secs_f64(),
        time.as_secs()
    );
    list(known, &keys.token("client")).await.expect("it was let in before");
    assert!(looked_at < 50, "32 are free, and then it takes ever longer");
    // The limit holds on both doors, for any token.
    for token in ["0123456789abcdef", &keys.token("client")] {
        assert_eq!(ask_page(&page, token).await, Ok(429));
    }
    let log = coordinator.log();
    assert!(log.contains("wrong tokens were shown") && log.contains("127.0.0.1"), "{log}");
    assert!(log.lines().count() < 200, "and it does not say so each time");
    let counted = metrics(seen.parse().expect("an address"));
    assert!(
        number(&counted, "kindling_wrong_tokens_total{looked_at=\"yes\"}") >= f64::from(looked_at)
    );
    assert!(number(&counted, "kindling_calls_refused_total{status=\"ResourceExhausted\"}") > 0.0);
    // The limit expires.
    let start = Instant::now();
    while ask_page(&page, &keys.token("client")).await != Ok(200) {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_takes_no_file_handle_that_the_store_needs() {
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let Some(mut disk) = SmallDisk::new("24m") else { return };
    let (store, address) = (SmallDisk::path("study.db"), lasting_address());
    let args = ["coordinator", "--store", text(&store), "--listen", &address.to_string()];
    let few = ["sh", "-c", "ulimit -n 400 && exec \"$@\"", "sh"];
    let mut coordinator = Coordinator::start_command(&mut disk.kindling_by(&few, &args));
    // A client connected before the crowd.
    let channel = wire::channel(address);
    wire::health(&channel).await.expect("it serves");
    let crowd = peers(&address.to_string(), 500, GREETING).await;
    let handles = |coordinator: &mut Coordinator| {
        let id = coordinator.process().child().id();
        std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
    };
    eprintln!(
        "doors: {} in the crowd, 400 handles, {} of them in use",
        crowd.len(),
        handles(&mut coordinator)
    );
    disk.fill();
    let mut client = StudyServiceClient::new(channel.clone());
    let start = Instant::now();
    while wire::health(&channel).await.ok() != Some(ServingStatus::NotServing) {
        let spec = support::scene::endless(&format!("s{}", start.elapsed().as_micros()), 1);
        let spec = kindling_coordinator::config::parse(&spec).expect("a study");
        let spec = kindling_coordinator::convert::spec_to_wire(&spec);
        _ = client.create_study(v1::CreateStudyRequest { spec: Some(spec) }).await;
        assert_eq!(coordinator.process().ended(), None, "{}", coordinator.log());
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The coordinator retries four times a second to accept connections, despite the crowd.
    let crowd = [crowd, peers(&address.to_string(), 500, GREETING).await];
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(coordinator.process().ended(), None, "{}", coordinator.log());
    disk.make_room();
    while wire::health(&channel).await.ok() != Some(ServingStatus::Serving) {
        assert_eq!(coordinator.process().ended(), None, "{}", coordinator.log());
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(crowd);
}

#[test]
fn file_handles_are_raised_to_what_is_allowed() {
    let folder = Folder::new();
    let store = folder.path("s.db");
    let args = ["coordinator", "--store", text(&store), "--listen", "127.0.0.1:0"];
    let mut coordinator = Coordinator::start_command(&mut with_handles("256", "900", &args));
    let id = coordinator.process().child().id();
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let numbers: Vec<_> = line.split_ascii_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["900", "900"]);
    assert!(coordinator.log().contains("with 900 file handles there is room for"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_who_calls_this_machine_and_idle_readers_go() {
    let folder = Folder::new();
    let seen = lasting_address().to_string();
    let coordinator = Coordinator::start_on_free_port(&folder.path("s.db"), &["--metrics", &seen]);
    let address: SocketAddr = seen.parse().expect("an address");
    // The ledger updates this metric on each turn; wait for the first one.
    let start = Instant::now();
    while !metrics(address).contains("kindling_queue_depth") {
        assert!(start.elapsed() < PATIENCE, "no turn");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let by_name = |host: &str, path: &str| {
        let answer =
            ureq::Agent::from(ureq::Agent::config_builder().http_status_as_error(false).build())
                .get(format!("http://{seen}{path}"))
                .header("Host", host)
                .call();
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(by_name("localhost:9", "/metrics"), 200);
    assert_eq!(by_name("kindling.example.org", "/metrics"), 421);
    assert_eq!(by_name("localhost", "/elsewhere"), 404);
    let idle = peers(&seen, 100, b"").await;
    assert!(metrics(address).contains("kindling_queue_depth"), "beside a hundred who say nothing");
    let lasted = all_closed(idle).await;
    eprintln!(
        "doors: the last idle reader of metrics is closed after {:.1} s",
        lasted.as_secs_f64()
    );
    drop(coordinator);
}
