//! Tests that the pages in `docs/reference/` match the program.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as _, Command, CommandFactory as _, Id};
use kindling_coordinator::config;
use kindling_mnist_cnn::Settings;
use serde_json::{Value, json};

use crate::source::SourceArgs;
use crate::{Cli, objectives, study_file};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).expect("a page of the repository")
}

// The commands page is generated here.

const COMMANDS: &str = "docs/reference/commands.md";

const HEAD: &str = "\
# Commands

<!-- Made by `UPDATE_DOCS=1 cargo test --bin kindling reference`, out of the program. Changes here are lost. -->

What `kindling COMMAND --help` prints, command by command. The options that many commands share come first, and are left out
below.

Data goes to standard output, everything else to standard error. [Exit codes](exit-codes.md) and
[environment variables](environment.md) have pages of their own.
";

#[test]
fn the_page_of_commands_is_what_they_say_of_themselves() {
    let made = commands();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(file(COMMANDS), &made).expect("the page can be written");
    }
    let is_same = read(COMMANDS) == made;
    assert!(is_same, "`UPDATE_DOCS=1 cargo test --bin kindling reference` makes {COMMANDS} anew");
}

fn commands() -> String {
    let mut cli = Cli::command().bin_name("kindling");
    cli.build();
    let whom = SourceArgs::augment_args(Command::new("whom").disable_help_flag(true));
    let shared = [ids(&cli), ids(&whom)];
    let [of_all, of_some] = [&cli, &whom].map(|command| help(command, "{options}", &[]));
    let mut page = HEAD.to_owned();
    _ = write!(page, "\n## Options of every command\n\n```text\n{of_all}\n```\n");
    _ = write!(
        page,
        "\n## Whom to ask\n\n`study`, `trial` and `report` ask a coordinator, or the file of a store.\n\n\
         ```text\n{of_some}\n```\n"
    );
    for command in commands_below(&cli) {
        describe(command, "kindling", &shared, &mut page);
    }
    page
}

/// Describes a command: its help, or its subcommands.
fn describe(command: &Command, parent: &str, shared: &[Vec<Id>; 2], page: &mut String) {
    let [of_all, of_some] = shared;
    let name = format!("{parent} {}", command.get_name());
    let level = "#".repeat(name.split(' ').count());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    _ = write!(page, "\n{level} {name}\n\n{about}.\n");
    let below = commands_below(command);
    if below.is_empty() {
        let its_own = ids(command);
        let asks = of_some.iter().all(|id| its_own.contains(id));
        let hidden = if asks { [&of_all[..], &of_some[..]].concat() } else { of_all.clone() };
        let help = help(command, "{usage-heading} {usage}\n\n{all-args}{after-help}", &hidden);
        _ = write!(page, "\n```text\n{help}\n```\n");
        if asks {
            page.push_str("\nAnd the options that say [whom to ask](#whom-to-ask).\n");
        }
    }
    for command in below {
        describe(command, &name, shared, page);
    }
}

fn commands_below(command: &Command) -> Vec<&Command> {
    let is_shown = |command: &&Command| command.get_name() != "help" && !command.is_hide_set();
    command.get_subcommands().filter(is_shown).collect()
}

fn ids(command: &Command) -> Vec<Id> {
    command.get_arguments().map(|arg| arg.get_id().clone()).collect()
}

