//! What becomes of a process's output: the log, the last lines for a failure, and the metric.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::Span;

use super::event::Event;
use crate::ground::{Happened, Stream, Tail};
use crate::metric::{Backlog, Measure, Metric, Names, Redraws, Waiting};

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
    redraws: Redraws,
    backlog: Backlog,
    /// The metrics that lines gave beside the study's own.
    names: Names,
    /// What a line of standard output showed when it stood, which was dealt with then.
    shown: Option<String>,
}

impl Ear {
    pub(crate) fn new(events: Sender<Event>, metric: Option<Metric>) -> Self {
        Self { events, metric, now: Mutex::new(Now::here()) }
    }

    /// What comes now is of another trial, which the calling thread is in.
    pub(crate) fn begin(&self) {
        *self.now() = Now::here();
    }

    /// The last lines of the trial's standard error.
    pub(crate) fn last_errors(&self) -> String {
        self.now().errors.text()
    }

    /// The oldest measure that is not dealt with.
    pub(crate) fn next_measure(&self) -> Option<Waiting> {
        self.now().backlog.pop()
    }

    /// The metrics that its output gave beside the study's own: some of them.
    pub(crate) fn other_metrics(&self) -> Vec<String> {
        self.now().names.found()
    }

    pub(crate) fn hear(&self, happened: &Happened) {
        self.note(happened);
        self.measure(happened);
        let event = match *happened {
            Happened::Exited(exit) => Event::Exited(exit),
            Happened::OverMemory { used } => Event::OverMemory { used },
            _ => return,
        };
        _ = self.events.send(event);
    }

    /// For the log, and for the reason of a failure.
    fn note(&self, happened: &Happened) {
        let mut now = self.now();
        now.errors.hear(happened);
        let (Happened::Line(stream, line) | Happened::Redrawn(stream, line)) = happened else {
            return;
        };
        now.span.in_scope(|| match stream {
            Stream::Out => tracing::debug!(target: "kindling::output", "{line}"),
            Stream::Err => tracing::debug!(target: "kindling::output", stream = "stderr", "{line}"),
        });
    }

    fn measure(&self, happened: &Happened) {
        let Some(metric) = &self.metric else { return };
        let read = |line: &str| metric.read(line);
        let mut now = self.now();
        let counts: Vec<Measure> = match happened {
            Happened::Line(Stream::Out, line) => {
                let is_new = now.shown.take().is_none_or(|shown| shown != *line);
                now.redraws.stands(is_new.then(|| read(line)).flatten()).collect()
            }
            Happened::Redrawn(Stream::Out, line) => {
                let is_new = now.shown.take().is_none_or(|shown| shown != *line);
                let measure = is_new.then(|| read(line)).flatten();
                now.redraws.redrawn(measure).into_iter().collect()
            }
            Happened::Shows(line) => {
                now.shown = Some(line.clone());
                now.redraws.stands(read(line)).collect()
            }
            Happened::Stays(Stream::Out) | Happened::Exited(_) => {
                now.redraws.stands(None).collect()
            }
            _ => return,
        };
        if let (Happened::Line(Stream::Out, line), true) = (happened, counts.is_empty()) {
            now.names.read(line);
        }
        let new = counts.iter().filter(|measure| now.backlog.push(measure)).count();
        drop(now);
        for _ in 0..new {
            _ = self.events.send(Event::Measured);
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    /// Of the trial that the calling thread is in.
    fn here() -> Self {
        Self {
            span: Span::current(),
            errors: Tail::default(),
            redraws: Redraws::default(),
            backlog: Backlog::default(),
            names: Names::default(),
            shown: None,
        }
    }
}
