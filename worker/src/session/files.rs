//! What a trial saves and loads, from its own side: on the thread that trains, which may block.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Session;
use super::direct::Direct;
use super::drawers::Drawer;
use super::fetch::{NotLoaded, fetch, fetch_file};
use super::keeper::{Answer, Keeper};
use super::link::Link;
use super::parcel::{NotTaken, Parcel};
use super::told::{Ending, Told};
use crate::content::{Content, SavedCheckpoint};
use crate::lease::{Assignment, Checkpoint, Claim, What};
use crate::trial::TrialError;

/// Why a trial is handed back whose worker leaves.
const LEAVING: &str = "the worker ends";

/// The files of one trial.
pub(super) struct Files {
    claim: Claim,
    pub(super) link: Link,
    direct: Option<Direct>,
    pub(super) told: Told,
    keeper: Keeper,
    drawer: Arc<Drawer>,
    /// What the trial was leased with.
    checkpoint: Option<Checkpoint>,
    /// The same, once it is here.
    loaded: Option<SavedCheckpoint>,
    /// The step of the newest checkpoint that this attempt saved.
    newest: Option<u64>,
}

impl Files {
    pub(super) fn new(
        session: &Session,
        assignment: &Assignment,
        told: &Told,
        keeper: &Keeper,
    ) -> Self {
        Self {
            claim: assignment.claim.clone(),
            link: session.link.clone(),
            direct: session.direct.clone(),
            told: told.clone(),
            keeper: keeper.clone(),
            drawer: Arc::new(session.drawers.drawer()),
            checkpoint: assignment.checkpoint.clone(),
            loaded: None,
            newest: None,
        }
    }

    /// What an earlier attempt saved last, in a file. Waits for the coordinator, for as long as the trial goes on.
    pub(super) async fn load(&mut self) -> Result<Option<SavedCheckpoint>, TrialError> {
        if self.loaded.is_some() {
            return Ok(self.loaded.clone());
        }
        let Some(checkpoint) = &self.checkpoint else { return Ok(None) };
        let step = checkpoint.step;
        let path = self.drawer.path().map_err(|error| no_room(step, &error))?;
        let told = self.told.stop();
        let from = (&self.link, self.direct.as_ref());
        let fetched = fetch_file(from, &self.claim, checkpoint, &path, &told).await;
        fetched.map_err(|why| self.not_loaded(step, why))?;
        tracing::info!(step, bytes = checkpoint.size, "going on from a checkpoint");
        self.loaded = Some(SavedCheckpoint { step, path });
        Ok(self.loaded.clone())
    }

