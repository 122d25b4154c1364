//! A study's trials as a file, as `kindling study export` writes it: one piece of code makes both.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kindling_proto::v1;
use kindling_report::plain::{self, Formulas};
use kindling_report::{Filter, FilterError};
use serde::Deserialize;

use super::failure::Failure;
use super::pages::Pages;
use crate::budget::{Caller, held};
use crate::view::Whole;

/// Which file of which study.
#[derive(Deserialize)]
pub(super) struct Wanted {
    name: String,
    #[serde(default)]
    format: Format,
    /// Only the trials for which this holds.
    #[serde(default)]
    filter: String,
    /// Whether text that a spreadsheet would compute gets an apostrophe in front.
    #[serde(default)]
    spreadsheet_safe: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Json,
}

pub(super) async fn export(
    State(pages): State<Pages>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let _place = pages.place(caller)?;
    let kind = match wanted.format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
    };
    let file = pages.work(&wanted.name.clone(), move |whole| written(whole, &wanted)).await??;
    let share = pages.room_for(caller, file.len())?;
    // The page says what the file is called.
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, "attachment")];
    let response = (headers, file).into_response();
    Ok(response.map(|body| held(body, Arc::new(share))))
}

fn written(whole: Whole, wanted: &Wanted) -> Result<Vec<u8>, Failure> {
    let Whole { mut study, trials } = whole;
    let matching = matching(&wanted.filter, &study, &trials)?;
    // The one that the study names is in short; a file has all of it.
    if let Some(best) = &mut study.best
        && let Some(all) = trials.get(best.number as usize)
    {
        *best = all.clone();
    }
    let mut matching = matching.into_iter();
    let trials: Vec<_> =
        trials.into_iter().filter(|_| matching.next().unwrap_or_default()).collect();
    Ok(match wanted.format {
        Format::Csv => {
            let safe = wanted.spreadsheet_safe;
            let formulas = if safe { Formulas::Defused } else { Formulas::Kept };
            plain::sheet::csv(&study, &trials, formulas)
        }
        Format::Json => plain::document(&study, &trials),
    })
}

/// Which of the trials are meant, in their order.
fn matching(
    filter: &str,
    study: &v1::Study,
    trials: &[v1::Trial],
) -> Result<Vec<bool>, FilterError> {
    let filter = Filter::new(filter, study, trials)?;
    Ok(trials.iter().map(|trial| filter.matches(trial)).collect())
}
