//! One trial from the start of its processes to their end, on the slot's own thread.
//!
//! The thread waits for events and nothing else: a request is answered as soon as it comes.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use kindling_worker::{Intermediate, StopReason, Trial};

use super::event::Event;
use super::outcome::{Cause, Evidence};
use super::process::Process;
use crate::goals::Goals;
use crate::metric::Waiting;
use crate::socket::{Desk, Ends, Request, Said, Seat};

/// How long what was sent over the socket may take to arrive after all processes are gone.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a trial may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// What its values are called.
    pub(crate) goals: &'a Goals,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grace: Duration,
}

/// Attends the trial until its processes are gone, or until it has its result if its process stays.
pub(crate) fn attend(
    process: &Process,
    trial: &mut Trial<'_>,
    seat: &Arc<Seat>,
    rules: Rules<'_>,
) -> Evidence {
    let (sender, number) = (process.sender(), seat.number());
    seat.stop().watch(move || _ = sender.send(Event::Stop { seat: number }));
    let mut attended = Attended {
        process,
        seat,
        rules,
        began: Instant::now(),
        phase: Phase::Running,
        desk: Desk::new(rules.goals),
        is_gone: false,
        evidence: Evidence::default(),
    };
    while attended.phase != Phase::Over {
        match attended.wait() {
            Ok(event) => attended.take(event, trial),
            Err(RecvTimeoutError::Timeout) => attended.time_is_up(),
            // The process has a sender of its own.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // What it told of a constraint counts before what it printed.
    for (place, name) in rules.goals.constraints() {
        let printed = attended.evidence.printed.get(place);
        if let (None, Some(value)) = (trial.constraint(name), printed) {
            // The study has it.
            _ = trial.set_constraint(name, value);
        }
    }
    Evidence { given: attended.desk.into_given(), ..attended.evidence }
}

/// A trial that is being attended.
struct Attended<'a> {
    process: &'a Process,
    seat: &'a Arc<Seat>,
    rules: Rules<'a>,
    began: Instant,
    phase: Phase,
    desk: Desk<'a>,
    is_gone: bool,
    evidence: Evidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// It was told to stop, and may take until then.
    Told(Instant),
    /// What is left of its processes is being ended.
    Ending,
    /// All processes are gone. What they sent may take until then to be heard.
    Closing(Instant),
    Over,
}

impl Attended<'_> {
    fn wait(&self) -> Result<Event, RecvTimeoutError> {
        let until = match self.phase {
            Phase::Running => self.rules.timeout.and_then(|limit| self.began.checked_add(limit)),
            Phase::Told(until) | Phase::Closing(until) => Some(until),
            Phase::Ending | Phase::Over => None,
        };
        self.process.wait(until)
    }

    fn take(&mut self, event: Event, trial: &mut Trial<'_>) {
        let number = self.seat.number();
        match event {
            Event::Said(Said::Asked { seat, request, answer }) if seat == number => {
                if let (Request::Report(report), None) = (&request, self.desk.given())
                    && let Ok((values, _)) = report.come_to(self.rules.goals)
                {
                    self.reported(&values);
                }
                let answered =
                    self.desk.answer(request, trial, |went| self.seat.verdict_after(went));
                _ = answer.try_send(answered);
                match self.desk.ends().cloned() {
                    Some(Ends::HandBack(reason)) => self.stop(Cause::HandBack(reason)),
                    Some(Ends::Failed(reason)) => self.stop(Cause::Ours(reason)),
                    // The session tells it.
                    Some(Ends::Stopped) | None => {}
                }
                if self.process.stays() && self.desk.given().is_some() && self.is_free() {
                    self.phase = Phase::Over;
                }
            }
            Event::Said(Said::NoResult { seat }) if seat == number && self.is_free() => {
                self.phase = Phase::Over;
            }
            Event::Measured => {
                if let Some(measure) = self.process.ear().next_measure() {
                    self.measured(measure, trial);
                }
            }
            Event::Stop { seat } if seat == number => self.stop(Cause::Told),
            Event::OverMemory { used } => self.over_memory(used),
            Event::Exited(exit) => {
                self.evidence.exit = Some(exit);
                match self.phase {
                    Phase::Running | Phase::Told(_) if !self.process.group().is_gone() => {
                        self.end(self.rules.grace);
                    }
                    Phase::Running | Phase::Told(_) => self.gone(),
                    Phase::Ending if self.is_gone => self.gone(),
                    Phase::Ending | Phase::Closing(_) | Phase::Over => {}
                }
            }
            Event::Gone { all } => {
                self.is_gone = true;
                // Its output may still be on its way, unless it cannot be killed at all.
                if self.evidence.exit.is_some() || !all {
                    self.gone();
                }
            }
            Event::Quiet => self.phase = Phase::Over,
            // Those of an earlier trial: the answer is dropped.
            Event::Said(_) | Event::Stop { .. } => {}
        }
    }

    /// Whether its process has neither ended nor is being ended.
    fn is_free(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Told(_))
    }

    fn time_is_up(&mut self) {
        match self.phase {
            Phase::Running => {
                let limit = short(self.rules.timeout.unwrap_or_default());
                let reason = format!("the trial took longer than its timeout of {limit}");
                self.seat.stop_for(reason.clone());
                self.stop(Cause::Ours(reason));
            }
            Phase::Told(_) => self.end_it(self.rules.grace),
            Phase::Closing(_) => self.phase = Phase::Over,
            Phase::Ending | Phase::Over => {}
        }
    }

    /// It should stop: tell it and wait, or end it at once if it would not hear.
    fn stop(&mut self, cause: Cause) {
        if self.evidence.exit.is_some() {
            // It ended before that.
            return;
        }
        self.evidence.cause.get_or_insert(cause);
        if self.phase != Phase::Running {
            return;
        }
        let is_leaving = self.seat.stop().reason() == Some(StopReason::Leaving);
        if self.seat.was_used() && !is_leaving {
            self.phase = Phase::Told(Instant::now() + self.rules.grace);
        } else {
            self.end_it(self.rules.grace);
        }
    }

    fn over_memory(&mut self, used: u64) {
        let limit = self.process.memory().unwrap_or_default();
        let reason = format!(
            "the trial's processes used {} of memory, and `memory` allows {}",
            bytes(used),
            bytes(limit)
        );
        self.seat.stop_for(reason.clone());
        self.evidence.cause.get_or_insert(Cause::Ours(reason));
        if self.is_free() {
            // The machine would not wait, either.
            self.end_it(Duration::ZERO);
        }
    }

    /// Ends its processes before the main one has ended by itself.
    fn end_it(&mut self, grace: Duration) {
        self.evidence.was_ended = true;
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        self.phase = Phase::Ending;
        self.process.end(grace);
    }

    fn gone(&mut self) {
        if self.process.stays() {
            self.phase = Phase::Over;
        } else {
            self.phase = Phase::Closing(Instant::now() + LAST_WORDS);
            self.process.finish_socket();
        }
    }

    /// The newest values of objectives.
    fn reported(&mut self, Intermediate { value, others }: &Intermediate) {
        self.evidence.reported.set(self.rules.goals.compared(), *value);
        for (objective, value) in others {
            self.evidence.reported.set(*objective as usize, *value);
        }
    }

    /// A line of the output gave metrics.
    fn measured(&mut self, Waiting { report, last }: Waiting, trial: &mut Trial<'_>) {
        self.evidence.printed.renew(&last);
        if self.seat.was_used() && !self.rules.goals.reads_always() {
            // Who reports over the socket prints the same for people: rounded, or with steps from 1.
            return;
        }
        let objectives = self.rules.goals.objectives();
        for (place, value) in last.all().filter(|(place, _)| *place < objectives) {
            self.evidence.reported.set(place, value);
        }
        if self.evidence.cause.is_some() || self.desk.given().is_some() {
            return;
        }
        let Some((step, values)) = report else { return };
        // The answer goes nowhere: who does not use the socket hears it by a signal.
        let went = trial.report(step, values);
        self.seat.verdict_after(went.map_err(Ends::from));
    }
}

/// A duration as a study file writes it.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn bytes(bytes: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    match bytes as f64 / MIB {
        mib if mib < 1024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_said_as_they_are_written() {
        let said = [7200, 90, 1800].map(|s| short(Duration::from_secs(s)));
        assert_eq!(said, ["2h", "90s", "30m"]);
        assert_eq!(short(Duration::from_millis(300)), "300ms");
        assert_eq!([bytes(300 << 20), bytes(4 << 30)], ["300 MiB", "4.0 GiB"]);
    }
}