    /// The same in memory, with its step.
    pub(super) async fn load_bytes(&self) -> Result<Option<(u64, Vec<u8>)>, TrialError> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(None) };
        let (step, told) = (checkpoint.step, self.told.stop());
        let make = || Ok(Vec::new());
        let from = (&self.link, self.direct.as_ref());
        let fetched = fetch(from, &self.claim, checkpoint, make, &told).await;
        fetched.map(|bytes| Some((step, bytes))).map_err(|why| self.not_loaded(step, why))
    }

    fn not_loaded(&self, step: u64, why: NotLoaded) -> TrialError {
        match why {
            NotLoaded::Stopped => TrialError::Stopped,
            NotLoaded::Leaving => TrialError::HandBack(LEAVING.to_owned()),
            NotLoaded::Lost => {
                self.told.tell(Ending::Dropped);
                TrialError::Stopped
            }
            NotLoaded::NoRoom(error) => no_room(step, &error),
            NotLoaded::Damaged(why) => TrialError::Failed(format!(
                "the checkpoint of step {step} cannot be gone on from: {why}\n\
                 hint: `kindling trial retry` begins again with the same parameters"
            )),
        }
    }

    /// Saves a checkpoint with all up to this step. If the worker is about to leave, the trial is handed back then.
    pub(super) async fn save_checkpoint(
        &mut self,
        step: u64,
        content: Content,
    ) -> Result<(), TrialError> {
        self.check()?;
        if i64::try_from(step).is_err() {
            let found = format!("a checkpoint of step {step} was saved; steps end at 2^63 - 1");
            return Err(TrialError::Failed(found));
        }
        match self.newest {
            Some(newest) if step < newest => {
                return Err(TrialError::Failed(format!(
                    "a checkpoint of step {step} was saved after that of step {newest}; steps ascend"
                )));
            }
            // Two of one step are worth the same. The first one is on its way, or safe.
            Some(newest) if step == newest => return self.after(step),
            _ => {}
        }
        let what = What::Checkpoint { step };
        let parcel = match Parcel::take(content, &self.drawer) {
            Ok(parcel) => parcel,
            Err(NotTaken::Theirs(reason)) => {
                return Err(TrialError::Failed(format!("{what} is not saved: {reason}")));
            }
            // The training is worth more than the checkpoint.
            Err(NotTaken::Ours(error)) => {
                tracing::error!(%error, "{what} is not saved: the worker's spool has no room for it");
                return Ok(());
            }
        };
        self.newest = Some(step);
        if let Some(answer) = self.keeper.put(what.clone(), parcel) {
            self.answer(&what, answer).await?;
        }
        self.after(step)
    }

    /// Keeps a file under this name.
    pub(super) async fn save_artifact(
        &mut self,
        name: &str,
        media_type: &str,
        content: Content,
    ) -> Result<(), TrialError> {
        self.check()?;
        let what = What::Artifact { name: name.to_owned(), media_type: media_type.to_owned() };
        let failed = |reason: String| TrialError::Failed(format!("{what} is not saved: {reason}"));
        let parcel = Parcel::take(content, &self.drawer).map_err(|why| match why {
            NotTaken::Theirs(reason) => failed(reason),
            NotTaken::Ours(error) => {
                failed(format!("the worker's spool has no room for it: {error}"))
            }
        })?;
        let Some(answer) = self.keeper.put(what.clone(), parcel) else {
            return Err(failed(
                "too many others wait for the coordinator\nhint: save fewer, or pack them into one file"
                    .to_owned(),
            ));
        };
        self.answer(&what, answer).await
    }

    /// Waits until something is safe, but only while the coordinator is in reach and the first try has not failed.
    async fn answer(
        &self,
        what: &What,
        answer: oneshot::Receiver<Answer>,
    ) -> Result<(), TrialError> {
        let answered = tokio::select! {
            biased;
            answered = answer => answered.ok(),
            () = self.told.over() => None,
            () = self.link.down() => None,
        };
        match answered {
            // Any worker would hear that: what the trial did is wrong.
            Some(Err(refusal)) if refusal.is_for_good() => {
                let reason = refusal.reason;
                Err(TrialError::Failed(format!("{what} was refused: {reason}")))
            }
            // Of a lease that was lost the heartbeat tells.
            Some(_) | None => self.check(),
        }
    }

    /// Whether the trial goes on after a checkpoint.
    fn after(&self, step: u64) -> Result<(), TrialError> {
        let is_safe = self.keeper.safe().is_some_and(|safe| safe >= step);
        if is_safe && self.told.get().is_none() && self.told.stop().should_checkpoint() {
            tracing::info!(step, "saved; the trial can go on elsewhere");
            return Err(TrialError::HandBack(LEAVING.to_owned()));
        }
        Ok(())
    }

    /// Whether anything that the trial saves is still kept. Of a pruned one it is.
    fn check(&self) -> Result<(), TrialError> {
        match self.told.get() {
            None | Some(Ending::Pruned) => Ok(()),
            Some(_) => Err(TrialError::Stopped),
        }
    }
}

/// Elsewhere there may be room.
fn no_room(step: u64, error: &std::io::Error) -> TrialError {
    TrialError::HandBack(format!(
        "the worker's spool has no room for the checkpoint of step {step}: {error}; hint: look at its file system, or \
         name another folder with --spool"
    ))
}
