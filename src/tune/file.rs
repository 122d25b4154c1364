//! The study file that a command line stands for.

use std::fmt::Write as _;

use super::TuneArgs;
use super::range::{Choice, Spec};
use super::words::{Command, Param};

/// Words of a command in one line of the file.
const LINE: usize = 100;

/// The whole file.
pub(super) fn text(args: &TuneArgs, name: &str, command: &Command) -> String {
    let mut file = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| _ = writeln!(file, "{line}");
    let goals = args.goals();
    line(format_args!("name = {}", quoted(name)));
    match &goals[..] {
        [(direction, _)] => line(format_args!("direction = \"{direction}\"")),
        several => {
            let one =
                |(direction, metric): &(_, &str)| format!("{} = \"{direction}\"", key(metric));
            let directions: Vec<_> = several.iter().map(one).collect();
            line(format_args!("directions = {{ {} }}", directions.join(", ")));
        }
    }
    if !args.constraint.is_empty() {
        let constraints = list(args.constraint.iter().map(|name| quoted(name)));
        line(format_args!("constraints = {constraints}"));
    }
    line(format_args!("trials = {}", args.trials()));
    line(format_args!("seed = {}", args.seed));
    for (section, kind) in [("sampler", &args.sampler), ("pruner", &args.pruner)] {
        if let Some(kind) = kind {
            line(format_args!("\n[{section}]\nkind = {}", quoted(kind)));
        }
    }
    line(format_args!("\n[objective]\nkind = \"command\""));
    line(format_args!("command = {}", list(command.words.iter().map(|word| quoted(word)))));
    // With several, the study names them. This has lines of output count although the script may use the socket.
    line(format_args!("metric = {}", quoted(goals.first().map_or("", |(_, metric)| metric))));
    if let Some(timeout) = &args.timeout {
        line(format_args!("timeout = {}", quoted(timeout)));
    }
    for Param { name, spec, .. } in &command.params {
        line(format_args!("\n[space.{}]", key(name)));
        match spec {
            Spec::Range { low, high, log, step } => {
                let kind = if low.is_float() { "float" } else { "int" };
                line(format_args!("type = \"{kind}\"\nlow = {low}\nhigh = {high}"));
                if *log {
                    line(format_args!("log = true"));
                }
                if let Some(step) = step {
                    line(format_args!("step = {step}"));
                }
            }
            Spec::Choices(choices) => {
                line(format_args!("type = \"categorical\""));
                let none = none_word(choices);
                line(format_args!("choices = {}", list(choices.iter().map(|c| choice(c, &none)))));
                if choices.contains(&Choice::None) {
                    line(format_args!("none = {}", quoted(&none)));
                }
            }
        }
    }
    file
}

/// A key of a table: in quotes, unless it is a plain word.
pub(super) fn key(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) { name.to_owned() } else { quoted(name) }
}

/// The word for none: one that no choice is.
fn none_word(choices: &[Choice]) -> String {
    let mut word = "None".to_owned();
    while choices.contains(&Choice::Text(word.clone())) {
        word.push('_');
    }
    word
}

fn choice(choice: &Choice, none: &str) -> String {
    match choice {
        Choice::None => quoted(none),
        Choice::Number(number) => number.to_string(),
        Choice::Bool(is) => is.to_string(),
        Choice::Text(text) => quoted(text),
    }
}

/// Text in quotes. JSON's are TOML's, but for one character that TOML wants escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A list in one line, or a line for each item.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    let in_a_line = format!("[{}]", items.join(", "));
    if in_a_line.chars().count() <= LINE {
        return in_a_line;
    }
    format!("[\n    {},\n]", items.join(",\n    "))
}
