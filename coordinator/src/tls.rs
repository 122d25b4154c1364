//! TLS: certificates and keys in rustls's form, and warnings before they expire.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};
use x509_parser::error::X509Error;

use crate::observe;

const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";
/// How often the metric is updated. Metrics that are not set for a minute are dropped.
const LOOK: Duration = Duration::from_secs(30);
/// How often the log reminds of a certificate that expires soon.
const REMIND: Duration = Duration::from_hours(24);
/// Remind from this many days before the end.
const SOON: f64 = 14.0;
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// Certificates and keys, in PEM.
#[derive(Clone)]
pub struct Tls {
    /// The coordinator's certificate, and the chain between it and its authority.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// If callers must show a certificate, the authority that signs it.
    pub client_ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(…)")
    }
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM, or the wrong kind of PEM.
    #[error("the {what} cannot be read: {source}")]
    Pem {
        /// Which.
        what: &'static str,
        /// Why not.
        source: pem::Error,
    },
    /// Not a valid certificate.
    #[error("the {what} is not a certificate: {source}")]
    Certificate {
        /// Which.
        what: &'static str,
        /// Why not.
        source: x509_parser::nom::Err<X509Error>,
    },
    /// No certificate at all.
    #[error("there is no certificate in the {0}")]
    Missing(&'static str),
    /// Not usable, for instance because the key does not belong to the certificate.
    #[error(transparent)]
    Unfit(#[from] Error),
    /// The authority cannot be used to check callers.
    #[error("callers' authority: {0}")]
    Verifier(#[from] VerifierBuilderError),
}

/// The rustls configurations made of certificates and keys.
#[derive(Debug, Clone)]
pub(crate) struct Secured {
    /// One for gRPC, one for browsers.
    pub(crate) grpc: Arc<ServerConfig>,
    pub(crate) page: Arc<ServerConfig>,
    lasting: Vec<Lasting>,
}

/// When a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Lasting {
    what: &'static str,
    from: i64,
    until: i64,
}

const CERTIFICATE: &str = "certificate";
const AUTHORITY: &str = "callers' authority";

impl Secured {
    pub(crate) fn new(tls: &Tls) -> Result<Self, TlsError> {
        let chain = certificates(CERTIFICATE, &tls.certificate)?;
        // The chain is valid only as long as every certificate in it.
        let mut lasting = lasting(CERTIFICATE, &chain)?;
        let mut all = vec![lasting.remove(0)];
        for next in lasting {
            all[0].from = all[0].from.max(next.from);
            all[0].until = all[0].until.min(next.until);
        }
        let key = PrivateKeyDer::from_pem_slice(&tls.key);
        let key = key.map_err(|source| TlsError::Pem { what: "key", source })?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone());
        let config = config.with_safe_default_protocol_versions()?;
        let config = match &tls.client_ca {
            None => config.with_no_client_auth(),
            Some(pem) => {
                let authorities = certificates(AUTHORITY, pem)?;
                // Callers get in as long as one authority is valid.
                all.extend(
                    self::lasting(AUTHORITY, &authorities)?.into_iter().max_by_key(|l| l.until),
                );
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(authorities);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut grpc = config.with_single_cert(chain, key)?;
        grpc.alpn_protocols = vec![HTTP_2.to_vec()];
        let mut page = grpc.clone();
        page.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Self { grpc: grpc.into(), page: page.into(), lasting: all })
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError::Missing(what)),
        Ok(all) => Ok(all),
        Err(source) => Err(TlsError::Pem { what, source }),
    }
}

fn lasting(what: &'static str, all: &[CertificateDer<'_>]) -> Result<Vec<Lasting>, TlsError> {
    let of = |der: &CertificateDer<'_>| {
        let (_, certificate) = x509_parser::parse_x509_certificate(der)
            .map_err(|source| TlsError::Certificate { what, source })?;
        let validity = certificate.validity();
        Ok(Lasting {
            what,
            from: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
        })
    };
    all.iter().map(of).collect()
}

impl Lasting {
    fn days_left(&self, now: Timestamp) -> f64 {
        (self.until - now.as_second()) as f64 / DAY
    }

    /// The warning about it, if there is one.
    fn remark(&self, now: Timestamp) -> Option<String> {
        let (what, days) = (self.what, self.days_left(now));
        let date =
            |second| Timestamp::from_second(second).map_or_else(|_| "?".into(), |t| t.to_string());
        if days <= 0.0 {
            let until = date(self.until);
            Some(format!("the {what} has expired on {until}: callers refuse it, or are refused"))
        } else if now.as_second() < self.from {
            Some(format!("the {what} is not valid before {}", date(self.from)))
        } else if days < SOON {
            Some(format!("the {what} expires in {days:.1} days, on {}", date(self.until)))
        } else {
            None
        }
    }
}

/// Reports how long certificates last: always in a metric, and in the log at the start and daily
/// once they expire soon.
pub(crate) async fn watch_certificates(mut secured: watch::Receiver<Secured>) {
    loop {
        let newest = secured.borrow_and_update().clone();
        let mut remind = tokio::time::Instant::now();
        loop {
            let now = Timestamp::now();
            for lasting in &newest.lasting {
                observe::certificate(lasting.what, lasting.days_left(now));
            }
            if tokio::time::Instant::now() >= remind {
                remind += REMIND;
                for remark in newest.lasting.iter().filter_map(|lasting| lasting.remark(now)) {
                    tracing::warn!("{remark}; put a new one in its place and send SIGHUP");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = secured.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_or_has_ended_is_remarked() {
        let at = |days: i64| Timestamp::from_second(days * 86_400).expect("a time");
        let lasting = Lasting { what: CERTIFICATE, from: 10 * 86_400, until: 100 * 86_400 };
        let remark = |day| lasting.remark(at(day)).unwrap_or_default();
        assert!(remark(9).contains("not valid before 1970-01-11"), "{}", remark(9));
        assert_eq!(remark(50), "");
        assert!(remark(90).contains("expires in 10.0 days"), "{}", remark(90));
        assert!(remark(101).contains("has expired on 1970-04-11"), "{}", remark(101));
        assert!((lasting.days_left(at(101)) + 1.0).abs() < 1e-9);
    }
}
