//! `kindling token …`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use kindling_client::Token;
use kindling_telemetry::say;

use crate::format::hex;
use crate::hint::hinted;
use crate::out::outln;
use crate::secret_file;

/// The size of an AES-256 key.
const BYTES: usize = 32;

#[derive(clap::Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Write a fresh token into each file, for its owner alone to read
    Create {
        /// The files, such as worker.token, client.token and viewer.token
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Leave files that exist as they are
        #[arg(long)]
        keep: bool,
    },
    /// Add a token with a name to the coordinator's file, and hand it out
    Add {
        /// The coordinator's file of tokens; made if it is missing
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Who or what the token is for
        #[arg(value_name = "NAME")]
        name: String,
        /// The file for whoever is to have the token [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// List the tokens of a file: their names and what tells them apart, not the tokens
    List {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take a token out of a file
    Revoke {
        /// The coordinator's file of tokens
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The token's name, as `kindling token list` shows it
        #[arg(value_name = "NAME")]
        name: String,
    },
}

pub(crate) fn token(args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        TokenCommand::Create { files, keep } => {
            files.iter().try_for_each(|file| create(file, keep))
        }
        TokenCommand::Add { file, name, output } => add(&file, &name, output.as_deref()),
        TokenCommand::List { file } => list(&file),
        TokenCommand::Revoke { file, name } => revoke(&file, &name),
    }
}

fn fresh() -> String {
    hex(&rand::random::<[u8; BYTES]>())
}

fn create(path: &Path, keep: bool) -> anyhow::Result<()> {
    match secret_file::create(path, format!("{}\n", fresh()).as_bytes()) {
        Ok(()) => say!("{} holds a fresh token", path.display()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && keep => {
            // The kept file must hold a valid token.
            Token::read(path)?;
            say!("{} stays as it is", path.display());
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(exists(
                path,
                "remove it to change the token, or leave it as it is with --keep",
            ));
        }
        Err(error) => return Err(unwritable(path, &error)),
    }
    Ok(())
}

fn add(path: &Path, name: &str, output: Option<&Path>) -> anyhow::Result<()> {
    let Some(token) = Token::named(name, &fresh()) else {
        return Err(hinted(
            format!("`{name}` is no name for a token"),
            "letters, digits, `.`, `_` and `-`, at most 64",
        ));
    };
    let known = if path.exists() { Token::read_all(path)? } else { Vec::new() };
    if known.iter().any(|known| known.label() == name) {
        return Err(hinted(
            format!("{} has a token `{name}` already", path.display()),
            format!("kindling token revoke {} {name}", path.display()),
        ));
    }
    // Write the recipient's file first: a token known only to the coordinator would be useless.
    let handed_out = format!("{}\n", token.secret());
    match output.map(|output| (output, secret_file::create(output, handed_out.as_bytes()))) {
        None | Some((_, Ok(()))) => {}
        Some((output, Err(error))) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(exists(output, "name another file with -o"));
        }
        Some((output, Err(error))) => return Err(unwritable(output, &error)),
    }
    let written = if known.is_empty() {
        secret_file::create(path, token.line().as_bytes())
    } else {
        read(path).and_then(|mut text| {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            secret_file::replace(path, (text + &token.line()).as_bytes())
        })
    };
    written.map_err(|error| unwritable(path, &error))?;
    if output.is_none() {
        outln!("{}", token.secret());
    }
    say!("{} has a token `{name}` now; {AGAIN}", path.display());
    Ok(())
}

fn list(path: &Path) -> anyhow::Result<()> {
    for token in Token::read_all(path)? {
        outln!("{}", token.label());
    }
    Ok(())
}

fn revoke(path: &Path, name: &str) -> anyhow::Result<()> {
    let known = Token::read_all(path)?;
    let Some(token) = known.iter().find(|token| token.label() == name) else {
        return Err(hinted(
            format!("{} has no token `{name}`", path.display()),
            format!("kindling token list {}", path.display()),
        ));
    };
    if known.len() == 1 {
        return Err(hinted(
            format!(
                "`{name}` is the only token in {}, and without any nobody could get in",
                path.display()
            ),
            format!("kindling token add {} NAME adds another first", path.display()),
        ));
    }
    let is_it = |line: &str| line.split_ascii_whitespace().last() == Some(token.secret());
    let without = |text: String| -> String {
        text.split_inclusive('\n').filter(|line| !is_it(line)).collect()
    };
    let written = read(path).and_then(|text| secret_file::replace(path, without(text).as_bytes()));
    written.map_err(|error| unwritable(path, &error))?;
    say!("{} has no token `{name}` any more; {AGAIN}", path.display());
    Ok(())
}

/// How a change to the file takes effect.
const AGAIN: &str = "a running coordinator reads it again on SIGHUP (kill -HUP PID)";

fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn exists(path: &Path, hint: &str) -> anyhow::Error {
    hinted(format!("{} exists already", path.display()), hint)
}

fn unwritable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot write {}: {error}", path.display())
}
