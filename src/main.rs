//! The `kindling` command.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod activity;
mod artifacts;
mod backup;
mod certificate;
mod client;
mod confirmed;
mod coordinator;
mod data;
mod diagnose;
mod export;
mod filter;
mod fits;
mod fix;
mod format;
mod health;
mod hint;
mod keys;
mod logs;
mod metrics;
mod named_file;
mod notify;
mod objectives;
mod out;
mod outcome;
mod page_url;
mod progress;
#[cfg(test)]
mod reference;
mod remarks;
mod report;
mod run;
mod secret_file;
mod shell;
mod size;
mod source;
mod study;
mod study_file;
mod table;
mod tell;
mod token;
mod trial;
mod tune;
mod worker;

/// Wire messages as JSON, as the page hands them out, too.
mod json {
    pub(crate) use kindling_report::plain::json::*;

    use crate::out::outln;

    /// Prints one JSON document.
    pub(crate) fn print(value: &serde_json::Value) {
        outln!("{value:#}");
    }
}

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kindling_report::plain::sheet;
use kindling_telemetry::TelemetryArgs;

/// Training keeps allocating and freeing the same large buffers. glibc's allocator returns them to the system
/// and faults them in again each time. Also serves libtorch's C++ side.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Distributed hyper-parameter optimisation: a coordinator, many workers, one durable file.
#[derive(Parser)]
#[command(name = "kindling", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Run a study from a file, with a coordinator and workers of its own; resume it if it exists
    #[command(after_help = run::HELP)]
    Run(run::RunArgs),
    /// Tune any command: no file, only the command with {placeholders} in it
    #[command(after_help = tune::HELP)]
    Tune(tune::TuneArgs),
    /// Tell the worker how a trial is doing, from the script that it runs
    #[command(after_help = tell::HELP)]
    Tell(tell::TellArgs),
    /// Serve studies from a store
    Coordinator(coordinator::CoordinatorArgs),
    /// Lease trials from a coordinator and train them
    Worker(worker::WorkArgs),
    /// Create, look at and steer studies
    Study(study::StudyArgs),
    /// Send a test message to whom a study file tells of its news
    Notify(notify::NotifyArgs),
    /// Write a study's page into one file, with every figure, or its data
    Report(report::ReportArgs),
    /// Look at and add trials
    Trial(trial::TrialArgs),
    /// Measure what an initialisation does to each layer of a network
    Diagnose(diagnose::DiagnoseArgs),
    /// Fetch and verify data sets
    Data(data::DataArgs),
    /// Copy a store, whole, also while a coordinator serves it
    Backup(backup::BackupArgs),
    /// Ask a coordinator whether it can serve
    Health(health::HealthArgs),
    /// Make, list and revoke the tokens that coordinators ask for
    Token(token::TokenArgs),
    /// Make certificates for TLS
    Certificate(certificate::CertificateArgs),
    /// End the processes that a killed worker left behind
    #[command(hide = true)]
    GuardProcesses,
}

fn main() -> ExitCode {
    let code = command().unwrap_or_else(|error| hint::report(&error));
    kindling_telemetry::flush();
    code
}

fn command() -> anyhow::Result<ExitCode> {
    let cli = Cli::try_parse().unwrap_or_else(|mut error| {
        let mut words = std::env::args_os().skip(1);
        if words.next().is_some_and(|word| word == "tune") && words.all(|word| word != "--") {
            tune::hint_at_dashes(&mut error);
        }
        error.exit()
    });
    if let Command::GuardProcesses = cli.command {
        // It must begin before there are other threads.
        kindling_process::guard_processes();
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let (service, level) = cli.command.service();
        let watched = cli.telemetry.init(service, level)?;
        let result = dispatch(cli.command, cli.telemetry).await;
        watched.end().await;
        result
    });
    // A training thread or a blocked read of standard input must not keep the process alive.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command, telemetry: TelemetryArgs) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => return run::run(args, telemetry).await,
        Command::Tune(args) => return tune::tune(args, telemetry).await,
        Command::Tell(args) => return tell::tell(args).await,
        Command::Coordinator(args) => coordinator::serve(args).await?,
        Command::Worker(args) => return worker::work(args).await,
        Command::Study(args) => return study::study(args).await,
        Command::Notify(args) => notify::notify(args).await?,
        Command::Report(args) => report::report(&args).await?,
        Command::Trial(args) => trial::trial(args).await?,
        Command::Diagnose(args) => diagnose::diagnose(&args)?,
        Command::Data(args) => return data::data(args),
        Command::Backup(args) => backup::backup(&args)?,
        Command::Health(args) => health::health(args).await?,
        Command::Token(args) => token::token(args)?,
        Command::Certificate(args) => certificate::certificate(args)?,
        // See `command`.
        Command::GuardProcesses => {}
    }
    Ok(ExitCode::SUCCESS)
}

impl Command {
    /// The process's name for the span collector, and its log level: a server logs more.
    fn service(&self) -> (&'static str, &'static str) {
        match self {
            // The store of artifacts tells each try of a call that failed.
            Self::Coordinator(_) => ("kindling-coordinator", "info,object_store=warn"),
            Self::Worker(_) => ("kindling-worker", "info,object_store=warn"),
            _ => ("kindling", "warn"),
        }
    }
}
