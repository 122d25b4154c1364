//! The coordinator's tokens and certificates, read at its start and again on SIGHUP.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kindling_client::{Token, warn_if_open};
use kindling_coordinator::{Coordinator, Tls, Tokens};

use crate::hint::{explain, hinted};

#[derive(clap::Args)]
pub(crate) struct KeyArgs {
    /// The file with the token, or tokens, that workers must show
    #[arg(long, value_name = "FILE", requires = "client_token_file")]
    worker_token_file: Option<PathBuf>,
    /// The file with the token, or tokens, that everybody else must show
    #[arg(long, value_name = "FILE", requires = "worker_token_file")]
    client_token_file: Option<PathBuf>,
    /// The file with the token, or tokens, of those who may look at everything and change nothing
    #[arg(long, value_name = "FILE", requires = "client_token_file")]
    viewer_token_file: Option<PathBuf>,
    /// Encrypt, with this certificate; `kindling certificate create` makes some
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let in only those who show a certificate that this authority signed
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
}

impl KeyArgs {
    /// Whether there are key files to read again.
    pub(crate) fn are_there(&self) -> bool {
        self.worker_token_file.is_some() || self.encrypt()
    }

    pub(crate) fn encrypt(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The accepted tokens; `None` lets everybody in.
    pub(crate) fn tokens(&self) -> anyhow::Result<Option<Tokens>> {
        let (Some(workers), Some(clients)) = (&self.worker_token_file, &self.client_token_file)
        else {
            return Ok(None);
        };
        let (workers, clients) = (Token::read_all(workers)?, Token::read_all(clients)?);
        let viewers = self.viewer_token_file.as_deref().map(Token::read_all).transpose()?;
        let viewers = viewers.unwrap_or_default();
        for (one, other, who) in [
            (&workers, &clients, "workers and clients"),
            (&workers, &viewers, "workers and viewers"),
            (&clients, &viewers, "clients and viewers"),
        ] {
            if one.iter().any(|a| other.iter().any(|b| a.secret() == b.secret())) {
                return Err(hinted(
                    format!("{who} have the same token, so that each could pass for the other"),
                    "kindling token create FILE makes a new one",
                ));
            }
        }
        let labels =
            |tokens: &[Token]| tokens.iter().map(Token::label).collect::<Vec<_>>().join(" ");
        tracing::info!(
            workers = labels(&workers),
            clients = labels(&clients),
            viewers = (!viewers.is_empty()).then(|| labels(&viewers)),
            "tokens were read"
        );
        let secrets =
            |tokens: Vec<Token>| tokens.iter().map(|token| token.secret().to_owned()).collect();
        let tokens = Tokens::new(secrets(workers), secrets(clients));
        Ok(Some(tokens.with_viewers(secrets(viewers))))
    }

    pub(crate) fn tls(&self) -> anyhow::Result<Option<Tls>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        warn_if_open(key);
        Ok(Some(Tls {
            certificate: read(certificate)?,
            key: read(key)?,
            client_ca: self.tls_client_ca.as_deref().map(read).transpose()?,
        }))
    }

    /// Reads all files again. If any of them is invalid, nothing changes.
    pub(crate) fn change(&self, coordinator: &Coordinator) {
        let changed = self.tokens().and_then(|tokens| {
            let tls = self.tls()?;
            coordinator.change_keys(tokens, tls.as_ref()).map_err(explain)
        });
        match changed {
            Ok(()) => tracing::info!("SIGHUP: tokens and certificates were read again"),
            Err(error) => {
                tracing::error!("SIGHUP: tokens and certificates stay as they were: {error:#}");
            }
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
