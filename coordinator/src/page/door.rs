//! Who may look: whoever has the clients' token, in a header or, after a login, in a cookie.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::service::access::{Holder, Tokens};

const COOKIE: &str = "kindling_page";
const FORM: &str = include_str!("login.html");

/// The door before the page.
#[derive(Clone)]
pub(crate) struct Door(Arc<Lock>);

enum Lock {
    /// Nobody needs a token. On a loopback address only those get in who called it by such a name: a
    /// site elsewhere could let its own name point here, and read along in somebody's browser.
    Open { loopback: bool },
    /// With the clients' token.
    Tokens { tokens: Tokens, secure: bool },
}

impl Door {
    /// A door that nobody needs a token for.
    pub(crate) fn open(address: IpAddr) -> Self {
        Self(Arc::new(Lock::Open { loopback: address.is_loopback() }))
    }

    /// A door that the clients' token opens. `secure`: browsers get here by TLS.
    pub(crate) fn locked(tokens: Tokens, secure: bool) -> Self {
        Self(Arc::new(Lock::Tokens { tokens, secure }))
    }
}

/// Lets a request through, or answers it.
pub(super) async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (tokens, headers) = match &*door.0 {
        Lock::Open { loopback: true } if !names_loopback(&request) => {
            let said = "this page answers to localhost and loopback addresses only";
            return (StatusCode::MISDIRECTED_REQUEST, said).into_response();
        }
        Lock::Open { .. } => return next.run(request).await,
        Lock::Tokens { tokens, .. } => (tokens, request.headers()),
    };
    if let Some(given) = bearer(headers) {
        return match tokens.holder(given) {
            Some(Holder::Client) => next.run(request).await,
            Some(Holder::Worker) => {
                (StatusCode::FORBIDDEN, "the page is for the client token").into_response()
            }
            None => (StatusCode::UNAUTHORIZED, "the token is not valid here").into_response(),
        };
    }
    let pass = pass(tokens);
    if cookie(headers).is_some_and(|given| given.ct_eq(pass.as_bytes()).into()) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return (StatusCode::UNAUTHORIZED, "the page needs a token").into_response();
    }
    Redirect::to(&format!("/login?to={path}")).into_response()
}

/// Where somebody wanted to go.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    to: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Given {
    token: String,
}

pub(super) async fn form() -> Html<String> {
    Html(FORM.replace("{said}", ""))
}

/// Takes the token, and gives a cookie for it.
pub(super) async fn log_in(
    State(door): State<Door>,
    Query(Wanted { to }): Query<Wanted>,
    Form(Given { token }): Form<Given>,
) -> Response {
    let Lock::Tokens { tokens, secure } = &*door.0 else {
        return Redirect::to("/").into_response();
    };
    let said = match tokens.holder(token.trim().as_bytes()) {
        Some(Holder::Client) => {
            let secure = if *secure { "; Secure" } else { "" };
            let pass = pass(tokens);
            let cookie = format!("{COOKIE}={pass}; Path=/; HttpOnly; SameSite=Strict{secure}");
            return ([(header::SET_COOKIE, cookie)], Redirect::to(local(&to))).into_response();
        }
        Some(Holder::Worker) => "That is the workers' token; this page takes the clients'.",
        None => "That token is not valid here.",
    };
    (StatusCode::UNAUTHORIZED, Html(FORM.replace("{said}", said))).into_response()
}

/// Only a place of ours.
fn local(to: &str) -> &str {
    if to.starts_with("/studies/") { to } else { "/" }
}

/// What the cookie holds: not the token, which opens every call, and of no use without it.
fn pass(tokens: &Tokens) -> String {
    let hash = Sha256::new().chain_update("kindling page\0").chain_update(&tokens.client);
    BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut each = all.flat_map(|value| value.split(';')).filter_map(|c| c.trim().split_once('='));
    each.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.as_bytes())
}

/// HTTP/1 names the host in a header, HTTP/2 in the request itself.
fn names_loopback(request: &Request) -> bool {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = header.and_then(|host| host.parse::<Uri>().ok());
    let host = host.as_ref().unwrap_or(request.uri()).host();
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
