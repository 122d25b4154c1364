//! What becomes of a process's output: the trial's output, the log, the last lines for a failure, and the metric.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kindling_worker::Output;
use tracing::Span;

use super::event::Event;
use super::screen::Screen;
use crate::ground::{Happened, Stream, Tail};
use crate::metric::{Backlog, Measure, Names, Redraws, Sought, Waiting};

/// Hears what happens to a process, on a thread of its group's.
pub(crate) struct Ear {
    events: Sender<Event>,
    sought: Option<Sought>,
    now: Mutex<Now>,
}

/// Of the current trial.
struct Now {
    span: Span,
    screen: Screen,
    errors: Tail,
    redraws: Redraws,
    backlog: Backlog,
    /// The metrics that lines gave beside the study's own.
    names: Names,
    /// What a line of standard output showed when it stood, which was dealt with then.
    shown: Option<String>,
}

impl Ear {
    /// The output is of the trial that the calling thread is in.
    pub(crate) fn new(events: Sender<Event>, sought: Option<Sought>, output: Output) -> Self {
        Self { events, sought, now: Mutex::new(Now::here(output)) }
    }

    /// What comes now is of another trial, which the calling thread is in.
    pub(crate) fn begin(&self, output: Output) {
        *self.now() = Now::here(output);
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
        let is_own = |name: &String| self.sought.as_ref().is_some_and(|sought| sought.has(name));
        let mut names = self.now().names.found();
        names.retain(|name| !is_own(name));
        names
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

    /// For the trial's output, the log, and the reason of a failure.
    fn note(&self, happened: &Happened) {
        let mut now = self.now();
        now.errors.hear(happened);
        now.screen.hear(happened, Instant::now());
        let (Happened::Line(stream, line) | Happened::Redrawn(stream, line)) = happened else {
            return;
        };
        now.span.in_scope(|| match stream {
            Stream::Out => tracing::debug!(target: "kindling::output", "{line}"),
            Stream::Err => tracing::debug!(target: "kindling::output", stream = "stderr", "{line}"),
        });
    }

    fn measure(&self, happened: &Happened) {
        let Some(sought) = &self.sought else { return };
        let read = |line: &str| sought.read(line);
        let mut now = self.now();
        let counts: Vec<Measure> = match happened {
            Happened::Line(Stream::Out, line) => {
                let is_new = now.shown.take().is_none_or(|shown| shown != *line);
                let measure = is_new.then(|| read(line)).flatten();
                if !measure.as_ref().is_some_and(|measure| sought.is_all(&measure.values)) {
                    now.names.read(line);
                }
                now.redraws.stands(measure).collect()
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
        let backlog = &mut now.backlog;
        let new =
            counts.into_iter().filter_map(|one| backlog.push(one, sought).then_some(())).count();
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
    fn here(output: Output) -> Self {
        Self {
            span: Span::current(),
            screen: Screen::new(output),
            errors: Tail::default(),
            redraws: Redraws::default(),
            backlog: Backlog::default(),
            names: Names::default(),
            shown: None,
        }
    }
}
