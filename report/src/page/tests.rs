//! What a browser will find in the page.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value as Json, json};

use super::*;
use crate::testing;

/// The text of the one element that begins with `begin`.
fn element<'a>(html: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(begin).expect("the element");
    assert!(!rest.contains(begin), "two of {begin}");
    rest.split_once(end).expect("its end").0
}

/// The pieces inside a report, by name.
fn pieces(html: &str) -> Vec<(&str, Json)> {
    let pieces = html.split(r#"<script type="text/plain" data-piece=""#).skip(1);
    pieces
        .map(|text| {
            let (name, text) = text.split_once("\">").expect("a name");
            let text = text.split_once("</script>").expect("its end").0;
            let bytes = BASE64_STANDARD.decode(text).expect("base64");
            let mut json = String::new();
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut json).expect("gzip");
            (name, serde_json::from_str(&json).expect("JSON"))
        })
        .collect()
}

/// The document that they make.
fn unpacked(html: &str) -> Json {
    let mut document = json!(null);
    for (name, mut piece) in pieces(html) {
        match name {
            "begin" => {
                document = piece;
                let head = document.as_object_mut().expect("an object");
                head.insert("trials".to_owned(), json!([]));
            }
            "trials" => {
                let trials = document["trials"].as_array_mut().expect("a list");
                trials.append(piece.as_array_mut().expect("a list"));
            }
            "analysis" => document["analysis"] = piece,
            other => panic!("a piece {other}"),
        }
    }
    let total = document.as_object_mut().expect("an object").remove("total").expect("a number");
    assert_eq!(total, document["trials"].as_array().expect("a list").len());
    document
}

fn mode(html: &str) -> Json {
    let begin = r#"<script type="application/json" id="kindling">"#;
    serde_json::from_str(element(html, begin, "</script>")).expect("JSON")
}

#[test]
fn a_live_page_takes_its_parts_from_its_server() {
    let name = "</script><script>alert('&')";
    let html = html(Page::Live { study: name });
    assert_eq!(mode(&html), json!({"mode": "live", "study": name}));
    assert!(html.contains("<title>&lt;/script&gt;&lt;script&gt;alert('&amp;')</title>"));
    assert!(html.contains(r#"<script src="/assets/app.js"></script>"#));
    assert_eq!(mode(&super::html(Page::List)), json!({"mode": "list"}));
    assert_eq!(mode(&super::html(Page::Compare)), json!({"mode": "compare"}));
    assert_eq!(mode(&super::html(Page::New)), json!({"mode": "new"}));
    let missing = super::html(Page::Missing { said: name });
    assert_eq!(mode(&missing), json!({"mode": "missing", "said": name}));
}

#[test]
fn a_report_holds_everything() {
    let mut trial = testing::trial(0, 0.123_456_789, &[("x", testing::text("he"))]);
    trial.intermediate_values = vec![kindling_proto::v1::IntermediateValue {
        step: 1,
        value: 0.123_456_789,
        ..Default::default()
    }];
    let says = [("seconds", "1.23456789"), ("count", "123456789"), ("odd", "not JSON")];
    trial.attributes_json = says.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let study = testing::study(vec![testing::words("x", &["he", "zero"])], None);
    trial.attempts = vec![kindling_proto::v1::TrialAttempt { attempt: 1, ..Default::default() }];
    let file = kindling_proto::v1::Artifact { name: "</script>".to_owned(), ..Default::default() };
    trial.artifacts = vec![file.clone()];
    let document = Document::new(&study, &[trial], &[], 1_764_166_000_000).with_artifacts(&[file]);

    let html = html(Page::Report(&document));
    assert_eq!(mode(&html), json!({"mode": "report"}));
    let outside = ["<script src", r#"<link rel="stylesheet""#, "/assets/"];
    assert!(outside.iter().all(|part| !html.contains(part)));
    let mut known = serde_json::to_value(&document).expect("JSON");
    known["trials"][0]["curve"] = json!([[1, 0.123_457]]);
    known["trials"][0]["attributes"]["seconds"] = json!(1.23457);
    assert_eq!(unpacked(&html), known);
    assert_eq!(known["trials"][0]["attributes"]["odd"], "not JSON");
    assert_eq!(known["study"]["seed"], u64::MAX.to_string());
    assert_eq!(known["artifacts"][0]["name"], "</script>");
    assert_eq!(known["trials"][0]["artifacts"], known["artifacts"]);
}

#[test]
fn a_large_report_comes_in_pieces_of_which_none_is_large() {
    let trials: Vec<_> = (0..300)
        .map(|number| {
            let params = [("x", testing::text(&format!("{number}").repeat(2000)))];
            testing::trial(number, 0.5, &params)
        })
        .collect();
    let mut study = testing::study(vec![testing::words("x", &["he"])], None);
    study.best = Some(trials[250].clone());
    let document = Document::new(&study, &trials, &[], 1_764_166_000_000);
    let html = html(Page::Report(&document));
    let pieces = pieces(&html);
    let names: Vec<_> = pieces.iter().map(|(name, _)| *name).collect();
    assert!(names.len() > 6, "{names:?}");
    assert_eq!((names[0], names[1], names.last()), ("begin", "trials", Some(&"analysis")));
    assert!(pieces.iter().all(|(_, piece)| piece.to_string().len() < 300_000));
    assert_eq!(pieces[0].1["trials"][0]["number"], 250, "the best comes first");
    assert_eq!(pieces[0].1["trials"].as_array().map(Vec::len), Some(1));
    assert_eq!(unpacked(&html), serde_json::to_value(&document).expect("JSON"));
}

#[test]
fn of_many_diagnoses_each_combination_keeps_its_first() {
    let trials: Vec<_> = (0..1500)
        .map(|number| {
            // The last one is the only one of its kind.
            let method = if number == 1499 { "zero" } else { "he" };
            let mut trial = testing::trial(number, 0.5, &[("x", testing::text(method))]);
            trial.attributes_json.insert("diagnosis".to_owned(), r#"{"stages":[]}"#.to_owned());
            trial
        })
        .collect();
    let study = testing::study(vec![testing::words("x", &["he", "zero"])], None);
    let html = html(Page::Report(&Document::new(&study, &trials, &[], 0)));
    let shown = unpacked(&html);
    let kept = |trial: &&Json| trial["attributes"].get("diagnosis").is_some();
    let trials = shown["trials"].as_array().expect("trials");
    let numbers: Vec<_> = trials.iter().filter(kept).map(|t| t["number"].as_u64()).collect();
    assert_eq!(numbers.len(), 1000);
    assert_eq!((numbers[998], numbers[999]), (Some(998), Some(1499)));
}

#[test]
fn nothing_inside_a_page_ends_its_script() {
    let program = r#"a("</script>","</SCRIPT>","<!--");if(a<b&&c<scripts)d("é<")"#;
    let safe = r#"a("\x3c/script>","\x3c/SCRIPT>","\x3c!--");if(a<b&&c<scripts)d("é<")"#;
    assert_eq!(escape::script(program), safe);
    assert_eq!(escape::style("a{content:'</style>'}"), r"a{content:'<\/style>'}");
}
