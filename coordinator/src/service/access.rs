//! Who may call what: workers call with the worker token, everybody else with a client token. With a
//! viewer's token only the calls that change nothing may be made. Health needs no token.

use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, header};
use tower::{Layer, Service};

use crate::accept::Caller;
use crate::door::{Denied, Doorkeeper, Holder, Tokens};
use crate::observe;
use crate::seldom::Seldom;
use crate::who::TokenId;

const HEALTH: &str = "/grpc.health.v1.Health/";
const WORKERS: &str = "/kindling.v1.WorkerService/";

/// The calls that change nothing. Whatever is not in here is refused to viewers, so a call that is added later is closed to them.
const LOOKS: &[&str] = &[
    "/kindling.v1.StudyService/GetStudy",
    "/kindling.v1.StudyService/ListActivity",
    "/kindling.v1.StudyService/ListStudies",
    "/kindling.v1.StudyService/ListWorkers",
    "/kindling.v1.StudyService/ReplayStudy",
    "/kindling.v1.StudyService/WatchStudy",
    "/kindling.v1.TrialService/GetTrial",
    "/kindling.v1.TrialService/ListTrials",
    "/kindling.v1.ArtifactService/GetArtifact",
    "/kindling.v1.ArtifactService/ListArtifacts",
    "/kindling.v1.ArtifactService/ReadOutput",
    "/optuna.StorageService/GetAllStudies",
    "/optuna.StorageService/GetStudyDirections",
    "/optuna.StorageService/GetStudyIdFromName",
    "/optuna.StorageService/GetStudyNameFromId",
    "/optuna.StorageService/GetStudySystemAttributes",
    "/optuna.StorageService/GetStudyUserAttributes",
    "/optuna.StorageService/GetTrial",
    "/optuna.StorageService/GetTrialIdFromStudyIdTrialNumber",
    "/optuna.StorageService/GetTrials",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// What a viewer is told who wants to change something, on the page, too.
pub(crate) const ONLY_LOOKS: &str =
    "a viewer's token may only look; to change something takes the client token";

/// Puts a [`Guard`] before each service. Without tokens it lets everybody through.
#[derive(Debug, Clone)]
pub(crate) struct GuardLayer(pub(crate) Doorkeeper);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { keeper: self.0.clone(), said: std::sync::Arc::default(), inner }
    }
}

