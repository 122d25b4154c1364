//! `kindling run`: a coordinator in this process and workers as child processes of the same binary.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kindling_client::ConnectArgs;
use kindling_coordinator::convert::{confirm_to_wire, spec_to_wire};
use kindling_coordinator::notify::Reach;
use kindling_coordinator::{Coordinator, Options};
use kindling_proto::v1;
use kindling_report::study_path;
use kindling_study::StudySpec;
use kindling_telemetry::{TelemetryArgs, say};

use self::own_code::OwnCode;
use self::plan::{Plan, Size};
use self::stop::StopWanted;
use self::told::Told;
use self::workers::Workers;
use crate::client::{Client, empty, refused};
use crate::data::show;
use crate::hint::{explain, hinted};
use crate::study::create;
use crate::{format, named_file, objectives, out, outcome, shell, study_file};

mod options;
mod own_code;
mod plan;
mod stop;
mod summary;
mod told;
mod workers;

pub(crate) use self::options::RunOptions;

/// The text below the options in `--help`.
pub(crate) const HELP: &str = "Exit status: 0 if the study is finished, 3 if nothing of it completed or if it was \
    paused because its trials failed one after another, 78 if this machine cannot run its trials, 130 if it was \
    interrupted, 1 for any other error";

/// Only matters for a worker that hangs; a killed one is noticed by its connection.
const LEASE_TERM: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// The study file
    file: PathBuf,
    /// The number of trials to finish, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    #[command(flatten)]
    options: RunOptions,
}

/// How watching a run ended.
enum End {
    /// Nothing is left to do, or the study is paused because its trials fail.
    Finished,
    Interrupted,
}

pub(crate) async fn run(args: RunArgs, telemetry: TelemetryArgs) -> anyhow::Result<ExitCode> {
    let RunArgs { file, trials, options } = args;
    run_study(|| study_file::read(&file), trials, options, telemetry).await
}

/// Runs the study that `read` makes or reads, and tells how it went as the options ask for.
///
/// A number of trials from the command line always applies, the study's own only if it is larger than before.
pub(crate) async fn run_study(
    read: impl FnOnce() -> anyhow::Result<StudySpec>,
    trials: Option<u32>,
    options: RunOptions,
    telemetry: TelemetryArgs,
) -> anyhow::Result<ExitCode> {
    let tells_events = options.events;
    let ended = match read() {
        Ok(spec) => run_spec(spec, trials, options, telemetry).await,
        Err(error) => Err(error),
    };
    if tells_events {
        told::ended(&ended);
    }
    ended
}

