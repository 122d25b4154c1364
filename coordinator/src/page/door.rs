//! Who may see the page: whoever has a client's or a viewer's token, in a header or, after a login, in a
//! cookie. A viewer may only look.

use std::net::IpAddr;
use std::time::Duration;

use axum::RequestExt as _;
use axum::extract::{DefaultBodyLimit, Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get};
use kindling_report::study_path;
use kindling_telemetry::names_loopback;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::named::Named;
use super::refusal::Refused;
use super::{forged, pass};
use crate::accept::Caller;
use crate::door::{Denied, Doorkeeper, Holder};
use crate::service::access::ONLY_LOOKS;
use crate::who::TokenId;

const COOKIE: &str = "kindling_page";
const FORM: &str = include_str!("login.html");
/// A login is a token in a form, so it must be short and arrive soon.
const LOGIN_BYTES: usize = 4096;
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// The access check of the page.
#[derive(Clone)]
pub(crate) struct Door {
    keeper: Doorkeeper,
    /// Whether the page is on a loopback address. Without tokens, a request must then name a
    /// loopback host.
    loopback: bool,
    /// Whether browsers connect by TLS.
    secure: bool,
}

impl Door {
    /// The access check of a page on this address.
    pub(crate) fn new(keeper: Doorkeeper, address: IpAddr, secure: bool) -> Self {
        Self { keeper, loopback: address.is_loopback(), secure }
    }
}

/// Lets a request through, or answers it. Those that it lets through say whose token they have.
pub(super) async fn check(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let is_program = is_program(request.uri());
    match admit(&door, &request) {
        Ok(holder) => {
            if let Some(holder) = holder {
                request.extensions_mut().insert(holder);
            }
            next.run(request).await
        }
        Err(away) => away.answer(is_program),
    }
}

/// Whether the page's program asks, or another one, and nobody reads the answer as it is.
fn is_program(uri: &Uri) -> bool {
    uri.path().starts_with("/api/")
}

/// Whose token lets the request in. `None` if no tokens are needed.
fn admit(door: &Door, request: &Request) -> Result<Option<Holder>, Away> {
    let found = who(door, request)?;
    let_in(request, found.map(|(_, token)| token))?;
    let holder = found.map(|(holder, _)| holder);
    // All that looks is a GET, so whatever is added later is closed to viewers, and to other sites.
    if !request.method().is_safe() {
        if let Some(forged) = forged::suspicion(request.headers(), request.uri()) {
            return Err(Away::Forged(forged));
        }
        if holder == Some(Holder::Viewer) {
            return Err(Away::Viewer);
        }
    }
    Ok(holder)
}

