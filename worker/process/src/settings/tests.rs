//! Whole tables, as a study file gives them.

use serde_json::{Value, json};

use super::*;

fn command(table: &Value) -> Result<Command, SettingsError> {
    Command::read(table.as_object().expect("a table"))
}

/// The settings of a command, with one more key.
fn with(key: &str, value: &Value) -> Result<Command, SettingsError> {
    let mut table = json!({"command": ["python", "train.py"]});
    table[key] = value.clone();
    command(&table)
}

fn error(key: &str, value: &Value) -> String {
    with(key, value).expect_err("an error").to_string()
}

#[test]
fn a_command_alone_is_enough() {
    let settings = command(&json!({"command": ["./train"]})).expect("settings");
    assert_eq!(settings.words.program("python3").as_deref(), Some("./train"));
    assert_eq!(settings.metric, None);
    let common = Common {
        directory: None,
        env: BTreeMap::new(),
        timeout: None,
        grace: Duration::from_secs(5),
        gpus: None,
        memory: None,
        interpreter: "python3".to_owned(),
        user: JsonMap::new(),
    };
    assert_eq!(settings.common, common);
    let python = Python::read(json!({"function": "train:objective"}).as_object().expect("a table"));
    assert_eq!(python.expect("settings").common, common);
}

#[test]
fn every_key_can_be_set() {
    let settings = command(&json!({
        "command": ["${interpreter}", "train.py", "${args}"], "metric": "val accuracy", "interpreter": "/opt/python",
        "directory": "code", "env": {"A": "x", "OMP_NUM_THREADS": 4}, "timeout": "1h30m", "grace": "500ms",
        "gpus": 2, "memory": "4GiB", "settings": {"epochs": 3}
    }));
    let settings = settings.expect("settings");
    assert_eq!(settings.metric, Some("val accuracy".to_owned()));
    let user = json!({"epochs": 3}).as_object().cloned().expect("a table");
    assert_eq!(
        settings.common,
        Common {
            directory: Some("code".into()),
            env: [("A", "x"), ("OMP_NUM_THREADS", "4")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            timeout: Some(Duration::from_mins(90)),
            grace: Duration::from_millis(500),
            gpus: Some(2),
            memory: Some(4 << 30),
            interpreter: "/opt/python".to_owned(),
            user,
        }
    );
}

#[test]
fn what_is_required_is_missed() {
    assert_eq!(
        command(&json!({})).expect_err("an error").to_string(),
        "objective.command: missing; write command = [\"python\", \"train.py\", \"${args}\"]"
    );
    let none = Python::read(&JsonMap::new()).expect_err("an error").to_string();
    assert_eq!(none, "objective.function: missing; write function = \"module:function\"");
}

#[test]
fn a_key_that_does_not_belong_here_is_refused() {
    for (key, expected) in [
        ("time_out", "unknown key; did you mean `timeout`?"),
        ("metrics", "unknown key; did you mean `metric`?"),
        ("function", "unknown key; it belongs to kind = \"python\", this is \"command\""),
        ("learning_rate", "unknown key; expected one of `command`, `metric`, `directory`"),
    ] {
        let error = error(key, &json!("x"));
        assert!(error.starts_with(&format!("objective.{key}: {expected}")), "{error}");
    }
    let python = json!({"function": "a:b", "command": ["x"]});
    let error = Python::read(python.as_object().expect("a table")).expect_err("an error").message;
    assert_eq!(error, "unknown key; it belongs to kind = \"command\", this is \"python\"");
}

#[test]
fn both_kinds_may_name_their_metric() {
    let python = json!({"function": "a:b", "metric": "accuracy"});
    let settings = Python::read(python.as_object().expect("a table")).expect("settings");
    assert_eq!(settings.metric, Some("accuracy".to_owned()));
}

#[test]
fn a_value_of_another_kind_or_out_of_bounds_is_refused_with_what_was_found() {
    for (key, value, expected) in [
        (
            "timeout",
            json!(90),
            "expected a duration in quotes, such as \"90s\", \"30m\" or \"1h30m\", found 90",
        ),
        (
            "timeout",
            json!("soon"),
            "expected a duration in quotes, such as \"90s\", \"30m\" or \"1h30m\", found \"soon\"",
        ),
        ("timeout", json!("0s"), "expected 1ms to 366d, found \"0s\""),
        ("grace", json!("2d"), "expected 0ms to 1d, found \"2d\""),
        ("memory", json!("1MB"), "expected 1MiB to 1PiB, found \"1MB\""),
        ("memory", json!(4), "expected a size in quotes, such as \"512MB\" or \"4GiB\", found 4"),
        ("gpus", json!(65), "expected a whole number from 0 to 64, found 65"),
        ("gpus", json!(-1), "expected a whole number from 0 to 64, found -1"),
        ("gpus", json!(0.5), "expected a whole number from 0 to 64, found 0.5"),
        ("directory", json!(""), "expected a path of 1 to 4096 bytes, found 0 bytes"),
        (
            "directory",
            json!("~/code"),
            "expected a path: there is no shell that would know what `~` is, found \"~/code\"",
        ),
        ("directory", json!("a\0b"), "expected text without a NUL byte"),
        ("interpreter", json!(["python"]), "expected text in quotes, found a list"),
        (
            "metric",
            json!(" accuracy"),
            "expected the name of a metric, without space around it, found \" accuracy\"",
        ),
        (
            "metric",
            json!("accuracy="),
            "expected the name alone, as in `accuracy=0.91`, without quotes, `=`, `:` or commas, found \"accuracy=\"",
        ),
        ("settings", json!("x"), "expected a table, [objective.settings], found \"x\""),
        (
            "settings",
            json!({"x": "y".repeat(256 * 1024)}),
            "expected at most 262144 bytes of JSON, found 262152",
        ),
        (
            "command",
            json!("python train.py"),
            "expected a list of words, [\"python\", \"train.py\", \"${args}\"], as there is no shell, found \"python train.py\"",
        ),
        (
            "command",
            json!([]),
            "expected 1 to 1024 words, [\"python\", \"train.py\", \"${args}\"], found 0",
        ),
        ("command", json!(["python", 3]), "word 2: expected text in quotes, found 3"),
        (
            "command",
            json!(["python", "${arg}"]),
            "word 2: unknown macro `${arg}`; did you mean `${args}`?",
        ),
        (
            "command",
            json!(["python", "x".repeat(1 << 17)]),
            "word 2: expected at most 131071 bytes, found 131072",
        ),
        (
            "command",
            json!(vec!["x"; 1025]),
            "expected 1 to 1024 words, [\"python\", \"train.py\", \"${args}\"], found 1025",
        ),
    ] {
        assert_eq!(error(key, &value), format!("objective.{key}: {expected}"));
    }
}

#[test]
fn an_environment_variable_that_cannot_be_set_is_refused_by_its_name() {
    for (name, value, expected) in [
        ("FLAG", json!(true), "objective.env.FLAG: expected text in quotes, found true"),
        ("X", json!(0.5), "objective.env.X: expected text in quotes, found 0.5"),
        ("X", json!("a\0b"), "objective.env.X: expected text without a NUL byte"),
        (
            "X",
            json!("x".repeat(40_000)),
            "objective.env.X: expected at most 32768 bytes, found 40000",
        ),
        (
            "A=B",
            json!("x"),
            "objective.env.A=B: expected the name of a variable: 1 to 256 bytes without `=`, found \"A=B\"",
        ),
        (
            "KINDLING_SEED",
            json!("1"),
            "objective.env.KINDLING_SEED: the worker itself sets what begins with KINDLING_",
        ),
        (
            "CUDA_VISIBLE_DEVICES",
            json!("1"),
            "objective.env.CUDA_VISIBLE_DEVICES: the worker itself sets it; `gpus` says",
        ),
    ] {
        let error = error("env", &json!({name: value}));
        assert!(error.starts_with(expected), "{error}");
    }
    let many: JsonMap = (0..257).map(|n| (format!("V{n}"), json!("x"))).collect();
    assert_eq!(
        error("env", &many.into()),
        "objective.env: expected at most 256 variables, found 257"
    );
}
