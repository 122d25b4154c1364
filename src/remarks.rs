//! `kindling study note`, `tag`, `archive` and `unarchive`, and `kindling trial note` and `tag`: what people write about
//! studies and trials.

use std::io::Read as _;

use anyhow::Context as _;
use kindling_proto::{limits, v1};
use kindling_telemetry::say;

use crate::client::{Client, empty, refused};
use crate::hint::hinted;
use crate::json;
use crate::out::outln;

#[derive(clap::Args)]
pub(crate) struct NoteArgs {
    /// The new note, in Markdown; - reads it from standard input, and '' removes it. Without it, the note is printed
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Change the note only if this is still its version, which --json shows
    #[arg(long, value_name = "VERSION", requires = "text")]
    if_version: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct TagArgs {
    /// Add this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    add: Vec<String>,
    /// Remove this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl NoteArgs {
    /// Whether it changes the note.
    pub(crate) fn changes(&self) -> bool {
        self.text.is_some()
    }
}

impl TagArgs {
    /// Whether it changes tags.
    pub(crate) fn changes(&self) -> bool {
        !(self.add.is_empty() && self.remove.is_empty())
    }
}

/// Of whom: a study, or one of its trials.
pub(crate) struct Whose {
    pub(crate) study: String,
    pub(crate) trial: Option<u32>,
}

/// What people wrote about it.
struct Remark {
    note: String,
    note_version: u32,
    tags: Vec<String>,
}

/// Prints or changes a note.
pub(crate) async fn note(
    client: &mut Client,
    whose: &Whose,
    NoteArgs { text, if_version, json }: NoteArgs,
) -> anyhow::Result<()> {
    let remark = match text {
        None => whose.read(client).await?,
        Some(text) => {
            let note = if text == "-" { from_stdin()? } else { text };
            whose.annotate(client, Some(note), if_version, None).await?
        }
    };
    if json {
        json::print(&serde_json::json!({ "note": remark.note, "version": remark.note_version }));
    } else if remark.note.is_empty() {
        say!("no note");
    } else {
        outln!("{}", remark.note.trim_end_matches('\n'));
    }
    Ok(())
}

/// Prints or changes tags.
pub(crate) async fn tags(
    client: &mut Client,
    whose: &Whose,
    TagArgs { add, remove, json }: TagArgs,
) -> anyhow::Result<()> {
    let mut remark = whose.read(client).await?;
    if !(add.is_empty() && remove.is_empty()) {
        let mut tags = remark.tags;
        tags.retain(|tag| !remove.contains(tag));
        for tag in add {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        remark = whose.annotate(client, None, None, Some(tags)).await?;
    }
    if json {
        json::print(&serde_json::json!({ "tags": remark.tags }));
    } else if remark.tags.is_empty() {
        say!("no tags");
    } else {
        remark.tags.iter().for_each(|tag| outln!("{tag}"));
    }
    Ok(())
}

/// Archives a study, or takes it back into the lists.
pub(crate) async fn archive(
    client: &mut Client,
    name: String,
    archived: bool,
) -> anyhow::Result<v1::Study> {
    let request = v1::AnnotateStudyRequest { name, archived: Some(archived), ..Default::default() };
    let response = client.studies.annotate_study(request).await.map_err(refused)?;
    response.into_inner().study.ok_or_else(empty)
}

/// Standard input, but no more of it than a note may have.
fn from_stdin() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let most = limits::REMARK_NOTE as u64 + 1;
    std::io::stdin().take(most).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() > limits::REMARK_NOTE {
        let what = format!("the note has more than {} bytes", limits::REMARK_NOTE);
        return Err(hinted(what, "keep the rest in a file, and save that as an artifact"));
    }
    String::from_utf8(bytes).context("the note is no UTF-8")
}

impl Whose {
    async fn read(&self, client: &mut Client) -> anyhow::Result<Remark> {
        let study = self.study.clone();
        let Some(number) = self.trial else { return Ok(client.study(&study).await?.into()) };
        let request = v1::GetTrialRequest { study, number };
        let response = client.trials.get_trial(request).await.map_err(refused)?;
        Ok(response.into_inner().trial.ok_or_else(empty)?.into())
    }

    async fn annotate(
        &self,
        client: &mut Client,
        note: Option<String>,
        note_version: Option<u32>,
        tags: Option<Vec<String>>,
    ) -> anyhow::Result<Remark> {
        let tags = tags.map(|tags| v1::Tags { tags });
        let study = self.study.clone();
        if let Some(number) = self.trial {
            let request = v1::AnnotateTrialRequest { study, number, note, note_version, tags };
            let response = client.trials.annotate_trial(request).await.map_err(refused)?;
            return Ok(response.into_inner().trial.ok_or_else(empty)?.into());
        }
        let request =
            v1::AnnotateStudyRequest { name: study, note, note_version, tags, archived: None };
        let response = client.studies.annotate_study(request).await.map_err(refused)?;
        Ok(response.into_inner().study.ok_or_else(empty)?.into())
    }
}

impl From<v1::Study> for Remark {
    fn from(study: v1::Study) -> Self {
        Self { note: study.note, note_version: study.note_version, tags: study.tags }
    }
}

impl From<v1::Trial> for Remark {
    fn from(trial: v1::Trial) -> Self {
        Self { note: trial.note, note_version: trial.note_version, tags: trial.tags }
    }
}