/// Why a request is refused.
enum Away {
    /// It named another host than a loopback one.
    Misnamed,
    /// Its token is a worker's.
    Worker,
    /// It would change something, and its token is a viewer's.
    Viewer,
    /// It would change something, and may be another site's doing.
    Forged(&'static str),
    /// It has no token, and comes from a program, which cannot log in.
    NoToken,
    /// It may log in at this path.
    LogIn(String),
    /// Its token was denied.
    Denied(Denied),
}

impl Away {
    /// To a program in the words of all its refusals, to people in plain text.
    fn answer(self, is_program: bool) -> Response {
        let said = |status, error: String, hint| {
            if is_program {
                Refused::new(status, error).with_hint(hint).into_response()
            } else {
                (status, error).into_response()
            }
        };
        match self {
            Self::Misnamed => said(
                StatusCode::MISDIRECTED_REQUEST,
                "this page answers to localhost and loopback addresses only".to_owned(),
                "ask for it under localhost",
            ),
            Self::Worker => said(
                StatusCode::FORBIDDEN,
                "the page is for the client token".to_owned(),
                "a worker's token opens nothing here; use the client token, or a viewer's",
            ),
            Self::Viewer => Refused::new(StatusCode::FORBIDDEN, ONLY_LOOKS)
                .with_hint("log in with the client token")
                .into_response(),
            Self::Forged(why) => Refused::new(StatusCode::FORBIDDEN, why)
                .with_hint(
                    "open the page itself, under the address in the browser's bar, and do it there",
                )
                .into_response(),
            Self::NoToken => said(
                StatusCode::UNAUTHORIZED,
                "the page needs a token".to_owned(),
                "log in, or send the token as `Authorization: Bearer TOKEN`",
            ),
            Self::LogIn(path) => Redirect::to(&path).into_response(),
            Self::Denied(why) => {
                let hint = match why {
                    Denied::Wrong => {
                        "look whether it is the newest, and the client's or a viewer's"
                    }
                    Denied::Guessing(_) => "wait; every token has to, also a correct one",
                    Denied::Crowded => "close pages or programs that use it",
                };
                denied(why, said(status_of(why), why.to_string(), hint))
            }
        }
    }
}

/// Notes that a whole request has arrived, whatever its answer.
pub(super) async fn hear(request: Request, next: Next) -> Response {
    if let Some(caller) = request.extensions().get::<Caller>() {
        caller.asked();
    }
    next.run(request).await
}

/// The token that lets the request in, and its holder. `None` if no tokens are needed.
fn who(door: &Door, request: &Request) -> Result<Option<(Holder, TokenId)>, Away> {
    let headers = request.headers();
    let Some(tokens) = door.keeper.tokens() else {
        let is_misnamed = door.loopback && !names_loopback(headers, request.uri());
        return if is_misnamed { Err(Away::Misnamed) } else { Ok(None) };
    };
    if let Some(given) = bearer(headers) {
        return match door.keeper.holder(&tokens, given, request.extensions().get()) {
            Ok((Holder::Worker, _)) => Err(Away::Worker),
            Ok(found) => Ok(Some(found)),
            Err(why) => Err(Away::Denied(why)),
        };
    }
    let now = jiff::Timestamp::now();
    if let Some(found) = cookies(headers).find_map(|given| pass::holder(given, &tokens, now)) {
        return Ok(Some(found));
    }
    let uri = request.uri();
    Err(if is_program(uri) { Away::NoToken } else { Away::LogIn(login_for(uri)) })
}

/// Marks the connection as let in.
fn let_in(request: &Request, token: Option<TokenId>) -> Result<(), Away> {
    let Some(caller) = request.extensions().get::<Caller>() else { return Ok(()) };
    caller.let_in(token).map_err(|_| Away::Denied(Denied::Crowded))
}

/// The answer to a denied token.
fn denied(why: Denied, said: impl IntoResponse) -> Response {
    let status = status_of(why);
    match why {
        Denied::Guessing(wait) => {
            let seconds = wait.as_secs() + 1;
            let later = [(header::RETRY_AFTER, seconds.to_string())];
            (status, later, said).into_response()
        }
        Denied::Wrong | Denied::Crowded => (status, said).into_response(),
    }
}

fn status_of(why: Denied) -> StatusCode {
    match why {
        Denied::Wrong => StatusCode::UNAUTHORIZED,
        Denied::Guessing(_) | Denied::Crowded => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// The login path that leads back to the wanted page.
fn login_for(wanted: &Uri) -> String {
    // Of a file in it, the study's page is near enough.
    let file_of = wanted
        .path()
        .strip_prefix("/studies/")
        .filter(|path| path.contains("/artifacts/"))
        .and_then(|path| path.split('/').next())
        .map(|name| format!("/studies/{name}"));
    let by_query = || {
        let named = Query::<Named>::try_from_uri(wanted).ok()?;
        (wanted.path() == "/study/artifact").then(|| study_path(&named.0.name))
    };
    match file_of.or_else(by_query).unwrap_or_else(|| wanted.to_string()).as_str() {
        "/" => "/login".to_owned(),
        to => format!("/login?to={}", utf8_percent_encode(to, NON_ALPHANUMERIC)),
    }
}

/// The parts of a path that our own pages begin with.
const OURS: [&str; 4] = ["studies", "study", "compare", "new"];

/// Where to go after a login. Only our own pages: the wanted one, or else the list.
fn destination(to: &str) -> String {
    let is_ours = |uri: &Uri| {
        let first = uri.path().strip_prefix('/').and_then(|path| path.split('/').next());
        uri.scheme().is_none()
            && uri.authority().is_none()
            && first.is_some_and(|f| OURS.contains(&f))
    };
    let is_plain = to.len() <= LOGIN_BYTES && to.bytes().all(|byte| byte.is_ascii_graphic());
    let uri: Option<Uri> = is_plain.then(|| to.parse().ok()).flatten();
    uri.filter(is_ours).map_or_else(|| "/".to_owned(), |uri| uri.to_string())
}

/// The page that was wanted before the login.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    to: String,
}

/// The content of the form.
#[derive(Deserialize)]
struct Given {
    token: String,
}

/// The login form: shows it, and takes what it sends.
pub(super) fn login() -> MethodRouter<Door> {
    get(form).post(log_in).layer(DefaultBodyLimit::max(LOGIN_BYTES))
}

async fn form() -> Html<String> {
    Html(FORM.replace("{said}", ""))
}

/// Checks the token, and answers with a cookie for it.
async fn log_in(State(door): State<Door>, request: Request) -> Response {
    let Some(tokens) = door.keeper.tokens() else {
        return Redirect::to("/").into_response();
    };
    let to = Query::<Wanted>::try_from_uri(request.uri()).map(|Query(wanted)| wanted.to);
    let caller = request.extensions().get::<Caller>().cloned();
    let form = tokio::time::timeout(LOGIN_TIME, request.extract::<Form<Given>, _>()).await;
    let token = match form {
        Ok(Ok(Form(Given { token }))) => token,
        Ok(Err(rejection)) => return rejection.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let again = |said: &str| Html(FORM.replace("{said}", said));
    match door.keeper.holder(&tokens, token.trim().as_bytes(), caller.as_ref()) {
        Ok((Holder::Client | Holder::Viewer, token)) => {
            let secure = if door.secure { "; Secure" } else { "" };
            let (pass, lifetime) =
                (pass::made(&tokens, token, jiff::Timestamp::now()), pass::LIFETIME);
            let cookie = format!(
                "{COOKIE}={pass}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
                lifetime.as_secs()
            );
            let to = Redirect::to(&destination(&to.unwrap_or_default()));
            ([(header::SET_COOKIE, cookie)], to).into_response()
        }
        Ok((Holder::Worker, _)) => {
            let said = "That is a worker's token; this page takes a client's or a viewer's.";
            (StatusCode::UNAUTHORIZED, again(said)).into_response()
        }
        Err(why @ Denied::Wrong) => denied(why, again("That token is not valid here.")),
        Err(why) => denied(why, again(&format!("Not now: {why}."))),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let each = all.flat_map(|value| value.split(';')).filter_map(|c| c.trim().split_once('='));
    each.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back_to_the_page_and_nowhere_else() {
        let names = [
            "s",
            "a/b",
            "run#1",
            "what?",
            "50%25",
            "a b",
            "a+b",
            "a&b=c;d",
            "-x",
            "../up",
            "..",
            ".",
            "/abs",
            "//evil.example",
            "\\evil",
            "$(touch x)",
            "a\r\nX: y",
            "研究",
            "<b>",
        ];
        let back = |page: &str| {
            let page: Uri = page.parse().expect("a path");
            let login: Uri = login_for(&page).parse().expect("a path");
            let Query(Wanted { to }) = Query::try_from_uri(&login).expect("a query");
            destination(&to)
        };
        for name in names {
            let page = study_path(name);
            let query = if page.contains('?') { '&' } else { '?' };
            let page = format!("{page}{query}metric=a%26b%3F&view=trials%2F12");
            assert_eq!(back(&page), page, "{name}");
        }
        for page in [
            "/studies/a%2Fb/trials/12?metric=x",
            "/studies/s/figures/slice-%2e%2e",
            "/compare?study=a%26b&study=c",
            "/new",
        ] {
            assert_eq!(back(page), page);
        }
        for elsewhere in [
            "",
            "/",
            "//evil.example",
            "//studies/s",
            "https://evil.example",
            "https://evil.example/studies/s",
            "/login",
            "/studiesx",
            "/\\evil.example",
            "studies/s",
            "evil.example:80",
            "/studies/\r\nSet-Cookie: x",
        ] {
            assert_eq!(destination(elsewhere), "/", "{elsewhere}");
        }
        for file in [
            "/studies/a%2Fb/trials/3/artifacts/x.png",
            "/studies/a%2Fb/artifacts/plots/x.png",
            "/study/artifact?name=a/b&trial=3&file=x.png",
        ] {
            assert_eq!(back(file), "/studies/a%2Fb");
        }
        assert_eq!(login_for(&"/".parse().expect("a path")), "/login");
    }
}
