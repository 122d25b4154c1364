//! Keys that change while a coordinator runs, and the commands that change them.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use kindling_proto::v1;
use kindling_proto::v1::study_service_client::StudyServiceClient;
use support::address::lasting_address;
use support::keys::{Keys, text};
use support::metrics::{metrics, number};
use support::{Coordinator, Folder, PATIENCE, failure, output, wire};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

async fn list(channel: &Channel, token: &str) -> Result<(), Status> {
    let mut request =
        Request::new(v1::ListStudiesRequest { page_size: 1, page_token: String::new() });
    let value = format!("Bearer {token}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    StudyServiceClient::new(channel.clone()).list_studies(request).await.map(|_| ())
}

/// Makes the coordinator read its keys again, and waits for the message.
fn hang_up(coordinator: &mut Coordinator, said: &str) {
    let before = coordinator.log().matches("SIGHUP").count();
    coordinator.process().signal("HUP");
    let start = Instant::now();
    while coordinator.log().matches("SIGHUP").count() == before {
        assert!(start.elapsed() < PATIENCE, "{}", coordinator.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = coordinator.log();
    let newest = log.lines().rfind(|line| line.contains("SIGHUP")).expect("a line");
    assert!(newest.contains(said), "{log}");
}

fn done(args: &[&str]) -> String {
    let output = output(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn status(url: &str, header: (&str, &str)) -> u16 {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = ureq::Agent::from(config.build());
    agent.get(url).header(header.0, header.1).call().expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_added_and_revoked_while_others_go_on() {
    let keys = Keys::new();
    let mut coordinator = keys.coordinator(&["--http", "127.0.0.1:0"]);
    let log = coordinator.log();
    let page =
        log.split("page on ").nth(1).and_then(|l| l.split_whitespace().next()).expect("a page");
    let clients = keys.path("client");
    let alice = done(&["token", "add", &clients, "alice"]).trim().to_owned();
    let (old, channel) = (keys.token("client"), wire::channel(coordinator.address()));
    let old = old.lines().next().expect("the first").to_owned();
    let alices = wire::channel(coordinator.address());
    assert_eq!(list(&alices, &alice).await.expect_err("not yet").code(), Code::Unauthenticated);
    hang_up(&mut coordinator, "read again");
    list(&alices, &alice).await.expect("let in");
    list(&channel, &old).await.expect("as before");
    let login = ureq::Agent::from(ureq::Agent::config_builder().max_redirects(0).build())
        .post(format!("{page}/login"))
        .send_form([("token", alice.as_str())])
        .expect("an answer");
    let cookie = login.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.contains("Max-Age=604800"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a cookie");
    let studies = format!("{page}/api/studies");
    assert_eq!(status(&studies, ("cookie", cookie)), 200);
    let watching = {
        // A long-lived stream: it ends when its token is revoked.
        let mut request = Request::new(v1::WatchStudyRequest { name: "s".into() });
        let value = format!("Bearer {alice}").parse().expect("ASCII");
        request.metadata_mut().insert("authorization", value);
        let file = keys.folder.write("s.toml", support::study_file("s", 3));
        let create = ["study", "create", text(&file), "--token-file", &clients];
        done(&[&create[..], &["--coordinator", &coordinator.url()]].concat());
        StudyServiceClient::new(alices.clone()).watch_study(request).await.expect("let in")
    };

    done(&["token", "revoke", &clients, "alice"]);
    assert_eq!(status(&studies, ("cookie", cookie)), 200, "it was not told yet");
    hang_up(&mut coordinator, "read again");
    let mut watching = watching.into_inner();
    let ended = async { while let Ok(Some(_)) = watching.message().await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("what she watched ends");
    let refused = loop {
        let refused = list(&alices, &alice).await.expect_err("revoked");
        if refused.code() != Code::Unavailable {
            break refused;
        }
    };
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert_eq!(status(&studies, ("cookie", cookie)), 401);
    list(&channel, &old).await.expect("as before");

    std::fs::write(&clients, "short\n").expect("written");
    hang_up(&mut coordinator, "stay as they were");
    list(&channel, &old).await.expect("as before");
}

#[test]
fn tokens_have_names_and_files_keep_them_to_themselves() {
    let folder = Folder::new();
    let file = folder.path("clients");
    let file = text(&file);
    let first = done(&["token", "add", file, "alice"]);
    let handed_out = folder.path("bob.token");
    assert_eq!(done(&["token", "add", file, "bob", "-o", text(&handed_out)]), "");
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(Path::new(file)), mode(&handed_out)), (0o600, 0o600));
    let listed = done(&["token", "list", file]);
    assert_eq!(listed, "alice\nbob\n");
    assert!(failure(&["token", "add", file, "bob"]).contains("revoke"));
    assert!(failure(&["token", "add", file, "a b"]).contains("no name"));
    assert!(failure(&["token", "revoke", file, "carol"]).contains("token list"));

    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640)).expect("set");
    done(&["token", "revoke", file, "alice"]);
    let left = std::fs::read_to_string(file).expect("there");
    assert!(!left.contains(first.trim()) && left.starts_with("bob "), "{left}");
    assert_eq!(mode(Path::new(file)), 0o640, "as it was");
    assert!(failure(&["token", "revoke", file, "bob"]).contains("only token"));

    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).expect("set");
    let said = output(&["token", "list", file]).stderr;
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(said.contains("everybody on this machine") && said.contains("chmod 600"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_and_a_bad_one_is_not() {
    let keys = Keys::new();
    std::fs::create_dir(keys.folder.path("live")).expect("made");
    let put = |from: &str| {
        for name in ["server.pem", "server.key"] {
            let (from, to) =
                (keys.folder.path(from).join(name), keys.folder.path("live").join(name));
            std::fs::copy(from, to).expect("copied");
        }
    };
    put("certificates");
    let (pem, key) = (keys.path("live/server.pem"), keys.path("live/server.key"));
    let mut coordinator = keys.coordinator(&["--tls-cert", &pem, "--tls-key", &key]);
    let url = format!("https://{}", coordinator.address());
    let trusting = |authority: &str| {
        let ca = Certificate::from_pem(keys.pem(&format!("{authority}/ca.pem")));
        let endpoint = Endpoint::from_shared(url.clone()).expect("an address");
        endpoint.tls_config(ClientTlsConfig::new().ca_certificate(ca)).expect("TLS").connect_lazy()
    };
    let token = keys.token("client");
    let standing = trusting("certificates");
    list(&standing, &token).await.expect("trusted");
    assert!(list(&trusting("foreign-certificates"), &token).await.is_err());

    put("foreign-certificates");
    hang_up(&mut coordinator, "read again");
    list(&trusting("foreign-certificates"), &token).await.expect("the new one");
    assert!(list(&trusting("certificates"), &token).await.is_err(), "not the old one");
    list(&standing, &token).await.expect("what stands goes on");

    std::fs::copy(keys.folder.path("certificates/server.key"), &key).expect("copied");
    hang_up(&mut coordinator, "stay as they were");
    list(&trusting("foreign-certificates"), &token).await.expect("as before");
}

#[test]
fn an_expired_certificate_is_not_served_in_silence() {
    let keys = Keys::new();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("signed").pem();
    let pem = keys.folder.write("old.pem", pem);
    let key = keys.folder.write("old.key", key.serialize_pem());
    let seen = lasting_address();
    let args = ["--tls-cert", text(&pem), "--tls-key", text(&key), "--metrics", &seen.to_string()];
    let coordinator = keys.coordinator(&args);
    let start = Instant::now();
    while !coordinator.log().contains("has expired on 2021-01-01") {
        assert!(start.elapsed() < PATIENCE, "{}", coordinator.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(coordinator.log().contains("everybody on this machine may use it"), "the key's mode");
    let days =
        number(&metrics(seen), "kindling_certificate_days_left{certificate=\"certificate\"}");
    assert!(days < -1000.0, "{days}");
}

#[test]
fn without_keys_a_hangup_is_the_end_and_it_drains() {
    let folder = Folder::new();
    let mut coordinator = Coordinator::start(&folder.path("s.db"));
    coordinator.process().signal("HUP");
    let (success, log) = coordinator.last_words();
    assert!(success && log.contains("stopping"), "{log}");
}
