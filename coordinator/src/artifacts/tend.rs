//! Removes what nobody refers to any more.

use std::time::{Duration, Instant, SystemTime};

use kindling_artifacts::{ArtifactError, Key};
use tokio::task::JoinSet;

use super::Artifacts;
use super::counted::Counted;
use super::usage::AtRest;
use crate::ledger::{Ledger, LedgerError};
use crate::observe;

/// What was dropped goes within this time.
const SOON: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };
/// The count may take one part in so many of the ledger's time.
const SHARE: u32 = 200;
/// How long to wait after the store could not be used.
const AWAY: Duration = Duration::from_mins(1);
/// How often all that the store has is looked at.
const SWEEP: Duration = Duration::from_hours(6);
/// What is younger may be of an upload that is not recorded yet. A worker's own may be older, as some services count from when
/// its upload began; then it is uploaded once more.
const YOUNG: Duration = Duration::from_hours(1);
/// The most that is removed before there is another count.
const AT_A_TIME: usize = 10_000;
/// How many are removed at the same time.
const BESIDE: usize = 8;

impl Artifacts {
    /// Removes what is dropped, and at a start and now and then what nobody ever referred to, for as long as the ledger
    /// lives.
    ///
    /// Only what this history has saved is ours to remove: an older copy of the store, which is another history, may
    /// refer to the rest.
    pub(crate) async fn tend(self, ledger: Ledger) {
        // A look fails only once the ledger has ended.
        _ = self.tend_while_it_lives(&ledger).await;
    }

    async fn tend_while_it_lives(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let history = ledger.look_after_write(|state| state.history().0).await?;
        let mut known = self.count(ledger).await?;
        let mut sweep_at = Instant::now();
        loop {
            let rings = ledger.commits().rings();
            let begun = Instant::now();
            let mut counted = self.count(ledger).await?;
            let mut pause = SOON.max(begun.elapsed() * SHARE);
            let mut left = counted.dropped_since(&known, history);
            let now: Vec<_> = left.drain(..left.len().min(AT_A_TIME)).collect();
            let is_more = !left.is_empty();
            if !now.is_empty() {
                let failed = self.remove(now, "dropped").await;
                if !failed.is_empty() {
                    pause = pause.max(AWAY);
                }
                left.extend(failed);
            }
            let is_unfinished = !left.is_empty();
            counted.remember(left);
            known = counted;
            if Instant::now() >= sweep_at {
                sweep_at = Instant::now() + SWEEP;
                if let Err(error) = self.sweep(ledger, &known, history).await? {
                    tracing::warn!(%error, "what nobody refers to cannot be looked for; later");
                    sweep_at = Instant::now() + 10 * AWAY;
                }
            }
            if is_more {
                continue;
            }
            tokio::time::sleep(pause).await;
            if !is_unfinished {
                tokio::select! {
                    rung = ledger.commits().after(rings) => if rung.is_err() { return Ok(()) },
                    () = tokio::time::sleep_until(sweep_at.into()) => {}
                }
            }
        }
    }

    /// Looks at all that the store has of the history.
    async fn sweep(
        &self,
        ledger: &Ledger,
        known: &Counted,
        history: [u8; 16],
    ) -> Result<Result<(), ArtifactError>, LedgerError> {
        let found = match self.orphans(known, history).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        match self.store().remove_torn(history, YOUNG).await {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "removed what uploads had left that were cut short"),
            Err(error) => return Ok(Err(error)),
        }
        if found.is_empty() {
            return Ok(Ok(()));
        }
        // In this order: what is not being saved any more and is not recorded by then stays unrecorded while it is held. A
        // worker that has put the bytes there itself, and comes so late with their key, comes again once they are gone.
        let at_rest = AtRest::of(self.clone(), found);
        let counted = self.count(ledger).await?;
        let orphans = at_rest.keys().filter(|key| !counted.has(*key)).collect();
        self.remove(orphans, "nobody refers to it").await;
        drop(at_rest);
        Ok(Ok(()))
    }

    /// What is old enough and was not referred to when that was counted last.
    async fn orphans(&self, known: &Counted, history: [u8; 16]) -> Result<Vec<Key>, ArtifactError> {
        let now = SystemTime::now();
        let mut listing = self.store().list(history).await?;
        let mut found = Vec::new();
        while let Some(one) = listing.next().await? {
            let is_old = now.duration_since(one.saved).is_ok_and(|age| age > YOUNG);
            if is_old && !known.has(one.key) {
                found.push(one.key);
                if found.len() == AT_A_TIME {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Removes these, and returns those that could not be.
    async fn remove(&self, keys: Vec<Key>, why: &'static str) -> Vec<Key> {
        let (mut removing, mut keys) = (JoinSet::new(), keys.into_iter());
        let (mut removed, mut failed) = (0_u64, Vec::new());
        loop {
            while removing.len() < BESIDE
                // The store is away: no need to hear that of every one.
                && failed.is_empty()
                && let Some(key) = keys.next()
            {
                let store = self.store().clone();
                removing.spawn(async move { (key, store.delete(key).await) });
            }
            match removing.join_next().await {
                None => break,
                Some(Ok((_, Ok(())))) => removed += 1,
                Some(Ok((key, Err(error)))) => {
                    tracing::warn!(%key, %error, "not removed yet");
                    failed.push(key);
                }
                // Ends with the process only.
                Some(Err(_)) => {}
            }
        }
        failed.extend(keys);
        if removed > 0 {
            tracing::debug!(removed, why, "removed from the artifact store");
            observe::artifacts_removed(removed);
        }
        failed
    }
}
