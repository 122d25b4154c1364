//! The list of studies.

use std::ops::Bound;

use axum::extract::State;
use axum::response::Json;
use kindling_proto::{limits, v1};
use kindling_report::Change;
use kindling_study::Wall;
use serde_json::{Value, json};

use super::failure::Failure;
use super::pages::Pages;
use crate::view::{self, AnyStudy};

/// One line per study.
pub(super) async fn studies(State(pages): State<Pages>) -> Result<Json<Value>, Failure> {
    let (mut lines, mut after) = (Vec::new(), Bound::Unbounded);
    loop {
        let look = pages.ledger.look(move |state| {
            let studies = view::range(state, after).take(limits::AT_A_TIME);
            let line = |(id, study): (_, AnyStudy<'_>)| {
                (id, line(&study.to_wire_in_short(state, id), study.newest()))
            };
            studies.map(line).collect::<Vec<_>>()
        });
        let more = look.await?;
        let Some((last, _)) = more.last() else { break };
        after = Bound::Excluded(*last);
        lines.extend(more.into_iter().map(|(_, line)| line));
    }
    Ok(Json(lines.into()))
}

fn line(study: &v1::Study, newest: Option<Wall>) -> Value {
    let shown = Change::new(study, &[], &[]).study;
    json!({
        "name": shown.name,
        "state": shown.state,
        "directions": shown.directions,
        "counts": shown.counts,
        "budget": shown.budget,
        "confirmations": shown.confirmations,
        "front_size": shown.front_size,
        "best_values": kindling_report::best(study).map_or(&[][..], kindling_report::values),
        "external": shown.external,
        "created": shown.created,
        "newest": newest.map(|Wall(at)| at.div_euclid(1000)),
        "trials_per_hour": shown.trials_per_hour,
        "seconds_left": shown.seconds_left,
        "failure": shown.failures.first().map(|failure| &failure.reason),
        "archived": study.archived,
        "tags": study.tags,
        "note": study.note,
    })
}
