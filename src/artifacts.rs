//! `kindling trial artifacts` and `kindling study artifacts`: what was kept, and copies of it.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::HumanBytes;
use kindling_artifacts::{Content, Location};
use kindling_proto::v1::save_artifact_request::Part;
use kindling_proto::{limits, v1};
use kindling_telemetry::say;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::client::{Client, empty, refused};
use crate::hint::hinted;
use crate::out::outln;
use crate::{format, json, named_file, table};

/// An upload is answered when all of it is safe.
pub(crate) const PATIENCE: Duration = Duration::from_hours(12);

#[derive(Clone, clap::Args)]
pub(crate) struct ArtifactArgs {
    /// Copy this one into the current folder
    #[arg(long, value_name = "NAME")]
    get: Option<String>,
    /// Where to write the copy
    #[arg(long, short, value_name = "PATH", requires = "get")]
    output: Option<PathBuf>,
    /// With --store: where its coordinator keeps artifacts [default: the store's name with .artifacts]
    #[arg(long, value_name = "PLACE")]
    pub(crate) artifacts: Option<Location>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, clap::Args)]
pub(crate) struct PutArgs {
    /// Keep this file with the study; one of the same name is replaced
    #[arg(long, value_name = "FILE", conflicts_with = "get")]
    put: Option<PathBuf>,
    /// Keep it under this name [default: the file's]
    #[arg(long = "name", value_name = "NAME", requires = "put")]
    kept_as: Option<String>,
    /// What it is, as in HTTP, for example text/html
    #[arg(long, value_name = "TYPE", requires = "put")]
    media_type: Option<String>,
}

impl PutArgs {
    /// Whether something is to be kept.
    pub(crate) fn is_there(&self) -> bool {
        self.put.is_some()
    }
}

/// Lists artifacts, or copies one.
pub(crate) async fn show(
    client: &mut Client,
    study: String,
    trial: Option<u32>,
    args: ArtifactArgs,
) -> anyhow::Result<()> {
    let ArtifactArgs { get, output, json, .. } = args;
    if let Some(name) = get {
        let request = v1::GetArtifactRequest { study, trial, name };
        let (path, artifact) = copy(client, request, output).await?;
        if json {
            let mut document = json::artifact(&artifact);
            document["path"] = path.display().to_string().into();
            json::print(&document);
        } else {
            let size = HumanBytes(size(&artifact));
            outln!("{}: {size}", path.display());
        }
        return Ok(());
    }
    let request = v1::ListArtifactsRequest { study, trial };
    let listed = client.artifacts.list_artifacts(request).await.map_err(refused)?.into_inner();
    if json {
        json::print(&listed.artifacts.iter().map(json::artifact).collect());
    } else if listed.artifacts.is_empty() {
        say!("there are no artifacts");
    } else {
        let mut table = table::new(&["artifact", "size", "type", "saved"], &[1]);
        for artifact in &listed.artifacts {
            table.add_row([
                artifact.name.clone(),
                HumanBytes(size(artifact)).to_string(),
                artifact.media_type.clone(),
                format::time(artifact.saved.as_ref())
                    .map(|time| time.to_string())
                    .unwrap_or_default(),
            ]);
        }
        outln!("{table}");
    }
    Ok(())
}

fn size(artifact: &v1::Artifact) -> u64 {
    artifact.blob.as_ref().map_or(0, |blob| blob.size)
}

/// Copies an artifact. The file has its name only once all of it is there and has the right SHA-256.
async fn copy(
    client: &mut Client,
    request: v1::GetArtifactRequest,
    output: Option<PathBuf>,
) -> anyhow::Result<(PathBuf, v1::Artifact)> {
    let path = match output {
        Some(path) => path,
        // Another program's name for a file is no reason to replace one of ours.
        None => free(named_file::of_artifact(&request.name))?,
    };
    let shown = path.display().to_string();
    let response = client.artifacts.get_artifact(request).await.map_err(refused)?;
    let mut messages = response.into_inner();
    let first = messages.message().await.map_err(refused)?;
    let artifact = first.and_then(|first| first.artifact).ok_or_else(empty)?;
    let draft = Draft::beside(&path).with_context(|| format!("{shown} cannot be written"))?;
    let mut file = &draft.file;
    while let Some(message) = messages.message().await.map_err(refused)? {
        file.write_all(&message.piece).with_context(|| format!("{shown} cannot be written"))?;
    }
    file.rewind()?;
    let content = Content::of_reader(file)?;
    let blob = artifact.blob.clone().unwrap_or_default();
    if content.size != blob.size || content.sha256[..] != blob.sha256 {
        anyhow::bail!("what came is not what was saved; try again");
    }
    draft.rename(&path).with_context(|| format!("{shown} cannot be written"))?;
    Ok((path, artifact))
}

fn free(path: PathBuf) -> anyhow::Result<PathBuf> {
    if path.symlink_metadata().is_ok() {
        let shown = path.display();
        return Err(hinted(
            format!("there is a file {shown} already"),
            "name another one with --output; one that is named there is replaced",
        ));
    }
    Ok(path)
}

/// A file that goes unless it is renamed.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { path, file })
    }

    fn rename(&self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

/// Keeps a file with the study.
pub(crate) async fn put(
    client: &mut Client,
    study: String,
    PutArgs { put, kept_as, media_type }: PutArgs,
    args: &ArtifactArgs,
) -> anyhow::Result<()> {
    let path = put.unwrap_or_default();
    let shown = path.display().to_string();
    let unreadable = || format!("{shown} cannot be read");
    let name = kept_as.or_else(|| Some(path.file_name()?.to_str()?.to_owned()));
    let name =
        name.ok_or_else(|| hinted(format!("{shown} has no name"), "give one with --name"))?;
    let mut file = File::open(&path).with_context(unreadable)?;
    anyhow::ensure!(file.metadata()?.is_file(), "{shown} is no file");
    let Content { size, sha256 } = Content::of_reader(&file).with_context(unreadable)?;
    file.rewind()?;
    let (sha256, media_type) = (sha256.to_vec(), media_type.unwrap_or_default());
    let artifact = v1::StudyArtifact { study, name, media_type, size, sha256 };
    let (sender, messages) = mpsc::channel(1);
    let reading = async {
        let mut next = Some(Part::Artifact(artifact));
        while let Some(part) = next.take() {
            // If nobody takes it, the answer says why.
            if sender.send(v1::SaveArtifactRequest { part: Some(part) }).await.is_err() {
                break;
            }
            let mut piece = vec![0; limits::PIECE];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            next = Some(Part::Piece(piece)).filter(|_| read > 0);
        }
        drop(sender);
        io::Result::Ok(())
    };
    let saving = client.artifacts.save_artifact(ReceiverStream::new(messages));
    let (read, saved) = tokio::join!(reading, saving);
    read.with_context(unreadable)?;
    let saved = saved.map_err(refused)?.into_inner().artifact.ok_or_else(empty)?;
    if args.json {
        json::print(&json::artifact(&saved));
    } else {
        outln!("{}: {} kept", saved.name, HumanBytes(self::size(&saved)));
    }
    Ok(())
}
