//! What people did.

use axum::extract::{Query, State};
use axum::http::Extensions;
use axum::response::Json;
use kindling_proto::v1;
use kindling_proto::v1::study_service_server::StudyService as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pages::{Pages, call};
use super::refusal::Refused;

/// Of which study, and before which entry.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// Empty: of all.
    #[serde(default)]
    name: String,
    #[serde(default)]
    before: String,
}

/// A page of entries, newest first.
pub(super) async fn activity(
    State(pages): State<Pages>,
    Query(Asked { name, before }): Query<Asked>,
    extensions: Extensions,
) -> Result<Json<Value>, Refused> {
    let request = v1::ListActivityRequest { study: name, page_size: 0, page_token: before };
    let answer = pages.service.list_activity(call(extensions, request)).await?.into_inner();
    let activities: Vec<_> = answer.activities.iter().map(entry).collect();
    let next = Some(answer.next_page_token).filter(|token| !token.is_empty());
    Ok(Json(json!({ "activities": activities, "next": next })))
}

fn entry(activity: &v1::Activity) -> Value {
    let v1::Activity { time, who, from, what, study, trial, details } = activity;
    let time = time.map(|time| time.seconds * 1000 + i64::from(time.nanos) / 1_000_000);
    json!({
        "time": time,
        "who": who,
        "from": from,
        "what": what,
        "study": study,
        "trial": trial,
        "details": details,
    })
}
