//! Fetches the checkpoint that a trial was leased with, and checks it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tonic::Status;

use super::direct::Direct;
use super::link::{Failure, Link};
use super::parcel::Hashed;
use crate::lease::{Checkpoint, Claim, Why};
use crate::stop::Stop;

/// Why a checkpoint was not loaded.
#[derive(Debug)]
pub(super) enum NotLoaded {
    /// The trial was told to stop meanwhile.
    Stopped,
    /// The worker leaves, and nothing was trained yet.
    Leaving,
    /// The lease is lost.
    Lost,
    /// The file cannot be written.
    NoRoom(io::Error),
    /// It is not there, or not what was saved.
    Damaged(String),
}

/// Where checkpoints come from: the coordinator, or the artifact store itself.
type Source<'a> = (&'a Link, Option<&'a Direct>);

/// Fetches a checkpoint into a file. It has this name only once it is whole.
pub(super) async fn fetch_file(
    from: Source<'_>,
    claim: &Claim,
    checkpoint: &Checkpoint,
    path: &Path,
    stop: &Stop,
) -> Result<(), NotLoaded> {
    let draft = path.with_extension("draft");
    fetch(from, claim, checkpoint, || File::create(&draft), stop).await?;
    std::fs::rename(&draft, path).map_err(NotLoaded::NoRoom)
}

/// Fetches a checkpoint into something that is made anew for each try: once from the artifact store itself, if there is a
/// way, and then from the coordinator until the trial should stop.
pub(super) async fn fetch<W: Write>(
    (link, direct): Source<'_>,
    claim: &Claim,
    checkpoint: &Checkpoint,
    make: impl Fn() -> io::Result<W>,
    stop: &Stop,
) -> Result<W, NotLoaded> {
    let mut backoff = link.backoff("load");
    let mut was_noted = false;
    let tries = async {
        if let Some(direct) = direct {
            let into = make().map_err(NotLoaded::NoRoom)?;
            let loaded = direct.load(checkpoint, into).await;
            if let Some(whole) = loaded.map_err(NotLoaded::NoRoom)? {
                return Ok(whole);
            }
        }
        loop {
            let into = make().map_err(NotLoaded::NoRoom)?;
            let status = match once(link, claim, checkpoint, into).await {
                Ok(whole) => return Ok(whole),
                Err(Fault::Not(why)) => return Err(why),
                Err(Fault::Passing(status)) => status,
            };
            if !std::mem::replace(&mut was_noted, true) {
                let (code, message) = (status.code(), status.message());
                tracing::warn!(?code, message, "the checkpoint cannot be loaded yet; trying again");
            }
            backoff.wait().await;
        }
    };
    tokio::select! {
        biased;
        () = stop.wanted() => Err(NotLoaded::Stopped),
        () = stop.leaving() => Err(NotLoaded::Leaving),
        loaded = tries => loaded,
    }
}

enum Fault {
    Passing(Status),
    Not(NotLoaded),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing(status) => Self::Passing(status),
            Failure::Refused(refusal) if refusal.why == Why::NotYours => Self::Not(NotLoaded::Lost),
            Failure::Refused(refusal) => Self::Not(NotLoaded::Damaged(refusal.reason)),
        }
    }
}

async fn once<W: Write>(
    link: &Link,
    claim: &Claim,
    checkpoint: &Checkpoint,
    mut into: W,
) -> Result<W, Fault> {
    let damaged = |why: String| Err(Fault::Not(NotLoaded::Damaged(why)));
    let expected = checkpoint.size;
    let mut pieces = link.load(claim, &checkpoint.key).await?;
    let mut hashed = Hashed::default();
    while let Some(piece) = pieces.message().await.map_err(|status| link.judge(status))? {
        hashed.add(&piece.piece);
        if hashed.size > expected {
            return damaged(format!("it has more than the {expected} bytes that were saved"));
        }
        into.write_all(&piece.piece).map_err(|error| Fault::Not(NotLoaded::NoRoom(error)))?;
    }
    if hashed.size < expected {
        let found = hashed.size;
        return damaged(format!("it has {found} of the {expected} bytes that were saved"));
    }
    if hashed.sha256() != checkpoint.sha256 {
        return damaged("its SHA-256 is another one than of what was saved".to_owned());
    }
    into.flush().map_err(|error| Fault::Not(NotLoaded::NoRoom(error)))?;
    Ok(into)
}
