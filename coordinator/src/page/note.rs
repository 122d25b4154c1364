//! The whole note of a study or of one of its trials. What follows a study has only the beginning of a long one.

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

/// Of what.
#[derive(Deserialize)]
pub(super) struct Of {
    name: String,
    /// None: of the study.
    trial: Option<u32>,
}

/// The note, and how often it was changed: whoever changes it says which version was read.
pub(super) async fn note(
    State(pages): State<Pages>,
    Query(Of { name, trial }): Query<Of>,
    extensions: Extensions,
) -> Result<Json<Value>, Refused> {
    let (note, note_version) = match trial {
        None => {
            let request = call(extensions, v1::GetStudyRequest { name });
            let study = pages.service.get_study(request).await?.into_inner().study;
            study.map(|study| (study.note, study.note_version)).unwrap_or_default()
        }
        Some(number) => {
            let request = call(extensions, v1::GetTrialRequest { study: name, number });
            let trial = pages.service.get_trial(request).await?.into_inner().trial;
            trial.map(|trial| (trial.note, trial.note_version)).unwrap_or_default()
        }
    };
    Ok(Json(json!({ "note": note, "note_version": note_version })))
}
