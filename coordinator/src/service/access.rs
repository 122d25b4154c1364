//! Who may call what: workers with their token, everybody else with the clients', and anybody asks for health.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use subtle::ConstantTimeEq as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, header};
use tower::{Layer, Service};

const HEALTH: &str = "/grpc.health.v1.Health/";
const WORKERS: &str = "/kindling.v1.WorkerService/";

/// The tokens that let callers in.
#[derive(Clone)]
pub struct Tokens {
    /// Of those who train trials.
    pub worker: String,
    /// Of those who create, look at and steer studies.
    pub client: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// Whether a call of this path with this header may go on.
    fn check(&self, path: &str, authorization: Option<&[u8]>) -> Result<(), Status> {
        if path.starts_with(HEALTH) {
            return Ok(());
        }
        let given = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
        let Some(given) = given else {
            return Err(Status::unauthenticated("this call needs a token"));
        };
        match (self.holder(given), path.starts_with(WORKERS)) {
            (Some(Holder::Worker), true) | (Some(Holder::Client), false) => Ok(()),
            (None, _) => Err(Status::unauthenticated("the token is not valid here")),
            (_, true) => Err(Status::permission_denied("this call is for the worker token")),
            (_, false) => Err(Status::permission_denied("this call is for the client token")),
        }
    }

    /// Whose token this is. Both are always compared, each in constant time, so that no answer's time
    /// tells how far a guess was right.
    pub(crate) fn holder(&self, given: &[u8]) -> Option<Holder> {
        let is_worker = bool::from(given.ct_eq(self.worker.as_bytes()));
        let is_client = bool::from(given.ct_eq(self.client.as_bytes()));
        match (is_worker, is_client) {
            (_, true) => Some(Holder::Client),
            (true, _) => Some(Holder::Worker),
            (false, false) => None,
        }
    }
}

/// Who has a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Worker,
    Client,
}

/// Puts [`Guard`]s before services. Without tokens it lets everybody through.
#[derive(Debug, Clone)]
pub(crate) struct GuardLayer(pub(crate) Option<Arc<Tokens>>);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { tokens: self.0.clone(), inner }
    }
}

/// Answers calls without the right token itself, before anything of theirs is read.
#[derive(Debug, Clone)]
pub(crate) struct Guard<S> {
    tokens: Option<Arc<Tokens>>,
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

    fn call(&mut self, request: Request<Body>) -> Answer<S::Error> {
        let given = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let path = request.uri().path();
        let checked = self.tokens.as_ref().map_or(Ok(()), |tokens| tokens.check(path, given));
        match checked {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(status) => {
                tracing::warn!(path, reason = status.message(), "refused");
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn check(path: &str, header: Option<&str>) -> Result<(), Code> {
        let tokens = Tokens { worker: "of-a-worker".into(), client: "of-a-client".into() };
        tokens.check(path, header.map(str::as_bytes)).map_err(|status| status.code())
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
