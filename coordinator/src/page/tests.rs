//! Artifacts over HTTP, without a socket: what browsers are told of names, types and bytes that somebody chose.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::body::to_bytes;
use axum::http::{Request, Response, StatusCode};
use kindling_artifacts::{ArtifactStore, Content, Key};
use kindling_proto::limits;
use kindling_report::study_path;
use kindling_study::{Blob, Choice};
use serde_json::json;
use tempfile::TempDir;
use tonic::body::Body;
use tower::ServiceExt as _;

use super::*;
use crate::admission::Class;
use crate::artifacts::Artifacts;
use crate::clock::SystemClock;
use crate::config;
use crate::door::{Doorkeeper, Tokens};
use crate::store::SqliteStore;

const HTML: &[u8] = b"<script>alert(1)</script>";

/// A coordinator with the study `s`.
struct World {
    routes: Routes,
    ledger: Ledger,
    store: ArtifactStore,
    saved: u8,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::behind(Doorkeeper::new(None)).await
    }

    async fn behind(keeper: Doorkeeper) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("study.db")).expect("a store");
        let clock = Arc::new(SystemClock::default());
        let (ledger, _) = Ledger::start(store, clock, Duration::from_secs(30)).expect("started");
        let store = ArtifactStore::in_memory();
        let shutdown = CancellationToken::new();
        let artifacts = Artifacts::new(store.clone(), limits::ARTIFACTS);
        let service = Service::new(ledger.clone(), shutdown.clone(), artifacts);
        let door = Door::new(keeper, Ipv4Addr::LOCALHOST.into(), false);
        let watchers = Watchers::default();
        let routes = routes(ledger.clone(), service, shutdown, door, watchers, config::parse);
        let spec = "name = \"s\"\ndirection = \"maximize\"\ntrials = 1\n[sampler]\nkind = \"random\"\n\
            [objective]\nkind = \"test\"\n[space.x]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n";
        let spec = config::parse(spec).expect("a study");
        ledger.write(Class::Begin, move |t| t.create_study(spec)).await.expect("created");
        Self { routes, ledger, store, saved: 0, _folder: folder }
    }

    /// Keeps an artifact of the study, and says that its bytes are these.
    async fn save(&mut self, name: &str, media_type: &str, bytes: &[u8], said: Content) {
        self.saved += 1;
        let key = Key { history: [0; 16], random: [self.saved; 16] };
        let mut upload = self.store.upload(key, Content::of(bytes)).await.expect("begun");
        upload.write(Bytes::copy_from_slice(bytes)).await.expect("written");
        upload.finish().await.expect("saved");
        let blob = Blob { key: key.to_string().into(), size: said.size, sha256: said.sha256 };
        let (name, media_type) = (name.to_owned(), media_type.to_owned());
        let save = self.ledger.write(Class::Begin, move |t| {
            t.save_study_artifact("s", &name, &media_type, blob).map(|_| ())
        });
        save.await.expect("saved");
    }

    async fn get(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).header("host", "localhost").body(Body::empty());
        self.routes.clone().oneshot(request.expect("a request")).await.expect("an answer")
    }
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn body(answer: Response<Body>) -> Result<Bytes, axum::Error> {
    to_bytes(axum::body::Body::new(answer.into_body()), usize::MAX).await
}

