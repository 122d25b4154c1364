use super::*;

fn call(line: &str) -> Call {
    read(line.as_bytes()).unwrap_or_else(|complaint| panic!("{line}: {complaint:?}"))
}

fn complaint(line: &str) -> String {
    let Complaint { error, hint } = read(line.as_bytes()).expect_err(line);
    format!("{error}; {}", hint.unwrap_or_default())
}

#[test]
fn every_call_is_read() {
    assert_eq!(call(r#"{"call": "hello", "version": 1}"#), Call::Hello);
    assert_eq!(call(r#"{"call":"verdict","unknown":[1]}"#), Call::Verdict);
    assert_eq!(call("{\"call\": \"next\"}\r\n"), Call::Next);
    let report = |step, value| Call::Report(Report::of(step, value));
    assert_eq!(call(r#"{"call":"report","step":3,"value":0.91}"#), report(3, 0.91));
    assert_eq!(call(r#"{"call":"report","step":3.0,"value":-1}"#), report(3, -1.0));
    let last = r#"{"call":"report","step":9223372036854775807,"value":"-inf"}"#;
    assert_eq!(call(last), report(i64::MAX as u64, f64::NEG_INFINITY));
    let named = call(r#"{"call":"report","step":3,"metrics":{"loss":0.2,"accuracy":0.91}}"#);
    assert!(matches!(named, Call::Report(Report { step: 3, .. })), "{named:?}");
    let constraint = call(r#"{"call":"set_constraint","name":"memory_gb","value":-3.5}"#);
    let name = "memory_gb".to_owned();
    assert_eq!(constraint, Call::SetConstraint { name, value: -3.5 });
    let named = r#"{"call":"result","state":"complete","values":{"b":"inf","a":1}}"#;
    let values = [("a".to_owned(), 1.0), ("b".to_owned(), f64::INFINITY)];
    assert_eq!(call(named), Call::Complete(values.into()));
    let attr = call(r#"{"call":"set_user_attr","name":"ü","value":{"a":[null]}}"#);
    let value = serde_json::json!({"a": [null]});
    assert_eq!(attr, Call::SetUserAttr { name: "ü".to_owned(), value });
    let result = |given| Call::Result(given);
    for (line, given) in [
        (r#""complete","values":[0.1,"nan",2]"#, Given::Complete(vec![0.1, f64::NAN, 2.0])),
        (r#""pruned""#, Given::Pruned),
        (r#""fail","reason":"why""#, Given::Fail("why".to_owned())),
        (r#""fail""#, Given::Fail("it gave no reason".to_owned())),
        (r#""hand_back","reason":"busy""#, Given::HandBack("busy".to_owned())),
        (r#""unfit","reason":"no data""#, Given::Unfit("no data".to_owned())),
    ] {
        let line = format!(r#"{{"call":"result","state":{line}}}"#);
        assert_eq!(call(&line), result(given));
    }
}

#[test]
fn what_is_saved_is_a_file() {
    assert_eq!(call(r#"{"call":"load_checkpoint"}"#), Call::LoadCheckpoint);
    let file = || Content::File("/a/model ü.pt".into());
    let saved = call(r#"{"call":"save_checkpoint","step":7,"path":"/a/model ü.pt"}"#);
    assert_eq!(saved, Call::SaveCheckpoint { step: 7, content: file() });
    let moved = call(r#"{"call":"save_checkpoint","step":7,"path":"/a/b","move":true}"#);
    assert_eq!(moved, Call::SaveCheckpoint { step: 7, content: Content::Given("/a/b".into()) });
    let artifact = |name: &str, media_type: &str| {
        let (name, media_type) = (name.to_owned(), media_type.to_owned());
        Call::SaveArtifact { name, media_type, content: file() }
    };
    let line = r#"{"call":"save_artifact","path":"/a/model ü.pt"#;
    assert_eq!(call(&format!(r#"{line}"}}"#)), artifact("model ü.pt", ""));
    let named = call(&format!(r#"{line}","name":"x/y","media_type":"image/png"}}"#));
    assert_eq!(named, artifact("x/y", "image/png"));
}

#[test]
fn what_is_wrong_is_said_with_a_hint() {
    for (line, said) in [
        (r#"{"call":"reprot"}"#, "there is no call `reprot`; did you mean `report`?"),
        (r#"{"call":"set-user-attr"}"#, "did you mean `set_user_attr`?"),
        (r#"{"call":"x"}"#, "there are hello, report"),
        ("{}", "names no `call`; it is a text: one of hello"),
        ("", "the line is not JSON"),
        ("[1]", "expected a JSON object"),
        ("\u{0}\u{1}", "each line is one JSON object"),
        (
            r#"{"call":"hello","version":2}"#,
            "speaks version 1 of the trial's socket, not version 2",
        ),
        (r#"{"call":"hello"}"#, "names no `version`"),
        (r#"{"call":"report","value":1}"#, "`step` is missing; steps are whole numbers"),
        (r#"{"call":"report","step":-1,"value":1}"#, "`step` is -1"),
        (r#"{"call":"report","step":0.5,"value":1}"#, "`step` is 0.5"),
        (r#"{"call":"report","step":1,"value":"high"}"#, "`value` is \"high\"; expected a number"),
        (r#"{"call":"report","step":1,"value":NaN}"#, "JSON has no such numbers"),
        (r#"{"call":"result"}"#, "`state` is missing; it is one of complete"),
        (r#"{"call":"result","state":"completed"}"#, "did you mean `complete`?"),
        (
            r#"{"call":"result","state":"complete"}"#,
            "`values` is missing; it has a number for each objective",
        ),
        (r#"{"call":"result","state":"complete","values":[]}"#, "`values` is []"),
        (r#"{"call":"result","state":"complete","values":[null]}"#, "`values` contains null"),
        (r#"{"call":"result","state":"fail","reason":1}"#, "`reason` is 1"),
        (
            r#"{"call":"result","state":"complete","values":{"a":true}}"#,
            "`a` of the `values` is true; expected a number",
        ),
        (r#"{"call":"set_constraint","value":1}"#, "`name` is missing"),
        (r#"{"call":"set_constraint","name":"a"}"#, "`value` is missing; expected a number"),
        (r#"{"call":"save_checkpoint","path":"/a"}"#, "`step` is missing"),
        (r#"{"call":"save_checkpoint","step":1}"#, "`path` is missing; it is the full path"),
        (r#"{"call":"save_checkpoint","step":1,"path":"a"}"#, "`path` is \"a\"; it is a full path"),
        (r#"{"call":"save_checkpoint","step":1,"path":"/a\u0000"}"#, "it is a full path"),
        (r#"{"call":"save_checkpoint","step":1,"path":"/a","move":1}"#, "`move` is 1; true gives"),
        (r#"{"call":"save_artifact","path":"/a","name":1}"#, "`name` is 1; it is a text"),
        (r#"{"call":"save_artifact","path":"/a","media_type":1}"#, "`media_type` is 1"),
        (r#"{"call":"set_user_attr","value":1}"#, "`name` is missing"),
        (r#"{"call":"set_user_attr","name":"a"}"#, "`value` is missing"),
    ] {
        let found = complaint(line);
        assert!(found.contains(said), "{line}: {found}");
    }
    assert!(read(&[0xff, 0xfe]).is_err());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(deep.as_bytes()).is_err());
}

#[test]
fn what_was_found_is_repeated_shortly() {
    let long = "é".repeat(100_000);
    let said = complaint(&format!(r#"{{"call":"{long}"}}"#));
    assert!(said.len() < 300, "{said}");
}
