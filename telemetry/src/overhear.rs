//! What is logged within a span, told to whoever asks: so a trial's log is kept with its output.

use std::sync::Arc;

use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::FormatFields as _;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// The target of what only those want to know who look at a trial's output. Overheard from `debug` up.
pub const IN_A_TRIAL: &str = "kindling::trial";

/// The target of what is in the output already.
const OUTPUT: &str = "kindling::output";

/// What hears.
#[derive(Clone)]
struct Hears(Arc<dyn Fn(&str) + Send + Sync>);

/// Has everything that is logged within the span from `info` up, whatever the log level is, told to `hears`, line by line. What is
/// logged within an inner span that is overheard, too, is told there alone.
///
/// It is called on the thread that logs, so it must not wait, and must not log.
pub fn overhear(span: &Span, hears: impl Fn(&str) + Send + Sync + 'static) {
    let hears = Hears(Arc::new(hears));
    span.with_subscriber(|(id, subscriber)| {
        let registry = subscriber.downcast_ref::<Registry>();
        if let Some(span) = registry.and_then(|registry| registry.span(id)) {
            span.extensions_mut().replace(hears);
        }
    });
}

/// The layer that listens.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let heard = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(IN_A_TRIAL, LevelFilter::DEBUG)
        .with_target(OUTPUT, LevelFilter::OFF)
        // It tells each try of a call that failed.
        .with_target("object_store", LevelFilter::WARN);
    Overhearing.with_filter(heard)
}

struct Overhearing;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Overhearing {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(mut spans) = context.event_scope(event) else { return };
        let Some(hears) = spans.find_map(|span| span.extensions().get::<Hears>().cloned()) else {
            return;
        };
        let mut text = match *event.metadata().level() {
            Level::ERROR => "ERROR ".to_owned(),
            Level::WARN => "WARN ".to_owned(),
            _ => String::new(),
        };
        // Formatting fails only if a value's own does.
        _ = DefaultFields::new().format_fields(Writer::new(&mut text), event);
        text.lines().for_each(|line| (hears.0)(line));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::{debug, error_span, info, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_is_logged_within_a_span_is_told_whatever_the_log_level_is() {
        let quiet = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let quiet = quiet.with_filter(LevelFilter::ERROR);
        let all = tracing_subscriber::registry().with(quiet).with(layer());
        let told = Arc::<Mutex<Vec<String>>>::default();
        tracing::subscriber::with_default(all, || {
            let span = error_span!("trial");
            let heard = Arc::clone(&told);
            overhear(&span, move |line| heard.lock().expect("no panic").push(line.to_owned()));
            info!("before");
            span.in_scope(|| {
                info!(value = 0.5, "complete");
                debug!("too much");
                debug!(target: IN_A_TRIAL, epoch = 3, "trained");
                debug!(target: "kindling::output", "there already");
                error_span!("inner").in_scope(|| warn!("one\ntwo"));
            });
            info!("after");
        });
        let expected = ["complete value=0.5", "trained epoch=3", "WARN one", "two"];
        assert_eq!(*told.lock().expect("no panic"), expected);
    }

    #[test]
    fn without_a_log_nothing_is_heard_and_nothing_breaks() {
        let span = error_span!("trial");
        overhear(&span, |_| panic!("nobody logs"));
        span.in_scope(|| info!("said"));
    }
}
