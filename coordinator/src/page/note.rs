//! A whole note, for whoever edits it: a study's changes on the page have only the beginning of a long one.

use axum::extract::{Query, State};
use axum::http::Extensions;
use axum::response::Json;
use kindling_proto::v1;
use kindling_proto::v1::study_service_server::StudyService as _;
use kindling_proto::v1::trial_service_server::TrialService as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pages::{Pages, call};
use super::refusal::Refused;

/// Whose note.
#[derive(Deserialize)]
pub(super) struct Asked {
    name: String,
    /// None: the study's own.
    trial: Option<u32>,
}

/// The note, with the version that whoever changes it has read.
pub(super) async fn note(
    State(pages): State<Pages>,
    Query(Asked { name, trial }): Query<Asked>,
    extensions: Extensions,
) -> Result<Json<Value>, Refused> {
    let service = &pages.service;
    let (note, note_version) = if let Some(number) = trial {
        let request = v1::GetTrialRequest { study: name, number };
        let answer = service.get_trial(call(extensions, request)).await?.into_inner();
        let trial = answer.trial.unwrap_or_default();
        (trial.note, trial.note_version)
    } else {
        let request = v1::GetStudyRequest { name };
        let answer = service.get_study(call(extensions, request)).await?.into_inner();
        let study = answer.study.unwrap_or_default();
        (study.note, study.note_version)
    };
    Ok(Json(json!({ "note": note, "note_version": note_version })))
}
