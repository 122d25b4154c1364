//! `kindling data …`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use kindling_data::mnist::{self, FetchProgress};
use kindling_mnist_cnn::fetching;
use kindling_telemetry::say;
use kindling_worker::Progress;

use crate::json;
use crate::out::outln;

#[derive(clap::Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand)]
enum DataCommand {
    /// Download MNIST from its public mirrors and verify it
    Fetch {
        #[command(flatten)]
        folder: Folder,
    },
    /// Verify the MNIST files' content by SHA-256
    Verify {
        #[command(flatten)]
        folder: Folder,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Folder {
    /// The folder with the files, instead of the cache
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn data(args: DataArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        DataCommand::Fetch { folder } => {
            let folder = folder.path()?;
            mnist::fetch(&folder, &mut show_fetch())?;
            outln!("MNIST lies in {}", folder.display());
            Ok(ExitCode::SUCCESS)
        }
        DataCommand::Verify { folder, json } => Ok(verify(&folder.path()?, json)),
    }
}

/// Shows the progress of preparations on standard error.
pub(crate) fn show() -> impl FnMut(Progress) {
    let bar = indicatif::ProgressBar::new(0);
    move |progress| match progress {
        Progress::Fetching { name, received, total } => {
            bar.set_length(total.unwrap_or(received));
            bar.set_message(name);
            bar.set_position(received);
        }
        Progress::Note(note) => {
            bar.reset();
            say!("{note}");
        }
    }
}

/// Shows the progress of an MNIST download.
pub(crate) fn show_fetch() -> impl FnMut(FetchProgress<'_>) {
    fetching(show())
}

impl Folder {
    fn path(self) -> anyhow::Result<PathBuf> {
        Ok(self.data_dir.map_or_else(mnist::cache_dir, Ok)?)
    }
}

/// Fails if any file is missing or damaged.
fn verify(folder: &Path, json: bool) -> ExitCode {
    let reports = mnist::verify(folder);
    let all_right = reports.iter().all(|r| r.state.is_ok());
    if json {
        let file = |r: &mnist::FileReport| {
            let state = r.state.as_ref().map_or_else(mnist::FileFault::word, |()| "ok");
            serde_json::json!({ "path": r.path, "state": state })
        };
        json::print(&reports.iter().map(file).collect());
    } else {
        for report in &reports {
            match &report.state {
                Ok(()) => outln!("{}: ok", report.path.display()),
                Err(fault) => outln!("{}: {fault}", report.path.display()),
            }
        }
    }
    if all_right {
        ExitCode::SUCCESS
    } else {
        say!("hint: `kindling data fetch` downloads what is missing or damaged");
        ExitCode::FAILURE
    }
}
