//! Analyses of studies, each computed once for all watchers.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use axum::body::Bytes;
use kindling_proto::{limits, v1};
use kindling_report::Analyst;
use tokio::sync::{Mutex, Semaphore};

use super::background::in_background;
use super::failure::Failure;
use crate::ledger::Ledger;
use crate::view::{self, Reading};

/// The newest analysis of each study that somebody watched.
#[derive(Clone)]
pub(super) struct Analyses {
    places: Arc<Mutex<HashMap<i64, Newest>>>,
    ledger: Ledger,
    /// Only one analysis is computed at a time, since each may be large.
    making: Arc<Semaphore>,
}

/// One study's analysis, in JSON. Locked while it is computed, so that all who need it wait for one
/// result.
type Newest = Arc<Mutex<Option<(Basis, Bytes)>>>;

/// What an analysis depends on. Finished trials never change, so their number is enough.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Basis {
    finished: u32,
    confirm: Option<v1::Confirm>,
}

impl Basis {
    pub(super) fn of(study: &v1::Study) -> Self {
        let finished = study.counts.map_or(0, |c| c.complete + c.pruned + c.fail);
        Self { finished, confirm: study.confirm.clone() }
    }

    /// Whether an analysis on this basis is at least as new as one on the other.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.finished >= other.finished && self.confirm == other.confirm
    }
}

impl Analyses {
    pub(super) fn new(ledger: Ledger, making: Arc<Semaphore>) -> Self {
        Self { places: Arc::default(), ledger, making }
    }

    /// The current analysis of the study with this name, and its basis. If another task is
    /// computing it, waits for that result.
    pub(super) async fn newest(
        &self,
        study: &v1::Study,
        name: &str,
    ) -> Result<(Basis, Bytes), Failure> {
        let newest = self.of(study.id).await?;
        let mut newest = newest.lock().await;
        if let Some((basis, json)) = newest.as_ref()
            && basis.covers(&Basis::of(study))
        {
            return Ok((basis.clone(), json.clone()));
        }
        let _turn = self.making.acquire().await;
        let (mut reading, head) = Reading::begin(&self.ledger, name).await?;
        let basis = Basis::of(&head.study);
        let mut analyst = Analyst::new(&head.study);
        loop {
            let some = reading.next(limits::PAGE_BYTES).await?;
            if some.is_empty() {
                break;
            }
            analyst.add(&some);
        }
        let json = in_background(move || serde_json::to_vec(&analyst.analysis())).await?;
        let json = Bytes::from(json);
        *newest = Some((basis.clone(), json.clone()));
        Ok((basis, json))
    }

    /// The entry for a study's analysis. Creating an entry also drops the entries of deleted
    /// studies.
    async fn of(&self, id: i64) -> Result<Newest, Failure> {
        if let Some(newest) = self.places.lock().await.get(&id) {
            return Ok(newest.clone());
        }
        let look = self
            .ledger
            .look(|state| view::range(state, Bound::Unbounded).map(|(id, _)| id.0).collect());
        let alive: HashSet<_> = look.await?;
        let mut places = self.places.lock().await;
        places.retain(|id, _| alive.contains(id));
        Ok(places.entry(id).or_default().clone())
    }
}
