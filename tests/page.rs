//! The page over HTTP, and the report: their content and their access control.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::keys::{Keys, text};
use support::{Coordinator, Folder, Process, count, failure, kindling, output, study_file};
use ureq::http::Response;
use ureq::{Agent, Body};

/// A browser that follows no redirects and accepts every status.
fn browser() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

fn get(url: &str) -> (u16, String) {
    read(browser().get(url).call())
}

fn read(answer: Result<Response<Body>, ureq::Error>) -> (u16, String) {
    let mut answer = answer.expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A coordinator with a page.
fn with_page(folder: &Folder, more: &[&str]) -> (Coordinator, String) {
    let args = [&["--http", "127.0.0.1:0"], more].concat();
    let coordinator = Coordinator::start_on_free_port(&folder.path("study.db"), &args);
    let log = coordinator.log();
    let (_, page) = log.split_once("page on ").expect("the log says where");
    let page = page.split_whitespace().next().expect("an address").to_owned();
    (coordinator, page)
}

/// A study that confirms its best pair and each method with two seeds.
fn confirming(name: &str, trials: u32) -> String {
    let confirm = "\n[confirm]\nby = [\"winit_conv\", \"winit_fc\"]\nbest = 2\nseeds = 2\n";
    study_file(name, trials) + confirm
}

/// Puts trials in their places.
fn put(document: &mut Value, trials: &Value) {
    let all = document["trials"].as_array_mut().expect("a list");
    for trial in trials.as_array().expect("a list") {
        let number = trial["number"].as_u64().expect("a number") as usize;
        all.resize(all.len().max(number + 1), Value::Null);
        all[number] = trial.clone();
    }
}

#[test]
fn a_page_hears_of_everything_and_agrees_with_the_report() {
    let folder = Folder::new();
    let (coordinator, page) = with_page(&folder, &[]);
    let file = folder.write("s.toml", confirming("s", 8));
    coordinator.ask(&["study", "create", file.to_str().expect("plain")]);
    let answer = browser().get(format!("{page}/api/studies/s/events")).call().expect("an answer");
    assert_eq!(header(&answer, "content-type"), "text/event-stream");
    let _workers = ["a", "b"].map(|id| coordinator.worker(id));

    let mut document = Value::Null;
    let (mut changes, mut analyses) = (0, 0);
    let mut name = String::new();
    for line in BufReader::new(answer.into_body().into_reader()).lines() {
        let line = line.expect("readable");
        if let Some(event) = line.strip_prefix("event: ") {
            name = event.to_owned();
        }
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let data: Value = serde_json::from_str(data).expect("JSON");
        match name.as_str() {
            "begin" => document = data,
            "trials" => put(&mut document, &data),
            "change" => {
                changes += 1;
                document["study"] = data["study"].clone();
                put(&mut document, &data["trials"]);
            }
            "analysis" => {
                analyses += 1;
                document["analysis"] = data;
                if document["study"]["state"] == "FINISHED" {
                    break;
                }
            }
            other => panic!("an event {other}"),
        }
    }
    assert!(changes > 3 && analyses > 0, "{changes} changes, {analyses} analyses");

    let report = coordinator.ask(&["report", "s", "--format", "json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(document["trials"], report["trials"]);
    assert_eq!(document["analysis"], report["analysis"]);
    let (_, asked) = get(&format!("{page}/api/studies/s"));
    let asked: Value = serde_json::from_str(&asked).expect("JSON");
    assert_eq!(asked["trials"], report["trials"]);
    let (_, list) = get(&format!("{page}/api/studies"));
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list[0]["name"], "s");
    assert_eq!(list[0]["counts"]["complete"], report["trials"].as_array().expect("a list").len());
    assert_eq!(list[0]["directions"], report["study"]["directions"]);
    let best = report["study"]["best"].as_u64().expect("a trial") as usize;
    assert_eq!(list[0]["best_values"], report["trials"][best]["values"]);

    // Its files are those of the command.
    let filter = "learning_rate < 0.003 and state = complete";
    let asked = filter.replace(' ', "+").replace('<', "%3C").replace('=', "%3D");
    for format in ["csv", "json"] {
        let export = ["study", "export", "s", "--format", format, "--filter", filter];
        let from_page = format!("{page}/api/study/export?name=s&format={format}&filter={asked}");
        assert_eq!(get(&from_page), (200, coordinator.ask(&export)), "{format}");
        let all = coordinator.ask(&["study", "export", "s", "--format", format]);
        assert_eq!(get(&format!("{page}/api/study/export?name=s&format={format}")), (200, all));
    }
    let (code, said) = get(&format!("{page}/api/study/export?name=s&filter=learning_rat+%3C+1"));
    assert_eq!(code, 400);
    assert!(said.contains("hint: did you mean `learning_rate`?"), "{said}");
    assert_eq!(get(&format!("{page}/api/study/export?name=t")).0, 404);
}

#[test]
fn what_the_search_found_is_confirmed_and_the_report_says_what_for() {
    let folder = Folder::new();
    let file = folder.write("s.toml", confirming("s", 6));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let run = output(&["run", file, "--store", store, "--workers", "2", "--device", "flex"]);
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success() && printed.contains("cannot be told apart"), "{printed}");
    assert!(printed.contains("best, confirmed: the configuration of trial "), "{printed}");

    let report = |format: &str| {
        let asked = output(&["report", "s", "--store", store, "--format", format]);
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        String::from_utf8(asked.stdout).expect("UTF-8")
    };
    let document: Value = serde_json::from_str(&report("json")).expect("JSON");
    let arms = document["analysis"]["confirm"]["arms"].as_array().expect("arms").clone();
    let all = document["trials"].as_array().expect("a list");
    assert_eq!(count(&document["study"], "complete") as usize, all.len());
    assert_eq!(all.len(), 6 + 2 * arms.len(), "two seeds each");
    assert_eq!(document["study"]["confirmations"], 2 * arms.len());
    for arm in &arms {
        assert_ne!(arm["roles"], Value::Array(vec![]), "it is there for something: {arm}");
        let of = arm["of"].as_u64().expect("a number") as usize;
        assert_eq!(arm["params"], all[of]["params"]);
        for value in arm["values"].as_array().expect("values") {
            let seed = &value["seed"];
            let is_it = |t: &&Value| t["confirms"]["of"] == of && t["confirms"]["seed"] == *seed;
            assert_eq!(all.iter().find(is_it).expect("its trial")["values"][0], value["value"]);
        }
    }
    let html = report("html");
    assert!(html.starts_with("<!doctype html>") && html.contains("data-piece=\"begin\""));
    for elsewhere in ["<script src", "<link rel=\"stylesheet\"", "/assets/app"] {
        assert!(!html.contains(elsewhere), "it needs nobody: {elsewhere}");
    }
    let lines = report("csv").lines().count();
    assert_eq!(lines, 1 + all.len());

    // The same file again adds nothing; another plan adds the missing runs.
    let more = confirming("s", 6).replace("seeds = 2", "seeds = 3");
    let more = folder.write("more.toml", more);
    for (file, seeds) in [(file, 2), (more.to_str().expect("plain"), 3)] {
        let again = output(&["run", file, "--store", store, "--json", "--device", "flex"]);
        let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!(again["confirmations"], seeds * arms.len());
    }
}

#[test]
fn the_page_of_a_run_stays_for_those_who_look_and_has_the_last_state() {
    let folder = Folder::new();
    let file = folder.write("s.toml", confirming("s", 6));
    let store = folder.path("s.db");
    let (file, store) = (file.to_str().expect("plain"), store.to_str().expect("plain"));
    let args = ["run", file, "--store", store, "--workers", "1", "--http", "127.0.0.1:0"];
    let mut run = kindling(&args);
    let mut run = Process::start(run.stdout(Stdio::null()).stderr(Stdio::piped()));
    let mut said = BufReader::new(run.child().stderr.take().expect("piped")).lines();
    let mut hears = |what: &str| {
        let heard = said.by_ref().map_while(Result::ok).find(|line| line.contains(what));
        heard.unwrap_or_else(|| panic!("it ended without a word of {what}"))
    };
    let page = hears("page: ").replace("page: ", "").replace("/studies/s", "");
    let answer = browser().get(format!("{page}/api/studies/s/events")).call().expect("an answer");

    let (mut study, mut analysis) = (Value::Null, Value::Null);
    let mut asked_to_stop = false;
    let mut name = String::new();
    // The coordinator ends the stream.
    for line in BufReader::new(answer.into_body().into_reader()).lines().map_while(Result::ok) {
        if let Some(event) = line.strip_prefix("event: ") {
            name = event.to_owned();
        }
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let data: Value = serde_json::from_str(data).expect("JSON");
        match name.as_str() {
            "analysis" => analysis = data,
            "trials" => {}
            _ => study = data["study"].clone(),
        }
        if name == "begin" {
            // At most (2 pairs + 3 + 3 methods − 2) × 2 seeds, because the best pair is also the best of its
            // two methods.
            assert_eq!(
                (&study["confirmations"], &study["confirmations_known"]),
                (&12.into(), &false.into())
            );
        }
        if study["state"] == "FINISHED" && !asked_to_stop {
            hears("until Ctrl-C");
            let (status, asked) = get(&format!("{page}/api/studies/s"));
            assert!(status == 200 && asked.contains("\"FINISHED\""), "it stays");
            assert_eq!(run.ended(), None);
            run.signal("INT");
            asked_to_stop = true;
        }
    }
    assert!(run.wait(), "it had done all that there was");
    assert_eq!(
        (&study["state"], &study["confirmations_known"]),
        (&"FINISHED".into(), &true.into())
    );
    assert!(analysis["confirm"]["best"].is_u64(), "the last word: {analysis}");
}

#[test]
fn a_page_on_loopback_answers_nobody_elses_name_and_keeps_to_itself() {
    let folder = Folder::new();
    let (_coordinator, page) = with_page(&folder, &[]);
    let answer = browser().get(&page).call().expect("an answer");
    assert_eq!(answer.status(), 200);
    let policy = header(&answer, "content-security-policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let named = |host: &str| read(browser().get(&page).header("Host", host).call()).0;
    assert_eq!(named("localhost:8080"), 200);
    assert_eq!(named("[::1]:8080"), 200);
    assert_eq!(named("kindling.example.org"), 421);
    assert_eq!(named("127.0.0.1.example.org"), 421);
    for (path, status) in [
        ("/studies/none", 404),
        ("/api/studies/none", 404),
        ("/api/studies/none/events", 404),
        ("/api/none", 404),
        ("/api/studies/none/trials/0/output", 404),
        ("/api/study/output?name=none&trial=0", 404),
        ("/api/studies/none/trials/x/output", 400),
        ("/api/study/output?name=none", 400),
        ("/studies/none/trials/0/artifacts/x", 404),
        ("/studies/none/artifacts/plots%2Fx.png", 404),
        ("/study/artifact?name=none&file=x", 404),
        ("/study/artifact?name=none", 400),
        ("/assets/app.js", 200),
        ("/assets/app.css", 200),
    ] {
        assert_eq!(get(&format!("{page}{path}")).0, status, "{path}");
    }
    assert_eq!(
        read(browser().post(format!("{page}/api/studies/s")).send_empty()).0,
        403,
        "as no form can"
    );
}

#[test]
fn with_tokens_the_page_is_for_the_clients() {
    let folder = Folder::new();
    let (worker, client) = (folder.path("worker.token"), folder.path("client.token"));
    let paths = [&worker, &client].map(|path| path.to_str().expect("plain"));
    assert!(output(&[&["token", "create"], &paths[..]].concat()).status.success());
    let args = ["--worker-token-file", paths[0], "--client-token-file", paths[1]];
    let (_coordinator, page) = with_page(&folder, &args);
    let [worker, client] =
        [worker, client].map(|path| std::fs::read_to_string(path).expect("a token"));
    let (worker, client) = (worker.trim(), client.trim());

    let paths = [
        "/",
        "/studies/s",
        "/api/studies",
        "/api/studies/s",
        "/api/studies/s/events",
        "/api/studies/s/trials/0/output",
        "/api/study/output?name=s&trial=0",
        "/studies/s/trials/0/artifacts/x.png",
        "/studies/s/artifacts/plots/x.png",
        "/study/artifact?name=s&file=x",
    ];
    for path in paths {
        let url = format!("{page}{path}");
        let with = |name: &str, value: &str| read(browser().get(&url).header(name, value).call()).0;
        let nobody = if path.starts_with("/api") { 401 } else { 303 };
        assert_eq!(get(&url).0, nobody, "{path}");
        assert_eq!(with("Authorization", "Bearer wrong"), 401, "{path}");
        assert_eq!(with("Authorization", &format!("Bearer {worker}")), 403, "{path}");
        assert_eq!(with("Cookie", &format!("kindling_page={client}")), nobody, "{path}");
        let known = if path.contains("/s") && path != "/api/studies" { 404 } else { 200 };
        assert_eq!(with("Authorization", &format!("Bearer {client}")), known, "{path}");
    }

    let log_in = |token: &str| {
        let form = [("token", token)];
        browser().post(format!("{page}/login?to=/studies/s")).send_form(form).expect("an answer")
    };
    for wrong in ["wrong", worker] {
        let refused = log_in(wrong);
        assert_eq!((refused.status().as_u16(), header(&refused, "set-cookie")), (401, ""));
    }
    let taken = log_in(&format!(" {client}\n"));
    assert_eq!((taken.status().as_u16(), header(&taken, "location")), (303, "/studies/s"));
    let cookie = header(&taken, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(client), "the cookie does not tell the token");
    let cookie = cookie.split(';').next().expect("a cookie");
    let url = format!("{page}/api/studies");
    assert_eq!(read(browser().get(url).header("Cookie", cookie).call()).0, 200);
}

#[test]
fn a_page_has_what_trials_write_and_what_studies_keep() {
    let folder = Folder::new();
    let (coordinator, page) = with_page(&folder, &[]);
    let file = folder.write("s.toml", study_file("s", 1));
    coordinator.ask(&["study", "create", text(&file)]);
    let kept = folder.write("notes.html", "<script>alert(1)</script>");
    coordinator.ask(&["study", "artifacts", "s", "--put", text(&kept)]);
    let url = format!("{page}/studies/s/artifacts/notes.html");
    let answer = browser().get(url).call().expect("an answer");
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
    assert_eq!(header(&answer, "content-security-policy"), "sandbox; default-src 'none'");
    assert!(header(&answer, "content-disposition").starts_with("attachment; "));
    assert_eq!(read(Ok(answer)), (200, "<script>alert(1)</script>".to_owned()));

    let _worker = coordinator.worker("a");
    let output = format!("{page}/api/studies/s/trials/0/output?follow");
    let answer = loop {
        let answer = browser().get(&output).call().expect("an answer");
        if answer.status() == 200 {
            break answer;
        }
        assert_eq!(answer.status(), 404, "there is no such trial yet");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(header(&answer, "content-type"), "application/x-ndjson");
    let lines = BufReader::new(answer.into_body().into_reader()).lines();
    let lines = lines.map(|line| line.expect("readable")).filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect();
    let (end, lines) = lines.split_last().expect("an end");
    assert_eq!(end["end"], true, "the trial is finished");
    let is_told = |line: &Value| line["attempt"] == 1 && line["stream"] == "log";
    assert!(lines.iter().any(is_told), "what its worker logs: {lines:?}");
    let times: Vec<_> = lines.iter().map(|line| line["time"].as_i64()).collect();
    assert!(times.iter().all(|time| *time > Some(1_700_000_000_000)), "milliseconds: {times:?}");

    let report = coordinator.ask(&["report", "s", "--format", "json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["artifacts"][0]["name"], "notes.html");
    let attempt = &report["trials"][0]["attempts"][0];
    assert_eq!((&attempt["worker"], &attempt["ended"]), (&"a".into(), &"FINISHED".into()));
}

#[test]
fn an_open_page_is_refused_with_the_command_that_mends_it() {
    let folder = Folder::new();
    let store = folder.path("study.db");
    let store = store.to_str().expect("plain");
    let said = failure(&["coordinator", "--store", store, "--http", "0.0.0.0:0"]);
    assert!(said.contains("0.0.0.0:0 is not a loopback address"), "{said}");
    assert!(said.contains("--http 0.0.0.0:0") && said.contains("token create"), "{said}");
    let said = failure(&["report", "s", "--store", store]);
    assert!(said.contains("there is no store"), "{said}");
    let said = failure(&["report", "s", "--coordinator", "http://127.0.0.1:1"]);
    assert!(said.contains("no coordinator answers"), "{said}");
}

#[test]
fn every_study_has_a_page_whatever_it_is_called_and_a_login_leads_back_to_it() {
    let keys = Keys::new();
    let coordinator = keys.coordinator(&["--http", "127.0.0.1:0"]);
    let log = coordinator.log();
    let (_, page) = log.split_once("page on ").expect("the log says where");
    let page = page.split_whitespace().next().expect("an address");
    let token = keys.token("client");
    let names = [
        "-x",
        "../up",
        "/abs",
        "run#1",
        "run",
        "50%25",
        "a/b",
        ".",
        "..",
        "what?",
        "$(touch x)",
        "a b",
        "a+b",
        "a&b=c",
        "//evil.example",
        "__proto__",
        "\u{7814}\u{7a76}",
    ];
    let bearer = format!("Bearer {token}");
    let file = keys.path("client");
    for name in names {
        let quoted = serde_json::to_string(name).expect("JSON");
        let study = study_file("s", 1).replace("name = \"s\"", &format!("name = {quoted}"));
        let study = keys.folder.write("s.toml", study);
        coordinator.ask(&["study", "create", text(&study), "--token-file", &file]);

        let path = kindling_report::study_path(name);
        let (status, html) =
            read(browser().get(format!("{page}{path}")).header("Authorization", &bearer).call());
        assert_eq!(status, 200, "{name}");
        assert!(html.contains(&format!("\"study\":{quoted}")), "{name}: {html}");
        let asked = browser().get(format!("{page}/api/study")).query("name", name);
        let (_, document) = read(asked.header("Authorization", &bearer).call());
        let document: Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document["study"]["name"], name);

        let sent_away = browser().get(format!("{page}{path}")).call().expect("an answer");
        let login = header(&sent_away, "location").to_owned();
        let form = [("token", token.as_str())];
        let answer = browser().post(format!("{page}{login}")).send_form(form).expect("an answer");
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, path.as_str()));
    }
    for (to, location) in [
        ("/studies/a%0d%0aX:y", "/"),
        ("/studies/a%2520b/trials/1%3fmetric=x", "/studies/a%20b/trials/1?metric=x"),
        ("//evil.example", "/"),
        ("https://evil.example/studies/", "/"),
        ("/study%3fname=..", "/study?name=.."),
        ("%ff", "/"),
    ] {
        let form = [("token", token.as_str())];
        let answer = browser().post(format!("{page}/login?to={to}")).send_form(form);
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "location")),
            (303, location),
            "{to}"
        );
    }
}
