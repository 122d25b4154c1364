//! Command lines, and what becomes of them.

use clap::Parser as _;
use kindling_study::{Choice, Distribution, FloatScale};

use super::words::Command;
use super::{TuneArgs, hint_at_dashes, study};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: TuneArgs,
}

fn args(options: &[&str], command: &[&str]) -> TuneArgs {
    let line = [&["tune"], options, &["--"], command].concat();
    Line::try_parse_from(line).expect("a command line").args
}

fn read(words: &[&str]) -> anyhow::Result<Command> {
    Command::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

/// The distribution that a placeholder describes, after all checks.
fn distribution(placeholder: &str) -> Distribution {
    let args = args(&["--maximize", "accuracy"], &["train", placeholder]);
    let (_, spec) = study(&args).expect(placeholder);
    spec.space.params()[0].distribution.clone()
}

/// The error for a command line, with its carets.
fn error(word: &str) -> String {
    let args = args(&["--maximize", "accuracy"], &["train", word]);
    study(&args).expect_err(word).to_string()
}

#[test]
fn placeholders_say_what_a_study_file_would() {
    let float = |low, high, scale| Distribution::Float { low, high, scale };
    let int = |low, high, step, log| Distribution::Int { low, high, step, log };
    for (placeholder, expected) in [
        ("{x: 1e-5..1e-1 log}", float(1e-5, 1e-1, FloatScale::Log)),
        ("{x: 0.0..1.0}", float(0.0, 1.0, FloatScale::Linear)),
        ("{x:0..1.}", float(0.0, 1.0, FloatScale::Linear)),
        ("{x: 0..1e0}", float(0.0, 1.0, FloatScale::Linear)),
        ("{x: -.5 .. 0.5}", float(-0.5, 0.5, FloatScale::Linear)),
        ("{x: 0.0..1.0 step 0.25}", float(0.0, 1.0, FloatScale::Step(0.25))),
        ("{x: 0.0..10.0 step 5}", float(0.0, 10.0, FloatScale::Step(5.0))),
        ("--x={x: 1..8}", int(1, 8, 1, false)),
        ("{  x  :  -8..-1  }", int(-8, -1, 1, false)),
        ("{x: 16..256 log}", int(16, 256, 1, true)),
        ("{x: 0..100 step 10}", int(0, 100, 10, false)),
        ("{x: -9223372036854775808..-9223372036854775807}", int(i64::MIN, i64::MIN + 1, 1, false)),
    ] {
        assert_eq!(distribution(placeholder), expected, "{placeholder}");
    }
}

#[test]
fn choices_have_the_types_that_a_study_file_would_give_them() {
    let text = |text: &str| Choice::Text(text.to_owned());
    let (int, float, bool) = (Choice::Int, Choice::Float, Choice::Bool);
    for (placeholder, choices) in [
        ("{x: adam|sgd}", vec![text("adam"), text("sgd")]),
        ("{x: adam | sgd }", vec![text("adam"), text("sgd")]),
        ("{x: 1|2.5|1e3|-4}", vec![int(1), float(2.5), float(1000.0), int(-4)]),
        ("{x: 007|-0|0}", vec![text("007"), text("-0"), int(0)]),
        ("{x: true|false|True}", vec![bool(true), bool(false), text("True")]),
        (r#"{x: "1"|1|"true"|""}"#, vec![text("1"), int(1), text("true"), text("")]),
        (r#"{x: "a|b"|"}"|"\"\\"|"a b"}"#, vec![text("a|b"), text("}"), text("\"\\"), text("a b")]),
        (r#"{x: None|none|"None"|3}"#, vec![Choice::None, text("none"), text("None"), int(3)]),
        (r#"{x: "1"}"#, vec![text("1")]),
        ("{x: a.b|c..d|1..2}", vec![text("a.b"), text("c..d"), text("1..2")]),
        ("{x: 研究|$(touch x)|inf}", vec![text("研究"), text("$(touch x)"), text("inf")]),
    ] {
        let expected = Distribution::Categorical { choices };
        assert_eq!(distribution(placeholder), expected, "{placeholder}");
    }
}

#[test]
fn words_become_words_of_a_study_file() {
    for (word, expected) in [
        ("{x: 1..2}", "${param:x}"),
        ("--x={x: 1..2}", "--x=${param:x}"),
        ("{x: 1..2}/{x}.{trial}", "${param:x}/${param:x}.${trial}"),
        ("a{{b}}{x: 1..2}", "a{b}${param:x}"),
        ("{{\"a\": {x: 1..2}}}", "{\"a\": ${param:x}}"),
        ("{{{x: 1..2}}}", "{${param:x}}"),
        ("{a/b.c-d: 1..2}", "${param:a/b.c-d}"),
        ("$HOME {x: 1..2} $", "$HOME ${param:x} $"),
        ("${{seed}} {x: 1..2}", "$${seed} ${param:x}"),
        ("{x: 1..2}\n\t\u{7f}'\"", "${param:x}\n\t\u{7f}'\""),
        ("{seed: 1..2}{seed}", "${param:seed}${param:seed}"),
    ] {
        assert_eq!(read(&[word]).expect(word).words, [expected], "{word}");
    }
    // A parameter may be named before it is described.
    let words = ["", "{x}", "{x: 1..2}", "-x"];
    assert_eq!(read(&words).expect("words").words, ["", "${param:x}", "${param:x}", "-x"]);
}

#[test]
fn several_metrics_and_constraints_become_a_study_of_them() {
    let options =
        ["--minimize", "latency ms", "--maximize", "accuracy", "--constraint", "memory_gb"];
    let (text, spec) = study(&args(&options, &["train", "{x: 1..2}"])).expect("a study");
    let directions = "directions = { accuracy = \"maximize\", \"latency ms\" = \"minimize\" }";
    assert!(text.contains(&format!("{directions}\nconstraints = [\"memory_gb\"]\n")), "{text}");
    assert_eq!(*spec.metrics.names, ["accuracy".into(), "latency ms".into()]);
    let (text, spec) = study(&args(&options[2..], &["train", "{x: 1..2}"])).expect("a study");
    assert!(text.contains("direction = \"maximize\"") && text.contains("metric = \"accuracy\""));
    assert_eq!(spec.metrics.names.len(), 0, "one alone is as it always was");
    let twice = args(&["--maximize", "a", "--minimize", "a"], &["train", "{x: 1..2}"]);
    let error = study(&twice).expect_err("twice").to_string();
    assert!(error.starts_with("the metric `a` is there twice"), "{error}");
}

#[test]
fn every_mistake_is_pointed_at() {
    for (word, message, at, hint) in [
        ("{x: 1..2", "`{` without a `}` after it", "{", "twice: {{ and }}"),
        ("a}{x: 1..2}", "`}` without a `{` before it", "}", "twice: {{ and }}"),
        ("{x: 1..2}}", "`}` without a `{` before it", "}", "twice: {{ and }}"),
        (r#"{"lr": 0.1}"#, "`\"lr\"` is not the name", r#""lr""#, "twice: {{ and }}"),
        ("{}", "without a name", "{}", "{NAME: LOW..HIGH}"),
        ("{ : 1..2}", "without a name", "{ : 1..2}", "{NAME: A|B|C}"),
        ("{print $1}", "`print $1` is not the name", "print $1", "twice: {{ and }}"),
        ("${x: 1..2}", "`$` right before a placeholder", "$", "without the `$`"),
        ("${HOME}", "`$` right before a placeholder", "$", "or ${{HOME}} for that very text"),
        ("{x: 1e-5...1e-1}", "3 dots between the bounds", "...", "0.1..0.5"),
        ("{x: 0...5}", "3 dots between the bounds", "...", "0.1..0.5"),
        ("{x: 1....2}", "4 dots between the bounds", "....", "0.1..0.5"),
        ("{x: }", "nothing after the colon", ":", "between the braces"),
        ("{x: adam}", "`adam` is neither a range", "adam", "adam|sgd"),
        ("{x: 0.1}", "`0.1` is neither a range", "0.1", "{{ or }}"),
        ("{x: ..2}", "LOW is missing", "^", "1..10"),
        ("{x: 1..}", "HIGH is missing", "^", "1..10"),
        ("{x: 1..x}", "`x` is not a number", "x", "1..10"),
        ("{x: 1..nan}", "`nan` is not a number", "nan", "1..10"),
        ("{x: 1e999..2}", "`1e999` is not a number", "1e999", "1..10"),
        ("{x: 1..2..3}", "`2..3` is not a number", "2..3", "1..10"),
        ("{x: 1..99999999999999999999}", "is not a number", "99999999999999999999", "1..10"),
        ("{x: 1..2 lin}", "`lin` cannot follow", "lin", "`log` and `step S`"),
        ("{x: 1..2 log log}", "`log` cannot follow", "log", "each once"),
        ("{x: 1..2 step}", "`step` without a number", "step", "0..100 step 10"),
        ("{x: 1..2 step x}", "`x` is not a number", "x", "1..10"),
        ("{x: 0..1 step 0.1}", "the bounds are whole numbers", "0.1", "0.0..1.0 step 0.1"),
        ("{x: a|}", "a choice is missing", "|", "in quotes"),
        ("{x: a||b}", "a choice is missing", "|", "in quotes"),
        (r#"{x: "a"b|c}"#, "is not text in quotes", r#""a"b"#, "in quotes"),
        ("{x: 1..2}{y}", "`y` is described nowhere", "{y}", "{y: LOW..HIGH}"),
        ("{x: 1..2}{trail}", "`trail` is described nowhere", "{trail}", "did you mean {trial}?"),
        ("{x: 1..2}{x: 1..3}", "`x` is described twice", "{x: 1..3}", "write {x}"),
        // What a study file's checks find.
        ("a {x: 2..1}", "`x`: ", "{x: 2..1}", "--help"),
        ("{x: 0..1 log}", "`x`: ", "{x: 0..1 log}", "it takes whole numbers"),
        ("{x: 0.0..1.0 log}", "`x`: ", "{x: 0.0..1.0 log}", "--help"),
        ("{x: 0.1..1.0 log step 0.1}", "`x`: ", "{x: 0.1..1.0 log step 0.1}", "--help"),
        ("{x: a|a}", "`x`: ", "{x: a|a}", "--help"),
        ("{a.b: 2..1}", "`a.b`: ", "{a.b: 2..1}", "--help"),
    ] {
        let error = error(word);
        let lines: Vec<_> = error.lines().collect();
        let [first, shown, carets, last] = lines[..] else { panic!("{word}: {error}") };
        assert!(first.contains(message) && last.contains(hint), "{word}: {error}");
        let below: String =
            shown.chars().zip(carets.chars()).filter(|(_, c)| *c == '^').map(|(c, _)| c).collect();
        assert!(below == at || (at == "^" && carets.trim() == "^"), "{word}: {error}");
    }
}

#[test]
fn a_range_of_two_whole_numbers_is_noted() {
    let words = ["{dropout: 0..1}", "{x: 0.0..1.0}", "{y: 0..2}", "{z: -1..0}"];
    let expected = [
        "`dropout` takes whole numbers, 0 or 1; write 0.0..1.0 for all numbers between",
        "`z` takes whole numbers, -1 or 0; write -1.0..0.0 for all numbers between",
    ];
    assert_eq!(read(&words).expect("words").notes(), expected);
    let ends = format!("{{x: {}..{}}}", i64::MIN, i64::MAX);
    assert!(read(&[&ends]).expect("words").notes().is_empty());
}

#[test]
fn a_command_without_the_dashes_before_it_is_told_to_put_them() {
    for line in [
        &["tune", "--maximize", "a", "python3", "x.py", "--lr", "{lr: 0.1..1.0}"][..],
        &["tune", "--maximize", "a", "./train"],
    ] {
        let mut error = Line::try_parse_from(line).err().expect("refused");
        hint_at_dashes(&mut error);
        let text = error.to_string();
        assert!(text.contains("put `--` before the command"), "{text}");
    }
    let line = ["tune", "--maximize", "a", "--trails", "3"];
    let mut error = Line::try_parse_from(line).err().expect("refused");
    hint_at_dashes(&mut error);
    assert!(!error.to_string().contains("put `--`"), "{error}");
}

#[test]
fn a_command_without_a_placeholder_is_told_how_to_write_one() {
    assert!(error("--lr=0.1").contains("no parameter to tune\nhint: put a placeholder"));
}

#[test]
fn options_become_keys_of_the_file() {
    let options = [
        "--minimize",
        "loss",
        "--trials",
        "7",
        "--seed",
        "9",
        "--timeout",
        "2h",
        "--pruner",
        "median",
        "--sampler",
        "random",
        "--name",
        "a \"b\"",
    ];
    let command = [
        "python",
        "train.py",
        "--lr",
        "{lr: 1e-5..1e-1 log}",
        "{opt: adam|\"1\"|1}",
        "{n.k: 1..9 step 2}",
    ];
    let (text, _) = study(&args(&options, &command)).expect("a study");
    let expected = r#"name = "a \"b\""
direction = "minimize"
trials = 7
seed = 9

[sampler]
kind = "random"

[pruner]
kind = "median"

[objective]
kind = "command"
command = ["python", "train.py", "--lr", "${param:lr}", "${param:opt}", "${param:n.k}"]
metric = "loss"
timeout = "2h"

[space.lr]
type = "float"
low = 1e-5
high = 0.1
log = true

[space.opt]
type = "categorical"
choices = ["adam", "1", 1]

[space."n.k"]
type = "int"
low = 1
high = 9
step = 2
"#;
    assert_eq!(text, expected);
    let defaults = args(&["--maximize", "accuracy"], &["python", "train.py", "{x: 1..2}"]);
    let (text, spec) = study(&defaults).expect("a study");
    assert!(!text.contains("pruner") && !text.contains("timeout"), "{text}");
    assert_eq!((spec.name.as_str(), spec.trials, spec.seed), ("train", 100, 0));
}

#[test]
fn words_of_any_characters_survive_the_file() {
    let odd: String =
        (1..0x250).filter_map(char::from_u32).filter(|c| !"{}".contains(*c)).collect();
    let args = args(&["--maximize", "m"], &["p", "{x: 1..2}", &odd, "\u{10ffff}", "a\r\nb"]);
    let (_, spec) = study(&args).expect("a study");
    let expected = ["p", "${param:x}", &odd, "\u{10ffff}", "a\r\nb"];
    assert_eq!(spec.objective.settings["command"], serde_json::json!(expected));
}

#[test]
fn an_option_that_a_study_cannot_have_is_named() {
    for (options, expected) in [
        (&["--maximize", "m", "--pruner", "medain"][..], "--pruner: "),
        (&["--maximize", "m", "--sampler", "tp"], "--sampler: "),
        (&["--maximize", "m", "--timeout", "2 moons"], "--timeout: "),
        (&["--maximize", "a=b"], "the metric: "),
        (&["--maximize", "m", "--name", ""], "--name: "),
        (&["--maximize", "m", "--seed", "9223372036854775808"], "--seed: "),
    ] {
        let error = study(&args(options, &["p", "{x: 1..2}"])).expect_err("refused").to_string();
        assert!(error.starts_with(expected) && error.contains("\nhint: "), "{options:?}: {error}");
    }
}

#[test]
fn a_goal_and_a_command_are_needed() {
    for line in
        [&["tune", "--", "p"][..], &["tune", "--maximize", "a"], &["tune", "--maximize", "a", "p"]]
    {
        assert!(Line::try_parse_from(line).is_err(), "{line:?}");
    }
}
