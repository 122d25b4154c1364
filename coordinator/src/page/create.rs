//! A study from the text of a study file.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use kindling_proto::v1;
use kindling_proto::v1::study_service_server::StudyService as _;
use kindling_study::{Creation, StudySpec};
use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::pages::Pages;
use super::refusal::Refused;
use super::sent;
use crate::config::StudyFileError;
use crate::convert;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The study file.
    text: String,
    /// Whether it is only checked.
    #[serde(default)]
    dry_run: bool,
}

/// Creates the study, or says where its file is wrong. The file may be wrong many times before it is right, so
/// with `dry_run` nothing is created.
pub(super) async fn create(
    State(pages): State<Pages>,
    request: Request,
) -> Result<Response, Refused> {
    let (Wanted { text, dry_run }, sender) = sent::read::<Wanted>(&pages, request).await?;
    let spec = match checked(&pages, text).await? {
        Ok(spec) => spec,
        Err(error) => return Ok(wrong(error)),
    };
    let name = spec.name.to_string();
    let created = if dry_run {
        let look = pages.ledger.look(move |state| state.registry().create(spec));
        matches!(look.await?.map_err(Failure::from)?, Creation::New(..))
    } else {
        let spec = Some(convert::spec_to_wire(&spec));
        let call = sender.call(v1::CreateStudyRequest { spec });
        pages.service.create_study(call).await?.into_inner().created
    };
    Ok(Json(json!({ "name": name, "created": created })).into_response())
}

/// Checks on another thread: a large file takes a while.
async fn checked(
    pages: &Pages,
    text: String,
) -> Result<Result<StudySpec, StudyFileError>, Refused> {
    let check = pages.check;
    let checked = tokio::task::spawn_blocking(move || check(&text)).await;
    checked.map_err(|e| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

fn wrong(StudyFileError { line, column, key, message }: StudyFileError) -> Response {
    let error = if key.is_empty() { message } else { format!("`{key}`: {message}") };
    let hint = "nothing was created; mend the text and try again";
    let body = json!({ "error": error, "line": line, "column": column, "hint": hint });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
