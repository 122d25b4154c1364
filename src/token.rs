//! `kindling token …`.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use kindling_telemetry::say;
use kindling_worker::Token;

use crate::hint::hinted;
use crate::secret_file;

/// As many as a key of AES-256 has.
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
        /// The files, such as worker.token and client.token
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Leave files that exist as they are
        #[arg(long)]
        keep: bool,
    },
}

pub(crate) fn token(args: TokenArgs) -> anyhow::Result<()> {
    let TokenCommand::Create { files, keep } = args.command;
    files.iter().try_for_each(|file| create(file, keep))
}

fn create(path: &Path, keep: bool) -> anyhow::Result<()> {
    let token = rand::random::<[u8; BYTES]>().iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    });
    match secret_file::create(path, format!("{token}\n").as_bytes()) {
        Ok(()) => say!("{} holds a fresh token", path.display()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && keep => {
            // What is kept must be good for what it is kept for.
            Token::read(path)?;
            say!("{} stays as it is", path.display());
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(hinted(
                format!("{} exists already", path.display()),
                "remove it to change the token, or leave it as it is with --keep",
            ));
        }
        Err(error) => anyhow::bail!("cannot write {}: {error}", path.display()),
    }
    Ok(())
}
