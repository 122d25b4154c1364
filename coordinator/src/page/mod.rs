//! The page shows studies to people with a browser, on an address of its own, and lets them steer. Nothing here
//! changes a study by itself: what is asked for is a call of a service.

mod activity;
mod analyses;
mod artifact;
mod background;
mod create;
mod documents;
mod door;
mod export;
mod failure;
mod feed;
mod forged;
mod list;
mod me;
mod named;
mod note;
mod output;
mod pages;
mod pass;
mod refusal;
mod sent;
mod steer;
#[cfg(test)]
mod tests;
mod watchers;
mod whole;

use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use kindling_report::{Page, html};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

pub(crate) use self::door::Door;
use self::failure::Failure;
use self::named::{Asked, Named};
use self::pages::Pages;
pub(crate) use self::watchers::Watchers;
use crate::budget::Caller;
use crate::config::StudyCheck;
use crate::ledger::Ledger;
use crate::service::Service;

/// Everything comes from this server. Charts set styles on their elements, and figures are
/// downloaded as blobs.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// All routes, behind the access check.
pub(crate) fn routes(
    ledger: Ledger,
    service: Service,
    shutdown: CancellationToken,
    door: Door,
    watchers: Watchers,
    check: StudyCheck,
) -> Routes {
    let pages = Pages::new(ledger, service, shutdown, watchers, check);
    let looks = Router::new()
        .route("/", get(async || Html(html(Page::List))))
        .route("/compare", get(async || Html(html(Page::Compare))))
        .route("/new", get(async || Html(html(Page::New))))
        // Which views and items there are knows the page's program.
        .route("/studies/{name}", get(study))
        .route("/studies/{name}/", get(study))
        .route("/studies/{name}/{view}", get(study))
        .route("/studies/{name}/{view}/{item}", get(study))
        .route("/study", get(study))
        .route("/api/me", get(me::me))
        .route("/api/activity", get(activity::activity))
        .route("/api/note", get(note::note))
        .route("/api/studies", get(list::studies).post(create::create))
        .route("/api/change", post(steer::change))
        .route("/api/studies/{name}", get(whole::whole))
        .route("/api/studies/{name}/events", get(feed::events))
        .route("/api/study", get(whole::whole))
        .route("/api/study/export", get(export::export))
        .route("/api/studies/{name}/trials/{trial}/output", get(output::output))
        .route("/api/study/output", get(output::output))
        .route("/studies/{name}/trials/{trial}/artifacts/{*file}", get(artifact::artifact))
        .route("/studies/{name}/artifacts/{*file}", get(artifact::artifact))
        .route("/study/artifact", get(artifact::artifact))
        .route("/api/study/events", get(feed::events))
        .fallback(nothing)
        .with_state(pages)
        .layer(from_fn_with_state(door.clone(), door::check));
    let script = async || asset("text/javascript; charset=utf-8", kindling_report::APP_JS);
    let style = async || asset("text/css; charset=utf-8", kindling_report::APP_CSS);
    let open = Router::new()
        .route("/login", door::login())
        .with_state(door)
        .route("/assets/app.js", get(script))
        .route("/assets/app.css", get(style));
    open.merge(looks).layer(map_response(guarded)).layer(from_fn(door::hear)).into()
}

async fn study(
    State(pages): State<Pages>,
    Asked(Named { name }): Asked<Named>,
) -> Result<Response, Failure> {
    let known = name.clone();
    let look = pages.ledger.look(move |state| state.registry().id_of(&known).map(|_| ()));
    match look.await? {
        Ok(()) => Ok(Html(html(Page::Live { study: &name })).into_response()),
        Err(refusal) => Ok(missing(&refusal.to_string())),
    }
}

/// The answer at an address that is none of ours.
async fn nothing(method: Method, uri: Uri) -> Response {
    // Of a program, which may have taken this address for the coordinator's: its protocol knows no text here.
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::NOT_FOUND.into_response();
    }
    let is_page = !["/api/", "/assets/"].iter().any(|start| uri.path().starts_with(start));
    let said = "no page has this address";
    if is_page { missing(said) } else { (StatusCode::NOT_FOUND, said).into_response() }
}

/// A page that says what is not there.
fn missing(said: &str) -> Response {
    (StatusCode::NOT_FOUND, Html(html(Page::Missing { said }))).into_response()
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

fn asset(kind: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

/// Which other sites may load what is here.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Sets headers: browsers keep nothing, and nothing is framed by other sites or loaded from them. An artifact has a
/// stricter policy already.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
