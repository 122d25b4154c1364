//! How Kindling's processes are watched: logs, metrics for Prometheus, and traces for `OpenTelemetry`.
//!
//! Code says what happens with `tracing` and `metrics`; this says where it goes.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod logs;
mod metrics;
mod names;
mod printable;
mod stderr;
mod trace;

pub use self::logs::{LogFormat, Telemetry, TelemetryArgs, TelemetryError};
pub use self::metrics::serve_metrics;
pub use self::names::names_loopback;
pub use self::printable::{is_unprintable, printable, printable_lines};
pub use self::stderr::{flush, say_line};
pub use self::trace::{carry, context, follow, follow_request};
