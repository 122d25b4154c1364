//! What macros become, and that values arrive as they are.

use std::path::Path;
use std::process::Command;

use kindling_worker::{ParamValue, TrialFacts};
use proptest::prelude::*;

use super::*;

fn facts() -> TrialFacts {
    let params = [
        ("learning_rate", ParamValue::Float(1e-5)),
        ("layers", ParamValue::Int(2)),
        ("nesterov", ParamValue::Bool(false)),
        ("optimizer", ParamValue::Text("adam".to_owned())),
    ];
    TrialFacts {
        study: "mine".to_owned(),
        number: 3,
        attempt: 1,
        params: params.map(|(name, value)| (name.to_owned(), value)).into(),
        seed: u64::MAX,
        study_seed: 7,
        ..TrialFacts::default()
    }
}

fn parse(words: &[&str]) -> Result<Words, WordError> {
    Words::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
}

fn expand(words: &[&str], trial: &TrialFacts) -> Result<Vec<String>, String> {
    let facts = Facts {
        trial,
        device: "cuda:0",
        interpreter: "python3.12",
        params_file: Some(Path::new("/tmp/params.json")),
    };
    let arguments = parse(words).expect("known macros").expand(&facts)?;
    Ok(arguments.into_iter().map(|argument| argument.into_string().expect("UTF-8")).collect())
}

#[test]
fn every_macro_becomes_what_the_page_says() {
    let trial = facts();
    for (word, expected) in [
        ("plain", "plain"),
        ("", ""),
        (
            "${args_json}",
            r#"{"layers":2,"learning_rate":0.00001,"nesterov":false,"optimizer":"adam"}"#,
        ),
        ("${args_json_file}", "/tmp/params.json"),
        ("--config=${params_file}", "--config=/tmp/params.json"),
        ("${param:learning_rate}", "1e-05"),
        ("--n=${param:layers}x${param:layers}", "--n=2x2"),
        ("${seed}", "18446744073709551615"),
        ("${study_seed}", "7"),
        ("--out=${study}/run-${trial}.${attempt}", "--out=mine/run-3.1"),
        ("${device}", "cuda:0"),
        ("${interpreter}", "python3.12"),
        ("${env}", "/usr/bin/env"),
        ("$${trial}", "${trial}"),
        ("$$${trial}", "$${trial}"),
        ("$trial $$ $", "$trial $$ $"),
        ("{trial}", "{trial}"),
    ] {
        assert_eq!(expand(&["program", word], &trial).expect(word)[1..], [expected], "{word}");
    }
}

#[test]
fn args_are_an_argument_for_each_parameter() {
    assert_eq!(
        expand(&["p", "${args}", "end"], &facts()).expect("arguments"),
        ["p", "--layers=2", "--learning_rate=1e-05", "--nesterov=False", "--optimizer=adam", "end"]
    );
    assert_eq!(
        expand(&["p", "${args_no_hyphens}"], &facts()).expect("arguments"),
        ["p", "layers=2", "learning_rate=1e-05", "nesterov=False", "optimizer=adam"]
    );
    assert_eq!(expand(&["p", "${args}"], &TrialFacts::default()).expect("no parameter"), ["p"]);
}

#[test]
fn a_macro_that_is_not_known_is_refused_with_the_one_that_was_meant() {
    for (word, expected) in [
        ("${arg}", "unknown macro `${arg}`; did you mean `${args}`?"),
        ("x${paramsfile}", "unknown macro `${paramsfile}`; did you mean `${params_file}`?"),
        ("${params:lr}", "unknown macro `${params:lr}`; did you mean `${param:lr}`?"),
        ("${parm: lr}", "unknown macro `${parm: lr}`; did you mean `${param:lr}`?"),
        (
            "${HOME}",
            "unknown macro `${HOME}`; a parameter's value is `${param:NAME}`; expected that or one of `args`",
        ),
        ("${}", "unknown macro `${}`"),
        ("${param:}", "`${param:}` names no parameter"),
        ("${trial", "`${` without its `}` in \"${trial\"; for one of your own write `$${`"),
        ("--x=${args}", "`${args}` becomes several arguments, so it must be a word of its own"),
        ("a\0b", "expected text without a NUL byte"),
    ] {
        let WordError { word: at, message } = parse(&["p", word]).expect_err(word);
        assert!(at == 1 && message.starts_with(expected), "{message}");
    }
}

#[test]
fn the_first_word_is_a_program() {
    for (word, expected) in [("", "an empty word"), ("${args}", "found `${args}`")] {
        let message = parse(&[word]).expect_err(word).message;
        assert!(
            message.starts_with("expected a program") && message.ends_with(expected),
            "{message}"
        );
    }
    let program = |word| parse(&[word]).expect("a program").program("python3.12");
    assert_eq!(program("${interpreter}").as_deref(), Some("python3.12"));
    assert_eq!(program("${env}").as_deref(), Some("/usr/bin/env"));
    assert_eq!(program("./train-${trial}"), None);
}

