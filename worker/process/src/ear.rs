//! What becomes of a process's output: the log, the last lines for a failure, and the metric.

use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::Span;

use crate::event::Event;
use crate::launch::{Happened, Stream};
use crate::metric::Metric;
use crate::tail::Tail;

/// Hears what happens to a process, on a thread of its group's.
pub(crate) struct Ear {
    events: Sender<Event>,
    metric: Option<Metric>,
    now: Mutex<Now>,
}

/// Of the current trial.
struct Now {
    span: Span,
    errors: Tail,
}

impl Ear {
    pub(crate) fn new(events: Sender<Event>, metric: Option<Metric>) -> Self {
        let now = Now { span: Span::current(), errors: Tail::default() };
        Self { events, metric, now: Mutex::new(now) }
    }

    /// What comes now is of another trial, which the calling thread is in.
    pub(crate) fn begin(&self) {
        *self.now() = Now { span: Span::current(), errors: Tail::default() };
    }

    /// The last lines of the trial's standard error.
    pub(crate) fn last_errors(&self) -> String {
        self.now().errors.text()
    }

    pub(crate) fn hear(&self, happened: Happened) {
        let event = match happened {
            Happened::Line(stream, line) => return self.hear_line(stream, &line),
            Happened::Exited(exit) => Event::Exited(exit),
            Happened::OverMemory { used } => Event::OverMemory { used },
        };
        _ = self.events.send(event);
    }

    fn hear_line(&self, stream: Stream, line: &str) {
        let mut now = self.now();
        now.span.in_scope(|| match stream {
            Stream::Out => tracing::debug!(target: "kindling::output", "{line}"),
            Stream::Err => tracing::debug!(target: "kindling::output", stream = "stderr", "{line}"),
        });
        if stream == Stream::Err {
            now.errors.push(line, false);
            return;
        }
        drop(now);
        let metric = self.metric.as_ref();
        if let Some(measure) = metric.and_then(|metric| metric.read(line.as_bytes())) {
            let (done, dealt_with) = sync_channel(0);
            _ = self.events.send(Event::Measured { measure, done });
            // A script that prints faster than it can be reported waits here.
            _ = dealt_with.recv();
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
