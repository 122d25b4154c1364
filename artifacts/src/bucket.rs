//! Buckets of services, with credentials from the environment.

use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio_rustls::rustls::crypto::ring;

use crate::location::Service;

/// How long a request may take: a part of an upload over a slow line.
const REQUEST: Duration = Duration::from_mins(1);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request that failed is repeated. Callers repeat what failed all the same, later.
const RETRY: Duration = Duration::from_secs(20);
const RETRIES: usize = 4;

/// Opens a bucket, with variables as of the environment. Nothing is asked of the service yet.
pub(crate) fn open(
    service: Service,
    bucket: &str,
    variables: &[(String, String)],
) -> object_store::Result<Arc<dyn ObjectStore>> {
    choose_provider();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY,
    };
    let options = ClientOptions::new()
        .with_timeout(REQUEST)
        .with_connect_timeout(CONNECT)
        .with_allow_http(names_http(variables));
    // The crate's own `from_env` reads these just like this.
    macro_rules! with_variables {
        ($builder:expr, $beginning:literal) => {{
            let settings = variables.iter().filter(|(name, _)| name.starts_with($beginning));
            settings.fold(
                $builder.with_client_options(options).with_retry(retry),
                |builder, (name, value)| match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                },
            )
        }};
    }
    Ok(match service {
        Service::S3 => {
            let builder = with_variables!(AmazonS3Builder::new(), "AWS_");
            Arc::new(builder.with_bucket_name(bucket).build()?)
        }
        Service::Gcs => {
            let builder = with_variables!(GoogleCloudStorageBuilder::new(), "GOOGLE_");
            Arc::new(builder.with_bucket_name(bucket).build()?)
        }
        Service::Azure => {
            let builder = with_variables!(MicrosoftAzureBuilder::new(), "AZURE_");
            Arc::new(builder.with_container_name(bucket).build()?)
        }
    })
}

/// Whoever names an endpoint of S3 by `http://` wants that one, and no other variable beside it.
fn names_http(variables: &[(String, String)]) -> bool {
    let is_endpoint = |name: &str| name.starts_with("AWS_ENDPOINT");
    variables.iter().any(|(name, value)| is_endpoint(name) && value.starts_with("http://"))
}

/// TLS as in the rest of the workspace. Another provider that the process has chosen stays.
fn choose_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| _ = ring::default_provider().install_default());
}