/// Refuses calls without the right token, before anything of the request is read.
#[derive(Debug, Clone)]
pub(crate) struct Guard<S> {
    keeper: Doorkeeper,
    said: std::sync::Arc<Seldom>,
    inner: S,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer<S::Error> {
        let given = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let (path, caller) = (request.uri().path(), request.extensions().get::<Caller>());
        match check(&self.keeper, path, given, caller) {
            Ok(holder) => {
                if let Some(holder) = holder {
                    request.extensions_mut().insert(holder);
                }
                Box::pin(self.inner.call(request))
            }
            Err(status) => {
                observe::call_refused(status.code());
                if let Some(times) = self.said.again(std::time::Instant::now()) {
                    let from = caller.map(|caller| tracing::field::display(caller.address()));
                    tracing::warn!(path, reason = status.message(), from, times, "refused");
                }
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// Whether a call to this path, with this header, may go on, and whose token let it in.
fn check(
    keeper: &Doorkeeper,
    path: &str,
    authorization: Option<&[u8]>,
    caller: Option<&Caller>,
) -> Result<Option<Holder>, Status> {
    if let Some(caller) = caller {
        caller.asked();
    }
    let (holder, token) = match keeper.tokens() {
        None => (None, None),
        // Open to everybody, so it does not make the caller known.
        Some(_) if path.starts_with(HEALTH) => return Ok(None),
        Some(tokens) => {
            token(keeper, &tokens, path, authorization, caller).map(|(h, t)| (Some(h), Some(t)))?
        }
    };
    match caller.map(|caller| caller.let_in(token)) {
        None | Some(Ok(())) => Ok(holder),
        Some(Err(_)) => Err(denied(Denied::Crowded)),
    }
}

/// The token that allows the call, and its holder.
fn token(
    keeper: &Doorkeeper,
    tokens: &Tokens,
    path: &str,
    authorization: Option<&[u8]>,
    caller: Option<&Caller>,
) -> Result<(Holder, TokenId), Status> {
    let given = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
    let Some(given) = given else {
        return Err(Status::unauthenticated("this call needs a token"));
    };
    let (holder, token) = keeper.holder(tokens, given, caller).map_err(denied)?;
    match (holder, path.starts_with(WORKERS)) {
        (Holder::Worker, true) | (Holder::Client, false) => Ok((holder, token)),
        (Holder::Viewer, false) if LOOKS.contains(&path) => Ok((holder, token)),
        (Holder::Viewer, false) => Err(Status::permission_denied(ONLY_LOOKS)),
        (_, true) => Err(Status::permission_denied("this call is for the worker token")),
        (Holder::Worker, false) => {
            Err(Status::permission_denied("this call is for the client token"))
        }
    }
}

fn denied(why: Denied) -> Status {
    match why {
        Denied::Wrong => Status::unauthenticated(why.to_string()),
        Denied::Guessing(_) | Denied::Crowded => Status::resource_exhausted(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn check(path: &str, header: Option<&str>) -> Result<(), Code> {
        let tokens = Tokens::new(vec!["of-a-worker".into()], vec!["of-a-client".into()])
            .with_viewers(vec!["of-a-viewer".into()]);
        let keeper = Doorkeeper::new(Some(tokens));
        let checked = super::check(&keeper, path, header.map(str::as_bytes), None);
        checked.map(|_| ()).map_err(|s| s.code())
    }

    #[test]
    fn each_token_opens_its_own_door() {
        let (lease, list) =
            ("/kindling.v1.WorkerService/Lease", "/kindling.v1.TrialService/ListTrials");
        let (worker, client) = (Some("Bearer of-a-worker"), Some("Bearer of-a-client"));
        assert_eq!(check(lease, worker), Ok(()));
        assert_eq!(check(list, client), Ok(()));
        assert_eq!(check(list, worker), Err(Code::PermissionDenied));
        assert_eq!(check(lease, client), Err(Code::PermissionDenied));
    }

    #[test]
    fn a_viewer_looks_and_what_nobody_knows_yet_is_closed_to_it() {
        let viewer = Some("Bearer of-a-viewer");
        for look in LOOKS {
            assert_eq!(check(look, viewer), Ok(()), "{look}");
            assert_eq!(check(look, Some("Bearer of-a-worker")), Err(Code::PermissionDenied));
        }
        for closed in [
            "/kindling.v1.StudyService/CreateStudy",
            "/kindling.v1.StudyService/GetStudy/",
            "/kindling.v1.StudyService/getstudy",
            "/kindling.v1.StudyService/AddedLater",
            "/kindling.v1.WorkerService/Lease",
            "/optuna.StorageService/CreateNewStudy",
            "/a.service.to.Come/Call",
        ] {
            assert_eq!(check(closed, viewer), Err(Code::PermissionDenied), "{closed}");
        }
    }

    #[test]
    fn what_is_not_a_token_opens_none() {
        let forms = [
            "",
            "of-a-client",
            "Basic of-a-client",
            "Bearer ",
            "Bearer of-a-clien",
            "Bearer of-a-client2",
        ];
        for header in [None].into_iter().chain(forms.map(Some)) {
            let refused = Err(Code::Unauthenticated);
            assert_eq!(check("/kindling.v1.StudyService/GetStudy", header), refused, "{header:?}");
            assert_eq!(check("/a.service.to.Come/Call", header), refused, "{header:?}");
        }
    }

    #[test]
    fn health_is_for_everybody() {
        assert_eq!(check("/grpc.health.v1.Health/Check", None), Ok(()));
        let beside = check("/grpc.health.v1.HealthX/Check", None);
        assert_eq!(beside, Err(Code::Unauthenticated));
    }
}
