//! How to run a study: the options that `kindling run` and `kindling tune` share.

use std::net::SocketAddr;
use std::path::PathBuf;

use kindling_artifacts::Location;
use kindling_client::listen_address;
use kindling_worker::DeviceChoice;

use crate::coordinator::size;
use crate::hint::hinted;

#[derive(Clone, clap::Args)]
pub(crate) struct RunOptions {
    /// Where data sets lie
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// How many worker processes to start [default: one per GPU, or else one per core; for commands and Python functions
    /// one per GPU, or else one with a slot per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) workers: Option<u16>,
    /// How many trials each worker trains at a time [default: 1; of commands and Python functions without a GPU one per
    /// core, if --workers is not given either]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) slots: Option<u32>,
    /// Threads for each of these trials; flex always trains on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: u32,
    /// The file that holds the study [default: the study's name with .db, here]
    #[arg(long, value_name = "FILE")]
    pub(super) store: Option<PathBuf>,
    /// Where checkpoints and artifacts are kept: a folder, or a bucket as `s3://BUCKET/PREFIX`, `gs://…` or `az://…`
    /// [default: the store's name with .artifacts]
    #[arg(long, value_name = "PLACE")]
    pub(super) artifacts: Option<Location>,
    /// How much of that may be used
    #[arg(long, value_name = "SIZE", default_value = "100GiB", value_parser = size)]
    pub(super) artifacts_limit: u64,
    /// Where to train: auto, flex, cpu (libtorch) or cuda:N, or several with commas
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub(super) device: DeviceChoice,
    /// Where the coordinator listens, for those who want to look on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = listen_address)]
    pub(super) listen: SocketAddr,
    /// Serve the page on this address, to look on in a browser; loopback only
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub(super) http: Option<SocketAddr>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Print progress and result as JSON, one object in a line, for a program that reads it
    #[arg(long, conflicts_with = "json")]
    pub(super) events: bool,
    /// Stop when standard input closes: the parent is gone
    #[arg(long, hide = true)]
    pub(super) stop_with_stdin: bool,
}

impl RunOptions {
    /// Refuses addresses that other machines reach: nobody needs a token at a run's coordinator.
    pub(super) fn check_addresses(&self) -> anyhow::Result<()> {
        let addresses = [Some(self.listen), self.http].into_iter().flatten();
        match addresses.into_iter().find(|address| !address.ip().is_loopback()) {
            None => Ok(()),
            Some(open) => Err(hinted(
                format!("{open} is not a loopback address"),
                "for workers on other machines, start `kindling coordinator` and `kindling worker`",
            )),
        }
    }
}