/// The command's long help without hidden arguments, independent of the machine.
fn help(command: &Command, template: &'static str, hidden: &[Id]) -> String {
    let mut shown = command.clone().help_template(template).term_width(100).mut_args(|arg| {
        let is_hidden = arg.is_hide_set() || hidden.contains(arg.get_id());
        arg.hide(is_hidden).hide_env_values(true)
    });
    let help = shown.render_long_help().to_string();
    help.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

// The page on study files is written by hand.

const STUDY_FILES: &str = "docs/reference/study-files.md";

/// A complete study file, which each test extends.
const FILE: &str = r#"
name = "s"
direction = "maximize"
trials = 1
[objective]
kind = "own"
[space.x]
type = "float"
low = 0.1
high = 1
"#;

#[test]
fn the_page_of_study_files_has_every_key_that_is_known_and_no_other() {
    let page = read(STUDY_FILES);
    let mut tables = vec![
        ("Top level".to_owned(), format!("zzz = 1{FILE}")),
        ("Space".to_owned(), format!("{FILE}zzz = 1")),
        ("Confirm".to_owned(), format!("{FILE}[confirm]\nzzz = 1")),
        ("Checkpoints".to_owned(), format!("{FILE}[checkpoints]\nzzz = 1")),
        ("Notify".to_owned(), format!("{FILE}[notify]\nzzz = 1")),
    ];
    for section in ["sampler", "pruner"] {
        for kind in known(&format!("{FILE}[{section}]\nkind = \"zzz\"")) {
            let text = format!("{FILE}[{section}]\nkind = \"{kind}\"\nzzz = 1");
            tables.push((kind, text));
        }
    }
    for (heading, text) in tables {
        let on_page: BTreeSet<_> = table(&page, &heading).into_iter().map(|row| row.key).collect();
        assert_eq!(on_page, known(&text), "{heading}");
    }
    let settings = json!({ "zzz": 1 });
    let objective = objectives::find("mnist_cnn").expect("built in");
    let unknown = objective.check(settings.as_object().expect("one")).expect_err("unknown");
    let on_page: BTreeSet<_> = table(&page, "mnist_cnn").into_iter().map(|row| row.key).collect();
    assert_eq!(on_page, quoted(&unknown.message), "mnist_cnn");
}

#[test]
fn the_page_of_study_files_has_the_defaults() {
    let page = read(STUDY_FILES);
    let compare = |heading: &str, defaults: &Value| {
        for Row { key, default } in table(&page, heading) {
            if let Some(default) = default {
                assert_eq!(default, defaults[&key].to_string(), "{heading}: {key}");
            }
        }
    };
    for section in ["sampler", "pruner"] {
        for kind in known(&format!("{FILE}[{section}]\nkind = \"zzz\"")) {
            let needed = if kind == "hyperband" { "max_resource = 9" } else { "" };
            let text = format!("{FILE}[{section}]\nkind = \"{kind}\"\n{needed}");
            let spec = config::parse(&text).expect("a study");
            let defaults = match section {
                "sampler" => serde_json::to_value(&spec.sampler),
                _ => serde_json::to_value(&spec.pruner),
            };
            compare(&kind, &defaults.expect("JSON"));
        }
    }
    let text =
        format!("{FILE}[space.c]\ntype = \"categorical\"\nchoices = [1]\n[confirm]\nby = [\"c\"]");
    let spec = config::parse(&text).expect("a study");
    compare("Checkpoints", &json!({ "keep": spec.keep_checkpoints }));
    compare("Confirm", &serde_json::to_value(&spec.confirm).expect("JSON"));
    compare("mnist_cnn", &serde_json::to_value(Settings::default()).expect("JSON"));
    let numbers = json!({
        "seed": spec.seed,
        "max_attempts": spec.max_attempts,
        "max_failures_in_a_row": spec.max_failures_in_a_row,
    });
    for Row { key, default } in table(&page, "Top level") {
        if let Some(number) = numbers.get(&key) {
            assert_eq!(default, Some(number.to_string()), "{key}");
        }
    }
}

#[test]
fn every_whole_study_file_on_a_page_is_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    for page in ["docs/own-code.md", "docs/tutorial/own-script.md", STUDY_FILES] {
        let text = read(page);
        let blocks = text.split("```toml\n").skip(1).filter_map(|block| block.split_once("```"));
        let whole: Vec<_> = blocks.filter(|(block, _)| block.starts_with("name = ")).collect();
        assert!(!whole.is_empty(), "{page}");
        for (block, _) in whole {
            let path = folder.path().join("study.toml");
            fs::write(&path, block).expect("a file");
            study_file::read(&path).unwrap_or_else(|error| panic!("{page}: {error:#}"));
        }
    }
}

#[test]
fn every_example_has_a_valid_study_file() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    for example in entries(&examples).into_iter().filter(|path| path.is_dir()) {
        let files = entries(&example);
        let studies: Vec<_> =
            files.iter().filter(|path| path.extension() == Some("toml".as_ref())).collect();
        assert_ne!(studies.len(), 0, "{}", example.display());
        for path in studies {
            study_file::read(path).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
        }
    }
}

/// The names that the program would accept in place of `zzz`.
fn known(text: &str) -> BTreeSet<String> {
    let error = config::parse(text).expect_err("zzz is nothing");
    assert!(error.to_string().contains("zzz"), "{error}");
    quoted(&error.message)
}

fn quoted(message: &str) -> BTreeSet<String> {
    let words = message.split('`').skip(1).step_by(2).filter(|word| *word != "zzz");
    words.map(str::to_owned).collect()
}

/// A row in a table of keys.
struct Row {
    key: String,
    /// The default, if the cell shows it as code, such as `10`.
    default: Option<String>,
}

/// The table of keys below a heading, if there is one.
fn table(page: &str, heading: &str) -> Vec<Row> {
    let is_it = |line: &&str| line.trim_start_matches('#') == format!(" {heading}");
    let below = page.lines().skip_while(|line| !is_it(line)).skip(1);
    let code = |cell: &str| Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split('|');
        let key = code(cells.next()?)?;
        Some(Row { key, default: code(cells.nth(1)?) })
    };
    below.take_while(|line| !line.starts_with('#')).filter_map(row).collect()
}
