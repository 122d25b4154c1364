//! Traces across processes: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::Request;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const HEADER: &str = "traceparent";

/// The context with which another process continues this span's trace; empty without tracing.
pub fn context(span: &Span) -> String {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(HEADER).unwrap_or_default()
}

/// Makes the span part of the context's trace. Ignores an invalid context.
pub fn follow(span: &Span, context: &str) {
    if !context.is_empty() {
        let carrier = HashMap::from([(HEADER.to_owned(), context.to_owned())]);
        // The only error is that tracing is off.
        _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
}

/// A request that carries the current span's trace context.
pub fn carry<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let context = context(&Span::current());
    if !context.is_empty()
        && let Ok(value) = context.parse()
    {
        request.metadata_mut().insert(HEADER, value);
    }
    request
}

/// Makes the span part of the trace that the request carries.
pub fn follow_request<T>(span: &Span, request: &Request<T>) {
    if let Some(Ok(context)) = request.metadata().get(HEADER).map(|value| value.to_str()) {
        follow(span, context);
    }
}
