//! `kindling run`: a coordinator in this process and workers as child processes of the same binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use kindling_client::{ConnectArgs, listen_address};
use kindling_coordinator::convert::{confirm_to_wire, spec_to_wire};
use kindling_coordinator::{Coordinator, Options};
use kindling_proto::v1;
use kindling_report::study_path;
use kindling_study::StudySpec;
use kindling_telemetry::{TelemetryArgs, say};
use kindling_worker::{DeviceChoice, StopSignals};

use self::workers::{Plan, Workers};
use crate::client::{Client, empty, refused};
use crate::data::show;
use crate::hint::{explain, hinted};
use crate::progress::Progress;
use crate::study::create;
use crate::{format, json, named_file, objectives, out, outcome, shell, study_file};

mod summary;
mod workers;

/// Only matters for a worker that hangs; a killed one is noticed by its connection.
const LEASE_TERM: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// The study file
    file: PathBuf,
    /// Where data sets lie
    #[arg(long, value_name = "DIR", env = "KINDLING_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// How many worker processes to start [default: one per GPU, or else one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// How many trials each worker trains at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: u32,
    /// Threads for each of these trials; flex always trains on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// The number of trials to finish, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// The file that holds the study [default: the study's name with .db, here]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Where to train: auto, flex, cpu (libtorch) or cuda:N, or several with commas
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceChoice,
    /// Where the coordinator listens, for those who want to look on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = listen_address)]
    listen: SocketAddr,
    /// Serve the page on this address, to look on in a browser; loopback only
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    http: Option<SocketAddr>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// How watching a run ended.
enum End {
    /// Nothing is left to do, or the study is paused because its trials fail.
    Finished,
    Interrupted,
}

pub(crate) async fn run(args: RunArgs, telemetry: TelemetryArgs) -> anyhow::Result<ExitCode> {
    let mut spec = study_file::read(&args.file)?;
    let addresses = [Some(args.listen), args.http].into_iter().flatten();
    if let Some(open) = addresses.into_iter().find(|address| !address.ip().is_loopback()) {
        return Err(hinted(
            format!("{open} is not a loopback address"),
            "for workers on other machines, start `kindling coordinator` and `kindling worker`",
        ));
    }
    let Some(objective) = objectives::find(&spec.objective.kind) else {
        return Err(hinted(
            objectives::not_built_in(&spec.objective.kind),
            "start `kindling coordinator`, `kindling study create FILE` and your own worker",
        ));
    };
    let devices = args.device.resolve(&*objectives::devices())?;
    // Report a failure once here; otherwise every worker would run into it.
    objective.prepare(&spec.objective.settings, args.data_dir.as_deref(), &mut show())?;
    // Nothing trains in this process: what it has read goes.
    drop(objective);
    spec.trials = args.trials.unwrap_or(spec.trials);
    let store = args.store.clone();
    let store = store.unwrap_or_else(|| named_file::after_study(spec.name.as_str(), "db"));
    let options =
        Options { page: args.http, ..Options::open(store.clone(), args.listen, LEASE_TERM) };
    let mut signals = StopSignals::listen()?;
    let mut coordinator = Coordinator::start(options).await.map_err(explain)?;
    let url = format!("http://{}", coordinator.address());
    let mut client = Client::connect(&ConnectArgs::plain(&url)).await?;
    begin(&mut client, &spec, args.trials.is_some()).await?;
    let name = shell::last(spec.name.as_str());
    say!("coordinator: {url}  (`kindling study show --coordinator {url} {name}`)");

    if let Some(page) = coordinator.page() {
        say!("page: http://{page}{}", study_path(spec.name.as_str()));
    }

    let mut workers = Workers::start(Plan {
        coordinator: url,
        workers: args.workers.map(usize::from),
        devices,
        slots: args.slots,
        threads: args.threads,
        data_dir: args.data_dir,
        // Beside the store, because the next run's coordinator has a different address.
        spool: with_suffix(&store, ".spool"),
        telemetry,
    })?;
    let end = tokio::select! {
        end = watch(&mut client, spec.name.as_str(), &mut signals) => end,
        error = workers.keep_alive() => Err(error),
        ended = coordinator.ended() => Err(match ended.map_err(explain) {
            Err(error) => error,
            Ok(()) => anyhow::anyhow!("the coordinator ended"),
        }),
    };
    let signals = if let Ok(End::Finished) = end {
        Some(signals)
    } else {
        tokio::spawn(async move {
            signals.insisted().await;
            out::leave(130);
        });
        None
    };
    workers.drain().await;
    let told = async {
        let end = end?;
        let study = client.whole_study(spec.name.as_str()).await?;
        let trials = client.all_trials(spec.name.as_str(), &[]).await?;
        print_result(&study, &trials, &store, args.json)?;
        if let Some(signals) = signals {
            stay_for_watchers(&mut coordinator, signals).await?;
        }
        anyhow::Ok((end, study))
    };
    let told = told.await;
    coordinator.stop();
    drop(client);
    let stopped = coordinator.ended().await.map_err(explain);
    let (end, study) = told?;
    stopped?;
    match end {
        End::Finished => {
            if outcome::is_failing(&study) {
                say!(
                    "hint: mend what makes trials fail and run the same command again; it goes on. With another \
                     space it is another study: give it a new name, or delete this one"
                );
            }
            Ok(outcome::exit_code(&study))
        }
        End::Interrupted => {
            say!("interrupted; nothing is lost. To resume, run the same command again:");
            let words = std::env::args_os().map(|word| shell::word(&word.to_string_lossy()));
            say!("  {}", words.collect::<Vec<_>>().join(" "));
            Ok(ExitCode::from(130))
        }
    }
}

