//! What follows from the trials, computed once for all who watch.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use kindling_proto::v1;
use tokio::sync::Mutex;

use super::Failure;
use super::feed::in_background;
use super::whole::whole;
use crate::ledger::Ledger;

/// The newest analysis of each study, in JSON.
#[derive(Clone, Default)]
pub(super) struct Analyses(Arc<Mutex<HashMap<i64, (Basis, Bytes)>>>);

/// What an analysis rests on: finished trials never change, so that their number says it all.
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
}

impl Analyses {
    /// The analysis of the study of this name as it is now, and what it rests on. Whoever asks while
    /// another one computes waits for that.
    pub(super) async fn newest(
        &self,
        ledger: &Ledger,
        study: &v1::Study,
        name: &str,
    ) -> Result<(Basis, Bytes), Failure> {
        let mut kept = self.0.lock().await;
        if let Some((basis, json)) = kept.get(&study.id)
            && *basis == Basis::of(study)
        {
            return Ok((basis.clone(), json.clone()));
        }
        let whole = whole(ledger, name).await?;
        let (id, basis) = (whole.study.id, Basis::of(&whole.study));
        let json = Bytes::from(in_background(move || whole.analysis()).await?);
        kept.insert(id, (basis.clone(), json.clone()));
        Ok((basis, json))
    }
}
