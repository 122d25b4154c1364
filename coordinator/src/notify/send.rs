//! Sends a letter and waits for a status, no more: what else is answered is not read.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kindling_study::Recipient;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio_rustls::rustls::crypto::ring;

use super::body;
use super::letter::Letter;
use super::page_url::PageUrl;
use super::reach::Reach;

/// How much is told of an error, in characters.
const WHY: usize = 300;

/// A client that goes where it may and nowhere else.
pub(super) struct Sender {
    client: Client,
    reach: Reach,
    /// What letters link to.
    page: Option<PageUrl>,
    patience: Duration,
}

/// Why a letter was not delivered. Says nothing of the address but its host.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) why: String,
    /// Whether another try would not help.
    pub(super) is_final: bool,
}

impl Sender {
    pub(super) fn new(
        reach: Reach,
        page: Option<PageUrl>,
        patience: Duration,
    ) -> Result<Self, String> {
        // TLS as in the rest of the workspace. Another provider that the process has chosen stays.
        _ = ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("kindling/", env!("CARGO_PKG_VERSION")))
            // A redirect could lead anywhere, and the message would go along.
            .redirect(Policy::none())
            .referer(false)
            .timeout(patience)
            // Messages are seldom.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Resolver(reach)));
        // A proxy would resolve the name itself, and could reach what we may not.
        let builder = if reach == Reach::Any { builder } else { builder.no_proxy() };
        let client = builder.build().map_err(|error| innermost(&error))?;
        Ok(Self { client, reach, page, patience })
    }

    pub(super) async fn send(
        &self,
        recipient: &Recipient,
        letter: &Letter,
    ) -> Result<(), Undelivered> {
        let forbidden = |why: String| Undelivered { why, is_final: true };
        if self.reach == Reach::Off {
            return Err(forbidden("this coordinator sends no messages (--notify off)".to_owned()));
        }
        let url = recipient.url().secret();
        if literal(url).is_some_and(|address| !self.reach.allows(address)) {
            return Err(forbidden(Forbidden(self.reach).to_string()));
        }
        let request = self.client.post(url.clone());
        let link = self.page.as_ref().map(|page| letter.link(page));
        let request = body::fill(request, recipient.kind(), letter, link.as_deref());
        let response = request.send().await;
        let response = response.map_err(|error| self.unanswered(&error.without_url()))?;
        // The rest of the answer is dropped with the connection.
        answered(response.status())
    }

    fn unanswered(&self, error: &reqwest::Error) -> Undelivered {
        let causes = std::iter::successors(error.source(), |error| (*error).source());
        let forbidden = causes.into_iter().find_map(|cause| cause.downcast_ref::<Forbidden>());
        if let Some(forbidden) = forbidden {
            return Undelivered { why: forbidden.to_string(), is_final: true };
        }
        let why = match error {
            _ if error.is_timeout() => {
                format!("no answer within {} s", self.patience.as_secs_f64())
            }
            _ if error.is_connect() => format!("it cannot be reached: {}", innermost(error)),
            _ => format!("the connection broke: {}", innermost(error)),
        };
        Undelivered { why, is_final: error.is_builder() }
    }
}

fn answered(status: StatusCode) -> Result<(), Undelivered> {
    if status.is_success() {
        return Ok(());
    }
    let why = format!("it answered {status}");
    let why = if status.is_redirection() {
        format!("{why}; redirects are not followed, so write the address that it leads to")
    } else {
        why
    };
    let passes =
        [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    let may_pass = status.is_server_error() || passes.contains(&status);
    Err(Undelivered { why, is_final: !may_pass })
}

/// The address that stands in the place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
        url::Host::Domain(_) => None,
    }
}

/// What the error comes down to, on one line.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let text = causes.last().map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WHY).collect()
}

/// Looks names up and leaves out what may not be reached. The connection goes to what was looked up here, so a name that
/// means something else a moment later reaches nothing else.
struct Resolver(Reach);

/// A name that leads nowhere else.
#[derive(Debug, thiserror::Error)]
#[error("this coordinator may not send there (--notify {})", .0.word())]
struct Forbidden(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = found.iter().copied().filter(|a| reach.allows(a.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(Forbidden(reach).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