#[test]
fn a_parameter_that_is_not_active_fails_the_trial_and_names_those_that_are() {
    let error = expand(&["p", "${param:momentum}"], &facts()).expect_err("not active");
    assert_eq!(
        error,
        "`${param:momentum}`: that parameter is not active in this trial, which has `layers`, `learning_rate`, \
         `nesterov`, `optimizer`"
    );
    let error = expand(&["p", "${param:x}"], &TrialFacts::default()).expect_err("none is");
    assert!(error.ends_with("no parameter is active in this trial"), "{error}");
}

#[test]
fn only_who_asks_for_the_file_of_the_parameters_needs_it() {
    let wants = |word| parse(&["p", word]).expect("known").wants_params_file();
    assert!(wants("${params_file}") && wants("x=${args_json_file}"));
    assert!(!wants("${args_json}") && !wants("$${params_file}"));
}

#[test]
fn what_no_process_could_be_given_is_an_error() {
    let with = |text: String| {
        let mut trial = facts();
        trial.params.insert("optimizer".to_owned(), ParamValue::Text(text));
        trial
    };
    let words = ["p", "${param:optimizer}"];
    let nul = expand(&words, &with("a\0b".to_owned())).expect_err("a NUL byte");
    assert!(nul.starts_with("no argument can hold a NUL byte"), "{nul}");
    let long = expand(&words, &with("x".repeat(128 * 1024))).expect_err("too long");
    assert!(
        long.starts_with("an argument would have 131072 bytes, expected at most 131071"),
        "{long}"
    );
    let many = ["${param:optimizer}"; 9];
    let all = expand(&many, &with("x".repeat(120 * 1024))).expect_err("too long together");
    assert!(all.starts_with("the arguments would have 1105929 bytes"), "{all}");
    let empty = expand(&["${param:optimizer}"], &with(String::new())).expect_err("no program");
    assert_eq!(empty, "the program's name would be empty");
}

/// Any text without a NUL byte, and often what a shell or a parser of arguments would trip over.
fn awkward() -> impl Strategy<Value = String> {
    let known = [
        "", "-", "--help", "-x=1", "a b", "'", "\"", "\n", "$(id)", "`id`", "${args}", "$${", "\\",
        "*", "ä😀", "=", "\r\n",
    ];
    let known = proptest::sample::select(known.to_vec()).prop_map(str::to_owned);
    prop_oneof![known, any::<String>().prop_map(|text| text.replace('\0', ""))]
}

proptest! {
    #[test]
    fn a_value_is_put_in_as_it_is(value in awkward(), around in awkward()) {
        let mut trial = facts();
        trial.params = [("x".to_owned(), ParamValue::Text(value.clone()))].into();
        let literal = around.replace("${", "$${");
        let words = ["p", &format!("{literal}|${{param:x}}|"), "${args}", "${args_json}"];
        let arguments = expand(&words, &trial).expect("no NUL byte");
        prop_assert_eq!(&arguments[1], &format!("{around}|{value}|"));
        prop_assert_eq!(&arguments[2], &format!("--x={value}"));
        let json: serde_json::Value = serde_json::from_str(&arguments[3]).expect("JSON");
        prop_assert_eq!(json, serde_json::json!({"x": value}));
        prop_assert!(!arguments[3].contains('\n'));
    }

    #[test]
    fn a_float_reads_back_as_the_same_number(bits in any::<u64>()) {
        let x = f64::from_bits(bits);
        prop_assume!(x.is_finite());
        let text = text(&ParamValue::Float(x));
        prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), bits);
        // Python's `float` must not take it for an int, and JSON must hold the same number.
        prop_assert!(text.contains(['.', 'e']));
        let json = value::json(&ParamValue::Float(x)).to_string();
        prop_assert_eq!(serde_json::from_str::<f64>(&json).expect("a number").to_bits(), bits);
    }

    #[test]
    fn any_word_is_parsed_or_refused(word in ".{0,20}|[${}a-z:_]{0,30}") {
        _ = parse(&["p", &word]);
    }
}

#[test]
fn values_arrive_byte_for_byte_in_a_real_process() {
    let values = [
        "--help",
        "-n",
        "a b",
        "'\"`",
        "line\nbreak\n",
        "$(id) ${HOME} `id` *",
        "\\n\\0",
        "ä😀\u{202e}",
        "",
    ];
    for value in values {
        let mut trial = facts();
        trial.params = [("x".to_owned(), ParamValue::Text(value.to_owned()))].into();
        // `printf` of a shell, which would be the first to look into its arguments.
        let words = ["sh", "-c", "printf '%s\\0' \"$@\"", "name", "${param:x}", "${args}"];
        let arguments = expand(&words, &trial).expect("arguments");
        let output = Command::new(&arguments[0]).args(&arguments[1..]).output().expect("sh");
        assert_eq!(
            String::from_utf8(output.stdout).expect("UTF-8"),
            format!("{value}\0--x={value}\0")
        );
    }
}