/// Keeps serving the page while somebody watches it. Without watchers, returns at once.
async fn stay_for_watchers(
    coordinator: &mut Coordinator,
    mut signals: StopSignals,
) -> anyhow::Result<()> {
    let Some(page) = coordinator.page().filter(|_| coordinator.watchers() > 0) else {
        return Ok(());
    };
    say!("somebody looks at the page, which stays at http://{page} until Ctrl-C");
    tokio::select! {
        ended = coordinator.ended() => ended.map_err(explain),
        _ = signals.next() => Ok(()),
    }
}

/// Creates or resumes the study, and adjusts its number of trials.
async fn begin(client: &mut Client, spec: &StudySpec, trials_given: bool) -> anyhow::Result<()> {
    let (study, created) = create(client, spec_to_wire(spec)).await?;
    if created {
        say!("study `{}`: {} trials", spec.name, spec.trials);
        return Ok(());
    }
    // The file's number can only raise the budget; one from the command line always applies.
    let trials =
        Some(spec.trials).filter(|t| *t > study.budget || (trials_given && *t != study.budget));
    // The file's `[confirm]` always applies, even to a study that finished without one.
    let confirm = spec.confirm.as_ref().map(confirm_to_wire);
    let confirm = confirm.filter(|c| study.confirm.as_ref() != Some(c));
    let request = v1::ResumeStudyRequest { name: spec.name.to_string(), trials, confirm };
    let response = client.studies.resume_study(request).await.map_err(refused)?;
    let study = response.into_inner().study.ok_or_else(empty)?;
    say!("study `{}` goes on: {}", spec.name, format::counts(&study));
    Ok(())
}

/// Shows the study's progress until it is finished or the user interrupts.
async fn watch(client: &mut Client, name: &str, signals: &mut StopSignals) -> anyhow::Result<End> {
    let mut updates = client.watch(name).await?;
    let mut progress = Progress::new();
    let end = loop {
        tokio::select! {
            update = updates.message() => {
                let Some(update) = update.map_err(refused)? else {
                    anyhow::bail!("the coordinator ended");
                };
                progress.show(&update);
                if update.study.is_some_and(|s| s.finished || outcome::is_failing(&s)) {
                    break End::Finished;
                }
            }
            _ = signals.next() => break End::Interrupted,
        }
    };
    progress.clear();
    if matches!(end, End::Interrupted) {
        say!("draining: running trials are handed back; Ctrl-C again leaves at once");
    }
    Ok(end)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

/// Prints the result. A closed standard output is not an error: the study is in its store.
fn print_result(
    study: &v1::Study,
    trials: &[v1::Trial],
    store: &Path,
    as_json: bool,
) -> anyhow::Result<()> {
    let text = if as_json {
        let mut document = json::study(study);
        document["store"] = store.display().to_string().into();
        format!("{document:#}\n")
    } else {
        summary::text(study, trials, store)
    };
    // On a terminal, earlier messages must appear above the result.
    kindling_telemetry::flush();
    out::try_print(&text).context("standard output cannot be written")?;
    Ok(())
}
