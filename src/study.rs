//! `kindling study …`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use kindling_coordinator::convert::{confirm_to_wire, spec_to_wire};
use kindling_proto::v1;
use kindling_study::StudySpec;
use kindling_telemetry::say;

use crate::activity;
use crate::artifacts::{self, ArtifactArgs, PutArgs};
use crate::client::{Client, PATIENCE, empty, refused};
use crate::confirmed::Confirmed;
use crate::export::{self, ExportArgs};
use crate::hint::hinted;
use crate::out::outln;
use crate::progress::Progress;
use crate::remarks::{self, NoteArgs, TagArgs, Whose};
use crate::source::{Access, SourceArgs};
use crate::{format, json, metrics, outcome, study_file, table};

/// A replay computes every proposal before it answers.
const REPLAY_PATIENCE: Duration = Duration::from_hours(1);

#[derive(clap::Args)]
pub(crate) struct StudyArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(subcommand)]
    command: StudyCommand,
}

#[derive(Subcommand)]
enum StudyCommand {
    /// Create a study from a file; one that exists with the same spec stays as it is
    Create {
        /// The study file
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List all studies but those that are archived
    List {
        /// List those, too
        #[arg(long)]
        archived: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one study: states, best trial, rate, workers
    Show(Named),
    /// Follow a study until it is finished, or paused because its trials fail
    #[command(after_help = outcome::HELP)]
    Watch(Named),
    /// Lease no more trials; running ones may finish
    Pause(Named),
    /// Lease trials again
    Resume {
        #[command(flatten)]
        named: Named,
        /// The number of trials to finish from now on
        #[arg(long, value_name = "N")]
        trials: Option<u32>,
        /// The study file whose [confirm] says what to run again once the search is over
        #[arg(long, value_name = "FILE")]
        confirm: Option<PathBuf>,
    },
    /// Set the number of trials to finish; a paused study stays paused
    Budget {
        #[command(flatten)]
        named: Named,
        /// The number of trials to finish from now on
        #[arg(long, value_name = "N")]
        trials: u32,
    },
    /// Call running trials back; they wait for the study to be resumed
    Stop(Named),
    /// Remove a study and all its trials
    Delete {
        #[command(flatten)]
        named: Named,
        /// Do it; what is deleted is gone
        #[arg(long)]
        yes: bool,
    },
    /// Print the study's note, or write it
    Note {
        /// The study's name
        name: String,
        #[command(flatten)]
        note: NoteArgs,
    },
    /// List the study's tags, or change them
    Tag {
        /// The study's name
        name: String,
        #[command(flatten)]
        tags: TagArgs,
    },
    /// Leave a study out of lists; it goes on as before
    Archive(Named),
    /// Take an archived study back into lists
    Unarchive(Named),
    /// List what is kept with the study itself, copy one of the files, or keep one more
    Artifacts {
        /// The study's name
        name: String,
        #[command(flatten)]
        artifacts: ArtifactArgs,
        #[command(flatten)]
        put: PutArgs,
    },
    /// List what people did, newest first: with one study, or with all of them and with those that are gone
    Activity {
        /// The study's name
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the trials as CSV or JSON
    Export(ExportArgs),
    /// Compute every proposal again from the record and compare
    Replay(Named),
}

#[derive(clap::Args)]
struct Named {
    /// The study's name
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl StudyCommand {
    /// The name of the study, if the command has one.
    fn study(&self) -> Option<&str> {
        match self {
            Self::Create { .. } | Self::List { .. } => None,
            Self::Show(named)
            | Self::Watch(named)
            | Self::Pause(named)
            | Self::Resume { named, .. }
            | Self::Budget { named, .. }
            | Self::Stop(named)
            | Self::Delete { named, .. }
            | Self::Archive(named)
            | Self::Unarchive(named)
            | Self::Replay(named) => Some(&named.name),
            Self::Export(args) => Some(args.study()),
            Self::Activity { name, .. } => name.as_deref(),
            Self::Artifacts { name, .. } | Self::Note { name, .. } | Self::Tag { name, .. } => {
                Some(name)
            }
        }
    }

    fn access(&self) -> Access {
        match self {
            Self::Create { .. } => Access::Make,
            Self::Artifacts { put, .. } if put.is_there() => Access::Change,
            Self::Note { note, .. } if note.changes() => Access::Change,
            Self::Tag { tags, .. } if tags.changes() => Access::Change,
            Self::Archive(_)
            | Self::Unarchive(_)
            | Self::Pause(_)
            | Self::Resume { .. }
            | Self::Budget { .. }
            | Self::Stop(_)
            | Self::Delete { yes: true, .. } => Access::Change,
            // Without `--yes`, it only says what it would do.
            Self::Delete { yes: false, .. }
            | Self::List { .. }
            | Self::Show(_)
            | Self::Watch(_)
            | Self::Note { .. }
            | Self::Tag { .. }
            | Self::Artifacts { .. }
            | Self::Activity { .. }
            | Self::Export(_)
            | Self::Replay(_) => Access::Look,
        }
    }

    fn patience(&self) -> Duration {
        match self {
            Self::Replay(_) => REPLAY_PATIENCE,
            Self::Artifacts { put, .. } if put.is_there() => artifacts::PATIENCE,
            _ => PATIENCE,
        }
    }
}

pub(crate) async fn study(args: StudyArgs) -> anyhow::Result<ExitCode> {
    let StudyArgs { source, command } = args;
    // Report an error in the file before connecting to a coordinator.
    let spec = match &command {
        StudyCommand::Create { file, .. } => Some(study_file::read(file)?),
        _ => None,
    };
    if matches!(command, StudyCommand::Watch(_)) && source.is_store() {
        return Err(hinted(
            "nothing happens in a store that no coordinator serves",
            "`kindling study show`, with the same --store, shows how it stands",
        ));
    }
    let source = match &command {
        StudyCommand::Artifacts { artifacts, .. } => {
            source.with_artifacts(artifacts.artifacts.as_ref())
        }
        _ => source,
    };
    let study = command.study().map(str::to_owned);
    let (patience, access) = (command.patience(), command.access());
    let is_served = !source.is_store();
    let questions = async |client: &mut Client| answer(client, command, spec, is_served).await;
    source.ask_within(patience, study.as_deref(), access, questions).await
}

async fn answer(
    client: &mut Client,
    command: StudyCommand,
    spec: Option<StudySpec>,
    is_served: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        StudyCommand::Create { json, .. } => {
            let Some(spec) = spec else { return Ok(ExitCode::SUCCESS) };
            let (study, created) = create(client, spec_to_wire(&spec)).await?;
            if !created {
                let but = if spec.notify.is_some() { ", but for its [notify]" } else { "" };
                say!("study `{}` exists already; it stays as it is{but}", spec.name);
            } else if is_served
                && let Some(said) = format::nobody_offers(&study, &client.workers().await?)
            {
                say!("{said}");
            }
            print_state(&study, json);
        }
        StudyCommand::List { archived, json } => list(client, archived, json).await?,
        StudyCommand::Note { name: study, note } => {
            remarks::note(client, &Whose { study, trial: None }, note).await?;
        }
        StudyCommand::Tag { name: study, tags } => {
            remarks::tags(client, &Whose { study, trial: None }, tags).await?;
        }
        StudyCommand::Archive(Named { name, json }) => {
            print_state(&remarks::archive(client, name, true).await?, json);
        }
        StudyCommand::Unarchive(Named { name, json }) => {
            print_state(&remarks::archive(client, name, false).await?, json);
        }
        StudyCommand::Artifacts { name, artifacts, put } if put.is_there() => {
            artifacts::put(client, name, put, &artifacts).await?;
        }
        StudyCommand::Artifacts { name, artifacts, .. } => {
            artifacts::show(client, name, None, artifacts).await?;
        }
        StudyCommand::Activity { name, json } => activity::show(client, name, json).await?,
        StudyCommand::Show(named) => show(client, &named, is_served).await?,
        StudyCommand::Watch(named) => return watch(client, &named).await,
        StudyCommand::Pause(Named { name, json }) => {
            let response = client.studies.pause_study(v1::PauseStudyRequest { name }).await;
            print_state(&response.map_err(refused)?.into_inner().study.ok_or_else(empty)?, json);
        }
        StudyCommand::Resume { named: Named { name, json }, trials, confirm } => {
            let confirm = confirm.map(|file| confirm_of(&file)).transpose()?;
            let request = v1::ResumeStudyRequest { name, trials, confirm };
            let response = client.studies.resume_study(request).await.map_err(refused)?;
            print_state(&response.into_inner().study.ok_or_else(empty)?, json);
        }
        StudyCommand::Budget { named: Named { name, json }, trials } => {
            let request = v1::ChangeBudgetRequest { name, trials };
            let response = client.studies.change_budget(request).await.map_err(refused)?;
            print_state(&response.into_inner().study.ok_or_else(empty)?, json);
        }
        StudyCommand::Stop(Named { name, json }) => {
            let response = client.studies.stop_study(v1::StopStudyRequest { name }).await;
            print_state(&response.map_err(refused)?.into_inner().study.ok_or_else(empty)?, json);
        }
        StudyCommand::Delete { named, yes } => delete(client, named, yes).await?,
        StudyCommand::Export(args) => export::export(client, &args).await?,
        StudyCommand::Replay(named) => return replay(client, named).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates or finds the study, and says which.
pub(crate) async fn create(
    client: &mut Client,
    spec: v1::StudySpec,
) -> anyhow::Result<(v1::Study, bool)> {
    let request = v1::CreateStudyRequest { spec: Some(spec) };
    let response = client.studies.create_study(request).await.map_err(refused)?.into_inner();
    Ok((response.study.ok_or_else(empty)?, response.created))
}

fn confirm_of(file: &Path) -> anyhow::Result<v1::Confirm> {
    let spec = study_file::read(file)?;
    spec.confirm.as_ref().map(confirm_to_wire).ok_or_else(|| {
        hinted(
            format!("{} has no [confirm]", file.display()),
            "[confirm] says by which categorical parameters, how many of the best and under how many seeds",
        )
    })
}

/// How many trials of a front are shown.
const FRONT: usize = 20;

fn print_state(study: &v1::Study, json: bool) {
    if json {
        json::print(&json::study(study));
    } else {
        let driver = if study.external { ", driven by Optuna's clients" } else { "" };
        let archived = if study.archived { ", archived" } else { "" };
        outln!(
            "{}: {}, {}{driver}{archived}",
            format::name(study),
            format::study_state(study),
            format::counts(study)
        );
    }
}

async fn list(client: &mut Client, archived: bool, json: bool) -> anyhow::Result<()> {
    let mut studies = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListStudiesRequest { page_size: 0, page_token };
        let page = client.studies.list_studies(request).await.map_err(refused)?.into_inner();
        studies.extend(page.studies);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let is_new = studies.is_empty();
    let all = studies.len();
    studies.retain(|study| archived || !study.archived);
    let hidden = all - studies.len();
    if json {
        json::print(&studies.iter().map(json::study).collect());
    } else if is_new {
        say!("no studies yet; `kindling study create FILE` makes one");
    } else if !studies.is_empty() {
        outln!("{}", table::studies(&studies));
    }
    if hidden > 0 {
        say!("{hidden} archived; --archived lists them, too");
    }
    Ok(())
}

async fn show(
    client: &mut Client,
    Named { name, json }: &Named,
    is_served: bool,
) -> anyhow::Result<()> {
    let study = client.whole_study(name).await?;
    let workers = client.workers().await?;
    if *json {
        let mut document = json::study(&study);
        document["workers"] = workers.iter().map(json::worker).collect();
        json::print(&document);
        return Ok(());
    }
    print_state(&study, false);
    for line in format::remarks(&study.note, &study.tags) {
        outln!("{line}");
    }
    for reason in format::failures(&study) {
        outln!("{reason}");
    }
    if let Some(said) = format::hand_back(&study) {
        outln!("{said}");
    }
    if let Some(said) = format::told(&study) {
        outln!("{said}");
    }
    if let Some(said) = format::nobody_offers(&study, &workers).filter(|_| is_served) {
        outln!("{said}");
    }
    if let Some(headline) = confirmed(client, &study).await? {
        outln!("{headline}");
    } else if !metrics::is_single(&study) {
        outln!("{}", metrics::front(&study));
        let first: Vec<_> = study.front.iter().take(FRONT).collect();
        if !first.is_empty() {
            outln!("{}", table::front(&study, &first));
        }
    } else if let Some(best) = kindling_report::best(&study) {
        outln!(
            "best: {} in trial {}: {}",
            metrics::values(&study, best),
            best.number,
            format::params(&best.params)
        );
    }
    if let Some(rate) = study.trials_per_hour {
        let left = format::span(study.time_left).map(format::duration);
        let left = left.map(|l| format!(", about {l} left")).unwrap_or_default();
        outln!("rate: {} trials per hour{left}", format::number(rate));
    }
    if !workers.is_empty() {
        outln!("{}", table::workers(&workers));
    }
    Ok(())
}

/// The best configuration, if everything was run again. Fetches all trials.
async fn confirmed(client: &mut Client, study: &v1::Study) -> anyhow::Result<Option<String>> {
    if !study.finished || study.confirmations == 0 {
        return Ok(None);
    }
    let trials = client.all_trials(format::name(study), &[]).await?;
    Ok(Confirmed::new(study, &trials).and_then(|confirmed| confirmed.headline(study)))
}

/// Ends, too, when the study is paused because its trials fail: it will not resume on its own.
async fn watch(client: &mut Client, Named { name, json }: &Named) -> anyhow::Result<ExitCode> {
    let mut updates = client.watch(name).await?;
    let mut progress = (!json).then(Progress::new);
    while let Some(update) = updates.message().await.map_err(refused)? {
        match &mut progress {
            Some(progress) => progress.show(&update),
            None => outln!(
                "{}",
                serde_json::json!({
                    "study": update.study.as_ref().map(json::study),
                    "changed": update.changed.iter().map(json::trial).collect::<Vec<_>>(),
                    "workers": update.workers.iter().map(json::worker).collect::<Vec<_>>(),
                })
            ),
        }
        let Some(study) = update.study else { continue };
        if study.finished || outcome::is_failing(&study) {
            if let Some(progress) = &progress {
                progress.clear();
                for reason in format::failures(&study) {
                    say!("{reason}");
                }
            }
            return Ok(outcome::exit_code(&study));
        }
    }
    // A failure, so that a script does not mistake this for the study's end.
    Err(hinted(
        format!("the coordinator stopped before `{name}` was finished"),
        "watch again once it is back; nothing that it acknowledged is lost",
    ))
}

async fn delete(client: &mut Client, Named { name, json }: Named, yes: bool) -> anyhow::Result<()> {
    if !yes {
        let study = client.study(&name).await?;
        return Err(hinted(
            format!("this would remove `{name}` for good: {}", format::counts(&study)),
            "add --yes to do it; `kindling study export` keeps a copy",
        ));
    }
    let request = v1::DeleteStudyRequest { name: name.clone() };
    client.studies.delete_study(request).await.map_err(refused)?;
    if json {
        json::print(&serde_json::json!({ "deleted": name }));
    } else {
        outln!("{name}: deleted");
    }
    Ok(())
}

/// Fails if any proposal differs.
async fn replay(client: &mut Client, Named { name, json }: Named) -> anyhow::Result<ExitCode> {
    let request = v1::ReplayStudyRequest { name: name.clone() };
    let replay = client.studies.replay_study(request).await.map_err(refused)?.into_inner();
    if json {
        let mismatch = |m: &v1::ReplayMismatch| {
            serde_json::json!({
                "number": m.number,
                "recorded": json::params(&m.recorded),
                "recomputed": json::params(&m.recomputed),
            })
        };
        let mismatches: Vec<_> = replay.mismatches.iter().map(mismatch).collect();
        json::print(&serde_json::json!({
            "checked": replay.checked,
            "mismatched": replay.mismatched,
            "mismatches": mismatches,
        }));
    } else {
        for m in &replay.mismatches {
            outln!("trial {}: recorded   {}", m.number, format::params(&m.recorded));
            outln!("trial {}: recomputed {}", m.number, format::params(&m.recomputed));
        }
        let equal = replay.checked.saturating_sub(replay.mismatched);
        outln!("{name}: {} proposals computed again, {equal} equal", replay.checked);
    }
    Ok(if replay.mismatches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
