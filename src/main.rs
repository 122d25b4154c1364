//! The `kindling` command.

mod client;
mod coordinator;
mod data;
mod export;
mod format;
mod hint;
mod json;
mod objectives;
mod out;
mod progress;
mod run;
mod study;
mod study_file;
mod table;
mod trial;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Training allocates and frees the same large buffers over and over, which glibc's allocator gives
/// back to the system and faults in again each time. Also for libtorch's C++ side.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Distributed hyper-parameter optimisation: a coordinator, many workers, one durable file.
#[derive(Parser)]
#[command(name = "kindling", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a study from a file, with a coordinator and workers of its own; resume it if it exists
    Run(run::RunArgs),
    /// Serve studies from a store
    Coordinator(coordinator::CoordinatorArgs),
    /// Lease trials from a coordinator and train them
    Worker(kindling_worker::WorkerArgs),
    /// Create, look at and steer studies
    Study(study::StudyArgs),
    /// Look at and add trials
    Trial(trial::TrialArgs),
    /// Fetch and verify data sets
    Data(data::DataArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logging(&cli.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return hint::report(&error.into()),
    };
    let result = runtime.block_on(dispatch(cli.command));
    // A training thread or a blocked read of standard input must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => hint::report(&error),
    }
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => return run::run(args).await,
        Command::Coordinator(args) => coordinator::serve(args).await?,
        Command::Worker(args) => worker::work(args).await?,
        Command::Study(args) => return study::study(args).await,
        Command::Trial(args) => trial::trial(args).await?,
        Command::Data(args) => return data::data(args),
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs go to standard error: a server's by default from `info`, other commands' from `warn`.
fn init_logging(command: &Command) {
    let level = match command {
        Command::Coordinator(_) | Command::Worker(_) => "info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_env("KINDLING_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .init();
}