/// The paths of an artifact of the study.
fn paths(name: &str) -> [String; 2] {
    // Any text stands in a path as the name of a study does.
    let escaped = study_path(&format!("x{name}")).replacen("/studies/x", "", 1);
    [format!("/studies/s/artifacts/{escaped}"), format!("/study/artifact?name=s&file={escaped}")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_as_it_is_whatever_it_is_called_and_does_nothing() {
    let mut world = World::new().await;
    let large = vec![7; 5 << 20];
    for (name, media_type, bytes, told, is_picture) in [
        ("plots/loss.png", "image/png", &b"\x89PNG"[..], "image/png", true),
        ("lies.png", "image/png", HTML, "image/png", true),
        ("a.svg", "image/svg+xml", HTML, "application/octet-stream", false),
        ("<b>.html", "text/html", HTML, "application/octet-stream", false),
        ("notes.txt", "text/plain", HTML, "text/plain; charset=utf-8", false),
        ("..", "", HTML, "application/octet-stream", false),
        ("../up", "", b"", "application/octet-stream", false),
        ("/abs", "", b"x", "application/octet-stream", false),
        ("a//b/", "", b"x", "application/octet-stream", false),
        ("50%25?#&=+ ", "", b"x", "application/octet-stream", false),
        ("\u{202e}gnp.exe", "", b"MZ", "application/octet-stream", false),
        ("large", "", &large, "application/octet-stream", false),
    ] {
        world.save(name, media_type, bytes, Content::of(bytes)).await;
        for path in paths(name) {
            let answer = world.get(&path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "content-type"), told, "{path}");
            assert_eq!(header(&answer, "content-length"), bytes.len().to_string(), "{path}");
            let kind = if is_picture { "inline; " } else { "attachment; " };
            assert!(header(&answer, "content-disposition").starts_with(kind), "{path}");
            for (name, value) in [
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("x-content-type-options", "nosniff"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(header(&answer, name), value, "{path} {name}");
            }
            assert_eq!(body(answer).await.expect("its bytes"), bytes, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_and_what_is_damaged_does_not_come_whole() {
    let mut world = World::new().await;
    for path in [
        "/studies/s/artifacts/none",
        "/studies/s/trials/0/artifacts/none",
        "/studies/none/artifacts/none",
        "/study/artifact?name=s&trial=9&file=x",
    ] {
        assert_eq!(world.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/study/artifact?name=s", "/studies/s/trials/x/artifacts/y"] {
        assert_eq!(world.get(path).await.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    world.save("a", "", b"what is there", Content::of(b"what was sent")).await;
    let answer = world.get("/studies/s/artifacts/a").await;
    assert!(body(answer).await.is_err(), "its end is an error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_wait_for_each_other() {
    let mut world = World::new().await;
    let large = vec![7; 5 << 20];
    world.save("a", "image/png", &large, Content::of(&large)).await;
    let (_, each) = limits::PAGE_FILES;
    let mut slow = Vec::new();
    for _ in 0..each {
        let answer = world.get("/studies/s/artifacts/a").await;
        assert_eq!(answer.status(), StatusCode::OK);
        slow.push(answer);
    }
    let one_more = world.get("/studies/s/artifacts/a");
    let early = tokio::time::timeout(Duration::from_millis(300), one_more).await;
    assert!(early.is_err(), "there is no place");
    slow.pop();
    let answer = world.get("/studies/s/artifacts/a").await;
    assert_eq!(body(answer).await.expect("its bytes"), large);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_the_studys_own_files_and_so_has_a_change() {
    let mut world = World::new().await;
    world.save("a", "text/plain", b"x", Content::of(b"x")).await;
    let answer = world.get("/api/studies/s").await;
    let document: serde_json::Value =
        serde_json::from_slice(&body(answer).await.expect("whole")).expect("JSON");
    assert_eq!(document["artifacts"][0]["name"], "a");

    let answer = world.get("/api/studies/s/events").await;
    let mut events = axum::body::Body::new(answer.into_body()).into_data_stream();
    let (mut told, mut is_saved) = (String::new(), false);
    let wanted = r#""name":"b","path":"b""#;
    while !told.contains(wanted) {
        let piece = tokio_stream::StreamExt::next(&mut events).await.expect("more").expect("read");
        told.push_str(&String::from_utf8_lossy(&piece));
        if !is_saved {
            world.save("b", "", b"y", Content::of(b"y")).await;
            is_saved = true;
        }
    }
    let changes: Vec<_> = told.split("event: change").skip(1).collect();
    let with_files = changes.iter().filter(|change| change.contains("\"artifacts\":[")).count();
    assert_eq!(with_files, 1, "only the change that has others: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_of_a_study_is_its_page_and_what_is_not_there_is_said_on_a_page() {
    let world = World::new().await;
    for path in [
        "/studies/s",
        "/studies/s/",
        "/studies/s/trials",
        "/studies/s/trials/12",
        "/studies/s/artifacts",
        "/studies/s/figures/slice-a%2Fb",
        "/study?name=s&view=trials/12",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let page = body(answer).await.expect("whole");
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains(r#"{"mode":"live","study":"s"}"#), "{path}: {page}");
    }
    for path in ["/compare?study=a&study=b", "/new"] {
        assert_eq!(world.get(path).await.status(), StatusCode::OK, "{path}");
    }
    for path in [
        "/studies/%3Cb%3E",
        "/studies/none/trials/12",
        "/study?name=none",
        "/none",
        "/studies",
        "/a/b/c/d",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8", "{path}");
        assert!(
            header(&answer, "content-security-policy").contains("default-src 'self'"),
            "{path}"
        );
        let page = body(answer).await.expect("whole");
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains(r#""mode":"missing""#) && !page.contains("<b>"), "{path}: {page}");
    }
    for path in ["/api/none", "/assets/none.js"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(header(&answer, "content-type").starts_with("text/plain"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_a_token_is_told_so_in_the_words_of_all_refusals_and_people_in_text() {
    let tokens = Tokens::new(vec!["worker".to_owned()], vec!["client".to_owned()]);
    let world = World::behind(Doorkeeper::new(Some(tokens))).await;
    for (path, token, status) in [
        ("/api/me", None, 401),
        ("/api/studies", Some("wrong"), 401),
        ("/api/studies/s", Some("worker"), 403),
        ("/studies/s", Some("wrong"), 401),
        ("/studies/s", Some("worker"), 403),
    ] {
        let request = Request::get(path).header("host", "localhost");
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let request = request.body(Body::empty()).expect("a request");
        let answer = world.routes.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), status, "{path} {token:?}");
        let said = body(answer).await.expect("whole");
        let said = serde_json::from_slice::<serde_json::Value>(&said);
        if !path.starts_with("/api/") {
            assert!(said.is_err(), "plain text: {said:?}");
            continue;
        }
        let said = said.expect("JSON");
        let is_text = |key: &str| said[key].as_str().is_some_and(|text| !text.is_empty());
        assert!(is_text("error") && is_text("hint"), "{path}: {said}");
    }
}

/// The events of a stream, by name, until one is called this.
async fn until(answer: Response<Body>, last: &str) -> Vec<(String, serde_json::Value)> {
    let mut events = axum::body::Body::new(answer.into_body()).into_data_stream();
    let (mut told, mut found) = (Vec::new(), Vec::new());
    loop {
        let piece = tokio_stream::StreamExt::next(&mut events).await.expect("more").expect("read");
        told.extend_from_slice(&piece);
        while let Some(end) = told.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<_> = told.drain(..end + 2).collect();
            let event = String::from_utf8(event).expect("UTF-8");
            let (name, data) = event.split_once("\ndata: ").expect("an event");
            let name = name.strip_prefix("event: ").expect("a name").to_owned();
            let is_last = name == last;
            found.push((name, serde_json::from_str(data.trim_end()).expect("JSON")));
            if is_last {
                return found;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_study_comes_in_pieces_that_make_the_whole_document() {
    let world = World::new().await;
    let spec = format!(
        "name = \"wide\"\ndirection = \"maximize\"\ntrials = 1000\n[sampler]\nkind = \"random\"\n[objective]\nkind = \"test\"\n{}",
        (0..50)
            .map(|i| format!("[space.p{i}]\ntype = \"float\"\nlow = 0.0\nhigh = 1.0\n"))
            .collect::<Vec<_>>()
            .concat()
    );
    let spec = config::parse(&spec).expect("a study");
    world.ledger.write(Class::Begin, move |t| t.create_study(spec)).await.expect("created");
    let count = 600_u32;
    for number in 0..count {
        let fixed: Vec<_> = (0..50)
            .map(|i| (format!("p{i}"), Choice::Float(f64::from(number) / f64::from(count) / 3.0)))
            .collect();
        let added =
            world.ledger.write(Class::Begin, move |t| t.enqueue("wide", &fixed, None, None));
        added.await.expect("enqueued");
    }

    let answer = world.get("/api/studies/wide").await;
    let whole: serde_json::Value =
        serde_json::from_slice(&body(answer).await.expect("whole")).expect("JSON");
    let trials = whole["trials"].as_array().expect("a list");
    assert_eq!(trials.len(), count as usize);
    assert!((0..).zip(trials).all(|(number, trial)| trial["number"] == number));
    assert_eq!(whole["trials"][7]["params"]["p49"], 7.0 / f64::from(count) / 3.0);
    assert!(whole["analysis"].is_object() && whole["study"]["name"] == "wide");

    let events = until(world.get("/api/studies/wide/events").await, "analysis").await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], names[names.len() - 2]), ("begin", "change"), "{names:?}");
    let pieces: Vec<_> = events.iter().filter(|(name, _)| name == "trials").collect();
    assert!(pieces.len() > 5, "{names:?}");
    assert!(pieces.iter().all(|(_, piece)| piece.to_string().len() < 1 << 19));
    let begin = &events[0].1;
    assert_eq!((&begin["total"], &begin["trials"]), (&count.into(), &json!([])));
    assert_eq!(begin["study"], whole["study"]);
    // Those that were not over when they were read come once more, as they are then.
    let told: Vec<_> = pieces.iter().flat_map(|(_, p)| p.as_array().expect("a list")).collect();
    assert_eq!(told.len(), 2 * count as usize);
    for (number, trial) in trials.iter().enumerate() {
        assert_eq!((told[number], told[number + count as usize]), (trial, trial));
    }
    assert_eq!(events.last().expect("some").1, whole["analysis"]);
}
