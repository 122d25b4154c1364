//! Changes to a study. Each is a call of a service, as the command line makes it: here nothing is decided.

use axum::extract::{Query, Request, State};
use axum::response::Json;
use kindling_proto::v1;
use kindling_proto::v1::study_service_server::StudyService as _;
use kindling_proto::v1::trial_service_server::TrialService as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::named::Named;
use super::pages::Pages;
use super::refusal::Refused;
use super::sent::{self, Sender};
use crate::convert::typed;
use crate::view;

/// What somebody wants to be done.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Wanted {
    Pause {},
    Resume {
        /// The new number of trials to finish.
        trials: Option<u32>,
    },
    Stop {},
    Budget {
        trials: u32,
    },
    Delete {
        /// The study's name, typed again.
        name: String,
    },
    Enqueue {
        params: Map<String, Value>,
        warm_start: Option<u32>,
        #[serde(default)]
        request_id: String,
    },
    Retry {
        trials: Vec<u32>,
        #[serde(default)]
        request_id: String,
    },
    Note {
        /// None: of the study.
        trial: Option<u32>,
        text: String,
        /// The version that was read.
        version: u32,
    },
    Tags {
        trial: Option<u32>,
        tags: Vec<String>,
    },
    Archive {
        archived: bool,
    },
}

/// Does it, and answers with what has become of it.
pub(super) async fn change(
    State(pages): State<Pages>,
    Query(Named { name }): Query<Named>,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let (wanted, sender) = sent::read::<Wanted>(&pages, request).await?;
    let service = &pages.service;
    let study = match wanted {
        Wanted::Pause {} => {
            service
                .pause_study(sender.call(v1::PauseStudyRequest { name }))
                .await?
                .into_inner()
                .study
        }
        Wanted::Resume { trials } => {
            let request = v1::ResumeStudyRequest { name, trials, confirm: None };
            service.resume_study(sender.call(request)).await?.into_inner().study
        }
        Wanted::Stop {} => {
            service.stop_study(sender.call(v1::StopStudyRequest { name })).await?.into_inner().study
        }
        Wanted::Budget { trials } => {
            let request = v1::ChangeBudgetRequest { name, trials };
            service.change_budget(sender.call(request)).await?.into_inner().study
        }
        Wanted::Delete { name: typed } if typed != name => {
            let error = "that is not the name of the study";
            return Err(Refused::malformed(error).with_hint("type the name as it stands above"));
        }
        Wanted::Delete { .. } => {
            let request = v1::DeleteStudyRequest { name: name.clone() };
            service.delete_study(sender.call(request)).await?;
            return Ok(Json(json!({ "deleted": name })));
        }
        Wanted::Enqueue { params, warm_start, request_id } => {
            let params = named_values(&pages, &name, params).await?;
            let request = v1::EnqueueTrialRequest { study: name, params, request_id, warm_start };
            let trial = service.enqueue_trial(sender.call(request)).await?.into_inner().trial;
            return Ok(Json(json!({ "trial": trial.map(|trial| trial.number) })));
        }
        Wanted::Retry { trials: numbers, request_id } => {
            let request = v1::RetryTrialsRequest { study: name, numbers, request_id };
            let v1::RetryTrialsResponse { retried, refused } =
                service.retry_trials(sender.call(request)).await?.into_inner();
            let retried: Vec<_> = retried.iter().map(|one| (one.failed, one.number)).collect();
            let refused: Vec<_> = refused.iter().map(|one| (one.failed, &one.reason)).collect();
            return Ok(Json(json!({ "retried": retried, "refused": refused })));
        }
        Wanted::Note { trial, text, version } => {
            let wanted = Written { note: Some((text, version)), ..Written::default() };
            return write(&pages, &sender, name, trial, wanted).await;
        }
        Wanted::Tags { trial, tags } => {
            let wanted = Written { tags: Some(v1::Tags { tags }), ..Written::default() };
            return write(&pages, &sender, name, trial, wanted).await;
        }
        Wanted::Archive { archived } => {
            let wanted = Written { archived: Some(archived), ..Written::default() };
            return write(&pages, &sender, name, None, wanted).await;
        }
    };
    let study = kindling_report::Study::new(&study.unwrap_or_default());
    Ok(Json(json!({ "state": study.state, "budget": study.budget })))
}

/// What is to be written on a study or a trial.
#[derive(Default)]
struct Written {
    /// With the version that was read.
    note: Option<(String, u32)>,
    tags: Option<v1::Tags>,
    archived: Option<bool>,
}

/// Writes it, and answers with all that is written there now.
async fn write(
    pages: &Pages,
    sender: &Sender,
    study: String,
    trial: Option<u32>,
    Written { note, tags, archived }: Written,
) -> Result<Json<Value>, Refused> {
    let (note, note_version) = note.unzip();
    let Some(number) = trial else {
        let request = v1::AnnotateStudyRequest { name: study, note, note_version, tags, archived };
        let answer = pages.service.annotate_study(sender.call(request)).await?.into_inner();
        let study = answer.study.unwrap_or_default();
        return Ok(Json(json!({
            "note": study.note,
            "note_version": study.note_version,
            "tags": study.tags,
            "archived": study.archived,
        })));
    };
    let request = v1::AnnotateTrialRequest { study, number, note, note_version, tags };
    let answer = pages.service.annotate_trial(sender.call(request)).await?.into_inner();
    let trial = answer.trial.unwrap_or_default();
    Ok(Json(json!({
        "note": trial.note,
        "note_version": trial.note_version,
        "tags": trial.tags,
    })))
}

/// The values in the types of the study's space.
async fn named_values(
    pages: &Pages,
    name: &str,
    params: Map<String, Value>,
) -> Result<Vec<v1::NamedValue>, Refused> {
    let name = name.to_owned();
    let look = pages.ledger.look(move |state| {
        let (id, study) = view::find(state, &name)?;
        Ok::<_, kindling_study::Refusal>(study.to_wire(state, id).spec)
    });
    let spec = look.await?.map_err(Failure::from)?.unwrap_or_default();
    let value = |(name, json): (String, Value)| {
        typed::named(&spec.space, &name, &json)
            .map_err(|typed::Mistake { what, hint }| Refused::malformed(format!("{what}: {hint}")))
    };
    params.into_iter().map(value).collect()
}
