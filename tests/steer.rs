//! The page as a place from which a study is steered: every change over HTTP, and everything that is refused.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::keys::{Keys, text};
use support::{Coordinator, Folder, count, study_file};
use ureq::Agent;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A command that fails, each time with other words: after three failures with the same ones a worker would take no more.
const FAILS: &str = r#"["sh", "-c", "od -An -tx1 -N6 /dev/urandom | tr 0-9 g-p >&2; exit 1"]"#;

/// A page, and the headers that are sent to it.
struct Page {
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl Page {
    /// The page of a coordinator that was started with `--http`.
    fn of(coordinator: &Coordinator) -> Self {
        let log = coordinator.log();
        let (_, page) = log.split_once("page on ").expect("the log says where");
        let url = page.split_whitespace().next().expect("an address").to_owned();
        Self { url, headers: Vec::new() }
    }

    fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let headers = self.headers.iter().cloned().chain([(name, value.into())]).collect();
        Self { url: self.url.clone(), headers }
    }

    fn host(&self) -> &str {
        self.url.split("//").nth(1).expect("an address")
    }

    fn agent() -> Agent {
        Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let mut request = Self::agent().get(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        read(request.call())
    }

    /// Posts text with these headers and no others.
    fn post_raw(&self, path: &str, body: &str) -> (u16, Value) {
        let mut request = Self::agent().post(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        read(request.send(body))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.with(JSON.0, JSON.1).post_raw(path, &body.to_string())
    }

    fn create(&self, text: &str) -> (u16, Value) {
        self.post("/api/studies", &json!({ "text": text }))
    }

    fn change(&self, body: &Value) -> (u16, Value) {
        self.post("/api/change?name=s", body)
    }

    /// Makes a change that is done.
    fn does(&self, body: &Value) -> Value {
        let (status, answer) = self.change(body);
        assert_eq!(status, 200, "{body}: {answer}");
        answer
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut answer = answer.expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    let said = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (answer.status().as_u16(), said)
}

fn on_loopback(folder: &Folder) -> (Coordinator, Page) {
    let coordinator =
        Coordinator::start_on_free_port(&folder.path("study.db"), &["--http", "127.0.0.1:0"]);
    let page = Page::of(&coordinator);
    (coordinator, page)
}

/// A study whose trials are a command.
fn of_command(name: &str, command: &str) -> String {
    format!(
        "name = \"{name}\"\ndirection = \"maximize\"\ntrials = 4\nmax_failures_in_a_row = 0\n\n[sampler]\n\
         kind = \"random\"\n\n[objective]\nkind = \"command\"\ncommand = {command}\n\n[space.lr]\n\
         type = \"float\"\nlow = 0.0\nhigh = 1.0\n\n[space.opt]\ntype = \"categorical\"\n\
         choices = [\"adam\", \"sgd\", 1, true]\n"
    )
}

#[test]
fn a_study_is_created_from_text_with_the_checks_of_the_command_line() {
    let folder = Folder::new();
    let (coordinator, page) = on_loopback(&folder);
    let whole = study_file("s", 3);
    let checked = page.post("/api/studies", &json!({ "text": whole, "dry_run": true }));
    assert_eq!(checked, (200, json!({ "name": "s", "created": true })));
    assert_eq!(page.get("/api/studies"), (200, json!([])), "it was only checked");
    assert_eq!(page.create(&whole), (200, json!({ "name": "s", "created": true })));
    assert_eq!(page.create(&whole), (200, json!({ "name": "s", "created": false })));
    let checked = page.post("/api/studies", &json!({ "text": whole, "dry_run": true }));
    assert_eq!(checked, (200, json!({ "name": "s", "created": false })));
    let other = whole.replace("seed = 7", "seed = 8");
    for dry_run in [true, false] {
        let (status, said) =
            page.post("/api/studies", &json!({ "text": other, "dry_run": dry_run }));
        assert_eq!(status, 409, "{said}");
        assert!(said["error"].as_str().expect("why").contains("seed"), "{said}");
    }

    // Each at its place, and as the command line has it.
    for (wrong, line, column, said) in [
        (whole.replace("trials = 3", "trials = \"3\""), 4, Some(1), "`trials`: expected"),
        (whole.replace("seed = 7", "seed = = 7"), 5, Some(8), "seed"),
        (whole.replace("max_epochs = 3", "max_epochs = 0"), 18, Some(1), "max_epochs"),
        (whole.replace("test = 32", "tset = 32"), 17, Some(1), "objective.tset"),
        (whole.replace("\"tpe\"", "\"tpee\""), 8, Some(1), "did you mean"),
        (of_command("c", "[\"x\", \"${param:lrr}\"]"), 11, Some(1), "did you mean `${param:lr}`?"),
    ] {
        let (status, answer) = page.create(&wrong);
        assert_eq!(status, 422, "{answer}");
        let error = answer["error"].as_str().expect("why");
        assert!(error.contains(said), "{error}");
        assert!(answer["hint"].as_str().is_some_and(|hint| hint.contains("nothing was created")));
        assert_eq!(
            (&answer["line"], &answer["column"]),
            (&json!(line), &json!(column)),
            "{answer}"
        );
        let file = folder.write("wrong.toml", &wrong);
        let by_command = support::failure(&["study", "create", text(&file)]);
        assert!(by_command.contains(&format!("line {line}: ")), "{by_command}");
        assert!(
            by_command.contains(error.lines().next().expect("a line")),
            "{by_command}\n{error}"
        );
    }
    let (status, answer) = page.create("");
    assert_eq!((status, &answer["line"]), (422, &Value::Null), "{answer}");
    assert!(coordinator.ask(&["study", "list"]).contains("s "));
    let (_, lines) = page.get("/api/studies");
    let line = &lines[0];
    assert_eq!(
        (&line["name"], &line["external"], &line["newest"]),
        (&json!("s"), &json!(false), &Value::Null)
    );
    assert!(line["created"].as_i64().expect("milliseconds") > 1_700_000_000_000, "{line}");
    for key in ["trials_per_hour", "seconds_left", "failure"] {
        assert_eq!(line.get(key), Some(&Value::Null), "{key} is there: {line}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn a_study_is_steered_from_the_page() {
    let folder = Folder::new();
    let (coordinator, page) = on_loopback(&folder);
    let page = page.with("kindling-user", "J%C3%BCrgen");
    assert_eq!(page.create(&of_command("s", FAILS)).0, 200);
    let state = |wanted: &str| {
        let study = coordinator.ask_json(&["study", "show", "s"]);
        assert_eq!(study["state"], wanted, "{study}");
        study["trials"].clone()
    };
    assert_eq!(page.does(&json!({ "do": "pause" })), json!({ "state": "PAUSED", "budget": 4 }));
    assert_eq!(state("PAUSED"), 4);
    page.does(&json!({ "do": "budget", "trials": 5 }));
    assert_eq!(state("PAUSED"), 5, "it stays paused");
    page.does(&json!({ "do": "resume" }));
    assert_eq!(state("ACTIVE"), 5);
    page.does(&json!({ "do": "stop" }));
    assert_eq!(state("STOPPED"), 5);
    page.does(&json!({ "do": "resume", "trials": 6 }));
    assert_eq!(state("ACTIVE"), 6);

    // Values in the types of the space, and once for each request.
    let one = json!({ "do": "enqueue", "params": { "lr": 1, "opt": 1 }, "request_id": "a" });
    assert_eq!(page.does(&one), json!({ "trial": 0 }));
    assert_eq!(page.does(&one), json!({ "trial": 0 }), "the same request again");
    let other = json!({ "do": "enqueue", "params": { "opt": "sgd" }, "request_id": "b" });
    assert_eq!(page.does(&other), json!({ "trial": 1 }));
    let trials = coordinator.trials("s");
    assert_eq!(trials[0]["params"], json!({ "lr": 1.0, "opt": 1 }));
    assert_eq!(trials[1]["params"], json!({ "opt": "sgd" }));
    for (params, said) in [
        (json!({ "lr": 2 }), "lr"),
        (json!({ "lr": "0.5" }), "it is a number from 0 to 1"),
        (json!({ "opt": "1" }), "it is one of adam, sgd, 1, true"),
        (json!({ "momentum": 1 }), "the study has lr, opt"),
    ] {
        let (status, answer) =
            page.change(&json!({ "do": "enqueue", "params": params, "request_id": "c" }));
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().expect("why").contains(said), "{answer}");
    }
    let reused = json!({ "do": "enqueue", "params": { "lr": 0.5 }, "request_id": "a" });
    assert_eq!(page.change(&reused).0, 409);
    let none = json!({ "do": "enqueue", "params": {}, "warm_start": 0, "request_id": "d" });
    assert_eq!(page.change(&none).0, 409, "trial 0 has no checkpoint");

    // Everything fails, and is tried once more.
    let _worker =
        support::Process::start(&mut coordinator.worker_command("w", &["--allow-commands"]));
    coordinator.wait_until("s", |study| count(study, "fail") == 6);
    let (_, lines) = page.get("/api/studies");
    assert!(lines[0]["newest"].is_i64() && lines[0]["failure"].is_string(), "{lines}");
    page.does(&json!({ "do": "pause" }));
    let retry = json!({ "do": "retry", "trials": [0, 3, 9, 3], "request_id": "again" });
    let answer = page.does(&retry);
    assert_eq!(answer["retried"], json!([[0, 6], [3, 7]]), "{answer}");
    assert_eq!(answer["refused"][0][0], 9, "{answer}");
    assert_eq!(page.does(&retry), answer, "the same request again");
    assert_eq!(state("PAUSED"), 8);
    let many: Vec<u32> = (0..1001).collect();
    assert_eq!(page.change(&json!({ "do": "retry", "trials": many, "request_id": "x" })).0, 400);

    // All that was done is told, newest first, and what was refused or repeated is not.
    let (_, told) = page.get("/api/activity?name=s");
    assert_eq!(told["next"], Value::Null);
    let told = told["activities"].as_array().expect("a list");
    let said: Vec<_> =
        told.iter().map(|one| (&one["what"], &one["trial"], &one["details"])).collect();
    let said = serde_json::to_value(said).expect("JSON");
    let none = Value::Null;
    assert_eq!(
        said,
        json!([
            ["retry", none, "2 trials: 0, 3"],
            ["pause", none, ""],
            ["enqueue", 1, "opt = sgd"],
            ["enqueue", 0, "lr = 1, opt = 1"],
            ["resume", none, ""],
            ["budget", none, "5 → 6 trials"],
            ["stop", none, ""],
            ["resume", none, ""],
            ["budget", none, "4 → 5 trials"],
            ["pause", none, ""],
            ["create", none, "4 trials, random"],
        ])
    );
    for one in told {
        assert_eq!((&one["who"], &one["study"]), (&json!("Jürgen"), &json!("s")), "{one}");
        assert_eq!(one["from"], "127.0.0.1 (anyone)");
        assert!(one["time"].as_i64().expect("milliseconds") > 1_700_000_000_000, "{one}");
    }
    let by_command = coordinator.ask_json(&["study", "activity", "s"]);
    assert_eq!(by_command.as_array().map(Vec::len), Some(told.len()));
    assert_eq!(
        (&by_command[0]["what"], &by_command[0]["who"]),
        (&json!("retry"), &json!("Jürgen"))
    );
    coordinator.ask(&["study", "resume", "s"]);
    let newest = coordinator.ask_json(&["study", "activity", "s"])[0].clone();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let who = newest["who"].as_str().expect("text");
    assert!(newest["what"] == "resume" && who.ends_with(host.trim()), "{newest}");
    page.does(&json!({ "do": "pause" }));
    coordinator.wait_until("s", |study| count(study, "running") == 0);

    assert_eq!(page.change(&json!({ "do": "delete", "name": "S" })).0, 400);
    assert_eq!(page.does(&json!({ "do": "delete", "name": "s" })), json!({ "deleted": "s" }));
    assert_eq!(page.get("/api/studies"), (200, json!([])));
    assert_eq!(page.change(&json!({ "do": "pause" })).0, 404);
    assert_eq!(page.get("/api/activity?name=s").0, 404);
    let (_, left) = page.get("/api/activity");
    let left = left["activities"].as_array().expect("a list");
    let [gone] = &left[..] else { panic!("one entry: {left:?}") };
    assert_eq!((&gone["what"], &gone["study"]), (&json!("delete"), &json!("s")));
    assert_eq!(gone["details"], "8 trials");
    assert!(coordinator.ask(&["study", "activity"]).contains("delete"));
}

#[test]
fn a_study_that_pauses_itself_says_so_and_a_long_list_comes_in_pages() {
    let folder = Folder::new();
    let (coordinator, page) = on_loopback(&folder);
    let failing =
        of_command("s", FAILS).replace("max_failures_in_a_row = 0", "max_failures_in_a_row = 2");
    assert_eq!(page.create(&failing.replace("trials = 4", "trials = 50")).0, 200);
    let worker =
        support::Process::start(&mut coordinator.worker_command("w", &["--allow-commands"]));
    coordinator.wait_until("s", |study| study["state"] == "PAUSED");
    drop(worker);
    let newest = &page.get("/api/activity?name=s").1["activities"][0];
    assert_eq!(
        (&newest["what"], &newest["who"], &newest["from"]),
        (&json!("pause"), &json!("kindling"), &json!(""))
    );
    assert!(newest["details"].as_str().expect("why").contains("failed in a row"), "{newest}");

    for budget in 0..120 {
        page.does(&json!({ "do": "budget", "trials": 100 + budget % 2 }));
    }
    let (_, first) = page.get("/api/activity?name=s");
    let next = first["next"].as_str().expect("there is more").to_owned();
    let (_, second) = page.get(&format!("/api/activity?name=s&before={next}"));
    let entries = |page: &Value| page["activities"].as_array().expect("a list").len();
    assert_eq!((entries(&first), entries(&second), &second["next"]), (100, 22, &Value::Null));
    assert_eq!(second["activities"][21]["what"], "create");
    assert_eq!(page.get("/api/activity?before=x").0, 400);
    assert_eq!(page.get("/api/activity").1, first, "there is no other study");
    let all = coordinator.ask_json(&["study", "activity"]);
    assert_eq!(all.as_array().map(Vec::len), Some(122));
}

#[test]
fn notes_tags_and_the_archive_are_kept_from_the_page_and_told() {
    let folder = Folder::new();
    let (_coordinator, page) = on_loopback(&folder);
    assert_eq!(page.create(&of_command("s", FAILS)).0, 200);
    page.does(&json!({ "do": "enqueue", "params": {}, "request_id": "" }));
    let note = json!({ "do": "note", "text": "# It works", "version": 0 });
    let written = page.does(&note);
    assert_eq!((&written["note"], &written["note_version"]), (&json!("# It works"), &json!(1)));
    assert_eq!(
        page.get("/api/note?name=s"),
        (200, json!({ "note": "# It works", "note_version": 1 }))
    );
    assert_eq!(page.does(&note), written, "the same once more");
    let other = json!({ "do": "note", "text": "# It fails", "version": 0 });
    let (status, said) = page.change(&other);
    assert_eq!(status, 409, "{said}");
    assert!(said["error"].as_str().expect("why").contains("somebody else changed"), "{said}");
    page.does(&json!({ "do": "tags", "tags": ["lr", "ä b"] }));
    let on_trial = page.does(&json!({ "do": "note", "trial": 0, "text": "odd", "version": 0 }));
    assert_eq!(on_trial, json!({ "note": "odd", "note_version": 1, "tags": [] }));
    page.does(&json!({ "do": "tags", "trial": 0, "tags": ["bad"] }));
    let long = "x".repeat(1000);
    page.does(&json!({ "do": "note", "trial": 0, "text": long, "version": 1 }));
    let whole = json!({ "note": long, "note_version": 2 });
    assert_eq!(page.get("/api/note?name=s&trial=0"), (200, whole), "all of it");
    assert_eq!(page.get("/api/note?name=none").0, 404);
    assert_eq!(page.get("/api/note?name=s&trial=9").0, 404);
    assert_eq!(page.get("/api/note").0, 400);
    assert_eq!(page.does(&json!({ "do": "archive", "archived": true }))["archived"], true);
    page.does(&json!({ "do": "archive", "archived": true }));
    for wrong in [
        json!({ "do": "tags", "tags": [""] }),
        json!({ "do": "tags", "tags": "lr" }),
        json!({ "do": "note", "text": "x" }),
        json!({ "do": "note", "text": "x".repeat(65 * 1024), "version": 1 }),
        json!({ "do": "archive" }),
    ] {
        assert_eq!(page.change(&wrong).0, 400, "{wrong}");
    }
    assert_eq!(page.change(&json!({ "do": "note", "trial": 9, "text": "", "version": 0 })).0, 404);

    let (_, lines) = page.get("/api/studies");
    let line = &lines[0];
    assert_eq!((&line["archived"], &line["note"]), (&json!(true), &json!("# It works")));
    assert_eq!(line["tags"], json!(["lr", "ä b"]));
    page.does(&json!({ "do": "archive", "archived": false }));
    let (_, told) = page.get("/api/activity?name=s");
    let told = told["activities"].as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|one| json!([one["what"], one["trial"], one["details"]])).collect();
    assert_eq!(
        told,
        [
            json!(["unarchive", null, ""]),
            json!(["archive", null, ""]),
            json!(["note", 0, ""]),
            json!(["tags", 0, "bad"]),
            json!(["note", 0, ""]),
            json!(["tags", null, "lr, ä b"]),
            json!(["note", null, ""]),
            json!(["enqueue", 0, ""]),
            json!(["create", null, "4 trials, random"]),
        ]
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let (_coordinator, page) = on_loopback(&folder);
    assert_eq!(page.create(&study_file("s", 3)).0, 200);
    let (_, before) = page.get("/api/studies");
    for body in [
        "",
        "null",
        "{",
        "[]",
        "\"pause\"",
        r#"{"do":"explode"}"#,
        r#"{"pause":true}"#,
        r#"{"do":"pause","and":1}"#,
        r#"{"do":"budget"}"#,
        r#"{"do":"budget","trials":0}"#,
        r#"{"do":"budget","trials":-1}"#,
        r#"{"do":"budget","trials":4294967296}"#,
        r#"{"do":"resume","trials":0}"#,
        r#"{"do":"enqueue","params":[]}"#,
        r#"{"do":"retry","trials":["0"]}"#,
        "{\"do\":\"pause\"}\u{0}",
    ] {
        let (status, said) = page.with(JSON.0, JSON.1).post_raw("/api/change?name=s", body);
        assert_eq!(status, 400, "{body}: {said}");
        assert!(said["error"].is_string(), "{body}: {said}");
    }
    let long = "x".repeat(300);
    for body in [
        json!({ "do": "enqueue", "params": {}, "request_id": long }),
        json!({ "do": "retry", "trials": [0], "request_id": long }),
    ] {
        assert_eq!(page.change(&body).0, 400, "{body}");
    }
    for (path, status) in [
        ("/api/change", 400),
        ("/api/change?name=none", 404),
        ("/api/studies/s", 405),
        ("/api/none", 404),
    ] {
        assert_eq!(page.post(path, &json!({ "do": "pause" })).0, status, "{path}");
    }
    assert_eq!(page.get("/api/change?name=s").0, 405);
    assert_eq!(page.get("/api/studies").1, before);
}

/// Sends these bytes, and hears the answer and how long it took.
fn told(page: &Page, bytes: &[u8], wait: Duration) -> (String, Duration) {
    let mut socket = TcpStream::connect(page.host()).expect("connected");
    socket.set_read_timeout(Some(wait)).expect("a timeout");
    socket.write_all(bytes).expect("sent");
    let (start, mut answer, mut piece) = (Instant::now(), Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = socket.read(&mut piece) {
        answer.extend_from_slice(&piece[..read]);
        if String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
            break;
        }
    }
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

#[test]
fn a_change_that_never_arrives_keeps_nobody_waiting() {
    let folder = Folder::new();
    let (_coordinator, page) = on_loopback(&folder);
    let head = |length: &str| {
        let host = page.host();
        format!(
            "POST /api/studies HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        )
    };
    let slow = head("Content-Length: 100") + "{\"text\":";
    let (answer, took) = told(&page, slow.as_bytes(), Duration::from_secs(20));
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    let (answer, took) =
        told(&page, head("Content-Length: 99999999999").as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 413") && took < Duration::from_secs(3), "{answer}");
    // Without a length it is read, but not for ever.
    let chunk = format!("100000\r\n{}\r\n", "#".repeat(0x10_0000)).repeat(2);
    let endless = head("Transfer-Encoding: chunked") + &chunk;
    let (answer, _) = told(&page, endless.as_bytes(), Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn other_sites_cannot_change_anything() {
    let folder = Folder::new();
    let (_coordinator, page) = on_loopback(&folder);
    assert_eq!(page.create(&study_file("s", 3)).0, 200);
    let (_, before) = page.get("/api/studies");
    let port = page.host().rsplit(':').next().expect("a port").to_owned();
    let neighbour = format!("http://127.0.0.1:{}", port.parse::<u16>().expect("a port") ^ 1);
    let pause = json!({ "do": "pause" }).to_string();
    let create = json!({ "text": study_file("forged", 3) }).to_string();
    let as_json = page.with(JSON.0, JSON.1);
    let mut forged = vec![
        page.with("content-type", "text/plain"),
        page.with("content-type", "application/x-www-form-urlencoded"),
        page.with("content-type", "multipart/form-data; boundary=x"),
        as_json.with("host", "evil.example"),
        as_json
            .with("host", format!("evil.example:{port}"))
            .with("origin", format!("http://evil.example:{port}")),
    ];
    for site in ["cross-site", "same-site", "none"] {
        forged.push(as_json.with("sec-fetch-site", site));
    }
    for origin in ["https://evil.example", "null", &neighbour, &format!("http://localhost:{port}")]
    {
        forged.push(as_json.with("origin", origin));
    }
    for forged in &forged {
        for (path, body) in [("/api/change?name=s", &pause), ("/api/studies", &create)] {
            let (status, said) = forged.post_raw(path, body);
            let headers = &forged.headers;
            let is_misnamed = headers.iter().any(|(name, _)| *name == "host");
            assert_eq!(status, if is_misnamed { 421 } else { 403 }, "{headers:?}: {said}");
        }
    }
    // Before a script of another site may send JSON, its browser asks, and is not told that it may.
    let asks = format!(
        "OPTIONS /api/change?name=s HTTP/1.1\r\nHost: {}\r\nOrigin: https://evil.example\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n",
        page.host()
    );
    let (answer, _) = told(&page, asks.as_bytes(), Duration::from_secs(5));
    assert!(
        !answer.contains(" 200 ") && !answer.to_lowercase().contains("access-control"),
        "{answer}"
    );
    assert_eq!(page.get("/api/studies").1, before, "nothing has changed");

    let own = as_json.with("origin", page.url.clone()).with("sec-fetch-site", "same-origin");
    assert_eq!(own.post_raw("/api/change?name=s", &pause).0, 200, "the page itself may");
}

#[test]
fn a_viewer_logs_in_and_looks_and_that_is_all() {
    let keys = Keys::new();
    let coordinator = keys.coordinator(&["--http", "127.0.0.1:0"]);
    let page = Page::of(&coordinator);
    let bearer = |who: &str| page.with("authorization", format!("Bearer {}", keys.token(who)));
    let (client, viewer) = (bearer("client"), bearer("viewer"));
    assert_eq!(client.create(&study_file("s", 3)).0, 200);
    let mut log_in = Page::agent()
        .post(format!("{}/login?to=/studies/s", page.url))
        .send_form([("token", keys.token("viewer").as_str())])
        .expect("an answer");
    assert_eq!(log_in.status().as_u16(), 303, "{:?}", log_in.body_mut().read_to_string());
    let cookie = log_in.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let logged_in = page.with("cookie", cookie.clone());

    let me = |page: &Page| page.get("/api/me");
    let is = |holder: &str, may_change: bool| {
        let version = env!("CARGO_PKG_VERSION");
        (200, json!({ "holder": holder, "may_change": may_change, "version": version }))
    };
    assert_eq!(me(&client), is("client", true));
    assert_eq!(me(&viewer), is("viewer", false));
    assert_eq!(me(&logged_in), is("viewer", false));
    assert_eq!(me(&page).0, 401);
    assert_eq!(me(&bearer("worker")).0, 403);

    let (_, before) = client.get("/api/studies");
    for looks in [&viewer, &logged_in] {
        for path in ["/", "/studies/s", "/api/studies", "/api/studies/s"] {
            assert_eq!(looks.get(path).0, 200, "{path}");
        }
        for body in [
            json!({ "do": "pause" }),
            json!({ "do": "resume", "trials": 9 }),
            json!({ "do": "stop" }),
            json!({ "do": "budget", "trials": 9 }),
            json!({ "do": "delete", "name": "s" }),
            json!({ "do": "enqueue", "params": {}, "request_id": "" }),
            json!({ "do": "retry", "trials": [0], "request_id": "" }),
            json!({ "do": "note", "text": "x", "version": 0 }),
            json!({ "do": "tags", "tags": ["x"] }),
            json!({ "do": "archive", "archived": true }),
            json!("anything"),
        ] {
            let (status, said) = looks.change(&body);
            assert_eq!(status, 403, "{body}: {said}");
            assert!(said["error"].as_str().expect("why").contains("may only look"), "{said}");
        }
        assert_eq!(looks.create(&study_file("t", 3)).0, 403);
        // Whatever may come there: only what looks is let through.
        for path in ["/api/studies", "/api/none", "/", "/studies/s"] {
            let mut request = Page::agent().put(format!("{}{path}", page.url));
            for (name, value) in &looks.headers {
                request = request.header(*name, value);
            }
            let (status, said) = read(request.header(JSON.0, JSON.1).send("{}"));
            assert!(matches!(status, 403..=405), "{path}: {status} {said}");
        }
    }
    for nobody in [&page, &page.with("cookie", "kindling_page=1.x"), &bearer("foreign")] {
        assert_eq!(nobody.change(&json!({ "do": "pause" })).0, 401);
    }
    assert_eq!(client.get("/api/studies").1, before, "nothing has changed");
    assert_eq!(client.change(&json!({ "do": "pause" })).0, 200);
}
