//! Telemetry for Kindling's processes: logs, Prometheus metrics, and `OpenTelemetry` traces.
//!
//! Other code emits events with `tracing` and `metrics`; this crate decides where they go.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod logs;
mod metrics;
mod names;
mod overhear;
mod printable;
mod stderr;
mod trace;

pub use self::logs::{LogFormat, Telemetry, TelemetryArgs, TelemetryError};
pub use self::metrics::serve_metrics;
pub use self::names::names_loopback;
pub use self::overhear::{IN_A_TRIAL, overhear};
pub use self::printable::{is_unprintable, printable, printable_lines, printable_output};
pub use self::stderr::{flush, say_line};
pub use self::trace::{carry, context, follow, follow_request};