#[expect(clippy::too_many_lines, reason = "one step after another")]
async fn run_spec(
    mut spec: StudySpec,
    trials: Option<u32>,
    options: RunOptions,
    telemetry: TelemetryArgs,
) -> anyhow::Result<ExitCode> {
    options.check_addresses()?;
    let Some(objective) = objectives::find_here(&spec.objective.kind) else {
        return Err(hinted(
            objectives::not_built_in(&spec.objective.kind),
            "start `kindling coordinator`, `kindling study create FILE` and your own worker",
        ));
    };
    let own_code = OwnCode::of(&spec.objective);
    let devices = options.device.resolve(&*objectives::devices_of(&spec.objective.kind))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let size = Size::of(&options, &devices, own_code.as_ref(), cores);
    // Report a failure once here; otherwise every worker would run into it.
    objective.prepare(&spec.objective.settings, options.data_dir.as_deref(), &mut show())?;
    // Nothing trains in this process: what it has read goes.
    drop(objective);
    spec.trials = trials.unwrap_or(spec.trials);
    let store = options.store.clone();
    let store = store.unwrap_or_else(|| named_file::after_study(spec.name.as_str(), "db"));
    let serve = Options {
        page: options.http,
        artifacts: options.artifacts.clone(),
        artifacts_limit: options.artifacts_limit,
        // Whoever wrote the study file is at this machine.
        notify: Reach::Any,
        study_check: study_file::check,
        ..Options::open(store.clone(), options.listen, LEASE_TERM)
    };
    let mut stop = StopWanted::listen(options.stop_with_stdin)?;
    let mut coordinator = Coordinator::start(serve).await.map_err(explain)?;
    let url = format!("http://{}", coordinator.address());
    let mut client = Client::connect(&ConnectArgs::plain(&url)).await?;
    let created = begin(&mut client, &spec, trials.is_some()).await?;
    let name = shell::last(spec.name.as_str());
    say!("coordinator: {url}  (`kindling study show --coordinator {url} {name}`)");

    let page =
        coordinator.page().map(|page| format!("http://{page}{}", study_path(spec.name.as_str())));
    if let Some(page) = &page {
        say!("page: {page}");
    }
    let mut told = Told::of(&options);
    told.started(&url, page.as_deref(), &store, created).await;

    let mut workers = Workers::start(Plan {
        coordinator: url,
        size,
        threads: options.threads,
        data_dir: options.data_dir.clone(),
        // Beside the store, because the next run's coordinator has a different address.
        spool: with_suffix(&store, ".spool"),
        telemetry,
        own_code,
    })?;
    let end = tokio::select! {
        end = watch(&mut client, spec.name.as_str(), &mut told, &mut stop) => end,
        error = workers.keep_alive() => Err(error),
        ended = coordinator.ended() => Err(match ended.map_err(explain) {
            Err(error) => error,
            Ok(()) => anyhow::anyhow!("the coordinator ended"),
        }),
    };
    told.clear();
    let stop = if let Ok(End::Finished) = end {
        Some(stop)
    } else {
        tokio::spawn(async move {
            stop.insisted().await;
            out::leave(130);
        });
        None
    };
    workers.drain().await;
    let shown = async {
        let end = end?;
        let study = client.whole_study(spec.name.as_str()).await?;
        let trials = client.all_trials(spec.name.as_str(), &[]).await?;
        told::print_result(&study, &trials, &store, &options)?;
        if let Some(stop) = stop {
            stay_for_watchers(&mut coordinator, stop).await?;
        }
        anyhow::Ok((end, study))
    };
    let shown = shown.await;
    coordinator.stop();
    drop(client);
    let stopped = coordinator.ended().await.map_err(explain);
    let (end, study) = shown?;
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
    mut stop: StopWanted,
) -> anyhow::Result<()> {
    let Some(page) = coordinator.page().filter(|_| coordinator.watchers() > 0) else {
        return Ok(());
    };
    say!("somebody looks at the page, which stays at http://{page} until Ctrl-C");
    tokio::select! {
        ended = coordinator.ended() => ended.map_err(explain),
        () = stop.wanted() => Ok(()),
    }
}

/// Creates or resumes the study, and adjusts its number of trials. Returns whether it is new.
async fn begin(client: &mut Client, spec: &StudySpec, trials_given: bool) -> anyhow::Result<bool> {
    let (study, created) = create(client, spec_to_wire(spec)).await?;
    if created {
        say!("study `{}`: {} trials", spec.name, spec.trials);
        return Ok(true);
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
    Ok(false)
}

/// Tells the study's progress until it is finished or the run should stop.
async fn watch(
    client: &mut Client,
    name: &str,
    told: &mut Told,
    stop: &mut StopWanted,
) -> anyhow::Result<End> {
    let mut updates = client.watch(name).await?;
    let finished = async {
        loop {
            let update = updates.message().await.map_err(refused)?;
            let update = update.ok_or_else(|| anyhow::anyhow!("the coordinator ended"))?;
            told.update(&update).await;
            if update.study.is_some_and(|s| s.finished || outcome::is_failing(&s)) {
                return anyhow::Ok(());
            }
        }
    };
    tokio::select! {
        finished = finished => finished.map(|()| End::Finished),
        () = stop.wanted() => {
            told.clear();
            say!("draining: running trials are handed back; Ctrl-C again leaves at once");
            Ok(End::Interrupted)
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}
