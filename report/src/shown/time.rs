//! Times, as the page shows them.

/// A wire time in milliseconds since 1970 UTC.
pub(crate) fn milliseconds(time: prost_types::Timestamp) -> i64 {
    time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000))
}

/// A wire duration in seconds.
pub(super) fn seconds(span: prost_types::Duration) -> f64 {
    span.seconds as f64 + f64::from(span.nanos) / 1e9
}
