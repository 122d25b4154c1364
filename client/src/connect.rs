//! The arguments that describe a connection, and the channel they produce.

use std::path::PathBuf;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Code, Request, Status};

use crate::error::{ConnectError, read};
use crate::token::{Token, warn_if_open};
use crate::user::{USER, user};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that does not answer a ping for this long is dead.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The arguments that say which coordinator to use, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct ConnectArgs {
    /// The coordinator's address; https:// with TLS
    #[arg(
        long,
        value_name = "URL",
        env = "KINDLING_COORDINATOR",
        default_value = "http://127.0.0.1:50051",
        global = true
    )]
    pub coordinator: String,
    /// The file with the token that the coordinator asks for
    #[arg(long, value_name = "FILE", env = "KINDLING_TOKEN_FILE", global = true)]
    pub token_file: Option<PathBuf>,
    /// With https://: the authority that signed the coordinator's certificate [default: the system's]
    #[arg(long, value_name = "FILE", env = "KINDLING_TLS_CA", global = true)]
    pub tls_ca: Option<PathBuf>,
    /// With https://: a certificate of one's own, where the coordinator asks for one
    #[arg(long, value_name = "FILE", env = "KINDLING_TLS_CERT", global = true)]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", env = "KINDLING_TLS_KEY", global = true)]
    pub tls_key: Option<PathBuf>,
}

/// The hint when the other side does not speak gRPC.
pub const NO_GRPC: &str =
    "--coordinator is the address after `listening on` in the coordinator's log, not the page's";

/// Whether the other side is not a gRPC server, for example the page or some other proxy.
pub fn speaks_no_grpc(status: &Status) -> bool {
    matches!(status.code(), Code::Unknown | Code::Unimplemented)
        && status.message().contains("grpc-status header missing")
}

/// A channel on which every call carries the token, and who makes it.
pub type Connection = InterceptedService<Channel, Bearer>;

/// Adds the token to each call, and who makes it.
#[derive(Debug, Clone)]
pub struct Bearer {
    token: Option<MetadataValue<Ascii>>,
    user: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in [("authorization", &self.token), (USER, &self.user)] {
            if let Some(value) = value {
                request.metadata_mut().insert(name, value.clone());
            }
        }
        Ok(request)
    }
}

impl ConnectArgs {
    /// A coordinator that requires neither a token nor TLS.
    pub fn plain(coordinator: impl Into<String>) -> Self {
        Self {
            coordinator: coordinator.into(),
            token_file: None,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        }
    }

    /// The endpoint to connect to, with all files read, and the token for each call.
    pub fn endpoint(&self) -> Result<(Endpoint, Bearer), ConnectError> {
        let address_error =
            |reason| ConnectError::Address { address: self.coordinator.clone(), reason };
        let uri: Uri = self.coordinator.parse().map_err(|e| address_error(format!("{e}")))?;
        let tls = match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => true,
            (Some("http"), Some(_)) => false,
            _ => {
                return Err(address_error("expected http://HOST:PORT or https://HOST:PORT".into()));
            }
        };
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            // Without this, pings stop when the connection is idle, and a dead peer would go unnoticed.
            .keep_alive_while_idle(true);
        if tls {
            endpoint = endpoint
                .tls_config(self.tls()?)
                .map_err(|error| ConnectError::Tls(innermost(&error)))?;
        } else if self.tls_ca.is_some() || self.tls_cert.is_some() || self.tls_key.is_some() {
            return Err(ConnectError::Tls(format!(
                "certificates are given, but {} goes without TLS\nhint: write https://",
                self.coordinator
            )));
        }
        let token = self.token_file.as_deref().map(Token::read).transpose()?;
        let token = token.map(|token| {
            let value = format!("Bearer {}", token.secret());
            let mut value: MetadataValue<Ascii> = value.parse().expect("ASCII, says Token");
            value.set_sensitive(true);
            value
        });
        Ok((endpoint, Bearer { token, user: user() }))
    }

    fn tls(&self) -> Result<ClientTlsConfig, ConnectError> {
        let tls = match &self.tls_ca {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        // The connect timeout does not cover the TLS handshake.
        let mut tls = tls.timeout(CONNECT_TIMEOUT);
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                warn_if_open(key);
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            (None, None) => {}
            _ => {
                let reason = "a certificate and its key go together: --tls-cert and --tls-key";
                return Err(ConnectError::Tls(reason.to_owned()));
            }
        }
        Ok(tls)
    }
}

/// The message of the innermost source; the outer errors only say that there is one.
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host() {
        for address in ["127.0.0.1:50051", "grpc://host:1", "http://", "not one"] {
            let error = ConnectArgs::plain(address).endpoint().unwrap_err();
            assert!(matches!(error, ConnectError::Address { .. }), "{address}: {error}");
        }
    }

    #[test]
    fn certificates_are_not_ignored_in_silence() {
        let args = ConnectArgs {
            tls_ca: Some("ca.pem".into()),
            ..ConnectArgs::plain("http://127.0.0.1:50051")
        };
        assert!(args.endpoint().unwrap_err().to_string().contains("write https://"));
        let args = ConnectArgs {
            tls_cert: Some("worker.pem".into()),
            ..ConnectArgs::plain("https://127.0.0.1:50051")
        };
        assert!(args.endpoint().unwrap_err().to_string().contains("go together"));
    }
}
