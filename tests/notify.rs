//! People are told of their studies' news, and nobody sees where.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use support::{Coordinator, Folder, PATIENCE, failure, kindling, output};

/// A server that answers 200, and hands on what it got.
fn server() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut got, mut piece) = (Vec::new(), [0; 4096]);
            let body = loop {
                let read = stream.read(&mut piece).expect("a request");
                got.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&got);
                let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
                if let Ok(body) = serde_json::from_str::<Value>(body) {
                    break body;
                }
            };
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn study_file(url: &str, trials: u32) -> String {
    format!(
        r#"
name = "told"
direction = "maximize"
trials = {trials}
[objective]
kind = "command"
command = ["sh", "-c", "echo accuracy=0.5"]
metric = "accuracy"
[space.x]
type = "float"
low = 0
high = 1
[notify]
url = "{url}"
"#
    )
}

#[test]
fn a_run_tells_of_its_end_and_a_test_message_can_be_sent_before() {
    let folder = Folder::new();
    let (address, messages) = server();
    let file = folder.write("s.toml", study_file(&format!("http://{address}/secret"), 2));
    let file = file.to_str().expect("plain");
    let tried = output(&["notify", file]);
    let said = String::from_utf8_lossy(&tried.stdout).into_owned();
    assert_eq!(
        said,
        format!("{address} took a test message; it will be told of: finished, failing\n")
    );
    assert_eq!(messages.recv_timeout(PATIENCE).expect("a message")["event"], "test");
    output(&["notify", file, "--page-url", "https://kindling.example"]);
    let linked = messages.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(linked["url"], "https://kindling.example/studies/told");

    let store = folder.path("s.db");
    let store = store.to_str().expect("plain");
    let ran = kindling(&["run", file, "--store", store, "--workers", "1"]).output().expect("run");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told = messages.recv_timeout(PATIENCE).expect("a message");
    assert_eq!((&told["event"], &told["study"]), (&json!("finished"), &json!("told")));
    assert_eq!(told["best"]["values"], json!({ "value": 0.5 }));
    assert_eq!(told.get("url"), None, "the page of a run ends with it");

    let shown = output(&["study", "show", "told", "--json", "--store", store]).stdout;
    let study: Value = serde_json::from_slice(&shown).expect("JSON");
    let notify =
        json!({ "kind": "webhook", "host": address.to_string(), "on": ["finished", "failing"] });
    assert_eq!(study["notify"], notify);
    let last = &study["last_notification"];
    assert_eq!((&last["news"], &last["error"]), (&json!("finished"), &Value::Null));
    let report = output(&["report", "told", "--format", "json", "--store", store]).stdout;
    let plain = output(&["study", "show", "told", "--store", store]).stdout;
    for said in [&ran.stdout, &ran.stderr, &shown, &report, &plain] {
        assert!(!String::from_utf8_lossy(said).contains("secret"), "the address is shown");
    }
    let plain = String::from_utf8_lossy(&plain);
    assert!(
        plain.contains(&format!("last message: finished, delivered to {address} at ")),
        "{plain}"
    );
}

#[test]
fn a_coordinator_goes_only_where_it_may_and_a_wrong_address_can_be_mended() {
    let folder = Folder::new();
    let (address, messages) = server();
    let (store, file) = (folder.path("s.db"), folder.path("s.toml"));
    let create = |coordinator: &Coordinator, url: &str| {
        std::fs::write(&file, study_file(url, 1)).expect("written");
        coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    };
    let coordinator = Coordinator::start_on_free_port(&store, &[]);
    create(&coordinator, &format!("http://{address}/secret"));
    let mut worker =
        support::Process::start(&mut coordinator.worker_command("w", &["--allow-commands"]));
    let study = coordinator.wait_until("told", |study| !study["last_notification"].is_null());
    let error = &study["last_notification"]["error"];
    assert_eq!(error, "this coordinator may not send there (--notify network)");
    assert!(!coordinator.log().contains("secret"));
    worker.kill();
    drop(coordinator);

    let options =
        ["--notify", "any", "--http", "127.0.0.1:0", "--page-url", "https://kindling.example"];
    let coordinator = Coordinator::start_on_free_port(&store, &options);
    create(&coordinator, &format!("http://localhost:{}/secret", address.port()));
    let told = messages.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(told["event"], "finished");
    assert_eq!(told["url"], "https://kindling.example/studies/told");
}

#[test]
fn a_wrong_address_of_the_page_is_an_error_that_says_what_is_expected_and_not_what_was_found() {
    let folder = Folder::new();
    let store = folder.path("s.db");
    let store = store.to_str().expect("plain");
    let coordinator = |url: &str, more: &[&str]| {
        let given = ["coordinator", "--store", store, "--listen", "127.0.0.1:0", "--page-url", url];
        failure(&[&given[..], more].concat())
    };
    let served = ["--http", "127.0.0.1:0"];
    let said = coordinator("https://me:secret@kindling.example", &served);
    assert!(said.contains("--page-url: expected an address without a user"), "{said}");
    assert!(!said.contains("secret") && said.contains("hint:"), "{said}");
    let said = coordinator("kindling.example", &served);
    assert!(said.contains("--page-url: expected an address:") && said.contains("hint:"), "{said}");
    let said = coordinator("https://kindling.example", &[]);
    assert!(said.contains("a page that is not served") && said.contains("--http"), "{said}");
}

#[test]
fn a_test_message_that_does_not_arrive_is_an_error_without_the_address() {
    let folder = Folder::new();
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let file = folder.write("s.toml", study_file(&format!("http://{gone}/secret"), 1));
    let said = failure(&["notify", file.to_str().expect("plain")]);
    assert!(
        said.contains(&format!("{gone} did not take the message: it cannot be reached")),
        "{said}"
    );
    assert!(!said.contains("secret") && said.contains("hint:"), "{said}");
}
