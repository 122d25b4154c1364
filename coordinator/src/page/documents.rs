//! A study as the page shows it, in JSON, made piece by piece: nobody holds all of a large one.

use axum::body::Bytes;
use kindling_report::{Beginning, Study, Trial, Worker};
use serde::Serialize;

use super::background::in_background;
use super::failure::Failure;
use crate::view::{Head, Reading};

/// Trials are read until their messages are so large. In JSON they are up to twice as large.
const PIECE: usize = 128 * 1024;

/// The first piece.
pub(super) fn beginning(head: &Head) -> Beginning {
    let now = jiff::Timestamp::now().as_millisecond();
    let Head { study, workers, artifacts, total } = head;
    Beginning::new(study, workers, *total, now).with_artifacts(artifacts)
}

/// The next trials as a list; `None` once all have come.
pub(super) async fn trials(reading: &mut Reading) -> Result<Option<Bytes>, Failure> {
    let some = reading.next(PIECE).await?;
    if some.is_empty() {
        return Ok(None);
    }
    let json = move || serde_json::to_vec(&some.iter().map(Trial::new).collect::<Vec<_>>());
    Ok(Some(in_background(json).await?.into()))
}

/// A document around its trials: what comes before them and after them. As one of [`kindling_report::Document`].
pub(super) fn around(head: Beginning, analysis: &str) -> serde_json::Result<(String, String)> {
    #[derive(Serialize)]
    struct Before {
        version: u32,
        generated: i64,
        study: Study,
        workers: Vec<Worker>,
    }
    let Beginning { version, generated, study, workers, artifacts, .. } = head;
    let mut before = serde_json::to_string(&Before { version, generated, study, workers })?;
    before.pop();
    before.push_str(",\"trials\":[");
    let artifacts = match artifacts.as_slice() {
        [] => String::new(),
        some => format!(",\"artifacts\":{}", serde_json::to_string(some)?),
    };
    Ok((before, format!("]{artifacts},\"analysis\":{analysis}}}")))
}
